"""JSON. A whole number beyond 64 bits becomes its digits as text, so that none of them is lost.

orjson reads such a number as a float, and refuses to write one; a legacy key of 20 digits would
change on its way through.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

import orjson

from drawbar.codecs.codec import CodecError
from drawbar.kernel.values import JsonValue

_LONG_NUMBER = re.compile(rb"\d{19}")
_LEAST, _MOST = -(2**63), 2**64 - 1


class JsonCodec:
    """UTF-8 JSON by RFC 8259; NaN and Infinity are no JSON."""

    media = "application/json"

    def encode(self, value: JsonValue) -> bytes:
        try:
            return orjson.dumps(value)
        except TypeError as error:  # orjson's error for what JSON cannot hold
            raise CodecError(f"cannot be written as JSON: {error}") from error

    def decode(self, data: bytes) -> JsonValue:
        try:
            value: JsonValue = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise CodecError(f"not JSON: {error.msg}", where=where) from error
        if _LONG_NUMBER.search(data):
            return _exact(data)
        return value


def _exact(data: bytes) -> JsonValue:
    value: JsonValue = json.loads(data, parse_int=_whole, parse_constant=_constant)
    return value


def _whole(digits: str) -> int | str:
    number = int(digits) if len(digits) <= 20 else None  # noqa: PLR2004 -- 2**64 has 20 digits
    return number if number is not None and _LEAST <= number <= _MOST else digits


def _constant(name: str) -> NoReturn:
    raise CodecError(f"not JSON: {name} is no JSON number")
