"""Literals and figurative constants: what VALUE clauses of items and conditions mean for their fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from drawbar.codecs.codec import CodecError
from drawbar.codecs.copybook.elements import Digits, Element, Text
from drawbar.codecs.copybook.items import FIGURATIVE, Item
from drawbar.codecs.copybook.nodes import Named
from drawbar.codecs.copybook.problems import CopybookError
from drawbar.codecs.copybook.source import Word
from drawbar.kernel.values import JsonValue

_Found = TypeVar("_Found")


def initial_of(item: Item, element: Element) -> tuple[bytes, JsonValue]:
    """The bytes of an item that nobody fills, and its VALUE where that can be told. Raises CopybookError."""
    word = item.value
    if word is None:
        return element.encode(element.initial), None
    if word.upper in FIGURATIVE:
        letter = FIGURATIVE[word.upper]
        if letter == " ":
            return element.encode(element.initial), None
        if letter == "0":
            data = element.encode(0) if not isinstance(element, Text) else b""
            return data or element.encode("0" * element.width), None
        encoding = element.encoding if isinstance(element, Text) else "latin-1"
        data = letter.encode("latin-1" if letter in "\0\xff" else encoding)
        return data * element.width, None
    return _checked(word, element, lambda value: (element.encode(value), value))


def conditions_of(item: Item, element: Element) -> Iterable[Named]:
    """The values of its levels 88. Raises CopybookError."""
    for condition in item.conditions:
        for low, high in condition.values:
            if {low.upper, high.upper} & (FIGURATIVE.keys() - {"SPACE", "SPACES", "ZERO", "ZEROS"}):
                continue
            first, last = (
                _checked(word, element, lambda value: element.decode(element.encode(value)))
                for word in (low, high)
            )
            yield Named(first, last, condition.name)


def _checked(word: Word, element: Element, use: Callable[[JsonValue], _Found]) -> _Found:
    try:
        return use(_literal(word, element))
    except CodecError as error:
        raise CopybookError(
            word.place, "DB822", f"{word.text}: the field {error.message}"
        ) from None


def _literal(word: Word, element: Element) -> JsonValue:
    text = word.text
    is_number = not isinstance(element, Text | Digits)
    if word.upper in FIGURATIVE:
        letter = FIGURATIVE[word.upper]
        return 0 if is_number else letter * (element.width if letter == "0" else 1)
    if word.is_literal:
        if text[0] in "xXnNzZ":
            raise CodecError("takes no hexadecimal or national literal here")
        quote = text[-1]
        text = text[1:-1].replace(quote * 2, quote)
        return text.rstrip(" ") if not is_number else text.strip()
    return text.replace(",", ".") if is_number else text
