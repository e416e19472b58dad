"""What the declared type of an argument says of the values that go in."""

from __future__ import annotations

import re

from drawbar.kernel.values import JsonObject, JsonValue

_HEAD = re.compile(r"[^\W\d]\w*")
_LENGTH = re.compile(r"\(\s*(\d+)\s*\)")
_WORDS = re.compile(r"'([^']*)'")
_RANGES = {
    **dict.fromkeys(("smallint", "int2"), 15),
    **dict.fromkeys(("integer", "int", "int4"), 31),
    "mediumint": 23,
    "tinyint": 7,
}
"""Whole numbers by the bits of their largest."""
_WHOLE = {*_RANGES, "bigint", "int8", "year"}
_NUMBERS = {
    *("numeric", "decimal", "dec", "fixed", "double", "real", "float", "float4", "float8", "money")
}
_BOOLEANS = {"boolean", "bool"}
_TEXTS = {"text", "varchar", "char", "character", "nchar", "national", "bpchar", "citext", "name"}
_TEXTS |= {"tinytext", "mediumtext", "longtext"}
_MOMENTS = {"date", "time", "timestamp", "timestamptz", "timetz", "datetime", "interval", "uuid"}
_SHAPELESS = {"json", "jsonb", "record", "refcursor"}
_SHAPELESS |= {"bytea", "blob", "tinyblob", "mediumblob", "longblob", "binary", "varbinary"}
_TEXT_OF_FIREBIRD = ("blob sub_type text", "blob sub_type 1")
_TAKEN = (
    (_WHOLE, {"integer", "string"}),
    (_NUMBERS, {"integer", "number", "string"}),
    (_BOOLEANS, {"boolean"}),
    (_TEXTS | _MOMENTS, {"string"}),
)
"""JSON types by the first word of a type; a text may hold a number that JSON would round."""


def schema_of(written: str) -> JsonObject | None:
    """JSON Schema of what a type takes; None where its author has to say it."""
    if written.endswith("[]"):
        items = schema_of(written.removesuffix("[]"))
        return None if items is None else {"type": "array", "items": items}
    head = _head(written)
    if head in _SHAPELESS and not written.startswith(_TEXT_OF_FIREBIRD):
        return None
    if head in _WHOLE:
        return _whole(head, written)
    if head in _NUMBERS:
        return {"type": "number"}
    if head in _BOOLEANS:
        return {"type": "boolean"}
    return _text(head, written)


def _whole(head: str, written: str) -> JsonObject:
    schema: JsonObject = {"type": "integer"}
    bits = _RANGES.get(head)
    if "unsigned" in written:
        schema["minimum"] = 0
        bits = None if bits is None else bits + 1
    elif bits is not None:
        schema["minimum"] = -(2**bits)
    if bits is not None:
        schema["maximum"] = 2**bits - 1
    return schema


def _text(head: str, written: str) -> JsonObject:
    schema: JsonObject = {"type": "string"}
    if head in {"date", "uuid"}:
        schema["format"] = head
    elif head in _TEXTS and (length := _LENGTH.search(written)):
        schema["maxLength"] = int(length[1])
    elif head == "enum":
        schema["enum"] = list[JsonValue](_WORDS.findall(written))
    return schema


def takes(written: str, known: str) -> bool:
    """Whether a value of this JSON type can go in without being changed on its way."""
    if known in {"any", "null"}:
        return True
    if written.endswith("[]"):
        return known == "array"
    head = _head(written)
    wanted = next((types for heads, types in _TAKEN if head in heads), None)
    return known != "row" if wanted is None else known in wanted


def _head(written: str) -> str:
    found = _HEAD.match(written)
    return found[0].lower() if found else ""
