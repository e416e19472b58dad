"""From a function's `odata:` to a request: its path, its query, its body, and the parameters that fill them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from drawbar.backends.http.odata.dialect import OData
from drawbar.backends.http.odata.filters import (
    Condition,
    Filter,
    WrongCondition,
    condition_of,
    way_type,
)
from drawbar.backends.http.odata.metadata import (
    Metadata,
    Operation,
    Property,
    Structure,
    Type,
    UnreadableMetadata,
    read_metadata,
)
from drawbar.backends.http.odata.values import literal, schema_of
from drawbar.backends.http.options import HttpBackendSpec, HttpFunctionSpec, ODataSpec
from drawbar.backends.http.request.paging import Pages
from drawbar.backends.http.request.places import Places
from drawbar.backends.http.request.request import PATH_PATTERN, Binding, BodySlot, Slot
from drawbar.backends.http.request.styles import text_of
from drawbar.compiler.kind import Parameter
from drawbar.compiler.parameters import Inherited, merge_parameters
from drawbar.kernel.values import JsonObject
from drawbar.spec.model import Adapter
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

_ACTIONS = ("list", "get", "create", "update", "delete", "call")
_READING_WORDS = ("select", "expand")
_WORDS: Mapping[str, tuple[str, ...]] = {
    "list": (*_READING_WORDS, "filter", "orderby", "top"),
    "get": (*_READING_WORDS, "stream"),
    "create": ("fields",),
    "update": ("fields",),
    "delete": (),
    "call": ("on",),
}
_ORDER, _SKIP = "order_by", "skip"


@dataclass(slots=True)
class _Drawn:
    """One request while it is put together; slots are by the name that the metadata gives a parameter."""

    method: str
    segments: list[tuple[str | Slot, ...]]
    offered: dict[str, Inherited] = field(default_factory=dict)
    query: list[Slot] = field(default_factory=list)
    constant: list[str] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    fields: dict[str, Type] | None = None
    pages: Pages | None = None
    top: int | None = None
    response: tuple[str, ...] = ()
    cast: str | None = None
    """The type of what is created, where it is not that of the set."""
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class _Target:
    """A set or a singleton; `cast` is the type derived from its own, where one is meant."""

    name: str
    entity: Structure
    cast: str | None = None


def read_contract(adapter: Adapter, backend: HttpBackendSpec, report: Report) -> Metadata | None:
    """The metadata that `odata:` names. What is wrong is reported."""
    path = adapter.folder / (backend.odata or "")
    report.files.add(path)
    try:
        return read_metadata(path.read_bytes())
    except OSError as error:
        why = error.strerror or "it cannot be opened"
    except UnreadableMetadata as error:
        why = str(error)
    report.add(
        ("backend", "odata"),
        "DB550",
        f"the metadata `{backend.odata}` cannot be read: {why}",
        fix="write the path of what the service answers to /$metadata; `drawbar new odata` saves it",
    )
    return None


def compile_odata(
    name: str, metadata: Metadata, spec: HttpFunctionSpec, report: Report, at: At
) -> tuple[Binding, tuple[Parameter, ...]] | None:
    """None after a problem was noted."""
    words = spec.odata or ODataSpec()
    where = (*at, "odata")
    action = _action(words, report, where)
    if action is None:
        return None
    drawn = _Drawing(metadata, words, report, where).draw(action)
    if drawn is None:
        return None
    _check_effect(action, drawn.method, spec, report, at)
    parameters = merge_parameters(spec, drawn.offered, report, at)
    places = Places(drawn.method, spec, report, at)
    binding = _bound(name, metadata, drawn, parameters, places)
    return binding, parameters


def _action(words: ODataSpec, report: Report, at: At) -> str | None:
    found = [
        each for each in _ACTIONS if getattr(words, "list_" if each == "list" else each) is not None
    ]
    if len(found) != 1:
        report.add(at, "DB551", f"write exactly one of {', '.join(_ACTIONS)}")
        return None
    for word in ("select", "expand", "filter", "orderby", "top", "fields", "on", "stream"):
        if word in words.model_fields_set and word not in _WORDS[found[0]]:
            report.add((*at, word), "DB552", f"`{word}` has no meaning with `{found[0]}`")
    return found[0]


class _Drawing:
    def __init__(self, metadata: Metadata, words: ODataSpec, report: Report, at: At) -> None:
        self._metadata = metadata
        self._words = words
        self._report = report
        self._at = at

    def draw(self, action: str) -> _Drawn | None:
        if action == "call":
            return self._call()
        target = self._target(action, getattr(self._words, "list_" if action == "list" else action))
        if target is None:
            return None
        if action == "list":
            return self._list(target)
        if action == "create":
            drawn = _Drawn("POST", [(target.name,)], cast=target.cast)
            self._fill(drawn, self._writable(target.entity, with_key=True), required=True)
            return drawn
        method = {"get": "GET", "delete": "DELETE"}.get(action)
        if method is None:
            method = "PATCH" if self._metadata.version == 4 else "MERGE"  # noqa: PLR2004 -- the version
        drawn = _Drawn(method, [])
        is_single = target.name in self._metadata.singletons
        drawn.segments.append(
            (target.name,) if is_single else self._one(target.name, target.entity, drawn)
        )
        if target.cast is not None:
            drawn.segments.append((target.cast,))
        if action == "get" and self._words.stream is not None:
            self._stream(self._words.stream, target.entity, drawn)
        elif action == "get":
            self._read(drawn, target.entity)
        elif action == "update":
            self._fill(drawn, self._writable(target.entity, with_key=False), required=False)
        return drawn

    def _target(self, action: str, text: str) -> _Target | None:
        name, _, cast = text.partition("/")
        known = self._metadata.sets
        if action in ("get", "update"):
            known = {**known, **self._metadata.singletons}
        if name not in known:
            self._unknown(action, "entity set", name, known)
            return None
        entity = self._metadata.entity(name)
        if not cast:
            return _Target(name, entity)
        derived = {
            each: found
            for each, found in self._metadata.structures.items()
            if entity.name in found.above
        }
        if cast not in derived:
            self._unknown(action, f"type derived from `{entity.name}`", cast, derived)
            return None
        return _Target(name, derived[cast], cast)

    def _stream(self, name: str, entity: Structure, drawn: _Drawn) -> None:
        """A file is read by itself, so nothing of the dialect is in it."""
        streams = [k for k, v in entity.properties.items() if v.type.name == "Edm.Stream"]
        streams += ["$value"] if entity.has_stream else []
        if name not in streams:
            self._report.add(
                (*self._at, "stream"),
                "DB553",
                f"`{entity.name}` has no stream `{name}`",
                fix=f"it has {', '.join(streams) or 'none'}",
            )
        for word in _READING_WORDS:
            if word in self._words.model_fields_set:
                self._report.add(
                    (*self._at, word), "DB552", f"`{word}` has no meaning with `stream`"
                )
        drawn.segments.append((name,))
        drawn.is_file = True

    def _list(self, target: _Target) -> _Drawn:
        words, v2 = self._words, self._metadata.version == 2  # noqa: PLR2004 -- the version
        entity = target.entity
        path = (target.name,) if target.cast is None else (target.name, target.cast)
        drawn = _Drawn("GET", [(step,) for step in path])
        self._read(drawn, entity)
        for index, text in enumerate(words.filter):
            self._condition(text, entity, drawn, (*self._at, "filter", index))
        if words.orderby:
            self._order(entity, drawn)
        drawn.response = ("d", "results") if v2 else ("value",)
        if words.top is None:
            drawn.pages = Pages(
                "url",
                ("d", "__next") if v2 else ("@odata.nextLink",),
                rows=OData(self._metadata).rows,
            )
            return drawn
        drawn.constant.append(f"$top={words.top}")
        drawn.top = words.top
        said = f"Rows to leave out. One answer has {words.top} at most; when it has that many, there may be more."
        schema: JsonObject = {"type": "integer", "minimum": 0, "description": said}
        drawn.offered[_SKIP] = Inherited(schema, required=False, to=_SKIP)
        drawn.query.append(Slot(_SKIP, "$skip", literal=text_of))
        return drawn

    def _order(self, entity: Structure, drawn: _Drawn) -> None:
        for index, text in enumerate(self._words.orderby):
            way, _, direction = text.partition(" ")
            at = (*self._at, "orderby", index)
            if way_type(way, self._metadata, entity) is None:
                self._no_property(way, entity, at)
            elif direction not in ("", "asc", "desc"):
                self._report.add(at, "DB553", f"`{direction}` is no direction; write asc or desc")
        schema: JsonObject = {
            "type": "string",
            "enum": list(self._words.orderby),
            "default": self._words.orderby[0],
            "description": "The order of the rows.",
        }
        drawn.offered[_ORDER] = Inherited(schema, required=False, to=_ORDER)
        drawn.query.append(Slot(_ORDER, "$orderby", literal=text_of))

    def _read(self, drawn: _Drawn, entity: Structure) -> None:
        for index, name in enumerate(self._words.select):
            if way_type(name, self._metadata, entity) is None and name not in entity.navigations:
                self._no_property(name, entity, (*self._at, "select", index))
        for index, text in enumerate(self._words.expand):
            head = text.partition("(")[0].split("/")[0]
            if head not in entity.navigations:
                self._no_property(head, entity, (*self._at, "expand", index))
        for key in _READING_WORDS:
            if texts := getattr(self._words, key):
                drawn.constant.append(f"${key}={quote(','.join(texts), safe='(),;=$/')}")

    def _condition(self, text: str, entity: Structure, drawn: _Drawn, at: At) -> None:
        try:
            condition, types = condition_of(text, self._metadata, entity)
        except WrongCondition as error:
            self._report.add(at, "DB554", str(error))
            return
        drawn.conditions.append(condition)
        for name, kind in types.items():
            described = next(
                (p.description for p in entity.properties.values() if p.name == name), None
            )
            if name in (_ORDER, _SKIP):
                self._report.add(at, "DB554", f"`{name}` is the name of another parameter")
            schema = schema_of(self._metadata, kind, described)
            drawn.offered[name] = Inherited(schema, required=False, to=name)

    def _one(self, target: str, entity: Structure, drawn: _Drawn) -> tuple[str | Slot, ...]:
        """`Orders(5)`, `Items(Order=5,Line=2)`."""
        segment: list[str | Slot] = [f"{target}("]
        for index, name in enumerate(entity.key):
            prefix = "," if index else ""
            segment.append(f"{prefix}{name}=" if len(entity.key) > 1 else prefix)
            segment.append(self._placed(entity.properties[name], drawn))
        return (*(each for each in segment if each), ")")

    def _placed(self, each: Property, drawn: _Drawn) -> Slot:
        """A value in the path, where it is one of a segment."""
        schema = schema_of(self._metadata, each.type, each.description)
        if each.type.name == "Edm.String":
            schema["pattern"] = PATH_PATTERN
        drawn.offered[each.name] = Inherited(schema, to=each.name)
        return Slot(each.name, each.name, literal=literal(self._metadata, each.type))

    def _writable(self, entity: Structure, *, with_key: bool) -> list[Property]:
        found = {
            name: each
            for name, each in entity.properties.items()
            if not each.computed
            and each.type.name != "Edm.Stream"  # a file is no part of a body
            and (with_key or name not in entity.key)
        }
        if self._words.fields is None:
            return list(found.values())
        for index, name in enumerate(self._words.fields):
            if name not in found:
                self._no_property(name, entity, (*self._at, "fields", index))
        return [found[name] for name in self._words.fields if name in found]

    def _fill(self, drawn: _Drawn, parts: list[Property], *, required: bool) -> None:
        drawn.fields = {}
        for each in parts:
            schema = schema_of(self._metadata, each.type, each.description)
            needed = required and not each.type.nullable
            drawn.offered[each.name] = Inherited(schema, needed, f"body.{each.name}")
            drawn.fields[each.name] = each.type

    def _call(self) -> _Drawn | None:
        name = self._words.call or ""
        operation = self._metadata.operations.get(name)
        if operation is None:
            self._unknown("call", "operation", name, self._metadata.operations)
            return None
        drawn = _Drawn(operation.method, [])
        if not self._holder(operation, drawn):
            return None
        self._arguments(operation, drawn)
        return drawn

    def _holder(self, operation: Operation, drawn: _Drawn) -> bool:
        """The path in front of a bound operation."""
        target = self._words.on
        bound = operation.bound_to
        if (bound is None) != (target is None):
            sets = ", ".join(k for k, v in self._metadata.sets.items() if v == bound)
            self._report.add(
                (*self._at, "on" if target else "call"),
                "DB551",
                f"`{operation.name}` is bound to an entity; write `on:` with one of {sets}"
                if bound
                else f"`{operation.name}` is bound to nothing; remove `on`",
            )
            return False
        if target is not None:
            if self._metadata.sets.get(target) != bound:
                self._unknown("on", "entity set of that type", target, self._metadata.sets)
                return False
            drawn.segments.append(self._one(target, self._metadata.entity(target), drawn))
        return True

    def _arguments(self, operation: Operation, drawn: _Drawn) -> None:
        if self._metadata.version == 2:  # noqa: PLR2004 -- the version
            drawn.segments.append((operation.path,))
            for each in operation.parameters:
                schema = schema_of(self._metadata, each.type, each.description)
                drawn.offered[each.name] = Inherited(schema, not each.type.nullable, each.name)
                write = literal(self._metadata, each.type)
                drawn.query.append(Slot(each.name, each.name, literal=write))
        elif operation.method == "POST":
            drawn.segments.append((operation.path,))
            drawn.fields = {each.name: each.type for each in operation.parameters}
            for each in operation.parameters:
                schema = schema_of(self._metadata, each.type, each.description)
                drawn.offered[each.name] = Inherited(
                    schema, not each.type.nullable, f"body.{each.name}"
                )
        else:
            segment: list[str | Slot] = [f"{operation.path}("]
            for index, each in enumerate(operation.parameters):
                segment.append(f"{',' if index else ''}{each.name}=")
                segment.append(self._placed(each, drawn))
            drawn.segments.append((*segment, ")"))

    def _unknown(self, word: str, what: str, name: str, known: Mapping[str, object]) -> None:
        meant = closest(name, known)
        self._report.add(
            (*self._at, word),
            "DB551",
            f"the metadata has no {what} `{name}`",
            fix=f"did you mean `{meant}`?"
            if meant
            else f"it has {', '.join(list(known)[:20]) or 'none'}",
        )

    def _no_property(self, name: str, entity: Structure, at: At) -> None:
        meant = closest(name, [*entity.properties, *entity.navigations])
        self._report.add(
            at,
            "DB553",
            f"`{entity.name}` has no property `{name}` that fits here",
            fix=f"did you mean `{meant}`?" if meant else f"it has {', '.join(entity.properties)}",
        )


def _check_effect(action: str, method: str, spec: HttpFunctionSpec, report: Report, at: At) -> None:
    written = "effect" in spec.model_fields_set
    where = (*at, "effect") if written else (*at, "odata")
    if action in ("create", "update", "delete") and spec.effect == "read":
        report.add(
            where,
            "DB555",
            f"`{action}` changes something, and the effect is read",
            fix="write `effect: write`, or `effect: destroy` for what cannot be taken back",
        )
    elif action == "call" and method == "POST" and not written:
        report.add(where, "DB555", "an operation that is posted needs its effect written")


def _bound(
    name: str,
    metadata: Metadata,
    drawn: _Drawn,
    parameters: tuple[Parameter, ...],
    places: Places,
) -> Binding:
    """With the author's names of parameters in place of the metadata's."""
    called, body = _placed(drawn, parameters, places)

    def slot(given: Slot) -> Slot:
        return replace(given, parameter=called.get(given.parameter, given.parameter))

    return Binding(
        function=name,
        method=drawn.method,
        segments=tuple(
            tuple(slot(part) if isinstance(part, Slot) else part for part in segment)
            for segment in drawn.segments
        ),
        constant_query="&".join(drawn.constant),
        query=tuple(slot(each) for each in drawn.query),
        composed=_renamed(drawn.conditions, called),
        headers=tuple(places.headers),
        body=body,
        dialect=None if drawn.is_file else OData(metadata, drawn.fields, drawn.top, drawn.cast),
        reply="file" if drawn.is_file else None,
        changes=places.spec.effect != "read",
        response=drawn.response if drawn.pages is not None else (),
        pages=drawn.pages,
        paging=(_SKIP,) if _SKIP in drawn.offered else (),
    )


def _placed(
    drawn: _Drawn, parameters: tuple[Parameter, ...], places: Places
) -> tuple[dict[str, str], tuple[BodySlot, ...]]:
    """The author's names by the metadata's, and what goes into the body."""
    called: dict[str, str] = {}
    body: list[BodySlot] = []
    for each in parameters:
        to = each.to or each.name
        if to.startswith("body.") and drawn.fields is not None and to[5:] in drawn.fields:
            body.append(BodySlot(each.name, (to[5:],)))
        elif to in drawn.offered:
            called[to] = each.name
        elif to.startswith("header."):
            places.put(each)
        else:
            meant = closest(to, drawn.offered)
            has = f"it has {', '.join(drawn.offered) or 'none'}"
            places.report.add(
                (*places.at, "parameters", each.name),
                "DB553",
                f"the request has no place for `{to}`",
                fix=f"did you mean `{meant}`?" if meant else has,
            )
    return called, tuple(body)


def _renamed(conditions: list[Condition], called: Mapping[str, str]) -> Filter | None:
    if not conditions:
        return None
    return Filter(
        tuple(
            Condition(
                tuple(
                    part if isinstance(part, str) else (called.get(part[0], part[0]), part[1])
                    for part in each.parts
                )
            )
            for each in conditions
        )
    )
