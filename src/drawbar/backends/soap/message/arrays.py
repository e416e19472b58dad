"""Arrays of SOAP encoding beyond the plain list: several dimensions, and replies that hold only some elements.

In a call's values an array of two dimensions is a list of rows. On the wire its elements stand in one row, the last index
running fastest, and the array says how many there are of each dimension (SOAP 1.1, section 5.4.2; SOAP 1.2 part 2,
section 3.1.4). A reply may begin behind an offset or give the position of each element (SOAP 1.1, 5.4.2.1 and
5.4.2.2); what it leaves out is null.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from drawbar.backends.soap.contract.encoding import ENCODINGS
from drawbar.backends.soap.contract.shape import Content, Item, Record
from drawbar.kernel.values import JsonValue

_SOAP_11, _SOAP_12 = ENCODINGS["1.1"], ENCODINGS["1.2"]
_LAST_BRACKETS = re.compile(r"\[([\d,\s]*)\]\s*$")
_MOST = 100_000
"""Elements that a reply may say are there without sending them."""


def element_of(content: Content, rank: int) -> Item:
    """The elements of an array of so many dimensions: with two, those inside its rows."""
    (member,) = content.members
    assert isinstance(member, Item)  # noqa: S101 -- arrays are made of one item
    for _ in range(rank - 1):
        assert isinstance(member.type, Record)  # noqa: S101 -- as are their rows
        (inner,) = member.type.content.members
        assert isinstance(inner, Item)  # noqa: S101 -- as above
        member = inner
    return member


def uneven(value: JsonValue, rank: int) -> str | None:
    """Why a list of rows is no array of so many dimensions; None where it is one."""
    rows = value if isinstance(value, list) else []
    for _ in range(rank - 1):
        if any(not isinstance(row, list) for row in rows):
            return None  # told where the row is written
        lengths = {len(row) for row in rows if isinstance(row, list)}
        if len(lengths) > 1:
            return (
                f"its rows have {min(lengths)} to {max(lengths)} elements; all have to have as many"
            )
        rows = [each for row in rows if isinstance(row, list) for each in row]
    return None


def flatten(node: etree._Element, rank: int) -> list[int]:
    """Take the rows of an array away and leave their elements; returns its sizes, the outermost first."""
    sizes = [len(node)]
    for _ in range(rank - 1):
        rows = list(node)
        sizes.append(len(rows[0]) if rows else 0)
        for row in rows:
            node.remove(row)
            node.extend(list(row))
    return sizes


@dataclass(frozen=True, slots=True)
class Layout:
    """How the elements of an array in a reply are to be put into lists."""

    sizes: tuple[int | None, ...]
    """Of each dimension, the outermost first; None where it is not said. Empty: nothing is said."""
    places: tuple[int, ...] | None
    """Where each element goes, counted through all dimensions; None where they simply follow each other."""

    @property
    def is_flat(self) -> bool:
        """Whether elements of several dimensions stand in one row."""
        return len(self.sizes) > 1

    def arranged(self, values: list[JsonValue]) -> list[JsonValue]:
        """The values in their lists. Raises ValueError where they are not what the array says of itself."""
        places = range(len(values)) if self.places is None else self.places
        needed = max(places, default=-1) + 1
        inner = math.prod(each or 0 for each in self.sizes[1:])
        first = self.sizes[0] if self.sizes else None
        if first is None:
            first = -(-needed // inner) if inner else 0
        total = first * inner
        if needed > total or total - len(values) > _MOST:
            raise ValueError("more or fewer elements than it says")
        flat: list[JsonValue] = [None] * total
        for place, value in zip(places, values, strict=True):
            flat[place] = value
        for size in reversed(self.sizes[1:]):
            step = size or 1
            flat = [flat[start : start + step] for start in range(0, len(flat), step)]
        return flat


def layout_of(node: etree._Element) -> Layout | None:
    """What an array says of itself; None for a plain list. Raises ValueError for what cannot be meant."""
    sizes = _sizes(node)
    offset = node.get(f"{{{_SOAP_11}}}offset")
    positions = [child.get(f"{{{_SOAP_11}}}position") for child in node]
    if len(sizes) <= 1 and offset is None and not any(positions):
        return None
    rest = [each or 0 for each in sizes[1:]]
    if not any(positions):
        start = 0 if offset is None else _index(offset, rest)
        return Layout(sizes, tuple(range(start, start + len(node))) if start else None)
    if None in positions:
        raise ValueError("some elements say where they stand, and others do not")
    return Layout(sizes, tuple(_index(str(each), rest) for each in positions))


def _sizes(node: etree._Element) -> tuple[int | None, ...]:
    found = _LAST_BRACKETS.search(node.get(f"{{{_SOAP_11}}}arrayType") or "")
    if found is not None:
        return tuple(int(text) if text.strip() else None for text in found[1].split(","))
    words = (node.get(f"{{{_SOAP_12}}}arraySize") or "").split()
    return tuple(int(word) if word.isdigit() else None for word in words)


def _index(text: str, rest: Sequence[int]) -> int:
    """The place that `[1,2]` means, counted through all dimensions; `rest` are the sizes but the first."""
    found = _LAST_BRACKETS.fullmatch(text.strip())
    numbers = [int(each) for each in found[1].split(",")] if found is not None else []
    if len(numbers) != len(rest) + 1 or any(
        number >= size for number, size in zip(numbers[1:], rest, strict=True)
    ):
        raise ValueError(f"{text} is no place in it")
    place = 0
    for number, size in zip(numbers, (1, *rest), strict=True):
        place = place * size + number
    return place
