"""The schema beside an adapter, and its input types as JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    build_client_schema,
    build_schema,
    value_from_ast_untyped,
)

from drawbar.backends.http.openapi.schemas import REFERENCE
from drawbar.backends.http.openapi.words import clip
from drawbar.kernel.values import JsonObject, JsonValue

_SCALARS: Mapping[str, JsonObject] = {
    "Int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "Float": {"type": "number"},
    "String": {"type": "string"},
    "Boolean": {"type": "boolean"},
    "ID": {"type": "string"},
}
_TEXTS = frozenset(
    {
        *(
            "Date",
            "DateTime",
            "Time",
            "Instant",
            "LocalDate",
            "LocalDateTime",
            "LocalTime",
            "Timestamp",
        ),
        *("OffsetDateTime", "ISO8601Date", "ISO8601DateTime", "Duration", "UUID", "GUID", "Guid"),
        *(
            "URL",
            "URI",
            "Url",
            "Uri",
            "EmailAddress",
            "Email",
            "Decimal",
            "BigDecimal",
            "PhoneNumber",
        ),
    }
)
"""Scalars of a schema's own that everybody writes as text; what any other takes only its server knows."""
_LISTED = 20
"""Values of an enumeration that are described."""


class UnreadableSchema(Exception):
    """What was read is no GraphQL schema; the text says why."""


def read_schema(path: Path) -> GraphQLSchema:
    """SDL, or the JSON of an introspection. Raises UnreadableSchema."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableSchema(error.strerror or "it cannot be opened") from error
    return schema_of(data)


def schema_of(data: bytes) -> GraphQLSchema:
    """Raises UnreadableSchema.

    What a server tells of itself is taken as it is: GitHub's own schema breaks rules of the specification that do not
    matter to those who call it.
    """
    try:
        if data.lstrip()[:1] == b"{":
            whole = orjson.loads(data)
            schema = build_client_schema(whole.get("data") or whole, assume_valid=True)
        else:
            schema = build_schema(data.decode(), assume_valid=True, assume_valid_sdl=True)
    except (GraphQLError, TypeError, ValueError, KeyError) as error:
        raise UnreadableSchema(" ".join(str(error).splitlines()[0].split())) from error
    if schema.query_type is None:
        raise UnreadableSchema("it has no type for queries")
    return schema


class InputTypes:
    """Input types as JSON Schema. Input objects are references, as they may stand inside themselves."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._definitions: dict[str, JsonObject] = {}

    def write(
        self, kind: Any, description: str | None = None, default: JsonValue = None
    ) -> JsonObject:
        """Of a type of the schema; what is not null there is `required` by whoever holds it."""
        schema = self._written(kind.of_type if isinstance(kind, GraphQLNonNull) else kind)
        said = [clip(description)] if description and description.strip() else []
        if isinstance(own := schema.get("description"), str):
            said.append(own)
        if default is not None:
            said.append(f"Default: {orjson.dumps(default).decode()}.")
        ended = [text if text[-1:] in ".!?:" else f"{text}." for text in said]
        return {**schema, "description": " ".join(ended)} if ended else schema

    def definition(self, name: str) -> JsonObject:
        """Of an input object."""
        if name not in self._definitions:
            kind = self._schema.type_map[name]
            if not isinstance(kind, GraphQLInputObjectType):
                raise TypeError(f"{name} is no input object")
            self._definitions[name] = self._object(kind)
        return self._definitions[name]

    def _written(self, kind: Any) -> JsonObject:
        if isinstance(kind, GraphQLList):
            return {"type": "array", "items": self.write(kind.of_type)}
        if isinstance(kind, GraphQLInputObjectType):
            return {"$ref": REFERENCE + kind.name}
        if isinstance(kind, GraphQLEnumType):
            return _enumeration(kind)
        if isinstance(kind, GraphQLScalarType):
            return _scalar(kind)
        raise TypeError(f"{kind} is no input type")

    def _object(self, kind: GraphQLInputObjectType) -> JsonObject:
        fields = {
            name: each for name, each in kind.fields.items() if not each.deprecation_reason
        } or kind.fields
        schema: JsonObject = {
            "type": "object",
            "properties": {name: self._field(each) for name, each in fields.items()},
            "required": [name for name, each in fields.items() if is_required(each)],
            "additionalProperties": False,
        }
        if kind.is_one_of:
            schema |= {"minProperties": 1, "maxProperties": 1}
        return schema

    def _field(self, each: GraphQLInputField) -> JsonObject:
        return self.write(each.type, each.description, default_of(each))


def is_required(each: GraphQLInputField | GraphQLArgument) -> bool:
    """Not null, and without a default."""
    return isinstance(each.type, GraphQLNonNull) and each.default is None


def default_of(each: GraphQLInputField | GraphQLArgument) -> JsonValue:
    """As JSON writes it; None where there is none."""
    literal = None if each.default is None else each.default.literal
    value: JsonValue = None if literal is None else value_from_ast_untyped(literal)
    return value


def _enumeration(kind: GraphQLEnumType) -> JsonObject:
    names: list[JsonValue] = list(kind.values)
    said = [
        f"{name}: {clip(value.description, 80).rstrip('.')}"
        for name, value in list(kind.values.items())[:_LISTED]
        if value.description
    ]
    schema: JsonObject = {"type": "string", "enum": names}
    return {**schema, "description": "; ".join(said) + "."} if said else schema


def _scalar(kind: GraphQLScalarType) -> JsonObject:
    if kind.name in _SCALARS:
        return dict(_SCALARS[kind.name])
    text = clip(kind.description, 120) if kind.description else ""
    said = f"{kind.name}: {text}" if text else f"{kind.name}."
    schema: JsonObject = {"type": "string"} if kind.name in _TEXTS else {}
    return {**schema, "description": said}
