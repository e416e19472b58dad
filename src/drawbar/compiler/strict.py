"""Schemas for OpenAI's strict mode, in which a model cannot write arguments that do not fit.

That mode takes a subset of JSON Schema: every object is closed and requires all of its properties, so what may be
left out may be null instead, a mapping is a list of names and values, and what has no known shape is JSON as text
(`strict_values` reads all that back); some keywords are not taken at all. What the model is then no longer held to is told to
it in the description, since everything that is enforced is published. The subset and its limits are those of
OpenAI's guide to structured outputs ("Supported schemas").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson

from drawbar.compiler.constraints import author_word
from drawbar.compiler.strict_values import is_any, is_mapping, is_open, kinds_of
from drawbar.kernel.values import JsonObject, JsonValue

MAX_PROPERTIES = 5_000
MAX_LEVELS = 10
MAX_CHARACTERS = 120_000
"""Of all names of properties and definitions, and all values of enum and const."""
MAX_CHOICES = 1_000
LONG_ENUM = 250
MAX_LONG_ENUM = 15_000
"""Characters of the values of one enum with more than LONG_ENUM texts."""

_KEPT = frozenset(
    {
        *("type", "enum", "const", "title", "description", "multipleOf", "minimum", "maximum"),
        *("exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems", "$ref"),
    }
)
_FORMATS = frozenset(
    {
        *("date-time", "time", "date", "duration", "email"),
        *("hostname", "ipv4", "ipv6", "uuid"),
    }
)
_REBUILT = frozenset(
    {"properties", "required", "additionalProperties", "items", "anyOf", "oneOf", "allOf", "$defs"}
)
_SILENT = frozenset({"$schema", "$id", "$comment", "deprecated", "readOnly", "writeOnly"})
_BEYOND_REGULAR = re.compile(r"\(\?(?:[=!<>]|P[<=])|(?<!\\)(?:\\\\)*\\[1-9kbB]")
"""Look-around, named groups, back references: strict mode's patterns know none of them."""

_SAID: Mapping[str, Callable[[JsonValue], str]] = {
    "default": lambda value: f"Default: {_json(value)}.",
    "examples": lambda value: f"For example {_listed(value)}.",
    "minLength": lambda value: f"At least {value} characters.",
    "maxLength": lambda value: f"At most {value} characters.",
    "uniqueItems": lambda value: "No two elements are equal." if value else "",
    "format": lambda value: f"Format: {value}.",
    "pattern": lambda value: f"Has to match {value}",
    "minProperties": lambda value: f"At least {value} properties.",
    "maxProperties": lambda value: f"At most {value} properties.",
}
_NOTHING_LOST = frozenset({"default", "examples"})


def _json(value: JsonValue) -> str:
    return orjson.dumps(value).decode()


def _listed(value: JsonValue) -> str:
    return ", ".join(_json(each) for each in value) if isinstance(value, list) else _json(value)


@dataclass(frozen=True, slots=True)
class Strict:
    """A schema for strict mode, and what a model is not held to by it; no schema where there can be none."""

    schema: JsonObject | None
    lost: tuple[str, ...] = ()


class _Inexpressible(Exception):
    """The shape cannot be written for strict mode."""


def strict_schema(schema: JsonObject) -> Strict:
    """The strict form of a closed object schema."""
    writing = _Writing()
    try:
        strict = writing.schema(schema, "", 0)
        writing.check_limits()
    except _Inexpressible as error:
        return Strict(None, (str(error),))
    return Strict(strict, tuple(writing.lost))


def is_nullable(schema: JsonValue) -> bool:
    """Whether null is a value of its own here, and not just an absent one."""
    if not isinstance(schema, dict):
        return False
    kind = schema.get("type")
    if kind == "null" or (isinstance(kind, list) and "null" in kind):
        choices = schema.get("enum")
        return not isinstance(choices, list) or None in choices
    members = schema.get("anyOf") or schema.get("oneOf")
    return isinstance(members, list) and any(is_nullable(member) for member in members)


