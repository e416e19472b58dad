"""From a WSDL to a first version of an adapter, for a person to read, prune and decide.

Everything that the contract says and a model needs is inherited when the adapter is compiled. So a draft has only what
a person may want to change: which operations are offered, under which names, what they are said to do, what effect they
have, and how the service learns who calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from drawbar.backends.soap.contract.documents import UnreadableXml
from drawbar.backends.soap.contract.vendor import Vendored, vendor
from drawbar.backends.soap.contract.wsdl import (
    Contract,
    Operation,
    Port,
    Unsupported,
    content_of,
    read_contract,
)
from drawbar.backends.soap.contract.xsd import Unresolved, clip
from drawbar.backends.soap.draft.access import (
    Credentials,
    access_of,
    body_credentials,
    is_about_credentials,
)
from drawbar.backends.soap.publish.narrow import LARGE, hidden_tree, is_needed, parts_of, weight
from drawbar.backends.soap.publish.publishing import Narrowing, Wanted, beyond_strict, narrowing
from drawbar.backends.soap.publish.schema import Publication
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
    proposed_effect,
    snake_case,
    write_yaml,
)
from drawbar.kernel.errors import OperatorError
from drawbar.spec.names import closest
from drawbar.spec.secrets import mask_url
from drawbar.spec.yaml_write import wrap

OPTIONS: Mapping[str, str] = {
    "service": "of the WSDL, where there are several",
    "port": "of the service, where there are several",
}
_NAMED = 6
"""Parts of a message that are named in a comment; more would hide the point."""
_LONGEST = 300
"""Characters of a description that is drafted; the whole one is in the contract."""
_TAG = re.compile(r"<[^<>]{1,200}>")
_ENDINGS = re.compile(
    r"_(?:web_)?(?:services?|svc|soap|wsdl|port|port_type|api|interface|endpoint|binding|v?[0-9]+)$"
)


@dataclass(slots=True)
class _Function:
    """One operation, as it is drafted."""

    key: str
    operation: Operation
    credentials: Credentials
    narrowed: Narrowing | None
    tokens: int
    kinds: Mapping[str, int]
    """How many types may stand for each abstract one that was narrowed."""


@dataclass(slots=True)
class _Found:
    """What is drafted of a contract, and why the rest is not."""

    ports: list[Port]
    operations: list[tuple[str, Operation]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


def draft_adapter(source: str, wish: DraftWish) -> Draft:
    """Raises OperatorError."""
    wish.check_options(OPTIONS)
    vendored = vendor(source)
    with laid_out(vendored.files) as folder:
        try:
            contract = read_contract(folder / vendored.main)
            return _draft(source, wish, vendored, contract)
        except UnreadableXml as error:
            raise OperatorError(f"{mask_url(source)} cannot be read: {error}") from None


def _draft(source: str, wish: DraftWish, vendored: Vendored, contract: Contract) -> Draft:
    found = _operations(contract, _ports(contract, wish), wish)
    if not found.operations:
        raise OperatorError(_nothing(found, wish, contract))
    name = wish.name or _adapter_name(found.ports[0], vendored.main)
    credentials = body_credentials([operation for _, operation in found.operations], name)
    functions = [
        _function(key, operation, credentials.get(operation.name, Credentials()))
        for key, operation in found.operations
    ]
    names = function_names(
        {each.key: each.operation.name for each in functions}, f"{name}_", wish.named
    )
    access = access_of(contract, [operation for _, operation in found.operations], name)
    endpoint = Reference(f"{name.upper()}_URL")
    document: dict[str, Node] = {
        "adapter": Noted(name, _head(source, found, functions)),
        "description": _service_says(contract, found.ports[0]),
        "backend": Noted(
            {
                "kind": "soap",
                "wsdl": f"./wsdl/{name}/{vendored.main}",
                "endpoint": Noted(endpoint, _where(found.ports)),
                **_port_words(contract, found.ports),
                **access.words,
            },
            apart=True,
        ),
        "limits": Noted(
            Inline({"timeout": "20s", "concurrency": 4}), "\n".join(access.comments), apart=True
        ),
        "functions": functions_node(
            {names[each.key]: Noted(*_written(each, names[each.key])) for each in functions}
        ),
    }
    text = write_yaml(document) + _epilogue(found)
    return Draft(
        name,
        text,
        {f"wsdl/{name}/{file}": data for file, data in vendored.files.items()},
        (*vendored.missing, *_summed(found), *_renamed(functions, names), *access.notes),
        names,
        tuple(names.values()),
        {endpoint.name: "http://drafted.invalid/"}
        | dict.fromkeys(access.variables, "drafted")
        | dict.fromkeys((v for each in credentials.values() for v in each.variables), "drafted"),
    )


# -- which operations ------------------------------------------------------------------------------


def _ports(contract: Contract, wish: DraftWish) -> list[Port]:
    ports = contract.ports
    if not ports:
        why = f" ({contract.missing[0]})" if contract.missing else ""
        raise OperatorError(
            f"the WSDL has no service with a SOAP 1.1 or 1.2 port{why}; give the file that defines the service"
        )
    for word in ("service", "port"):
        wanted = wish.options.get(word)
        if wanted is None:
            continue
        known = {(p.service if word == "service" else p.name): p for p in ports}
        ports = [p for p in ports if wanted == (p.service if word == "service" else p.name)]
        if not ports:
            meant = closest(wanted, known)
            fix = f"did you mean `{meant}`?" if meant else f"it has {', '.join(known)}"
            raise OperatorError(f"the WSDL has no {word} `{wanted}` that speaks SOAP; {fix}")
    return list(ports)


def _operations(contract: Contract, ports: list[Port], wish: DraftWish) -> _Found:
    """Of the first port, and of others at its address that offer more; the rest is named."""
    found = _Found(ports[:1])
    seen = set(contract.operations(ports[0]))
    for port in ports[1:]:
        more = [each for each in contract.operations(port) if each not in seen]
        if more and port.address == ports[0].address and not wish.options.get("port"):
            found.ports.append(port)
            seen.update(more)
        elif more:
            found.elsewhere.append(
                f"port `{port.name}` of service `{port.service}` has {len(more)} other operations; an adapter has "
                f"one endpoint, so draft it with `--option port={port.name}` and a --name of its own"
            )
    drafted: set[str] = set()
    for port in found.ports:
        for name in contract.operations(port):
            if name in drafted or not wish.wants(name):
                continue
            drafted.add(name)
            try:
                operation = contract.operation(port, name)
                Publication(content_of(operation.request)).parameters()
            except Unresolved as error:
                found.left_out.append(f"{name}: {error.message}; {error.fix}")
            except Unsupported as error:
                found.left_out.append(f"{name}: {error}")
            else:
                found.operations.append((f"{_port_type(port)}.{name}", operation))
    return found


def _port_type(port: Port) -> str:
    return (port.binding.get("type") or "").rpartition(":")[2]


def _nothing(found: _Found, wish: DraftWish, contract: Contract) -> str:
    if found.left_out:
        return "no operation of the WSDL can be offered: " + found.left_out[0]
    names = [name for port in found.ports for name in contract.operations(port)]
    if not names:
        ports = ", ".join(f"`{port.name}`" for port in found.ports)
        return f"the WSDL has no operation on {ports}; give the file whose binding has them"
    return f"no operation is called {' or '.join(wish.only)}; there are {', '.join(names[:20])}"


def _function(key: str, operation: Operation, credentials: Credentials) -> _Function:
    content = content_of(operation.request)
    taken = tuple(credentials.paths)
    published = Publication(content, hidden_tree(taken, credentials.hide), taken)
    wanted = Wanted(published, {}, taken, credentials.hide)
    offered = published.parameters()
    tokens = weight(each.schema for each in offered.values())
    large = tokens > LARGE or published.crowded or beyond_strict(offered, tokens)
    narrowed = narrowing(wanted) if large else None
    labels = narrowed.types if narrowed is not None else ()
    kinds = {label: len(published.abstract_types()[label]) for label in labels}
    return _Function(key, operation, credentials, narrowed, tokens, kinds)


# -- what is written -------------------------------------------------------------------------------


def _adapter_name(port: Port, file: str) -> str:
    name = snake_case(port.service or file.rpartition(".")[0])
    while (shorter := _ENDINGS.sub("", name)) != name:
        name = shorter
    return name[:30].rstrip("_")


def _head(source: str, found: _Found, functions: Sequence[_Function]) -> str:
    last = urlsplit(mask_url(source)).path.rpartition("/")[2] or source
    large = sum(each.narrowed is not None for each in functions)
    told = (
        f"Drafted by `drawbar new soap` from {last}, {len(functions)} of its operations. Take out what no model should "
        "call, say when to use what is left, and decide each `effect`: it was guessed from the name."
    )
    if large:
        told += f" Narrowed, since their whole input would cost every run too much: {large}."
    if found.left_out:
        told += f" Not offered, for reasons that stand at the end: {len(found.left_out)}."
    return told


def _service_says(contract: Contract, port: Port) -> str:
    texts = [contract.documentation(word, port) for word in ("service", "definitions", "portType")]
    said = next(filter(None, map(_prose, texts)), None)
    return said or f"{port.service or 'A service'}, a SOAP service."


def _where(ports: list[Port]) -> str:
    addresses = dict.fromkeys(port.address for port in ports if port.address)
    told = ", ".join(addresses)
    return (
        f"Where calls go. The WSDL says {told}"
        if told
        else "Where calls go. The WSDL does not say."
    )


def _port_words(contract: Contract, ports: list[Port]) -> dict[str, Node]:
    """Which port, where the compiler could take another for it."""
    if len(ports) > 1 or len(contract.ports) == 1:
        return {}
    words: dict[str, Node] = {"port": ports[0].name}
    if sum(each.name == ports[0].name for each in contract.ports) > 1:
        words = {"service": ports[0].service, **words}
    return words


def _written(function: _Function, name: str) -> tuple[Node, str]:
    """The words of a function, and the comment above them."""
    operation = function.operation
    said = _prose(operation.documentation)
    effect = proposed_effect(name)
    words: dict[str, Node] = {
        "operation": operation.name,
        "description": said
        or Noted(_sentence(operation.name), beside="from its name: say when to use it"),
        "effect": Noted(effect, beside="decide"),
    }
    if function.credentials.paths:
        words["parameters"] = {
            parameter: Inline({"to": path, "const": Reference(variable)})
            for path, (parameter, variable) in function.credentials.paths.items()
        }
    narrowed = function.narrowed or Narrowing()
    hide = (*function.credentials.hide, *narrowed.hide)
    if hide:
        words["hide"] = Inline(list(hide))
    if narrowed.keep is not None:
        words["keep"] = Inline(list(narrowed.keep))
    if narrowed.types:
        words["types"] = {
            label: Noted(
                Inline(list(each)), beside=f"decide: {function.kinds[label]} may stand here"
            )
            for label, each in narrowed.types.items()
        }
    above = [_signature(operation)]
    if function.narrowed is not None:
        told = f"Narrowed from about {function.tokens} tokens to {narrowed.left}"
        above.append(f"{told}; take back what is needed.")
    if is_about_credentials(operation.name):
        above.append("About credentials or sessions: hardly for a model.")
    return words, "\n".join(above)


def _signature(operation: Operation) -> str:
    """`CheckVat(countryCode, vatNumber) -> valid, name?`: what it takes and answers, with `?` for what may be left out."""
    if operation.one_way:
        answers = "no answer"
    elif operation.reply is None:
        answers = (
            "an answer that the contract does not describe"
            if not operation.returned
            else "an empty answer"
        )
    else:
        answers = _parts(operation, sent=False) or "an empty answer"
    return f"{operation.name}({_parts(operation, sent=True)}) -> {answers}"


def _parts(operation: Operation, *, sent: bool) -> str:
    try:
        content = content_of(operation.request if sent else operation.reply)
        parts = parts_of(content)
    except Unresolved:
        return "?"
    names = [part.name + ("" if is_needed(part) else "?") for part in parts]
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED + 1 else []
    return ", ".join(names[:_NAMED] if more else names) + (f" and {more[0]}" if more else "")


def _sentence(operation: str) -> str:
    return f"{snake_case(operation).replace('_', ' ').capitalize()}."


def _prose(text: str | None) -> str | None:
    """Without markup, on one line, cut behind a sentence."""
    words = clip(_TAG.sub(" ", text or ""), 2_000)
    if words is None or len(words) <= _LONGEST:
        return words
    whole = words[:_LONGEST].rpartition(". ")
    return f"{whole[0]}." if len(whole[0]) > _LONGEST // 4 else clip(words, _LONGEST)


def _renamed(functions: Sequence[_Function], names: Mapping[str, str]) -> Iterable[str]:
    """Names that are not just the operation's own: two were alike, or one was too long."""
    for each in functions:
        name = names[each.key]
        if name != snake_case(each.operation.name):
            yield f"`{each.operation.name}` is called `{name}`, as its own name is taken or too long"


def _epilogue(found: _Found) -> str:
    """Comments behind the functions: what is missing here, and why."""
    if not found.left_out:
        return ""
    lines = [line for each in found.left_out for line in wrap(each, "#   ", "#     ")]
    return "\n".join(["", "# Not offered:", *lines, ""])


def _summed(found: _Found) -> Iterable[str]:
    for line in found.left_out[:5]:
        yield f"left out: {line}"
    if len(found.left_out) > 5:  # noqa: PLR2004 -- as many as were shown
        yield f"left out: {len(found.left_out) - 5} more, named at the end of the draft"
    yield from found.elsewhere
