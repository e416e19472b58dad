"""The types that XML Schema brings along: their JSON Schema, and their texts on the wire.

Numbers keep their digits: a decimal is written from its shortest JSON form, never in exponents, and is
read into a float only where the float prints the same digits again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from drawbar.compiler.files import or_file
from drawbar.kernel.values import JsonObject, JsonValue

_ZONE = r"(Z|[+-](0\d|1[0-3]):[0-5]\d)?"
_DAY = r"\d{4}-((0[1-9]|1[0-2])-(0[1-9]|[12]\d)|(0[13-9]|1[0-2])-30|(0[13578]|1[02])-31)"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?"
# Written without look-ahead, which the strict modes of models do not take.
_DAYS = r"(\d+Y(\d+M)?(\d+D)?|\d+M(\d+D)?|\d+D)"
_SECONDS = r"\d+(\.\d+)?S"
_HOURS = rf"T(\d+H(\d+M)?({_SECONDS})?|\d+M({_SECONDS})?|{_SECONDS})"
_64 = "[A-Za-z0-9+/]"
_NC_NAME = r"[\p{L}_][\p{L}\p{Nd}\p{M}_.\-]*"


def _text(pattern: str | None = None, **more: JsonValue) -> JsonObject:
    return {"type": "string", **({"pattern": f"^{pattern}$"} if pattern else {}), **more}


def _bytes(pattern: str) -> JsonObject:
    return {"type": "string", "pattern": or_file(f"^{pattern}$")}


def _whole(minimum: int | None = None, maximum: int | None = None) -> JsonObject:
    bounds = {"minimum": minimum, "maximum": maximum}
    return {"type": "integer"} | {
        name: value for name, value in bounds.items() if value is not None
    }


def _signed(bits: int) -> JsonObject:
    return _whole(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


SCHEMAS: Mapping[str, JsonObject] = {
    "string": _text(),
    "normalizedString": _text(),
    "token": _text(),
    "anySimpleType": _text(),
    "anyAtomicType": _text(),
    "anyType": _text(),
    "anyURI": _text(),
    "QName": _text(rf"(\{{[^{{}}]*\}})?{_NC_NAME}"),
    "NOTATION": _text(),
    "language": _text(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*"),
    "Name": _text(r"[\p{L}_:][\p{L}\p{Nd}\p{M}_:.\-]*"),
    "NCName": _text(_NC_NAME),
    "ID": _text(_NC_NAME),
    "IDREF": _text(_NC_NAME),
    "ENTITY": _text(_NC_NAME),
    "NMTOKEN": _text(r"[\p{L}\p{Nd}\p{M}_:.\-]+"),
    "boolean": {"type": "boolean"},
    "decimal": {"type": "number"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "integer": _whole(),
    "nonNegativeInteger": _whole(0),
    "positiveInteger": _whole(1),
    "nonPositiveInteger": _whole(None, 0),
    "negativeInteger": _whole(None, -1),
    "long": _signed(64),
    "int": _signed(32),
    "short": _signed(16),
    "byte": _signed(8),
    "unsignedLong": _whole(0, 2**64 - 1),
    "unsignedInt": _whole(0, 2**32 - 1),
    "unsignedShort": _whole(0, 2**16 - 1),
    "unsignedByte": _whole(0, 255),
    # XML's date-time and time may lack their zone, which JSON Schema's formats demand.
    "dateTime": _text(f"{_DAY}T{_CLOCK}{_ZONE}"),
    "dateTimeStamp": _text(f"{_DAY}T{_CLOCK}{_ZONE[:-1]}"),
    "time": _text(f"{_CLOCK}{_ZONE}"),
    "date": _text(format="date"),
    "duration": _text(f"-?P({_DAYS}({_HOURS})?|{_HOURS})"),
    "gYear": _text(rf"\d{{4}}{_ZONE}"),
    "gYearMonth": _text(rf"\d{{4}}-(0[1-9]|1[0-2]){_ZONE}"),
    "gMonth": _text(rf"--(0[1-9]|1[0-2]){_ZONE}"),
    "gMonthDay": _text(rf"--(0[1-9]|1[0-2])-(0[1-9]|[12]\d){_ZONE}"),
    "gDay": _text(rf"---(0[1-9]|[12]\d|3[01]){_ZONE}"),
    "base64Binary": _bytes(f"({_64}{{4}})*({_64}[AQgw]==|{_64}{{2}}[AEIMQUYcgkosw048]=)?"),
    "hexBinary": _bytes("([0-9a-fA-F]{2})*"),
}
LISTS: Mapping[str, str] = {"NMTOKENS": "NMTOKEN", "IDREFS": "IDREF", "ENTITIES": "ENTITY"}

HINTS: Mapping[str, str] = {
    "dateTime": "Such as 2026-01-31T09:30:00; a zone (Z, +01:00) may follow.",
    "time": "Such as 09:30:00.",
    "duration": "Such as P1DT2H.",
    "base64Binary": "Base64, or the id of a file.",
    "hexBinary": "Hexadecimal, or the id of a file.",
    "gYear": "Such as 2026.",
    "gYearMonth": "Such as 2026-01.",
    "gMonthDay": "Such as --01-31.",
    "gDay": "Such as ---31.",
    "gMonth": "Such as --01.",
    "QName": "Such as {urn:example}name.",
    "ID": "No other ID of the message may be the same.",
    "IDREF": "An ID of the message.",
}
"""Said in the description where the schema alone would leave a reader guessing."""

INTEGERS = frozenset(name for name, schema in SCHEMAS.items() if schema["type"] == "integer")
FLOATS = frozenset({"float", "double"})
AS_WRITTEN = frozenset({"string", "anySimpleType", "anyAtomicType", "anyType"})
"""Types whose blanks are content; in all others blanks around the text are not part of it."""


_TRUTHS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
_SHORT = 19
"""Digits that an integer of 64 bits always holds; most numbers are shorter, and need no decimal to be read."""


class WrongText(ValueError):
    """A value that its type does not know; the message says what it should look like."""


def to_text(base: str, value: JsonValue) -> str:
    """A JSON value as its type writes it. Raises WrongText."""
    if base == "boolean":
        if not isinstance(value, bool):
            raise WrongText(f"{value!r} is neither true nor false")
        return "true" if value else "false"
    if base in INTEGERS or base == "decimal":
        return _digits(value, whole=base in INTEGERS)
    if base in FLOATS:
        return _floating(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _digits(value, whole=False)
    if not isinstance(value, str):
        raise WrongText(f"{value!r} is no text")
    return value


def from_text(base: str, text: str) -> JsonValue:
    """What a text of a reply means; a text its type does not know stays a text, so nothing is lost."""
    if base in AS_WRITTEN or base == "normalizedString":
        return text
    text = " ".join(text.split())
    if base == "boolean":
        return _TRUTHS.get(text, text)
    if base in INTEGERS or base == "decimal":
        return _number(text)
    return _float(text) if base in FLOATS else text


def is_read(base: str, text: str) -> bool:
    """Whether a text that a reading left a text is one of its type: digits that no float keeps, a date, ..."""
    if base in AS_WRITTEN:
        return True
    if base == "boolean":
        return False
    if base in FLOATS:
        return text in {"INF", "-INF", "NaN"}
    if base in INTEGERS or base == "decimal":
        return _PLAIN_NUMBER.fullmatch(text) is not None and (base == "decimal" or "." not in text)
    known = _LEXICAL.get(base)
    return known is None or known.fullmatch(text) is not None


_PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_LEXICAL = {
    "dateTime": re.compile(f"-?{_DAY}T{_CLOCK}{_ZONE}"),
    "date": re.compile(f"-?{_DAY}{_ZONE}"),
    "time": re.compile(f"{_CLOCK}{_ZONE}"),
}
"""Texts of types that JSON has none for, and that readers compute with."""


def _float(text: str) -> JsonValue:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _number(text: str) -> JsonValue:
    """An int or float where it keeps every digit of the value, else the text."""
    if len(text) < _SHORT and text.isdigit() and text.isascii():
        return int(text)
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return text
    if not exact.is_finite():
        return text
    if exact == exact.to_integral_value() and "." not in text:
        return int(exact)
    number = float(exact)
    return number if Decimal(repr(number)) == exact else text


def _digits(value: JsonValue, *, whole: bool) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise WrongText(f"{value!r} is no number")
    try:
        exact = Decimal(value if isinstance(value, str) else repr(value))
    except InvalidOperation:
        raise WrongText(f"{value!r} is no number") from None
    if not exact.is_finite() or (whole and exact != exact.to_integral_value()):
        raise WrongText(f"{value!r} is no {'whole ' if whole else ''}number")
    return f"{exact.to_integral_value() if whole else exact:f}"


def _floating(value: JsonValue) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongText(f"{value!r} is no number")
    return repr(value)
