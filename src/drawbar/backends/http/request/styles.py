"""How values with parts are written into a URL or header: the styles of OpenAPI (RFC 6570 is behind most of them).

A value inside that is itself a list or an object has no form in most styles; it is written as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import orjson

from drawbar.kernel.values import JsonValue

Form: TypeAlias = Literal["comma", "space", "pipe", "tab", "deep", "label", "matrix", "json"]


@dataclass(frozen=True, slots=True)
class Style:
    """`explode`: each element or property stands for itself instead of all being joined."""

    form: Form
    explode: bool
    reserved: bool = False
    """Characters that have a meaning in URLs are sent as they are."""


EXPLODED = Style("comma", explode=True)
COMMA = Style("comma", explode=False)
SIMPLE = Style("comma", explode=False)
JSON = Style("json", explode=False)
DEEP = Style("deep", explode=True)

Encode: TypeAlias = Callable[[str], str]
"""Percent-encoding, or nothing at all for headers."""
_DELIMITERS: Mapping[str, str] = {"comma": ",", "space": "%20", "pipe": "%7C", "tab": "%09"}


def text_of(value: JsonValue) -> str:
    """As JSON writes it, a text without its quotes; null is empty."""
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()


def pairs(key: str, value: JsonValue, style: Style, encode: Encode) -> Iterator[tuple[str, str]]:
    """Names and values for a query or a form, encoded; nothing for null."""
    if value is None:
        return
    name = encode(key)
    if style.form == "json":
        yield name, encode(orjson.dumps(value).decode())
    elif style.form == "deep":
        yield from _deep(name, value, encode)
    elif isinstance(value, list):
        yield from _of_list(name, value, style, encode)
    elif isinstance(value, dict):
        yield from _of_object(name, value, style, encode)
    else:
        yield name, encode(text_of(value))


def _of_list(
    name: str, items: list[JsonValue], style: Style, encode: Encode
) -> Iterator[tuple[str, str]]:
    if style.explode:
        yield from ((name, encode(text_of(item))) for item in items)
    elif items:
        yield name, _delimiter(style).join(encode(text_of(item)) for item in items)


def _of_object(
    name: str, value: dict[str, JsonValue], style: Style, encode: Encode
) -> Iterator[tuple[str, str]]:
    given = [
        (encode(key), encode(text_of(each))) for key, each in value.items() if each is not None
    ]
    if style.explode:
        yield from given
    elif given:
        yield name, _delimiter(style).join(part for pair in given for part in pair)


def _delimiter(style: Style) -> str:
    return _DELIMITERS.get(style.form, ",")


def _deep(name: str, value: JsonValue, encode: Encode) -> Iterator[tuple[str, str]]:
    """`filter[size][min]=5`. Elements of a list are `[]`, of one that holds objects or lists their numbers."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _deep(f"{name}%5B{encode(key)}%5D", inner, encode)
    elif isinstance(value, list):
        counted = any(isinstance(item, dict | list) for item in value)
        for index, item in enumerate(value):
            yield from _deep(f"{name}%5B{index if counted else ''}%5D", item, encode)
    elif value is not None:
        yield name, encode(text_of(value))


def joined(key: str, value: JsonValue, style: Style, encode: Encode) -> str:
    """The value as part of a path, or as a header; empty for a list or object without anything in it."""
    if style.form == "json":
        return encode(orjson.dumps(value).decode())
    if style.form == "matrix":
        return _matrix(encode(key), value, style, encode)
    if isinstance(value, dict):
        mark = "=" if style.explode else ","
        parts = [f"{encode(k)}{mark}{encode(text_of(v))}" for k, v in value.items()]
    else:
        items = value if isinstance(value, list) else [value]
        parts = [encode(text_of(item)) for item in items]
    if style.form == "label":
        return "." + ("." if style.explode else ",").join(parts)
    return ",".join(parts)


def _matrix(name: str, value: JsonValue, style: Style, encode: Encode) -> str:
    if isinstance(value, dict) and style.explode:
        return "".join(f";{encode(k)}={encode(text_of(v))}" for k, v in value.items())
    if isinstance(value, dict):
        listed = ",".join(f"{encode(k)},{encode(text_of(v))}" for k, v in value.items())
        return f";{name}={listed}"
    if not isinstance(value, list):
        return f";{name}={encode(text_of(value))}"
    items = [encode(text_of(item)) for item in value]
    if style.explode:
        return "".join(f";{name}={item}" for item in items)
    return f";{name}={','.join(items)}"
