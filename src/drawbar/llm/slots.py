"""Values for the parameters of a function, from the words of a user and the parameters' schemas.

What can be recognised by its form comes first (patterns, words of a list, days, addresses), then
numbers, then names and free texts, each from what the others have left. Nothing is made up: a
parameter that no words stand for stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.llm.dates import DayFound
from drawbar.llm.free_text import find_beside, find_free_text
from drawbar.llm.sentence import Sentence, Span
from drawbar.llm.slot import TO, Slot, is_free_text, is_loose, slots_of
from drawbar.llm.words import term_of

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_TIME = re.compile(r"\b(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?\b")
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?\b")
_URL = re.compile(r"https?://[^\s\"<>]+")
_FORMATS = {
    "email": _EMAIL,
    "uuid": _UUID,
    "time": _TIME,
    "date-time": _MOMENT,
    "uri": _URL,
}
_NO = frozenset(("not", "no", "without", "never", "except", "kein", "keine", "nicht", "ohne"))
_FIRST_YEAR, _LAST_YEAR = 1900, 2199


@dataclass(slots=True)
class Filled:
    """Arguments that were found; `strong` ones were recognised by their form."""

    arguments: JsonObject = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    strong: list[str] = field(default_factory=list)


def fill(parameters: JsonObject, sentence: Sentence, vocabulary: Collection[str]) -> Filled:
    """`vocabulary`: terms of the function itself, which are no value of a free text."""
    filled = Filled()
    slots = slots_of(parameters)
    for step in (_by_form, _day, _number, _flag):
        for slot in slots:
            if slot.name not in filled.arguments:
                value = step(slot, sentence, slots)
                if value is not None:
                    filled.arguments[slot.name] = value
                    filled.strong.append(slot.name)
    for find in (find_beside, find_free_text):
        for slot in slots:
            if slot.name not in filled.arguments and is_free_text(slot.schema):
                text = find(slot, sentence, vocabulary)
                if text is not None:
                    filled.arguments[slot.name] = text
    found = filled.arguments
    filled.arguments = {slot.name: found[slot.name] for slot in slots if slot.name in found}
    filled.missing = [slot.name for slot in slots if slot.required and slot.name not in found]
    return filled


def _by_form(slot: Slot, sentence: Sentence, slots: list[Slot]) -> JsonValue:
    """What a pattern, a list of values or a format recognises; all of it for a list."""
    if slot.type == "array":
        items = slot.schema.get("items")
        if not isinstance(items, dict) or is_free_text(items):
            return None
        inner = Slot(slot.name, items, required=True)
        values: list[JsonValue] = []
        while (value := _by_form(inner, sentence, slots)) is not None:
            values.append(value)
        return values or None
    candidates = _candidates(slot, sentence)
    if not candidates:
        return None
    value, span = _preferred(slot, sentence, slots, candidates)
    if span is None:
        return None
    sentence.take(span.start, span.end)
    return value


def _preferred(
    slot: Slot, sentence: Sentence, slots: list[Slot], candidates: list[tuple[JsonValue, Span]]
) -> tuple[JsonValue, Span | None]:
    """The candidate after this slot's own preposition, else the first that no other slot's precedes."""
    others = {word for other in slots if other.name != slot.name for word in other.direction} - set(
        slot.direction
    )
    for value, span in candidates:
        if set(sentence.before(span.start)) & set(slot.direction):
            return value, span
    near = [
        (value, span)
        for value, span in candidates
        if not (others & set(sentence.before(span.start, 1)) and slot.direction)
        and not set(sentence.before(span.start, 1)) & {"in", "year", "since"} & _before_years(span)
    ]
    if not near or (slot.direction is TO and not slot.required):
        return None, None
    near.sort(key=lambda each: not set(_terms_before(sentence, each[1])) & slot.name_terms)
    return near[0]


def _before_years(span: Span) -> set[str]:
    """Words that make four digits a year, if the span is four digits."""
    return {"in", "year", "since"} if re.fullmatch(r"(19|20|21)\d\d", span.text) else set()


def _candidates(slot: Slot, sentence: Sentence) -> list[tuple[JsonValue, Span]]:
    schema = slot.schema
    if isinstance(values := schema.get("enum"), list):
        return _mentioned(values, sentence)
    if isinstance(pattern := schema.get("pattern"), str) and not is_loose(pattern):
        return _matching(slot, pattern, sentence)
    known = _FORMATS.get(str(schema.get("format", "")))
    if known is None and slot.type == "string" and {"email", "mail"} & slot.name_terms:
        known = _EMAIL
    if known is None:
        return []
    return [
        (match[0], Span(match[0], *match.span()))
        for match in known.finditer(sentence.text)
        if sentence.is_free(*match.span())
    ]


def _mentioned(values: list[JsonValue], sentence: Sentence) -> list[tuple[JsonValue, Span]]:
    """Values of a list that stand in the text; a hyphen or underline may be a blank there."""
    found: list[tuple[JsonValue, Span]] = []
    for value in values:
        if not isinstance(value, str) or not value:
            continue
        parts = [re.escape(part) for part in re.split(r"[\s_-]+", value)]
        pattern = r"(?<![\w-])" + r"[\s_-]+".join(parts) + r"(?:'?s)?(?![\w-])"
        found += [
            (value, Span(match[0], *match.span()))
            for match in re.finditer(pattern, sentence.text, re.IGNORECASE)
            if sentence.is_free(*match.span())
        ]
    return sorted(found, key=lambda each: (each[1].start, -len(each[1].text)))


def _matching(slot: Slot, pattern: str, sentence: Sentence) -> list[tuple[JsonValue, Span]]:
    """Texts of a pattern, also in small letters, or as the bare number after the parameter's word."""
    bare = re.sub(r"^\^|\$$", "", pattern)
    for text in (sentence.text, sentence.text.upper()):
        found = [
            (match[0], Span(match[0], *match.span()))
            for match in re.finditer(rf"(?<![\w-])(?:{bare})(?![\w-])", text)
            if sentence.is_free(*match.span())
        ]
        if found:
            days = sentence.days()
            return [
                (value, span)
                for value, span in found
                if all(span.end <= day.start or span.start >= day.end for day in days)
            ]
    prefix = re.match(r"(?:\^|\(\?:|\()*([A-Za-z]+[-_/ ]?)", pattern)
    if prefix is None:
        return []
    return [
        (prefix[1] + span.text, span)
        for _, span in sentence.numbers()
        if re.fullmatch(bare, prefix[1] + span.text)
        and set(_terms_before(sentence, span)) & slot.name_terms
    ]


