"""Arguments as a model writes them, back in the form of the full schema.

OpenAI's strict mode has no optional properties, no objects whose properties are not known, and no values of any type. So
null stands for "left out", a list of names and values for a mapping, and JSON as text for what has no known shape.
See `strict_schema`, which writes schemas that way. In any mode `2.0` stands for the whole number 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from drawbar.kernel.values import JsonObject, JsonValue

EXACT = 2**53
"""Above it a float stands for several whole numbers."""
SHAPES = frozenset(
    {"type", "anyOf", "oneOf", "allOf", "$ref", "enum", "const", "properties", "items", "not"}
)
"""Keywords that say what kind of value a schema takes."""


def is_any(schema: JsonValue) -> bool:
    """Whether a value of any type fits."""
    return schema is True or (isinstance(schema, dict) and not schema.keys() & SHAPES)


def kinds_of(schema: JsonObject) -> set[str]:
    """The types that a schema names, without null."""
    kind = schema.get("type")
    listed = kind if isinstance(kind, list) else [kind]
    return {each for each in listed if isinstance(each, str) and each != "null"}


def is_open(schema: JsonObject) -> bool:
    """An object that takes properties which are not declared."""
    if kinds_of(schema) != {"object"}:
        return False
    return schema.get("additionalProperties") is not False or "patternProperties" in schema


def is_mapping(schema: JsonObject) -> bool:
    """An object of any names, whose values have one schema."""
    more = schema.get("additionalProperties")
    return (
        is_open(schema)
        and isinstance(more, dict)
        and not is_any(more)
        and not schema.get("properties")
        and "patternProperties" not in schema
    )


def holds_any(schema: JsonValue) -> bool:
    """Whether a value of any type fits somewhere inside, so that a text there may stand for something else."""
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if is_any(each):
            return True
        if not isinstance(each, dict):
            continue
        waiting.extend(_inside(each))
    return False


def _inside(schema: JsonObject) -> Iterable[JsonValue]:
    for holder in ("properties", "$defs"):
        found = schema.get(holder)
        yield from found.values() if isinstance(found, dict) else ()
    for holder in ("anyOf", "oneOf", "allOf"):
        found = schema.get(holder)
        yield from found if isinstance(found, list) else ()
    for holder in ("items", "additionalProperties"):
        if isinstance(schema.get(holder), dict):
            yield schema[holder]


def from_strict(value: JsonValue, schema: JsonValue, root: JsonObject) -> Any:  # same type or freer
    """The value in the form of the full schema; what cannot be read stays as it is."""
    schema = resolved(schema, root)
    branches = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(branches, list):
        return _of_branches(value, branches, root)
    if isinstance(value, str):
        return _from_text(value, schema, root)
    if isinstance(value, list):
        if is_mapping(schema) and (pairs := _pairs(value)) is not None:
            value = pairs
        else:
            items = schema.get("items", {})
            return [from_strict(item, items, root) for item in value]
    if isinstance(value, dict):
        return _of_object(value, schema, root)
    if isinstance(value, float) and kinds_of(schema) == {"integer"} and abs(value) <= EXACT:
        return int(value) if value.is_integer() else value
    return value


def placed(
    value: JsonValue, schema: JsonValue, root: JsonObject, at: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], JsonValue, JsonObject]]:
    """Every scalar with its path and its schema, where that is one and no choice of several."""
    schema = resolved(schema, root)
    if isinstance(value, dict):
        properties = schema.get("properties")
        known = properties if isinstance(properties, dict) else {}
        for name, item in value.items():
            inner = known.get(name, schema.get("additionalProperties"))
            yield from placed(item, inner, root, (*at, name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from placed(item, schema.get("items"), root, (*at, place))
    else:
        yield at, value, schema


def _of_branches(value: JsonValue, branches: list[JsonValue], root: JsonObject) -> JsonValue:
    for branch in branches:
        read: JsonValue = from_strict(value, branch, root)
        if _fits(read, resolved(branch, root), root):
            return read
    return value


def _of_object(value: JsonObject, schema: JsonObject, root: JsonObject) -> JsonObject:
    properties = schema.get("properties")
    required = schema.get("required")
    known = properties if isinstance(properties, dict) else {}
    needed = required if isinstance(required, list) else []
    more = schema.get("additionalProperties")
    kept: JsonObject = {}
    for name, item in value.items():
        inner = known.get(name, more)
        if item is None and name in known and name not in needed and not takes_null(inner, root):
            continue
        kept[name] = from_strict(item, inner, root)
    return kept


def _from_text(text: str, schema: JsonObject, root: JsonObject) -> JsonValue:
    if not (is_open(schema) or is_any(schema)) or text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        found: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    if is_any(schema):
        return found
    return from_strict(found, schema, root) if isinstance(found, dict) else text


def _pairs(value: list[JsonValue]) -> JsonObject | None:
    made: JsonObject = {}
    for pair in value:
        if not isinstance(pair, dict) or pair.keys() != {"name", "value"}:
            return None
        made[str(pair["name"])] = pair["value"]
    return made


def takes_null(schema: JsonValue, root: JsonObject) -> bool:
    """Whether null is a value of its own. Where any value fits it is not: it says that there is none."""
    schema = resolved(schema, root)
    kind = schema.get("type")
    if kind == "null" or (isinstance(kind, list) and "null" in kind):
        return True
    branches = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(branches, list):
        return any(takes_null(branch, root) for branch in branches)
    enum = schema.get("enum")
    return isinstance(enum, list) and "type" not in schema and None in enum


def _fits(value: JsonValue, schema: JsonObject, root: JsonObject) -> bool:
    """Whether a value is meant for this of several schemas: by type, by constants, by the names of its properties."""
    choices = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(choices, list):
        return value in choices
    if not isinstance(value, dict):
        return is_any(schema) or _has_type(value, schema)
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return is_any(schema) or "object" in kinds_of(schema)
    required = schema.get("required")
    closed = schema.get("additionalProperties") is False
    needed = set(required) if isinstance(required, list) else set()
    if (closed and not value.keys() <= properties.keys()) or not value.keys() >= needed:
        return False
    return all(
        _fits(inner, told, root)
        for name, inner in value.items()
        if (told := resolved(properties.get(name), root)).keys() & {"const", "enum"}
    )


def _has_type(value: JsonValue, schema: JsonObject) -> bool:
    kinds = kinds_of(schema)
    if value is None:
        return takes_null(schema, schema)
    if isinstance(value, bool):
        return "boolean" in kinds
    if isinstance(value, int | float):
        return bool(kinds & {"number", "integer"})
    return ("string" if isinstance(value, str) else "array") in kinds


def resolved(schema: JsonValue, root: JsonObject) -> JsonObject:
    """The schema behind references."""
    while isinstance(schema, dict) and isinstance(reference := schema.get("$ref"), str):
        schema = walk(root, reference.removeprefix("#/").split("/"))
    return schema if isinstance(schema, dict) else {}


def walk(value: JsonValue, path: Iterable[str | int]) -> JsonValue:
    """What stands at a path; None where nothing does."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
        else:
            return None
    return value
