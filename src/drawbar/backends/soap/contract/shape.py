"""The shape of a message: what an element may hold, in the order the contract wants it.

A `Record` is a complex type, flattened: bases, groups and attribute groups are folded in, and every part
has the name under which JSON knows it. Schema, request and reply all walk this one structure, so they
cannot disagree. Records are made when they are first looked into, which lets types contain themselves
and lets a hole in a contract cost only the operations that reach it.

Names in JSON are the XML names. Where two parts would share one, the later element gets `_2` and an
attribute gets `attr__` in front.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from drawbar.backends.soap.contract.identity import Identity
from drawbar.backends.soap.contract.texts import Text
from drawbar.backends.soap.contract.xsd import Component, describe, split


@dataclass(frozen=True, slots=True)
class Item:
    """An element: one, optional or repeated (`most` is None where nobody sets an end)."""

    name: str
    tag: str
    type: Text | Record
    least: int = 1
    most: int | None = 1
    nillable: bool = False
    fixed: str | None = None
    default: str | None = None
    documentation: str | None = None
    declared: str | None = None
    """Full name of the type, where it has one: encoded messages say it."""
    identities: tuple[Identity, ...] = ()

    @property
    def unfolds(self) -> bool:
        """Whether the parts of this element are the parameters, when it is the element of a body."""
        return (
            isinstance(self.type, Record) and not self.type.abstract and not self.type.content.array
        )


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`xs:any`: one XML element of somebody else's making."""

    name: str
    least: int = 1
    most: int | None = 1
    namespaces: frozenset[str] | None = None
    """Those that the element may be of, an empty one for none; None where any will do."""
    other_than: str | None = None
    """Instead: it is of some namespace, and not of this one."""

    @property
    def rule(self) -> str | None:
        """Which namespaces the element may be of, in words."""
        if self.other_than is not None:
            return f"of a namespace other than {self.other_than or 'none'}"
        if self.namespaces is None:
            return None
        named = " or ".join(each or "none" for each in sorted(self.namespaces))
        return f"of the namespace {named}" if self.namespaces != {""} else "without a namespace"

    def takes(self, namespace: str) -> bool:
        if self.other_than is not None:
            return namespace not in {"", self.other_than}
        return self.namespaces is None or namespace in self.namespaces


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several branches, each a run of members; repeated where `most` is not 1."""

    name: str
    branches: tuple[tuple[Member, ...], ...]
    least: int = 1
    most: int | None = 1
    documentation: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Members that come together: an optional or repeated sequence."""

    name: str
    members: tuple[Member, ...]
    least: int = 1
    most: int | None = 1


Member: TypeAlias = Item | Wildcard | Choice | Group


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    tag: str
    type: Text
    required: bool = False
    fixed: str | None = None
    default: str | None = None
    documentation: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """Everything a complex type holds."""

    members: tuple[Member, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    text: Text | None = None
    text_name: str = "value"
    array: bool = False
    """A SOAP-encoded array: a list of its one member, whatever its elements are called."""
    rank: int = 1
    """Dimensions of the array: of several, this is the list of rows, and each row is an array again."""
    unordered: bool = False
    """Whether the members may come in another order than here (`xs:all`)."""


class Record:
    """A complex type; `content` is made at the first look and may raise Unresolved."""

    def __init__(
        self,
        node: Component,
        name: str | None,
        make: Callable[[Component], Content],
        heirs: Callable[[str], Iterable[Record]],
    ) -> None:
        self.node = node
        self.name = name
        """Full name; None for a type written inside an element."""
        self._make = make
        self._heirs = heirs

    def __repr__(self) -> str:
        return f"Record({self.name or describe(self.node)})"

    @property
    def label(self) -> str:
        """A short name for definitions and `_type`."""
        if self.name is not None:
            return split(self.name)[1]
        parent = self.node.node.getparent()
        return (parent.get("name") if parent is not None else None) or "Type"

    @cached_property
    def abstract(self) -> bool:
        return self.node.get("abstract") in {"true", "1"}

    @cached_property
    def documentation(self) -> str | None:
        return self.node.documentation()

    @cached_property
    def content(self) -> Content:
        return self._make(self.node)

    @cached_property
    def heirs(self) -> tuple[Record, ...]:
        """Named types derived from this one, at any distance."""
        return () if self.name is None else tuple(self._heirs(self.name))

    @cached_property
    def concrete(self) -> tuple[Record, ...]:
        """The types that may stand here: itself, or every concrete one derived from an abstract type."""
        return tuple(each for each in self.heirs if not each.abstract) if self.abstract else (self,)

    def heir(self, name: str) -> Record | None:
        """The type an `xsi:type` names, when it is this one or derived from it."""
        return next((each for each in (self, *self.heirs) if each.name == name), None)
