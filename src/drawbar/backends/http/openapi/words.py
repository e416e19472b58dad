"""What a schema says to people, as a model reads it: short, on one line, without markup."""

from __future__ import annotations

import re

import jsonschema_rs
import orjson

from drawbar.kernel.values import JsonObject, JsonValue

LONGEST = 300
"""Characters of a description; every run pays for them."""
LONGEST_FUNCTION = 900
_SHORT = 60
"""Characters of a default or example that is shown."""
_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^<>]{0,200}>", re.DOTALL)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_ENFORCED_ALWAYS = frozenset({"date", "date-time", "email", "hostname", "ipv4", "ipv6", "uuid"})
_ENFORCED = _ENFORCED_ALWAYS | {"uri", "uri-reference", "time", "duration", "json-pointer", "regex"}
"""Formats by which arguments are checked; those of JSON Schema's own only where the document speaks that dialect."""
_TOLD_BY_TYPE = frozenset(
    {
        *("int32", "int64", "float", "double", "string", "integer", "number", "boolean", "enum"),
        *("int", "long", "decimal", "uint32", "uint64", "int16", "int8", "uint8", "uint16"),
    }
)
_TEXTS = {
    "byte": "Base64.",
    "base64": "Base64.",
    "base64url": "Base64 for URLs.",
    "binary": "",
    "password": "",
}


def clip(text: str, length: int = LONGEST) -> str:
    """On one line, without markup, and no longer than `length`, cut between words."""
    words = " ".join(_LINK.sub(r"\1", _TAG.sub(" ", text[: length * 8])).split())
    if len(words) <= length:
        return words
    cut = words[: length - 3]
    sentence = cut.rfind(". ")
    if sentence > length // 2:
        return cut[: sentence + 1]
    return cut.rsplit(" ", 1)[0] + "..."


def description_of(schema: JsonObject, *said: str) -> str:
    """The schema's own words, what it says that is not enforced, and `said`."""
    text = schema.get("description") or schema.get("title")
    parts = [clip(text)] if isinstance(text, str) and text.strip() else []
    if parts and parts[0][-1:] not in ".!?:;":
        parts[0] += "."
    default = schema.get("default")
    if default is not None and default != "" and len(shown := _json(default)) <= _SHORT:
        parts.append(f"Default: {shown}.")
    parts.extend(text for text in said if text)
    return " ".join(parts)


def format_of(schema: JsonObject, *, modern: bool) -> tuple[str | None, str]:
    """The format that is enforced, else what is said of it."""
    name = schema.get("format")
    if not isinstance(name, str) or not name or name in _TOLD_BY_TYPE:
        return None, ""
    if name in (_ENFORCED if modern else _ENFORCED_ALWAYS):
        return name, ""
    return None, _TEXTS[name] if name in _TEXTS else f"Format: {clip(name, 40)}."


def pattern_of(schema: JsonObject) -> tuple[str | None, str]:
    """The pattern that is enforced, else what is said of it."""
    pattern = schema.get("pattern")
    if not isinstance(pattern, str) or not pattern:
        return None, ""
    if len(pattern) > 2 and pattern[0] == "/" and pattern[-1] == "/" and "^" in pattern[:3]:  # noqa: PLR2004 -- both slashes
        pattern = pattern[1:-1]  # written as JavaScript quotes it
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except ValueError:
        return None, f"Has to match {clip(pattern, 80)}"
    return pattern, ""


def example_of(schema: JsonObject, kind: type | tuple[type, ...]) -> JsonValue:
    """A short value as they really look; None where there is none."""
    found = schema.get("example")
    listed = schema.get("examples")
    if found is None and isinstance(listed, list) and listed:
        found = listed[0]
    fits = isinstance(found, kind) and not (isinstance(found, bool) and kind is not bool)
    return found if fits and len(_json(found)) <= _SHORT else None


def _json(value: JsonValue) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # an integer above 64 bits
        return str(value)
