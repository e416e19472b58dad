"""Where in the arguments of a function a file may stand.

It is known by its schema's `pattern`, which has the form of the ids in it: all that is enforced is published,
and OpenAI's strict mode knows the word. Beside an id the pattern may take base64, in which no id is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import orjson

from drawbar.compiler.strict_values import resolved
from drawbar.kernel.files import FILE_ID
from drawbar.kernel.values import JsonObject, JsonValue

FILE_PATTERN = f"^{FILE_ID}$"
_MARK = orjson.dumps(FILE_ID)[1:-1]
_BRANCHES = ("anyOf", "oneOf", "allOf")


def or_file(pattern: str) -> str:
    """The pattern of a text that may be the id of a file instead."""
    inner = pattern.removeprefix("^").removesuffix("$")
    return f"^(?:{inner}|{FILE_ID})$"


def base64_schema() -> JsonObject:
    """Of bytes: they themselves as base64, or the id of a file."""
    return {"type": "string", "pattern": or_file("^[A-Za-z0-9+/]*={0,2}$")}


def is_file(schema: JsonObject) -> bool:
    """Whether the id of a file is taken here."""
    pattern = schema.get("pattern")
    return isinstance(pattern, str) and FILE_ID in pattern


def holds_files(schema: JsonObject) -> bool:
    return _MARK in orjson.dumps(schema)


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A text in valid arguments that may be the id of a file."""

    path: tuple[str | int, ...]
    text: str
    has_base64: bool = False
    """It is the `file_id` of an object that takes the content as `base64` instead."""


def file_places(
    value: JsonValue, schemas: Sequence[JsonValue], root: JsonObject, at: tuple[str | int, ...] = ()
) -> Iterator[FilePlace]:
    """Where a valid value may name files; `schemas` all hold for it."""
    found = list(_spread(schemas, root))
    if isinstance(value, str):
        if any(is_file(schema) for schema in found):
            yield FilePlace(at, value)
    elif isinstance(value, dict):
        has_base64 = any(True for _ in _members(found, "base64"))
        for name, item in value.items():
            for place in file_places(item, list(_members(found, name)), root, (*at, name)):
                is_own = name == "file_id" and len(place.path) == len(at) + 1
                yield replace(place, has_base64=True) if is_own and has_base64 else place
    elif isinstance(value, list):
        items = [schema["items"] for schema in found if "items" in schema]
        for index, item in enumerate(value):
            yield from file_places(item, items, root, (*at, index))


def _spread(schemas: Iterable[JsonValue], root: JsonObject) -> Iterator[JsonObject]:
    """Each schema with those that it is made of, references followed."""
    for schema in schemas:
        if not isinstance(schema, dict):
            continue
        whole = resolved(schema, root)
        yield whole
        for word in _BRANCHES:
            branches = whole.get(word)
            yield from _spread(branches if isinstance(branches, list) else (), root)


def _members(schemas: Iterable[JsonObject], name: str) -> Iterator[JsonValue]:
    for schema in schemas:
        properties = schema.get("properties")
        if isinstance(properties, dict) and name in properties:
            yield properties[name]
        elif isinstance(schema.get("additionalProperties"), dict):
            yield schema["additionalProperties"]
