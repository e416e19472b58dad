"""Whether a value that a small model chose has any support in what the user wrote.

Its usual mistake is an argument that nobody mentioned: a date, a state, the example number of a
description. Such a value is left out, or asked for when it is required.
"""

from __future__ import annotations

import re
from datetime import date

from drawbar.kernel.values import JsonValue
from drawbar.llm.sentence import Sentence
from drawbar.llm.slot import Slot
from drawbar.llm.words import STOP_WORDS, term_of, words_of

_DIGITS = re.compile(r"\d+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def is_supported(value: JsonValue, slot: Slot, text: str, today: date) -> bool:
    """`text` is everything the user wrote, and what earlier calls answered."""
    if isinstance(value, bool):
        return bool(slot.name_terms & {word.term for word in words_of(text)})
    if isinstance(value, int | float):
        return any(number == value for number, _ in Sentence(text, today).numbers()) or (
            str(value) in text
        )
    if isinstance(value, str):
        return _is_said(value, text, today)
    if isinstance(value, list):
        return bool(value) and all(is_supported(item, slot, text, today) for item in value)
    if isinstance(value, dict):
        return any(is_supported(item, slot, text, today) for item in value.values())
    return False


def is_made_up(value: JsonValue, slot: Slot, text: str, today: date) -> bool:
    """Whether a required value cannot come from the text: numbers, ids and days that nobody wrote.

    A word may be meant by other words (`holiday` is the leave of kind `annual`), so words pass.
    """
    if isinstance(value, bool) or value is None:
        return False
    exact = isinstance(value, int | float) or (
        isinstance(value, str) and _DIGITS.search(value) is not None
    )
    return exact and not is_supported(value, slot, text, today)


def _is_said(value: str, text: str, today: date) -> bool:
    if _DAY.fullmatch(value):
        days = [found.day.isoformat() for found in Sentence(text, today).days()]
        return value in days
    digits = [part for part in _DIGITS.findall(value) if part.strip("0")]
    if digits:
        return all(re.search(rf"(?<!\d){part}(?!\d)", text) for part in digits)
    if value.strip() and value.lower() in text.lower():
        return True
    said = {word.term for word in words_of(text)}
    meant = {term_of(word.text) for word in words_of(value) if word.text.lower() not in STOP_WORDS}
    return bool(meant) and meant <= said
