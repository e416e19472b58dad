"""Random values that fit a JSON Schema, for round trips: dense (every optional part present) or sparse."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from re import _parser as sre  # type: ignore[attr-defined]  # the only parser of patterns there is
from typing import Any

from drawbar.kernel.files import FILE_ID

_FORMATS = {
    "date": "20##-1#-1#",
    "date-time": "20##-1#-1#T1#:##:##Z",
    "time": "1#:##:##Z",
    "duration": "P#D",
    "email": "name#@example.com",
    "uuid": "########-####-4###-a###-############",
    "ipv4": "1#.#.1##.#",
    "ipv6": "2##1::1#",
    "uri": "http://example.com/##",
    "uri-reference": "/a/##",
    "hostname": "host#.example.com",
    "json-pointer": "/a/#",
    "regex": "a#",
}
"""A value of each, where `#` is a digit to be drawn."""
_UNICODE = {r"\p{L}": "A-Za-z", r"\p{Nd}": "0-9", r"\p{M}": "", r"\p{Lu}": "A-Z", r"\p{Ll}": "a-z"}
_CATEGORIES = {"L": "A-Za-z", "N": "0-9", "Z": " ", "P": ".", "S": "+"}


def _plain(pattern: str) -> str:
    """The pattern as Python's own engine reads it, over ASCII; without ids of files, which only the core knows."""
    pattern = pattern.replace(f"|{FILE_ID}", "")
    for name, plain in _UNICODE.items():
        pattern = pattern.replace(name, plain if "[" in pattern else f"[{plain}]")
    return re.sub(r"\\p\{([^}]*)\}", lambda found: _CATEGORIES.get(found[1][0], ""), pattern)


def _any_of(said: str) -> str:
    """An element of the namespace that a description asks for."""
    if "other than" in said:
        return '<any xmlns="urn:another"/>'
    named = re.search(r"of the namespace (\S+?)(?: or|\.$)", said)
    return f'<any xmlns="{named[1]}"/>' if named and named[1] != "none" else "<any/>"


