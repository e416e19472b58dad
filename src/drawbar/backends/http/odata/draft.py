"""From an OData service or its metadata to a first version of an adapter: what can be read, what can be called.

Changes of entities are drafted when they are asked for: most services offer all of them for every set, and mean few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from drawbar.backends.http.access.asking import OPTIONS as ASKING
from drawbar.backends.http.access.asking import asking
from drawbar.backends.http.odata.metadata import (
    Metadata,
    Operation,
    Structure,
    UnreadableMetadata,
    read_metadata,
)
from drawbar.backends.http.openapi.documents import UnreadableDocument
from drawbar.backends.http.openapi.vendor import read_place
from drawbar.compiler.draft import (
    Draft,
    DraftWish,
    Inline,
    Node,
    Noted,
    Reference,
    function_names,
    functions_node,
    proposed_effect,
    snake_case,
    write_yaml,
)
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import Effect
from drawbar.spec.secrets import mask_url

OPTIONS: Mapping[str, str] = {
    "changes": "yes, to draft creating, changing and deleting, too",
    **ASKING,
}
_MOST_SELECTED = 30
_MOST_CONDITIONS = 3
_FILTERED = frozenset({"Edm.String", "Edm.Boolean", "Edm.Guid"})
_MOMENTS = frozenset({"Edm.Date", "Edm.DateTime", "Edm.DateTimeOffset"})
_EFFECTS: Mapping[str, Effect] = {"create": "write", "update": "write", "delete": "destroy"}
_SAID = {
    "list": "List {}.",
    "get": "Show one of {} by its key.",
    "create": "Add one to {}.",
    "update": "Change one of {}.",
    "delete": "Take one out of {}.",
}


@dataclass(frozen=True, slots=True)
class _Proposal:
    action: str
    target: str
    words: dict[str, Node]
    effect: Effect
    guessed: bool
    said: str | None = None
    """The description, where it is not that of the action."""

    @property
    def key(self) -> str:
        return f"{self.action} {self.target}"


def draft_adapter(source: str, wish: DraftWish) -> Draft:
    """`source` is the URL of a service or of its metadata, or a file. Raises OperatorError."""
    wish.check_options(OPTIONS)
    is_url = source.startswith(("http://", "https://"))
    root = source.partition("?")[0].removesuffix("$metadata").rstrip("/")
    shown = mask_url(source)
    proof = asking(wish.options, is_url=is_url)
    try:
        data = read_place(f"{root}/$metadata" if is_url else Path(source), proof.headers)
        metadata = read_metadata(data)
    except (UnreadableDocument, UnreadableMetadata) as error:
        raise OperatorError(f"{shown} is no OData metadata that can be read: {error}") from None
    found = [each for each in _proposals(metadata, wish) if _is_wanted(each, wish)]
    if not found:
        there = ", ".join([*metadata.sets, *metadata.singletons, *metadata.operations][:30])
        raise OperatorError(f"nothing is called so; there are {there}")
    name = (
        wish.name
        or snake_case(urlsplit(root).path.rpartition("/")[2] if is_url else Path(source).stem)[:30]
    )
    names = function_names(
        {each.key: each.key.removeprefix("call ") for each in found}, f"{name}_", wish.named
    )
    url = Reference(f"{name.upper()}_URL")
    file = f"odata/{name}.xml"
    document: dict[str, Node] = {
        "adapter": Noted(
            name,
            f"Drafted by `drawbar new odata` from {shown}, OData v{metadata.version}. Take out what no model should call, "
            "say when to use what is left, and decide each `effect`.",
        ),
        "backend": Noted(
            {
                "kind": "http",
                "url": Noted(url, "The root of the service."),
                "odata": f"./{file}",
                **proof.auth,
            },
            apart=True,
        ),
        "limits": Noted(Inline({"timeout": "20s", "concurrency": 8}), apart=True),
        "functions": functions_node({names[each.key]: _function(each) for each in found}),
    }
    return Draft(
        name,
        write_yaml(document),
        files={file: data},
        named={each.key: names[each.key] for each in found},
        undecided=tuple(names[each.key] for each in found if each.guessed),
        environ={url.name: root if is_url else "http://127.0.0.1/odata"},
    )


def _proposals(metadata: Metadata, wish: DraftWish) -> Iterator[_Proposal]:
    changes = wish.options.get("changes") == "yes"
    for name in metadata.sets:
        entity = metadata.entity(name)
        selected = list(_plain(metadata, entity))[:_MOST_SELECTED]
        select: dict[str, Node] = {"select": Inline([*selected])} if selected else {}
        conditions = _conditions(entity)
        listed: dict[str, Node] = {"list": name, **select}
        if conditions:
            listed["filter"] = [*conditions]
        yield _Proposal("list", name, listed, "read", guessed=False)
        if entity.key:
            yield _Proposal("get", name, {"get": name, **select}, "read", guessed=False)
        for action in _EFFECTS if changes else ():
            if entity.key or action == "create":
                yield _Proposal(action, name, {action: name}, _EFFECTS[action], guessed=True)
    for name in metadata.singletons:
        selected = list(_plain(metadata, metadata.entity(name)))[:_MOST_SELECTED]
        words: dict[str, Node] = {"get": name}
        if selected:
            words["select"] = Inline([*selected])
        yield _Proposal("get", name, words, "read", guessed=False, said="Show {}.")
        if changes:
            change: dict[str, Node] = {"update": name}
            yield _Proposal("update", name, change, "write", guessed=True, said="Change {}.")
    for operation in metadata.operations.values():
        yield from _called(metadata, operation)


def _called(metadata: Metadata, operation: Operation) -> Iterator[_Proposal]:
    words: dict[str, Node] = {"call": operation.name}
    if operation.bound_to is not None:
        sets = [name for name, kind in metadata.sets.items() if kind == operation.bound_to]
        if not sets:
            return
        words["on"] = sets[0]
    read = operation.method == "GET"
    effect: Effect = "read" if read else proposed_effect(operation.name)
    if not read and effect == "read":
        effect = "write"
    yield _Proposal("call", operation.name, words, effect, guessed=not read)


def _plain(metadata: Metadata, entity: Structure) -> Iterator[str]:
    for name, each in entity.properties.items():
        if each.type.name not in metadata.structures and each.type.name != "Edm.Stream":
            yield name


def _conditions(entity: Structure) -> list[str]:
    found = []
    for name, each in entity.properties.items():
        if each.type.collection or name in entity.key:
            continue
        place = snake_case(name)
        if each.type.name in _FILTERED:
            found.append(f"{name} eq {{{place}}}")
        elif each.type.name in _MOMENTS:
            found.append(f"{name} ge {{{place}}}")
    return found[:_MOST_CONDITIONS]


def _is_wanted(each: _Proposal, wish: DraftWish) -> bool:
    return wish.wants(each.target) or wish.wants(each.key)


def _function(each: _Proposal) -> dict[str, Node]:
    plural = snake_case(each.target).replace("_", " ")
    said = (each.said or _SAID.get(each.action, "{}.")).format(plural)
    return {
        "odata": each.words,
        "description": Noted(
            said[0].upper() + said[1:], beside="from its name: say when to use it"
        ),
        "effect": Noted(each.effect, beside="decide") if each.guessed else each.effect,
    }
