"""What never leaves: secrets of the settings and adapters, fields an author masks, hidden characters.

Text of a backend is data. Control and bidirectional characters in it are shown as escapes, so that what
a person or a model reads is what is there (Unicode TR 36, "Trojan Source").
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import orjson

from drawbar.kernel.values import JsonValue

MASK = "***"
_SHORTEST = 4
"""Shorter secrets are not searched for: they would mask innocent text and reveal themselves by it."""

_HIDDEN = re.compile(
    "[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_TAGS = re.compile("[\U000e0000-\U000e007f]")


class Redactor:
    """Masks known secret texts wherever they appear."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({text for text in secrets if len(text) >= _SHORTEST}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, known))) if known else None
        self._in_json = re.compile(b"|".join(map(_escaped, known)))

    def text(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text

    def value(self, value: JsonValue) -> JsonValue:
        """The same value with secrets masked in every text, keys included."""
        if self._pattern is None or not self._may_hold_secrets(value):
            return value
        return self._masked(value)

    def _may_hold_secrets(self, value: JsonValue) -> bool:
        """One look at all of it as JSON, which costs less than a look at each of its texts."""
        try:
            return self._in_json.search(orjson.dumps(value)) is not None
        except TypeError:  # what JSON has no form for, such as half of a character
            return True

    def _masked(self, value: JsonValue) -> JsonValue:
        match value:
            case str():
                return self.text(value)
            case list():
                return [self._masked(item) for item in value]
            case dict():
                return {self.text(key): self._masked(item) for key, item in value.items()}
            case _:
                return value


def _escaped(secret: str) -> bytes:
    """A pattern for it inside of a JSON text."""
    return re.escape(orjson.dumps(secret.encode(errors="replace").decode())[1:-1])


def mask_fields(value: JsonValue, names: frozenset[str]) -> JsonValue:
    """Mask what stands under any of these names, at any depth; a null stays a null."""
    match value:
        case list():
            return [mask_fields(item, names) for item in value]
        case dict():
            return {
                key: (MASK if item is not None else None)
                if key in names
                else mask_fields(item, names)
                for key, item in value.items()
            }
        case _:
            return value


def escape_hidden(json_text: str) -> str:
    """JSON text in which characters that cannot be seen are JSON escapes."""
    text = _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", json_text)
    return _TAGS.sub(_surrogates, text)


def _surrogates(match: re.Match[str]) -> str:
    offset = ord(match[0]) - 0x10000
    return f"\\u{0xD800 + (offset >> 10):04x}\\u{0xDC00 + (offset & 0x3FF):04x}"
