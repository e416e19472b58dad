"""One parameter of a function as the rules see it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from drawbar.kernel.values import JsonObject
from drawbar.llm.words import term_of, terms_of, words_of

FROM = frozenset(("from", "first", "start", "begin", "since", "after", "source", "between", "von"))
TO = frozenset(
    ("to", "last", "end", "until", "till", "before", "by", "destination", "and", "bis", "nach")
)


@dataclass(frozen=True, slots=True)
class Slot:
    """One parameter: its schema without the alternative `null`, and the words that speak of it."""

    name: str
    schema: JsonObject
    required: bool

    @property
    def type(self) -> str:
        return str(self.schema.get("type", "string"))

    @property
    def name_terms(self) -> frozenset[str]:
        return frozenset(term_of(word.text) for word in words_of(self.name))

    @property
    def terms(self) -> frozenset[str]:
        return self.name_terms | frozenset(terms_of(str(self.schema.get("description", ""))))

    @property
    def direction(self) -> Collection[str]:
        """Words that stand before its value when it is one end of something, by its own name."""
        words = {word.text.lower() for word in words_of(self.name)}
        if words & FROM:
            return FROM
        return TO if words & TO else ()


def slots_of(parameters: JsonObject) -> list[Slot]:
    """The parameters of a function, in their order. One that may be null is optional."""
    properties = parameters.get("properties")
    required = parameters.get("required")
    names = required if isinstance(required, list) else []
    slots = []
    for name, schema in (properties if isinstance(properties, dict) else {}).items():
        if isinstance(schema, dict):
            plain = _without_null(schema)
            slots.append(Slot(name, plain, name in names and plain is schema))
    return slots


def is_free_text(schema: JsonObject) -> bool:
    """Whether any text will do as far as the schema can say."""
    pattern = schema.get("pattern")
    return (
        schema.get("type", "string") == "string"
        and "enum" not in schema
        and "format" not in schema
        and (not isinstance(pattern, str) or is_loose(pattern))
    )


@lru_cache(maxsize=1000)
def is_loose(pattern: str) -> bool:
    """Whether a pattern lets any words through, so that matching it proves nothing."""
    try:
        return any(
            re.fullmatch(pattern.strip("^$"), text) for text in ("word", "two words", "Word")
        )
    except re.error:  # of another dialect of regular expressions
        return True


def _without_null(schema: JsonObject) -> JsonObject:
    """A schema that allows null, without that; the same object when it does not."""
    kind = schema.get("type")
    if isinstance(kind, list) and "null" in kind:
        left = [each for each in kind if each != "null"]
        values = schema.get("enum")
        plain: JsonObject = {**schema, "type": left[0] if left else "string"}
        if isinstance(values, list):
            plain["enum"] = [value for value in values if value is not None]
        return plain
    for word in ("anyOf", "oneOf"):
        if isinstance(choices := schema.get(word), list):
            left = [each for each in choices if each != {"type": "null"}]
            if len(left) == 1 and isinstance(left[0], dict):
                outer = {key: value for key, value in schema.items() if key != word}
                return {**left[0], **outer}
    return schema
