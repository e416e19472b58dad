"""Literals and figurative constants: what VALUE clauses of items and conditions mean for their fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from drawbar.codecs.codec import CodecError
from drawbar.codecs.copybook.elements import Digits, Element, Text
from drawbar.codecs.copybook.items import FIGURATIVE, Item
from drawbar.codecs.copybook.nodes import Field, Group, Named, Node
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
    if _is_hex(word) and isinstance(element, Text):
        blanks = element.encode("")
        given = _hex_bytes(word, element)
        return given + blanks[len(given) :], None
    return _checked(word, element, lambda value: (element.encode(value), value))


def with_value(group: Group, word: Word, encoding: str) -> Group:
    """A group whose VALUE is a text over all that is in it. Raises CopybookError."""
    if not _is_plain(group):
        raise CopybookError(
            word.place,
            "DB824",
            "a group with a table or REDEFINES has a VALUE",
            fix="write it at the fields",
        )
    data, _ = initial_of(Item(1, None, word.place, value=word), Text(group.widest, encoding))
    return _filled(group, data)


def _is_plain(group: Group) -> bool:
    return all(
        isinstance(member, Field) or (isinstance(member, Group) and _is_plain(member))
        for member in group.members
    )


def _filled(group: Group, data: bytes) -> Group:
    members: list[Node] = []
    start = 0
    for member in group.members:
        part = data[start : start + member.widest]
        start += member.widest
        if isinstance(member, Group):
            members.append(_filled(member, part))
        elif isinstance(member, Field):
            members.append(replace(member, initial=part, value=_told(member.element, part)))
    return replace(group, members=tuple(members))


def _told(element: Element, data: bytes) -> JsonValue:
    """A VALUE that can be published: what its bytes are read as, where they are something."""
    try:
        value = element.decode(data)
        return value if element.encode(value) == data else None
    except CodecError:
        return None


def conditions_of(item: Item, element: Element) -> Iterable[Named]:
    """The values of its levels 88. Raises CopybookError."""
    for condition in item.conditions:
        for low, high in condition.values:
            if {low.upper, high.upper} & (FIGURATIVE.keys() - {"SPACE", "SPACES", "ZERO", "ZEROS"}):
                continue
            if _is_hex(low) or _is_hex(high):
                continue  # as such values: they are no characters
            first, last = (
                _checked(word, element, lambda value: element.decode(element.encode(value)))
                for word in (low, high)
            )
            yield Named(first, last, condition.name)


def _is_hex(word: Word) -> bool:
    return word.is_literal and word.text[0] in "xX"


def _hex_bytes(word: Word, element: Text) -> bytes:
    try:
        data = bytes.fromhex(word.text[2:-1])
    except ValueError:
        raise CopybookError(word.place, "DB822", f"{word.text} is not hexadecimal") from None
    if len(data) > element.width:
        raise CopybookError(
            word.place, "DB822", f"{word.text}: the field has room for {element.width} bytes"
        )
    return data


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
        if text[0] in "xXzZ":
            raise CodecError("takes no hexadecimal literal here")
        text = text.lstrip("nN")
        quote = text[-1]
        text = text[1:-1].replace(quote * 2, quote)
        if isinstance(element, Text):  # compilers cut what is too long, and warn
            text = text[: element.characters]
        return text.rstrip(" ") if not is_number else text.strip()
    return text.replace(",", ".") if is_number else text
