"""Plain text, whole or line by line, in a declared encoding. What cannot be read is told, not replaced."""

from __future__ import annotations

import codecs
import unicodedata

from drawbar.codecs.codec import CodecError
from drawbar.kernel.values import JsonValue

LONGEST_COUNTED = 1000
"""Characters that a pattern may count: those that check one take no more than a few thousand."""


def find_encoding(name: str) -> str | None:
    """Python's own name of a text encoding, or None for one that does not exist."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    is_text = getattr(found, "_is_text_encoding", True)  # hex, zip and the like are not
    return found.name if is_text else None


def record_text(value: JsonValue) -> str:
    """A single value as the characters of a field. Raises CodecError for what a record cannot carry."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise CodecError("takes one text")
    text = str(value)
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        raise CodecError("holds a control character, which a record cannot carry")
    return text


class TextCodec:
    """One text."""

    media = "text/plain"

    def __init__(self, encoding: str = "utf-8") -> None:
        self.encoding = encoding

    def encode(self, value: JsonValue) -> bytes:
        if not isinstance(value, str):
            raise CodecError(f"{_kind(value)} where a text is needed")
        try:
            return value.encode(self.encoding)
        except UnicodeEncodeError as error:
            letter = value[error.start]
            raise CodecError(
                f"{letter!r} does not exist in {self.encoding}",
                where=f"character {error.start + 1}",
            ) from error

    def decode(self, data: bytes) -> str:
        try:
            return data.decode(self.encoding)
        except UnicodeDecodeError as error:
            raise CodecError(
                f"not {self.encoding}: {error.reason}", where=f"byte {error.start + 1}"
            ) from error


class LinesCodec:
    """A list of lines. LF and CRLF end a line; the last line may lack its end."""

    media = "text/plain"

    def __init__(self, encoding: str = "utf-8") -> None:
        self._text = TextCodec(encoding)

    def encode(self, value: JsonValue) -> bytes:
        if not isinstance(value, list):
            raise CodecError(f"{_kind(value)} where a list of lines is needed")
        lines = []
        for number, line in enumerate(value, 1):
            if not isinstance(line, str) or "\n" in line or line.endswith("\r"):
                raise CodecError("each line is a text without line breaks", where=f"line {number}")
            lines.append(line + "\n")
        return self._text.encode("".join(lines))

    def decode(self, data: bytes) -> JsonValue:
        lines = self._text.decode(data).split("\n")
        if lines[-1] == "":
            lines.pop()
        return [line.removesuffix("\r") for line in lines]


def _kind(value: JsonValue) -> str:
    names = {dict: "an object", list: "a list", bool: "a boolean", type(None): "nothing"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else "a text")
