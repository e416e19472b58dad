"""A PICTURE character string: what kind of data it describes, its digits and its point."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_COUNTED = re.compile(r"(CR|DB|[A-Z0-9+\-*/$.,])(?:\((\d+)\))?")
_NUMERIC = re.compile(r"S?(?:V?(P+)(9+)|(9+)(P+)V?|(9*)V?(9*))")
_EDITING = set("ZB0/,.*+-$") | {"CR", "DB"}
_LONGEST = 100_000
MOST_DIGITS = 38


@dataclass(frozen=True, slots=True)
class Picture:
    """`width` counts characters, a separate sign not among them. `scale` is negative after P."""

    kind: Literal["text", "number", "edited", "national"]
    width: int
    text: str
    digits: int = 0
    scale: int = 0
    signed: bool = False


def read_picture(text: str) -> Picture:
    """Raises ValueError that says in words what is wrong."""
    symbols = _symbols(text)
    letters = "".join(symbols)
    found = set(symbols)
    if found == {"N"}:
        return Picture("national", len(symbols), text)
    if found & {"N", "G", "U"}:
        raise ValueError("double-byte characters are not read; use X with the bytes")
    if found <= {"X", "A", "9"} and found & {"X", "A"}:
        return Picture("text", len(symbols), text)
    match = _NUMERIC.fullmatch(letters)
    if match is not None and "9" in letters:
        return _number(text, match, signed=letters.startswith("S"))
    if found <= _EDITING | {"9", "X", "A", "V", "P"} and found & _EDITING:
        width = sum(len(symbol) for symbol in symbols if symbol not in ("V", "P"))
        return Picture("edited", width, text)
    raise ValueError("this is no PICTURE")


def _symbols(text: str) -> list[str]:
    found: list[str] = []
    position = 0
    upper = text.upper()
    while position < len(upper):
        match = _COUNTED.match(upper, position)
        if match is None or match[2] == "0":
            raise ValueError("this is no PICTURE")
        count = int(match[2] or 1)
        if len(found) + count > _LONGEST:
            raise ValueError(f"a field is {_LONGEST} long at most")
        found += [match[1]] * count
        position = match.end()
    return found


def _number(text: str, match: re.Match[str], *, signed: bool) -> Picture:
    small, behind, large, after, whole, part = (group or "" for group in match.groups())
    digits = len(behind or large or whole + part)
    if digits > MOST_DIGITS:
        raise ValueError(f"a number has {MOST_DIGITS} digits at most")
    scale = len(small) + digits if small else len(part) - len(after)
    return Picture("number", digits, text, digits, scale, signed)