@dataclass(slots=True)
class _Writing:
    """Counts what the limits hold for, and notes what is lost."""

    lost: list[str] = field(default_factory=list)
    properties: int = 0
    choices: int = 0
    characters: int = 0

    def schema(self, schema: JsonObject, way: str, level: int) -> JsonObject:
        if "allOf" in schema:
            schema = self.flattened(schema, way)
        if way and (free := self.free(schema, way, level)) is not None:
            return free
        result: JsonObject = {}
        said: list[str] = []
        for keyword, value in schema.items():
            if (
                keyword in _KEPT
                or (keyword == "format" and value in _FORMATS)
                or (keyword == "pattern" and not _BEYOND_REGULAR.search(str(value)))
            ):
                result[keyword] = value
            elif keyword not in _REBUILT and keyword not in _SILENT:
                self.say(keyword, value, way, said)
        self.count(result, way)
        self.rebuild(schema, result, way, level)
        if "type" not in result and not result.keys() & {"anyOf", "$ref"}:
            result = _typed(result, way)
        if said:
            result["description"] = _joined(result.get("description"), said)
        return schema if result == schema else result  # one object in memory where it can be

    def free(self, schema: JsonObject, way: str, level: int) -> JsonObject | None:
        """What stands for a value without a known shape; None for any other."""
        if is_any(schema):
            return _described(
                schema,
                {"type": ["string", "number", "boolean", "null"]},
                "A list or an object is written as JSON text.",
            )
        if not is_open(schema):
            return None
        kind = schema.get("type")
        null: list[JsonValue] = ["null"] if isinstance(kind, list) and "null" in kind else []
        if is_mapping(schema):
            return self.pairs(schema, way, level, null)
        if schema.get("properties") or "patternProperties" in schema:
            self.lost.append(f"the inside of `{way}`")
        shape: JsonObject = {"type": ["string", *null] if null else "string"}
        return _described(schema, shape, _as_text(schema))

    def pairs(self, schema: JsonObject, way: str, level: int, null: list[JsonValue]) -> JsonObject:
        more = schema["additionalProperties"]
        written = self.schema(more if isinstance(more, dict) else {}, f"{way}.*", level + 1)
        self.properties += 2
        pair: JsonObject = {
            "type": "object",
            "properties": {"name": {"type": "string"}, "value": written},
            "required": ["name", "value"],
            "additionalProperties": False,
        }
        shape: JsonObject = {"type": ["array", *null] if null else "array", "items": pair}
        for word, counted in (("minProperties", "minItems"), ("maxProperties", "maxItems")):
            if word in schema:
                shape[counted] = schema[word]
        return _described(schema, shape, "Each name once, with its value.")

    def flattened(self, schema: JsonObject, way: str) -> JsonObject:
        members = schema["allOf"]
        if not isinstance(members, list) or len(members) != 1 or not isinstance(members[0], dict):
            raise _Inexpressible(f"`{way}` has to fit several schemas at once (allOf)")
        return {**members[0], **{key: value for key, value in schema.items() if key != "allOf"}}

    def say(self, keyword: str, value: JsonValue, way: str, said: list[str]) -> None:
        known = _SAID.get(keyword)
        text = f"Has to fit {_json({keyword: value})}, too." if known is None else known(value)
        if text:
            said.append(text)
        if text and keyword not in _NOTHING_LOST:
            word = author_word(keyword)
            self.lost.append(f"`{word}` of `{way}`" if way else f"`{word}`")

    def count(self, result: JsonObject, way: str) -> None:
        choices = result.get("enum")
        texts = [choice for choice in choices if isinstance(choice, str)] if choices else []  # type: ignore[union-attr]  # an enum is a list
        length = sum(len(text) for text in texts)
        if len(texts) > LONG_ENUM and length > MAX_LONG_ENUM:
            raise _Inexpressible(
                f"the enum of `{way}` has {length} characters; {MAX_LONG_ENUM} is the limit"
            )
        self.choices += len(choices) if isinstance(choices, list) else 0
        self.characters += length
        const = result.get("const")
        self.characters += len(const) if isinstance(const, str) else 0

    def rebuild(self, schema: JsonObject, result: JsonObject, way: str, level: int) -> None:
        """What holds other schemas."""
        kind = schema.get("type")
        if (
            "properties" in schema
            or kind == "object"
            or (isinstance(kind, list) and "object" in kind)
        ):
            self.object(schema, result, way, level + 1)
        if "items" in schema:
            items = schema["items"]
            if items is False:
                raise _Inexpressible(f"`{way}` is a list of nothing")
            result["items"] = self.schema(
                items if isinstance(items, dict) else {}, f"{way}[]", level
            )
        elif kind == "array" and "prefixItems" in schema:
            raise _Inexpressible(f"`{way}` is a list whose elements are not described")
        elif "array" in kinds_of(schema):
            result["items"] = self.schema({}, f"{way}[]", level)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                self.members(schema[keyword], result, way, level)
        if "oneOf" in schema:
            self.lost.append(f"`oneOf` of `{way}`")
        definitions = schema.get("$defs")
        if isinstance(definitions, dict):
            self.characters += sum(len(name) for name in definitions)
            result["$defs"] = {
                name: self.schema(inner, name, level)
                for name, inner in definitions.items()
                if isinstance(inner, dict)
            }

    def members(self, members: JsonValue, result: JsonObject, way: str, level: int) -> None:
        if not isinstance(members, list) or not way:
            raise _Inexpressible("the arguments have several shapes")
        result["anyOf"] = [
            self.schema(member, way, level) for member in members if isinstance(member, dict)
        ]

    def object(self, schema: JsonObject, result: JsonObject, way: str, level: int) -> None:
        if level > MAX_LEVELS:
            raise _Inexpressible(f"`{way}` is nested more than {MAX_LEVELS} levels deep")
        if schema.get("additionalProperties") is not False or "patternProperties" in schema:
            raise _Inexpressible(
                f"`{way}` takes properties of any name" if way else "any argument is taken"
            )
        properties = schema.get("properties")
        required = schema.get("required")
        needed = required if isinstance(required, list) else []
        strict: JsonObject = {}
        for name, inner in properties.items() if isinstance(properties, dict) else ():
            self.properties += 1
            self.characters += len(name)
            inner_way = f"{way}.{name}" if way else name
            if inner is False:
                raise _Inexpressible(f"`{inner_way}` takes no value at all")
            written = self.schema(inner if isinstance(inner, dict) else {}, inner_way, level)
            strict[name] = written if name in needed else nullable(written)
        result["properties"] = strict
        result["required"] = list[JsonValue](strict)
        result["additionalProperties"] = False

    def check_limits(self) -> None:
        for count, most, what in (
            (self.properties, MAX_PROPERTIES, "properties"),
            (self.choices, MAX_CHOICES, "values of enums"),
            (self.characters, MAX_CHARACTERS, "characters in names and enums"),
        ):
            if count > most:
                raise _Inexpressible(f"it has {count} {what}; {most} is the limit")