class Instances:
    """Values of one schema; the same seed gives the same values."""

    def __init__(self, schema: dict[str, Any], seed: int, *, dense: float = 0.7) -> None:
        self._defs = schema.get("$defs", {})
        self._schema = schema
        self._random = random.Random(seed)
        self._dense = dense
        self._stretch = 0

    def make(self) -> Any:
        return self._value(self._schema, 0)

    def _value(self, schema: dict[str, Any], depth: int) -> Any:
        if "$ref" in schema:
            return self._value(self._defs[schema["$ref"].removeprefix("#/$defs/")], depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        if "anyOf" in schema or "oneOf" in schema:
            options = schema.get("anyOf") or schema["oneOf"]
            if depth > 6:
                options = sorted(options, key=lambda each: ("$ref" in str(each), len(str(each))))[
                    :1
                ]
            return self._value(self._random.choice(options), depth + 1)
        kind = schema.get("type", "string" if "pattern" in schema else ["string", "integer"])
        if isinstance(kind, list):
            kind = self._random.choice(kind)
        return getattr(self, f"_{kind}")(schema, depth)

    def _null(self, schema: dict[str, Any], depth: int) -> None:
        return None

    def _boolean(self, schema: dict[str, Any], depth: int) -> bool:
        return self._random.random() < 0.5

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        chance = self._dense if depth < 6 else 0.0
        made = {
            name: self._value(part, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if name in schema.get("required", ()) or self._random.random() < chance
        }
        more = schema.get("additionalProperties", False)
        least = schema.get("minProperties", 0)
        for name in list(made)[::-1]:
            if len(made) > schema.get("maxProperties", len(made)) and name not in schema.get(
                "required", ()
            ):
                del made[name]
        if more is not False and (depth < 6 or len(made) < least):
            for count in range(max(least - len(made), int(self._random.random() < chance))):
                made[f"key{count}"] = self._value(more if isinstance(more, dict) else {}, depth + 1)
        for name, part in schema.get("properties", {}).items():
            if len(made) < least and name not in made:
                made[name] = self._value(part, depth + 1)
        return made

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", least + 3)
        count = least if depth > 6 else self._random.randint(least, min(most, least + 3))
        items = [self._value(schema.get("items", {}), depth + 1) for _ in range(count)]
        if not schema.get("uniqueItems"):
            return items
        distinct = [each for index, each in enumerate(items) if each not in items[:index]]
        for _ in range(20 * (len(distinct) < least)):
            extra = self._value(schema.get("items", {}), depth + 1)
            if len(distinct) < least and extra not in distinct:
                distinct.append(extra)
        return distinct

    def _integer(self, schema: dict[str, Any], depth: int) -> int:
        low = schema.get("minimum", schema.get("exclusiveMinimum", -1001) + 1)
        high = schema.get("maximum", schema.get("exclusiveMaximum", max(low, 0) + 1001) - 1)
        low = min(low, high) if "minimum" not in schema else low
        low, high = math.ceil(max(low, -(10**15))), math.floor(min(high, 10**15))
        number = self._random.randint(low, max(low, high))
        step = schema.get("multipleOf", 1)
        return math.ceil(number / step) * step if isinstance(step, int) and step > 1 else number

    def _number(self, schema: dict[str, Any], depth: int) -> float:
        step = schema.get("multipleOf", 0.5)
        low = schema.get("minimum", schema.get("exclusiveMinimum", -100) + step)
        high = schema.get("maximum", schema.get("exclusiveMaximum", max(low, 0) + 1000) - step)
        low = min(low, high) if "minimum" not in schema else low
        digits = len(f"{step:.12f}".rstrip("0").partition(".")[2])
        number = round(round(self._random.uniform(low, high) / step) * step, digits)
        return float(min(max(number, low), high))

    def _string(self, schema: dict[str, Any], depth: int) -> str:
        if (form := schema.get("format")) in _FORMATS:
            return re.sub("#", lambda _: str(self._random.randint(1, 2)), _FORMATS[form])
        if pattern := schema.get("pattern"):
            for attempt in range(200):
                self._stretch = attempt // 4
                text = self._matching(pattern)
                text += "q" * int((schema.get("minLength", 0) - len(text)) * (attempt % 2))
                if (
                    re.match(_plain(pattern), text)
                    and "-02-29" not in text
                    and schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", 10**6)
                ):
                    return text
            return str(text)
        if (said := schema.get("description", "")).startswith("One XML element"):
            return _any_of(said)
        if "Base64" in schema.get("description", ""):
            return "QUJD"
        least = schema.get("minLength", 0)
        most = min(schema.get("maxLength", least + 8), least + 8)
        count = self._random.randint(max(least, min(1, most)), most)
        return "".join(
            self._random.choice("abc XYZ<&>\"'é") if 0 < i < count - 1 else "q"
            for i in range(count)
        )

    def _matching(self, pattern: str) -> str:
        return self._walk(sre.parse(_plain(pattern), re.ASCII))

    def _walk(self, parsed: Any) -> str:
        return "".join(self._piece(str(op), value) for op, value in parsed)

    def _piece(self, op: str, value: Any) -> str:
        if op in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            low, high, inner = value
            count = self._random.randint(int(low), min(int(high), int(low) + 4 + self._stretch))
            return "".join(self._walk(inner) for _ in range(count))
        kinds: dict[str, Callable[[], str]] = {
            "LITERAL": lambda: chr(value),
            "NOT_LITERAL": lambda: "z" if value != ord("z") else "y",
            "ANY": lambda: "a",
            "IN": lambda: self._one_of(value),
            "BRANCH": lambda: self._walk(self._random.choice(value[1])),
            "SUBPATTERN": lambda: self._walk(value[3]),
        }
        return kinds[op]() if op in kinds else ""

    def _one_of(self, parts: Any) -> str:
        if str(parts[0][0]) == "NEGATE":
            banned = set()
            for op, value in parts[1:]:
                banned |= set(self._chars(str(op), value))
            return next(char for char in "aA1 -_.z9Z" if char not in banned)
        return self._random.choice([c for op, value in parts for c in self._chars(str(op), value)])

    @staticmethod
    def _chars(op: str, value: Any) -> list[str]:
        if op == "LITERAL":
            return [chr(value)]
        if op == "RANGE":
            return [chr(code) for code in range(max(value[0], 32), min(value[1], 126) + 1)] or [
                chr(value[0])
            ]
        return {
            "CATEGORY_NOT_LINEBREAK": ["a"],
            "CATEGORY_DIGIT": list("0123456789"),
            "CATEGORY_WORD": list("abcXYZ019_"),
            "CATEGORY_SPACE": [" "],
            "CATEGORY_NOT_SPACE": list("abc1"),
            "CATEGORY_NOT_DIGIT": list("abc"),
            "CATEGORY_NOT_WORD": list("-./"),
        }[str(value)]
