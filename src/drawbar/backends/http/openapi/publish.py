"""The inputs of one operation as a model is offered them, and where each of them goes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from drawbar.backends.http.openapi.bundle import LETTERS, Bundle, weight
from drawbar.backends.http.openapi.media import Content, resolved
from drawbar.backends.http.openapi.operations import Input, Where
from drawbar.backends.http.openapi.schemas import Schemas
from drawbar.backends.http.request.styles import EXPLODED, Style
from drawbar.compiler.parameters import Inherited
from drawbar.kernel.values import JsonObject, JsonValue

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST = 64
WHOLE = "body"
"""The parameter of a body that is not taken apart."""
Place: TypeAlias = Literal["path", "query", "header", "cookie", "body"]


@dataclass(frozen=True, slots=True)
class Target:
    """A place of the request. `way` leads into a body; nothing stands for all of it."""

    place: Place
    name: str = ""
    style: Style = EXPLODED
    way: tuple[str, ...] = ()


class Publication:
    """`offered` has what the model fills in; `targets` has every place by the words of `to:`."""

    def __init__(self, schemas: Schemas, inputs: Sequence[Input], content: Content | None) -> None:
        """Raises BrokenReference."""
        self._schemas = schemas
        self._parts: dict[str, tuple[JsonObject, bool, str]] = {}
        self.targets: dict[str, Target] = {}
        self.fixed: list[tuple[Target, JsonValue]] = []
        """What the document leaves no choice about."""
        self.apart: dict[str, Input] = {}
        """Headers and cookies, which nobody but the gateway fills unless the author says so; by `to`."""
        for each in inputs:
            self._add_input(each)
        self._body: JsonObject | None = None
        if content is not None:
            self._add_body(content)
        self._bundle: Bundle | None = None

    @property
    def names(self) -> list[str]:
        return list(self._parts)

    def is_required(self, name: str) -> bool:
        return self._parts[name][1]

    def schema(self, name: str) -> JsonObject:
        """As written, with references to definitions that `offered` would bring along."""
        return self._parts[name][0]

    def narrowed(self, changes: Mapping[str, JsonObject | None]) -> None:
        """Other schemas for some of the parts; None takes a part away."""
        for name, schema in changes.items():
            if schema is None:
                del self._parts[name]
            else:
                _, required, to = self._parts[name]
                self._parts[name] = (schema, required, to)
        self._bundle = None

    def take(self, to: str) -> None:
        """The part that goes to this place is filled by somebody else."""
        for name in [name for name, part in self._parts.items() if part[2] == to]:
            self.narrowed({name: None})

    def offered(self) -> dict[str, Inherited]:
        """In the document's order. Raises BrokenReference."""
        bundle = self._bundled()
        return {
            name: Inherited(bundle.whole(schema), required, to)
            for name, (schema, required, to) in self._parts.items()
        }

    def weight(self) -> int:
        """Tokens of what is offered, roughly. Raises BrokenReference."""
        bundle = self._bundled()
        names = sum(len(name) for name in self._parts)
        schemas = weight(bundle.whole(schema) for schema, _, _ in self._parts.values())
        return schemas + (2 * names + 8 * len(self._parts)) // LETTERS

    def find(self, to: str) -> Inherited | None:
        """What `to:` names and is not offered by itself: a header, a cookie, a part of the body."""
        if to in self.apart:
            each = self.apart[to]
            schema = self._schemas.write(each.schema)
            return Inherited(self._alone(schema), each.required, to)
        place, _, path = to.partition(".")
        if place != "body" or not path or self._body is None:
            return None
        way = tuple(path.split("."))
        schema, required = self._body, True
        for step in way:
            schema = resolved(schema, self._schemas)
            properties = schema.get("properties")
            inner = properties.get(step) if isinstance(properties, dict) else None
            if not isinstance(inner, dict):
                return None
            needed = schema.get("required")
            required = required and isinstance(needed, list) and step in needed
            schema = inner
        self.targets[to] = Target("body", way=way)
        return Inherited(self._alone(schema), required, to)

    def only(self, to: str) -> JsonValue:
        """The one value that a header or cookie can have; None where there are more. Raises BrokenReference."""
        return _only(resolved(self._schemas.write(self.apart[to].schema), self._schemas))

    # -- parts --------------------------------------------------------------------------------------

    def _add_input(self, each: Input) -> None:
        to = f"{each.where}.{each.name}"
        target = Target(each.where, each.name, each.style)
        self.targets[to] = target
        if each.where in ("header", "cookie"):
            self.apart[to] = each
            return
        schema = _without_null(self._schemas.write(each.schema))
        if each.required:
            schema = _filled(schema)
        only = _only(resolved(schema, self._schemas)) if each.where == "query" else None
        if each.required and only is not None:
            self.fixed.append((target, only))
        else:
            self._parts[self._free_name(each.name, each.where)] = (schema, each.required, to)

    def _add_body(self, content: Content) -> None:
        schema = resolved(content.schema, self._schemas)
        self._body = schema
        properties = schema.get("properties")
        needed = schema.get("required")
        required = needed if isinstance(needed, list) else []
        if (
            not isinstance(properties, dict)
            or not properties
            or content.media.form == "bytes"
            or schema.get("additionalProperties") is not False
            or schema.get("type") != "object"
            or (required and not content.required)
        ):
            self.targets[WHOLE] = Target("body")
            self._parts[self._free_name(WHOLE, "body")] = (content.schema, content.required, WHOLE)
            return
        for name, part in properties.items():
            to = f"body.{name}"
            self.targets[to] = Target("body", way=(name,))
            if isinstance(part, dict):
                written = content.media.form in ("form", "multipart") and name in required
                free = self._free_name(name, "body")
                self._parts[free] = (_filled(part) if written else part, name in required, to)

    def _free_name(self, wire: str, where: Where | Literal["body"]) -> str:
        """A name that model servers take, near the one on the wire, and not taken by another part."""
        name = _NOT_IN_NAMES.sub("_", wire).strip("_.-")[:_LONGEST] or where
        if name in self._parts:
            name = f"{where}_{name}"[:_LONGEST]
        count = 2
        free = name
        while free in self._parts:
            free = f"{name[: _LONGEST - 4]}_{count}"
            count += 1
        return free

    def _bundled(self) -> Bundle:
        if self._bundle is None:
            roots = [schema for schema, _, _ in self._parts.values()]
            self._bundle = Bundle(roots, self._schemas.definition)
        return self._bundle

    def _alone(self, schema: JsonObject) -> JsonObject:
        return Bundle([schema], self._schemas.definition).whole(schema)