def _terms_before(sentence: Sentence, span: Span) -> list[str]:
    return [term_of(word) for word in sentence.before(span.start)]


def _day(slot: Slot, sentence: Sentence, slots: list[Slot]) -> JsonValue:
    """A day; of two parameters the one whose preposition precedes it, else in their order."""
    if slot.schema.get("format") != "date":
        return None
    days = sentence.days()
    with_own = [day for day in days if set(sentence.before(day.start)) & set(slot.direction)]
    with_other = [
        day
        for day in days
        if any(
            set(sentence.before(day.start, 1)) & (set(other.direction) - set(slot.direction))
            for other in slots
            if other is not slot and other.schema.get("format") == "date"
        )
    ]
    free = [day for day in days if day not in with_other]
    chosen: DayFound | None = next(iter(with_own or free), None)
    if chosen is None:
        return None
    sentence.take(chosen.start, chosen.end)
    return chosen.day.isoformat()


def _number(slot: Slot, sentence: Sentence, slots: list[Slot]) -> JsonValue:
    """A number beside the parameter's own words; a required one takes any that is left."""
    if slot.type not in ("integer", "number"):
        return None
    fitting = [(value, span) for value, span in sentence.numbers() if _fits(slot, value, span.text)]
    beside = [
        (value, span)
        for value, span in fitting
        if {term_of(word) for word in sentence.after(span.end)} & slot.terms
        or set(_terms_before(sentence, span)) & slot.name_terms
        or "year" in slot.name_terms
    ]
    rivals = [each for each in slots if each.type in ("integer", "number") and each.required]
    chosen = beside or (
        fitting if slot.required and (len(rivals) == 1 or len(fitting) == 1) else []
    )
    if not chosen:
        return None
    value, span = chosen[0]
    sentence.take(span.start, span.end)
    return int(value) if slot.type == "integer" or value.is_integer() else value


def _fits(slot: Slot, value: float, text: str) -> bool:
    minimum, maximum = slot.schema.get("minimum"), slot.schema.get("maximum")
    if slot.type == "integer" and not value.is_integer():
        return False
    if "year" in slot.name_terms and not (len(text) == 4 and _FIRST_YEAR <= value <= _LAST_YEAR):  # noqa: PLR2004 -- digits of a year
        return False
    return not (
        (isinstance(minimum, int | float) and value < minimum)
        or (isinstance(maximum, int | float) and value > maximum)
    )


def _flag(slot: Slot, sentence: Sentence, slots: list[Slot]) -> JsonValue:
    """True when all words of its name are said, false with a `not` or `without` before them."""
    del slots
    if slot.type != "boolean":
        return None
    words = [word for word in sentence.words() if word.term in slot.name_terms]
    if {word.term for word in words} != slot.name_terms:
        return None
    return not set(sentence.before(words[0].start, 3)) & _NO
