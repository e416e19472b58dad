"""The parts of a record: fields, groups, tables and choices. Pure structure; `record.py` walks it.

A key is the way of names from the record to a field, such as `("order", "lines", "qty")`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from drawbar.codecs.copybook.elements import Element
from drawbar.kernel.values import JsonValue

Key: TypeAlias = "tuple[str, ...]"


@dataclass(frozen=True, slots=True)
class Named:
    """A value of a level 88, for people: `A: ACTIVE`."""

    value: JsonValue
    last: JsonValue
    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """An elementary item; without a name it is filler."""

    name: str | None
    key: Key
    element: Element
    initial: bytes
    """Its VALUE, or what INITIALIZE moves there."""
    value: JsonValue = None
    """Its VALUE, where that can be told."""
    picture: str | None = None
    conditions: tuple[Named, ...] = ()

    @property
    def widest(self) -> int:
        return self.element.width


@dataclass(frozen=True, slots=True)
class Group:
    """Items that follow each other without a gap."""

    name: str | None
    members: tuple[Node, ...]

    @property
    def widest(self) -> int:
        return sum(member.widest for member in self.members)


@dataclass(frozen=True, slots=True)
class Table:
    """An item that repeats. `fixed`: it has its most entries in bytes, however many are used."""

    name: str | None
    entry: Field | Group
    least: int
    most: int
    counter: Key | None
    fixed: bool

    @property
    def widest(self) -> int:
        return self.most * self.entry.widest


@dataclass(frozen=True, slots=True)
class Variant:
    """One reading of bytes that have several; `when`: the fields and the values that choose it."""

    node: Node
    when: tuple[tuple[Key, tuple[JsonValue, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """An item and those that redefine it."""

    variants: tuple[Variant, ...]
    name: None = None

    @property
    def widest(self) -> int:
        return max(variant.node.widest for variant in self.variants)

    @property
    def ruled(self) -> bool:
        return any(variant.when for variant in self.variants)


Node: TypeAlias = "Field | Group | Table | Choice"


def is_variable(node: Node) -> bool:
    """Whether its width depends on a counter."""
    match node:
        case Field():
            return False
        case Group():
            return any(map(is_variable, node.members))
        case Table():
            return not node.fixed or is_variable(node.entry)
        case Choice():
            return False  # it takes the room of its widest variant


def inside(node: Node) -> Iterator[Node]:
    """The node and all in it, in the order of the bytes."""
    yield node
    match node:
        case Group():
            for member in node.members:
                yield from inside(member)
        case Table():
            yield from inside(node.entry)
        case Choice():
            for variant in node.variants:
                yield from inside(variant.node)
        case Field():
            pass
