"""Turns of JSON Schema that have one right form each: null, lists, descriptions, references."""

from __future__ import annotations

from collections.abc import Iterator

from drawbar.kernel.values import JsonObject, JsonValue


def nullable(schema: JsonObject) -> JsonObject:
    """The same, or null."""
    if isinstance(kind := schema.get("type"), str):
        changed: JsonObject = {**schema, "type": [kind, "null"]}
        if isinstance(values := schema.get("enum"), list):
            changed["enum"] = [*values, None]
        return changed
    inner = {key: value for key, value in schema.items() if key != "description"}
    options = inner["anyOf"] if list(inner) == ["anyOf"] else [inner]
    return described(
        {"anyOf": [*(options if isinstance(options, list) else [inner]), {"type": "null"}]},
        schema.get("description"),
    )


def repeated(schema: JsonObject, least: int, most: int | None) -> JsonObject:
    if most == 1:
        return schema
    array: JsonObject = {"type": "array", "items": schema}
    if least > 0:
        array["minItems"] = least
    if most is not None:
        array["maxItems"] = most
    return array


def lifted(schema: JsonObject) -> JsonObject:
    """A list says itself what its elements are for."""
    items = schema.get("items")
    if schema.get("type") != "array" or not isinstance(items, dict) or "description" not in items:
        return schema
    inner = {key: value for key, value in items.items() if key != "description"}
    options = inner.get("anyOf")
    if list(inner) == ["anyOf"] and isinstance(options, list) and len(options) == 1:
        return {**schema, "items": options[0], "description": items["description"]}
    return {**schema, "items": inner, "description": items["description"]}


def described(schema: JsonObject, words: JsonValue) -> JsonObject:
    """With these words, which were clipped where they came from."""
    if not isinstance(words, str) or not words:
        return schema
    if "$ref" in schema:
        # Strict modes take nothing beside a reference.
        return {"anyOf": [schema], "description": words}
    return {**schema, "description": words}


def references(schema: JsonValue) -> Iterator[str]:
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            if isinstance(reference := value.get("$ref"), str):
                yield reference.removeprefix("#/$defs/")
            waiting.extend(value.values())
