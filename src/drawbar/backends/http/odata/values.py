"""Values as each EDM type wants them: in URLs (literals), in JSON bodies, and as they come back.

Sources: OData 2.0 "Overview", section 6 (primitive types and their literals) and "JSON format"; OData 4.01 ABNF
(`primitiveLiteral`) and "JSON Format", section 7.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from collections.abc import Callable, Mapping

import orjson

from drawbar.backends.http.odata.metadata import Metadata, Type, Version
from drawbar.backends.http.openapi.words import clip
from drawbar.backends.http.request.bodies import WrongContent
from drawbar.kernel.values import JsonObject, JsonValue

_BITS = {"Byte": (0, 255), "SByte": (-128, 127)} | {
    f"Int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (16, 32, 64)
}
_MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,7})?)?$"
_PATTERNS: Mapping[str, JsonObject] = {
    "Decimal": {
        "pattern": r"^-?(0|[1-9]\d*)(\.\d+)?$",
        "description": "A decimal number, as text.",
    },
    "Guid": {"format": "uuid"},
    "Date": {"format": "date"},
    "DateTimeOffset": {"format": "date-time"},
    "DateTime": {"pattern": _MOMENT, "description": "Date and time without a zone."},
    "TimeOfDay": {"pattern": r"^\d\d:\d\d(:\d\d(\.\d{1,12})?)?$"},
    "Time": {"pattern": r"^PT(\d+H)?(\d+M)?(\d+(\.\d+)?S)?$", "description": "Such as PT9H30M."},
    "Duration": {"format": "duration"},
    "Binary": {"pattern": r"^[A-Za-z0-9+/]*={0,2}$", "description": "Base64."},
}
_BARE = re.compile(r"[\w.:+-]*")
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_TICKS = re.compile(r"/Date\((-?\d+)([+-]\d+)?\)/")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def schema_of(metadata: Metadata, kind: Type, description: str | None = None) -> JsonObject:
    """What a model may write; everything that cannot be encoded is left out."""
    schema = _written(metadata, kind, frozenset())
    if not description:
        return schema
    said = [clip(description)] + ([str(schema["description"])] if "description" in schema else [])
    ended = [text if text[-1:] in ".!?:" else f"{text}." for text in said]
    return {**schema, "description": " ".join(ended)}


def _written(metadata: Metadata, kind: Type, above: frozenset[str]) -> JsonObject:
    if kind.collection:
        return {"type": "array", "items": _written(metadata, Type(kind.name), above)}
    if kind.name in metadata.enumerations:
        return {"type": "string", "enum": list[JsonValue](metadata.enumerations[kind.name])}
    if (structure := metadata.structures.get(kind.name)) is not None:
        if kind.name in above:
            return {"type": "object", "properties": {}, "additionalProperties": False}
        parts = structure.properties
        return {
            "type": "object",
            "properties": {
                name: schema_of(metadata, each.type, each.description)
                if each.type.name not in metadata.structures
                else _written(metadata, each.type, above | {kind.name})
                for name, each in parts.items()
            },
            "required": [name for name, each in parts.items() if not each.type.nullable],
            "additionalProperties": False,
        }
    return _primitive(kind)


def _primitive(kind: Type) -> JsonObject:
    name = kind.name.removeprefix("Edm.")
    if name in _BITS:
        return {"type": "integer", "minimum": _BITS[name][0], "maximum": _BITS[name][1]}
    if name in ("Double", "Single"):
        return {"type": "number"}
    if name == "Boolean":
        return {"type": "boolean"}
    schema: JsonObject = {"type": "string", **_PATTERNS.get(name, {})}
    return schema | ({"maxLength": kind.max_length} if name == "String" and kind.max_length else {})


# -- literals in URLs ---------------------------------------------------------------------------------


def literal(metadata: Metadata, kind: Type) -> Callable[[JsonValue], str]:
    """How values of this type are written in a URL, before percent-encoding. What it gives raises WrongContent."""
    name = kind.name.removeprefix("Edm.")
    if kind.name in metadata.enumerations:
        return lambda value: f"{kind.name}'{value}'"
    table = _LITERALS[metadata.version]
    return table.get(name, _quoted if name == "String" else _bare)


def _plain(value: JsonValue) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _bare(value: JsonValue) -> str:
    """Without quotes, so nothing in it may have a meaning of its own."""
    text = _plain(value)
    if not _BARE.fullmatch(text):
        raise WrongContent(f"{text[:40]!r} holds more than a number, a date or a word")
    return text


def _quoted(value: JsonValue) -> str:
    return "'" + _plain(value).replace("'", "''") + "'"


def _called(prefix: str, write: Callable[[JsonValue], str] = _bare) -> Callable[[JsonValue], str]:
    return lambda value: f"{prefix}'{write(value)}'"


def _ended(suffix: str) -> Callable[[JsonValue], str]:
    return lambda value: _bare(value) + suffix


def _bytes(value: JsonValue) -> bytes:
    try:
        return base64.b64decode(_plain(value), validate=True)
    except (binascii.Error, ValueError):
        raise WrongContent("it is no Base64") from None


def _seconds(value: JsonValue) -> str:
    """v2 wants the seconds."""
    text = _bare(value)
    return f"{text}:00" if text.count(":") == 1 else text


_LITERALS: Mapping[Version, Mapping[str, Callable[[JsonValue], str]]] = {
    2: {
        "Int64": _ended("L"),
        "Decimal": _ended("M"),
        "Double": _ended("d"),
        "Single": _ended("f"),
        "Guid": _called("guid"),
        "DateTime": _called("datetime", _seconds),
        "DateTimeOffset": _called("datetimeoffset"),
        "Time": _called("time"),
        "Binary": lambda value: f"X'{_bytes(value).hex().upper()}'",
    },
    4: {
        "Duration": _called("duration"),
        "Binary": lambda value: f"binary'{base64.urlsafe_b64encode(_bytes(value)).decode()}'",
    },
}


# -- bodies -------------------------------------------------------------------------------------------


def in_body(metadata: Metadata, kind: Type, value: JsonValue) -> object:
    """As JSON of that version has it; for orjson, as an exact decimal is no JSON value of ours. Raises WrongContent."""
    if value is None:
        return None
    if kind.collection and isinstance(value, list):
        return [in_body(metadata, Type(kind.name), each) for each in value]
    structure = metadata.structures.get(kind.name)
    if structure is not None and isinstance(value, dict):
        return {
            name: in_body(metadata, structure.properties[name].type, each)
            for name, each in value.items()
        }
    name = kind.name.removeprefix("Edm.")
    if metadata.version == 4:  # noqa: PLR2004 -- the version
        return orjson.Fragment(_decimal(value)) if name == "Decimal" else value
    write = _BODIES_OF_V2.get(name)
    return value if write is None else write(_plain(value))


def _ticks(text: str) -> int:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise WrongContent("it is no date with a time") from None
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)


def _decimal(value: JsonValue) -> str:
    """As it was written: a float has too few digits for money."""
    text = _plain(value)
    if not _DECIMAL.fullmatch(text):
        raise WrongContent(f"{text[:40]!r} is no decimal number")
    return text


_BODIES_OF_V2: Mapping[str, Callable[[str], str]] = {
    "DateTime": lambda text: f"/Date({_ticks(f'{text}+00:00')})/",
    "DateTimeOffset": lambda text: f"/Date({_ticks(text)}+0000)/",
    **dict.fromkeys(("Decimal", "Int64", "Double", "Single"), str),
}


# -- answers ------------------------------------------------------------------------------------------


def told(value: JsonValue, version: Version) -> JsonValue:
    """What a model should read: without annotations and links, with moments as ISO 8601 has them."""
    if isinstance(value, list):
        return [told(each, version) for each in value]
    if isinstance(value, dict):
        results = value.get("results")
        if version == 2 and isinstance(results, list):  # noqa: PLR2004 -- the version
            return told(results, version)
        return {
            name: told(each, version) for name, each in value.items() if not _is_beside(name, each)
        }
    if version == 2 and isinstance(value, str) and (found := _TICKS.fullmatch(value)):  # noqa: PLR2004 -- the version
        return _moment(int(found[1]), found[2])
    return value


def _is_beside(name: str, value: JsonValue) -> bool:
    """Annotations of v4, metadata of v2, and links that nobody follows."""
    return (
        "@" in name or name == "__metadata" or (isinstance(value, dict) and "__deferred" in value)
    )


def _moment(ticks: int, offset: str | None) -> str:
    """Ticks are milliseconds in UTC, the offset minutes; a `DateTime` has none and no zone."""
    moment = _EPOCH + dt.timedelta(milliseconds=ticks)
    if offset is None:
        return moment.replace(tzinfo=None).isoformat()
    return moment.astimezone(dt.timezone(dt.timedelta(minutes=int(offset)))).isoformat()
