r"""Regular expressions of XML Schema, rewritten for JSON Schema.

They differ where it hurts: XSD patterns match the whole text, `^` and `$` are letters there, `\i` and `\c`
stand for XML names, a class can subtract another (`[a-z-[aeiou]]`), and Unicode blocks have names.
"""

from __future__ import annotations

import re

import jsonschema_rs

_NAME_START = r"\p{L}_:"
_NAME = r"\p{L}\p{Nd}\p{M}_:.\-\u00B7"
_CLASSES = {
    "i": f"[{_NAME_START}]",
    "I": f"[^{_NAME_START}]",
    "c": f"[{_NAME}]",
    "C": f"[^{_NAME}]",
}
_INSIDE = {"i": _NAME_START, "c": _NAME}
_BLOCKS = {
    "IsBasicLatin": r"\x00-\x7F",
    "IsLatin-1Supplement": r"\u0080-\u00FF",
    "IsLatinExtended-A": r"\u0100-\u017F",
    "IsGreek": r"\u0370-\u03FF",
    "IsCyrillic": r"\u0400-\u04FF",
}
_PROPERTY = re.compile(r"\\([pP])\{([^}]*)\}")


class _Untranslatable(ValueError):
    pass


def translate(pattern: str) -> str | None:
    """The same expression for JSON Schema, anchored; None where it cannot be written or does not compile."""
    try:
        translated = f"^(?:{_Translation(pattern).whole()})$"
        jsonschema_rs.validator_for({"pattern": translated})
    except (_Untranslatable, jsonschema_rs.ValidationError, ValueError):
        return None
    return translated


class _Translation:
    """One pass over a pattern; `at` is the position of the next character."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def whole(self) -> str:
        out = []
        while self._at < len(self._pattern):
            char = self._pattern[self._at]
            if char == "[":
                out.append(self._class())
            elif char == "\\":
                out.append(self._escape(inside=False))
            elif char in "^$":
                out.append("\\" + char)
                self._at += 1
            elif char == ".":
                out.append(r"[^\n\r]")
                self._at += 1
            else:
                out.append(char)
                self._at += 1
        return "".join(out)

    def _class(self) -> str:
        """A class in brackets, with what it subtracts already taken out."""
        self._at += 1
        out = ["["]
        subtracted = ""
        if self._peek() == "^":
            out.append("^")
            self._at += 1
        while (char := self._peek()) != "]":
            if char == "\\":
                out.append(self._escape(inside=True))
            elif self._pattern.startswith("-[", self._at):
                self._at += 1
                subtracted = self._class()
            elif char == "[":
                out.append(r"\[")
                self._at += 1
            elif char in "&~^":
                out.append("\\" + char)  # some engines read && and ~~ as set operators
                self._at += 1
            else:
                out.append(char)
                self._at += 1
        self._at += 1
        written = "".join(out) + "]"
        return _without(written, subtracted) if subtracted else written

    def _escape(self, *, inside: bool) -> str:
        following = self._pattern[self._at + 1 : self._at + 2]
        if following in {"p", "P"}:
            return self._property(inside=inside)
        if following in _CLASSES:
            self._at += 2
            if not inside:
                return _CLASSES[following]
            if following not in _INSIDE:
                raise _Untranslatable(self._pattern)
            return _INSIDE[following]
        if not following:
            raise _Untranslatable(self._pattern)
        self._at += 2
        return "\\" + following

    def _property(self, *, inside: bool) -> str:
        match = _PROPERTY.match(self._pattern, self._at)
        if match is None:
            raise _Untranslatable(self._pattern)
        self._at = match.end()
        negated, name = match[1] == "P", match[2]
        if not name.startswith("Is"):
            return match[0]
        block = _BLOCKS.get(name)
        if block is None or (inside and negated):
            raise _Untranslatable(self._pattern)
        if inside:
            return block
        return f"[^{block}]" if negated else f"[{block}]"

    def _peek(self) -> str:
        if self._at >= len(self._pattern):
            raise _Untranslatable(self._pattern)
        return self._pattern[self._at]


def _without(written: str, subtracted: str) -> str:
    """One class less another: as a class where both are plain, else with a negative look-ahead."""
    whole, less = _ranges(written), _ranges(subtracted)
    if whole is None or less is None:
        return f"(?:(?!{subtracted}){written})"
    left = sorted(
        {code for low, high in whole for code in range(low, high + 1)}
        - {code for low, high in less for code in range(low, high + 1)}
    )
    if not left:
        raise _Untranslatable(written)
    runs: list[list[int]] = []
    for code in left:
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return f"[{''.join(_run(low, high) for low, high in runs)}]"


_LARGEST_CLASS = 5_000
"""Characters of a class that are counted one by one."""


def _ranges(written: str) -> list[tuple[int, int]] | None:
    """The ranges of a class without escapes and negation; None for any other."""
    body = written[1:-1]
    if "\\" in body or body.startswith("^") or not body:
        return None
    found = []
    at = 0
    while at < len(body):
        last = body[at + 2] if body[at + 1 : at + 2] == "-" and at + 2 < len(body) else body[at]
        found.append((ord(body[at]), ord(last)))
        at += 3 if last != body[at] or body[at + 1 : at + 2] == "-" else 1
    return found if sum(high - low for low, high in found) < _LARGEST_CLASS else None


def _run(low: int, high: int) -> str:
    first, last = re.escape(chr(low)), re.escape(chr(high))
    return first if low == high else f"{first}-{last}"
