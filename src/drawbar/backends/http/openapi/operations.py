"""The operations of a document in one form, whatever its version: inputs by their place, bodies by media type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from drawbar.backends.http.openapi.documents import BrokenReference, Documents
from drawbar.backends.http.request.styles import COMMA, EXPLODED, JSON, SIMPLE, Form, Style
from drawbar.kernel.values import JsonObject, JsonValue

Where: TypeAlias = Literal["path", "query", "header", "cookie"]
METHODS = ("get", "head", "post", "put", "patch", "delete")
_PLACES: tuple[Where, ...] = ("path", "query", "header", "cookie")
_STYLES: Mapping[str, Form] = {
    "form": "comma",
    "simple": "comma",
    "spaceDelimited": "space",
    "pipeDelimited": "pipe",
    "deepObject": "deep",
    "label": "label",
    "matrix": "matrix",
}
_COLLECTIONS: Mapping[str, Style] = {
    "csv": COMMA,
    "ssv": Style("space", explode=False),
    "tsv": Style("tab", explode=False),
    "pipes": Style("pipe", explode=False),
    "multi": EXPLODED,
}
_NO_SCHEMA = frozenset({"name", "in", "required", "description", "collectionFormat"})
_UNREADABLE = frozenset({"accept", "content-type", "authorization"})
"""Header parameters that the specification tells readers to ignore."""


class NoDocument(Exception):
    """What was read is no OpenAPI document."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, as the document has it."""

    method: str
    path: str
    node: JsonObject = field(repr=False)
    shared: tuple[JsonValue, ...] = field(repr=False, default=())
    """Parameters of all operations of the path."""

    @property
    def id(self) -> str | None:
        found = self.node.get("operationId")
        return found if isinstance(found, str) and found else None

    @property
    def request(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def tags(self) -> list[str]:
        found = self.node.get("tags")
        return [tag for tag in found if isinstance(tag, str)] if isinstance(found, list) else []


@dataclass(frozen=True, slots=True)
class Input:
    """A parameter outside the body."""

    name: str
    where: Where
    schema: JsonValue
    required: bool
    style: Style


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries, in one of the media types that the document offers."""

    media: str
    schema: JsonValue
    required: bool
    styles: Mapping[str, Style] = field(default_factory=dict)
    """How properties of a form are written, where the document says so."""
    media_of_parts: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None


class Catalogue:
    """The operations of one document."""

    def __init__(self, documents: Documents) -> None:
        """Raises NoDocument."""
        self.documents = documents
        self.version = _version(documents.root)
        self._by_request: dict[str, Operation] = {}
        self._by_id: dict[str, list[Operation]] = {}
        for operation in self._read():
            self._by_request[operation.request] = operation
            if operation.id is not None:
                self._by_id.setdefault(operation.id, []).append(operation)

    def all(self) -> list[Operation]:
        """In the document's order."""
        return list(self._by_request.values())

    def named(self, name: str) -> list[Operation]:
        """By operationId, or by method and path; two where the document gave one id twice."""
        method, _, path = name.strip().partition(" ")
        found = self._by_request.get(f"{method.upper()} {path.strip()}")
        return [found] if found is not None else self._by_id.get(name, [])

    def names(self) -> list[str]:
        return [*self._by_id, *self._by_request]

    def inputs(self, operation: Operation) -> list[Input]:
        """Parameters outside the body; those of the operation win over those of its path. Raises BrokenReference."""
        found: dict[tuple[str, str], Input] = {}
        for node in self._parameters(operation):
            where, name = node.get("in"), node.get("name")
            if where not in _PLACES or not isinstance(name, str) or not name:
                continue
            if where == "header" and name.lower() in _UNREADABLE:
                continue
            schema = self._schema(node)
            style = self._style(node, where)
            required = where == "path" or node.get("required") is True
            found[where, name] = Input(name, where, schema, required, style)
        return sorted(found.values(), key=lambda each: _PLACES.index(each.where))

    def bodies(self, operation: Operation) -> list[Body]:
        """One for each media type that is taken; none where the operation takes no body. Raises BrokenReference."""
        if self.version == "2.0":
            return self._old_bodies(operation)
        node = self.documents.object(operation.node.get("requestBody"))
        content = node.get("content")
        required = node.get("required") is True
        text = node.get("description")
        found = []
        for media, inner in content.items() if isinstance(content, dict) else ():
            described = self.documents.object(inner)
            styles, media_of_parts = _encodings(described.get("encoding"))
            found.append(
                Body(
                    media.strip() or "application/json",
                    described.get("schema", {}),
                    required,
                    styles,
                    media_of_parts,
                    text if isinstance(text, str) else None,
                )
            )
        return found

    # -- reading ------------------------------------------------------------------------------------

    def _read(self) -> Iterator[Operation]:
        paths = self.documents.root.get("paths")
        for path, item in paths.items() if isinstance(paths, dict) else ():
            if not path.startswith("/"):
                continue
            try:
                found = self.documents.object(item)
            except BrokenReference:
                continue
            shared = found.get("parameters")
            for method in METHODS:
                node = found.get(method)
                if isinstance(node, dict):
                    yield Operation(
                        method, path, node, tuple(shared) if isinstance(shared, list) else ()
                    )

    def _parameters(self, operation: Operation) -> Iterator[JsonObject]:
        own = operation.node.get("parameters")
        for node in (*operation.shared, *(own if isinstance(own, list) else ())):
            yield self.documents.object(node)

    def _schema(self, node: JsonObject) -> JsonValue:
        if self.version == "2.0":
            schema = {key: value for key, value in node.items() if key not in _NO_SCHEMA}
        else:
            content = node.get("content")
            inner = next(iter(content.values()), {}) if isinstance(content, dict) else node
            held = self.documents.object(inner).get("schema", {})
            if not isinstance(held, dict):
                return held
            schema = dict(held)
            if "example" in node and "$ref" not in schema:
                schema.setdefault("example", node["example"])
        if isinstance(node.get("description"), str):
            schema["description"] = node["description"]
        return schema

    def _style(self, node: JsonObject, where: JsonValue) -> Style:
        usual = EXPLODED if where in ("query", "cookie") else SIMPLE
        if self.version == "2.0":
            collection = node.get("collectionFormat", "csv")
            if node.get("type") != "array":
                return usual
            return _COLLECTIONS.get(str(collection), COMMA)
        if isinstance(node.get("content"), dict):
            return JSON
        return _style(node, usual)

    def _old_bodies(self, operation: Operation) -> list[Body]:
        nodes = list(self._parameters(operation))
        taken = operation.node.get("consumes", self.documents.root.get("consumes"))
        media = [each for each in taken if isinstance(each, str)] if isinstance(taken, list) else []
        body = next((node for node in nodes if node.get("in") == "body"), None)
        if body is not None:
            return _whole_bodies(body, media)
        fields = {
            str(node["name"]): node
            for node in nodes
            if node.get("in") == "formData" and "name" in node
        }
        styles = {name: self._style(node, "query") for name, node in fields.items()}
        return _form_bodies(fields, styles, media) if fields else []


def _whole_bodies(node: JsonObject, media: list[str]) -> list[Body]:
    text = node.get("description")
    return [
        Body(
            each,
            node.get("schema", {}),
            node.get("required") is True,
            description=text if isinstance(text, str) else None,
        )
        for each in media or ["application/json"]
    ]


def _form_bodies(
    fields: Mapping[str, JsonObject], styles: Mapping[str, Style], media: list[str]
) -> list[Body]:
    required = [name for name, node in fields.items() if node.get("required") is True]
    schema: JsonObject = {
        "type": "object",
        "properties": {name: _field(node) for name, node in fields.items()},
        "required": list[JsonValue](required),
    }
    if any(node.get("type") == "file" for node in fields.values()):
        forms = ["multipart/form-data"]  # the only form that carries a file
    else:
        forms = [each for each in media if "form" in each] or ["application/x-www-form-urlencoded"]
    return [Body(each, schema, bool(required), styles) for each in forms]


def _version(root: JsonObject) -> str:
    old, new = root.get("swagger"), root.get("openapi")
    if str(old).startswith("2"):
        return "2.0"
    for version, read_as in (("3.0", "3.0"), ("3.1", "3.1"), ("3.2", "3.1")):
        if isinstance(new, str) and new.startswith(version):
            return read_as
    found = new if new is not None else old
    raise NoDocument(
        "it is no OpenAPI document: neither `openapi` nor `swagger` says its version"
        if found is None
        else f"its version is {found}; 2.0 and 3.0 to 3.2 are read"
    )


def _field(node: JsonObject) -> JsonObject:
    schema = {key: value for key, value in node.items() if key not in _NO_SCHEMA}
    if schema.get("type") == "file":
        schema.update({"type": "string", "format": "binary"})
    if isinstance(node.get("description"), str):
        schema["description"] = node["description"]
    return schema


def _style(node: JsonObject, usual: Style) -> Style:
    form = _STYLES.get(str(node.get("style")), usual.form)
    explode = node.get("explode")
    if not isinstance(explode, bool):
        explode = usual.explode if node.get("style") in (None, "form", "simple") else form == "deep"
    return Style(form, explode=explode, reserved=node.get("allowReserved") is True)


def _encodings(node: JsonValue) -> tuple[dict[str, Style], dict[str, str]]:
    """Styles and media types by property; a media type is only kept where there is one to choose."""
    styles: dict[str, Style] = {}
    media: dict[str, str] = {}
    for name, encoding in node.items() if isinstance(node, dict) else ():
        if not isinstance(encoding, dict):
            continue
        if encoding.keys() & {"style", "explode", "allowReserved"}:
            styles[name] = _style(encoding, EXPLODED)
        kind = encoding.get("contentType")
        if isinstance(kind, str) and "," not in kind and "*" not in kind:
            media[name] = kind
    return styles, media
