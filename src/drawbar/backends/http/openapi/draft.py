"""From an OpenAPI document to a first version of an adapter, for a person to read, prune and decide.

Everything that the document says of inputs is inherited when the adapter is compiled. So a draft has only what a
person may want to change: which operations are offered, under which names, what they are said to do, what effect
they have, and how the gateway shows who it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from drawbar.backends.http.openapi.compile import (
    Contract,
    contract_of,
    description_of_operation,
    publication_of,
)
from drawbar.backends.http.openapi.documents import BrokenReference, Documents
from drawbar.backends.http.openapi.draft_access import Access, access_of, servers_of
from drawbar.backends.http.openapi.narrow import Narrowing, is_large
from drawbar.backends.http.openapi.operations import NoDocument, Operation
from drawbar.backends.http.openapi.vendor import Vendored, vendor
from drawbar.backends.http.openapi.words import clip
from drawbar.backends.http.options import HttpFunctionSpec
from drawbar.compiler.draft import (
    Draft,
    DraftWish,
    Inline,
    Node,
    Noted,
    Reference,
    function_names,
    functions_node,
    laid_out,
    snake_case,
    write_yaml,
)
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import Effect
from drawbar.spec.yaml_write import wrap

OPTIONS: Mapping[str, str] = {
    "tag": "patterns of tags, such as `Pets,Store*`",
    "path": "patterns of paths, such as `/pets*`",
    "deprecated": "yes, to draft what the document calls deprecated, too",
}
_ENDINGS = ("_api", "_rest", "_service", "_openapi", "_swagger", "_v1", "_v2", "_v3")
_LONGEST = 300
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an author would write for one operation."""

    operation: Operation
    named: str
    """By its operationId, or else by method and path."""
    effect: Effect
    headers: tuple[tuple[str, str], ...] = ()
    """Headers and cookies that are required: where each goes, and what the parameter is called."""
    hide: tuple[str, ...] = ()
    tokens: tuple[int, int] = (0, 0)
    """Of the input before and after hiding."""


@dataclass(slots=True)
class _Found:
    proposals: list[Proposal] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    deprecated: int = 0


def effect_of(operation: Operation) -> Effect:
    """By the method (RFC 9110, 9.2); only a proposal, since servers do as they like."""
    if operation.method in ("get", "head"):
        return "read"
    return "destroy" if operation.method == "delete" else "write"


def proposal_of(
    contract: Contract, operation: Operation, known: frozenset[str] = frozenset()
) -> Proposal:
    """Raises BrokenReference. `known` are headers, in lower case, that need no parameter."""
    published, _ = publication_of(contract, operation)
    headers = tuple(
        (to, snake_case(each.name)[:64])
        for to, each in published.apart.items()
        if each.required and each.name.lower() not in known and published.only(to) is None
    )
    before = published.weight()
    hide = Narrowing(published, contract.schemas).proposed() if is_large(before) else []
    alone = operation.id is not None and len(contract.catalogue.named(operation.id)) == 1
    return Proposal(
        operation,
        operation.id if alone and operation.id is not None else operation.request,
        effect_of(operation),
        headers,
        tuple(hide),
        (before, published.weight() if hide else before),
    )


def function_of(contract: Contract, operation: Operation) -> HttpFunctionSpec:
    """The words of a proposal as the compiler reads them. Raises BrokenReference."""
    proposal = proposal_of(contract, operation)
    return HttpFunctionSpec(operation=operation.request, effect=proposal.effect, hide=proposal.hide)


def draft_adapter(source: str, wish: DraftWish) -> Draft:
    """Raises OperatorError."""
    wish.check_options(OPTIONS)
    vendored = vendor(source)
    with laid_out(vendored.files) as folder:
        try:
            documents = Documents(folder / vendored.main)
            contract = contract_of(documents, vendored.main)
            return _draft(wish, vendored, contract)
        except NoDocument as error:
            raise OperatorError(f"{vendored.place} cannot be read: {error}") from None


def _draft(wish: DraftWish, vendored: Vendored, contract: Contract) -> Draft:
    name = wish.name or _adapter_name(vendored)
    access = access_of(contract.catalogue.documents, name)
    found = _find(contract, wish, access)
    if not found.proposals:
        raise OperatorError(_nothing(contract, wish, found))
    names = function_names(
        {
            each.operation.request: each.operation.id or each.operation.request
            for each in found.proposals
        },
        f"{name}_",
        wish.named,
    )
    servers = servers_of(vendored.root, vendored.place)
    url = Reference(f"{name.upper()}_URL")
    document: dict[str, Node] = {
        "adapter": Noted(name, _head(vendored, found)),
        "description": _says(vendored),
        "backend": Noted(
            {
                "kind": "http",
                "url": Noted(url, _where(servers)),
                "openapi": f"./openapi/{name}/{vendored.main}",
                **access.words,
            },
            apart=True,
        ),
        "limits": Noted(Inline({"timeout": "20s", "concurrency": 8}), apart=True),
        "functions": functions_node(
            {names[each.operation.request]: Noted(*_written(each)) for each in found.proposals}
        ),
    }
    return Draft(
        name,
        write_yaml(document) + _epilogue(found),
        {f"openapi/{name}/{file}": data for file, data in vendored.files.items()},
        (*vendored.missing, *_told(found), *_renamed(found, names), *access.notes),
        names,
        tuple(names.values()),
        {url.name: servers[0] if servers else "http://127.0.0.1"}
        | dict.fromkeys(access.variables, "drafted"),
    )