def _described(schema: JsonObject, shape: JsonObject, said: str) -> JsonObject:
    """The shape that stands for a schema, with the schema's own description."""
    return {**shape, "description": _joined(schema.get("description"), [said])}


def _as_text(schema: JsonObject) -> str:
    """How a model learns what belongs into a text that holds JSON."""
    properties = schema.get("properties")
    if not properties:
        return "A JSON object, written as text."
    return f"A JSON object, written as text. It has {_json(properties)}."


def _typed(schema: JsonObject, way: str) -> JsonObject:
    """With the type of its values, where only those are given: strict mode wants a type."""
    choices = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(choices, list) or not choices:
        raise _Inexpressible(f"`{way}` takes a value of any type")
    kinds: list[JsonValue] = [*dict.fromkeys(type_of(choice) for choice in choices)]
    return {"type": kinds if len(kinds) > 1 else kinds[0], **schema}


def type_of(value: JsonValue) -> str:
    """JSON Schema's name of the type of a value."""
    for kind, name in (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
    ):
        if isinstance(value, kind):
            return name
    return "null"


def nullable(schema: JsonObject) -> JsonObject:
    """The same, or null."""
    if is_nullable(schema):
        return schema
    kind = schema.get("type")
    if "const" in schema or "$ref" in schema or kind is None:
        return _or_null(schema)
    kinds: list[JsonValue] = [*kind] if isinstance(kind, list) else [kind]
    result: JsonObject = {**schema, "type": kinds if "null" in kinds else [*kinds, "null"]}
    choices = schema.get("enum")
    if isinstance(choices, list):
        result["enum"] = [*choices, None]
    return result


def _or_null(schema: JsonObject) -> JsonObject:
    """With its description outside, where models look for it."""
    inner = {key: value for key, value in schema.items() if key != "description"}
    members = inner.pop("anyOf", None) if inner.keys() == {"anyOf"} else None
    result: JsonObject = {}
    if "description" in schema:
        result["description"] = schema["description"]
    result["anyOf"] = [*(members if isinstance(members, list) else [inner]), {"type": "null"}]
    return result


def _joined(description: JsonValue, said: list[str]) -> str:
    text = description if isinstance(description, str) else ""
    if text and text[-1] not in ".!?":
        text += "."
    return " ".join([text, *said]).strip()