def _only(schema: JsonObject) -> JsonValue:
    """The one value that a schema allows; None where there are more."""
    if "const" in schema:
        return schema["const"]
    choices = schema.get("enum")
    return choices[0] if isinstance(choices, list) and len(choices) == 1 else None


def _filled(schema: JsonObject) -> JsonObject:
    """Of a list that is written element by element an empty one would leave nothing."""
    if schema.get("type") != "array" or schema.get("minItems"):
        return schema
    return {**schema, "minItems": 1}


def _without_null(schema: JsonObject) -> JsonObject:
    """Outside a body null cannot be said, only nothing."""
    kind = schema.get("type")
    if isinstance(kind, list) and "null" in kind:
        kinds = [each for each in kind if each != "null"]
        schema = {**schema, "type": kinds[0] if len(kinds) == 1 else kinds}
        choices = schema.get("enum")
        if isinstance(choices, list):
            schema["enum"] = [each for each in choices if each is not None]
    members = schema.get("anyOf")
    if isinstance(members, list) and {"type": "null"} in members:
        rest = [each for each in members if each != {"type": "null"}]
        if len(rest) == 1 and isinstance(rest[0], dict):
            schema = {**rest[0], **{k: v for k, v in schema.items() if k != "anyOf"}}
        else:
            schema = {**schema, "anyOf": rest}
    return schema