def _find(contract: Contract, wish: DraftWish, access: Access) -> _Found:
    found = _Found()
    for operation in contract.catalogue.all():
        if not _is_wanted(operation, wish):
            continue
        if operation.node.get("deprecated") is True and wish.options.get("deprecated") != "yes":
            found.deprecated += 1
            continue
        try:
            found.proposals.append(proposal_of(contract, operation, access.headers))
        except BrokenReference as error:
            found.left_out.append(f"{operation.request}: {error}")
    return found


def _is_wanted(operation: Operation, wish: DraftWish) -> bool:
    named = any(
        wish.wants(each) for each in (operation.id or "", operation.request, operation.path)
    )
    tags, paths = (_patterns(wish, word) for word in ("tag", "path"))
    return (
        named
        and (
            not tags or any(fnmatchcase(tag, pattern) for tag in operation.tags for pattern in tags)
        )
        and (not paths or any(fnmatchcase(operation.path, pattern) for pattern in paths))
    )


def _patterns(wish: DraftWish, word: str) -> list[str]:
    return [each.strip() for each in wish.options.get(word, "").split(",") if each.strip()]


def _nothing(contract: Contract, wish: DraftWish, found: _Found) -> str:
    if found.left_out:
        return "no operation of the document can be offered: " + found.left_out[0]
    operations = contract.catalogue.all()
    if found.deprecated:
        return "all of these operations are deprecated; draft them with --option deprecated=yes"
    if wish.options.get("tag"):
        tags = dict.fromkeys(tag for each in operations for tag in each.tags)
        return f"no operation has such a tag; there are {', '.join(list(tags)[:30]) or 'none'}"
    names = ", ".join(each.id or each.request for each in operations[:20])
    return (
        f"no operation is called so; there are {names}"
        if names
        else "the document has no operation"
    )


# -- what is written --------------------------------------------------------------------------------


def _info(vendored: Vendored) -> tuple[str, str]:
    """Title and description; those of a plugin are written for models, and come first."""
    info = vendored.root.get("info")
    words = info if isinstance(info, dict) else {}
    manifest = vendored.manifest or {}
    title = manifest.get("name_for_model") or words.get("title") or ""
    text = manifest.get("description_for_model") or words.get("description") or words.get("summary")
    return str(title), clip(text if isinstance(text, str) else "", _LONGEST)


def _adapter_name(vendored: Vendored) -> str:
    title, _ = _info(vendored)
    name = snake_case(title or vendored.main.rpartition(".")[0])
    shorter = name
    for ending in (*_ENDINGS, *_ENDINGS):
        shorter = shorter.removesuffix(ending)
    return (shorter if shorter != "x" else name)[:30].strip("_") or "api"


def _head(vendored: Vendored, found: _Found) -> str:
    last = vendored.place.rstrip("/").rpartition("/")[2]
    told = (
        f"Drafted by `drawbar new openapi` from {last}, {len(found.proposals)} of its operations. Take out what no "
        "model should call, say when to use what is left, and decide each `effect`: it follows the HTTP method."
    )
    large = sum(bool(each.hide) for each in found.proposals)
    if large:
        told += f" Narrowed, since their whole input would cost every run too much: {large}."
    if found.left_out:
        told += f" Not offered, for reasons that stand at the end: {len(found.left_out)}."
    return told


def _says(vendored: Vendored) -> str:
    title, text = _info(vendored)
    return text or title or "An HTTP API."


def _where(servers: list[str]) -> str:
    if not servers:
        return "Where the API is. The document does not say."
    return (
        f"Where the API is; nothing else is ever called. The document says {', '.join(servers[:4])}"
    )


def _written(proposal: Proposal) -> tuple[Node, str]:
    """The words of a function, and the comment above them."""
    operation = proposal.operation
    said = description_of_operation(operation)
    words: dict[str, Node] = {
        "operation": proposal.named,
        "description": clip(said, _LONGEST)
        if said
        else Noted(_sentence(operation), beside="from its name: say when to use it"),
        "effect": Noted(proposal.effect, beside="decide"),
    }
    if proposal.headers:
        words["parameters"] = {
            parameter: Noted(
                Inline({"to": to}), beside="required; `from:` or `const:` takes it from the model"
            )
            for to, parameter in proposal.headers
        }
    if proposal.hide:
        words["hide"] = Inline(list(proposal.hide))
    above = [] if proposal.named == operation.request else [operation.request]
    if proposal.hide:
        before, after = proposal.tokens
        above.append(f"Narrowed from about {before} tokens to {after}; take back what is needed.")
    if operation.node.get("deprecated") is True:
        above.append("Deprecated.")
    return words, "\n".join(above)


def _sentence(operation: Operation) -> str:
    words = snake_case(operation.id or operation.request).replace("_", " ")
    return f"{words.capitalize()}."


def _renamed(found: _Found, names: Mapping[str, str]) -> Iterable[str]:
    for each in found.proposals:
        operation = each.operation
        name = names[operation.request]
        if operation.id is not None and name != snake_case(operation.id):
            yield f"`{operation.id}` is called `{name}`, as its own name is taken or too long"


def _told(found: _Found) -> Iterable[str]:
    for line in found.left_out[:_LISTED]:
        yield f"left out: {line}"
    if len(found.left_out) > _LISTED:
        yield f"left out: {len(found.left_out) - _LISTED} more, named at the end of the draft"
    if found.deprecated:
        yield f"left out: {found.deprecated} deprecated; `--option deprecated=yes` drafts them, too"


def _epilogue(found: _Found) -> str:
    """Comments behind the functions: what is missing here, and why."""
    if not found.left_out:
        return ""
    lines = [line for each in found.left_out for line in wrap(each, "#   ", "#     ")]
    return "\n".join(["", "# Not offered:", *lines, ""])
