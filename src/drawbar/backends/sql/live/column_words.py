"""What a column says of the values in it, as the words of a parameter and as a description."""

from __future__ import annotations

from drawbar.backends.sql.live.catalog import Column, Value
from drawbar.backends.sql.live.constraints import FOLLOWS, PRECEDES


def words_of(column: Column, *, stored: bool) -> dict[str, Value | list[Value]]:
    """Type and constraints; `stored`: with those of the type that only hold for what is stored. Empty: it has no type."""
    words: dict[str, Value | list[Value]] = dict(column.type.words or {})
    is_integer = words.get("type") == "integer"
    more = column.type.stored or {} if stored else {}
    for word, value in (*more.items(), *column.limits.items()):
        if word not in {FOLLOWS, PRECEDES}:
            _tighten(words, word, value)
        elif is_integer and isinstance(value, int):
            bound = ("minimum", value + 1) if word == FOLLOWS else ("maximum", value - 1)
            _tighten(words, *bound)
    if "type" not in words:
        return {}
    return {word: words[word] for word in ("type", "enum")} if "enum" in words else words


def _tighten(words: dict[str, Value | list[Value]], word: str, value: Value | list[Value]) -> None:
    """Of two bounds the one that leaves less."""
    known = words.get(word)
    if isinstance(known, (int, float)) and isinstance(value, (int, float)):
        value = max(known, value) if word == "minimum" else min(known, value)
    words[word] = value


def sentence(*parts: str) -> str:
    """Each with its full stop."""
    texts = [" ".join(part.split()).rstrip(".") for part in parts]
    return " ".join(f"{text}." for text in texts if text)
