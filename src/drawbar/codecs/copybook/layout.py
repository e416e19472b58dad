"""From the items of a copybook to the layout of one record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from drawbar.codecs.codec import CodecError
from drawbar.codecs.copybook.dialect import Dialect
from drawbar.codecs.copybook.elements import Binary, Digits, Element, Float, HexFloat, Zoned
from drawbar.codecs.copybook.items import Item
from drawbar.codecs.copybook.literals import conditions_of, initial_of
from drawbar.codecs.copybook.nodes import (
    Choice,
    Field,
    Group,
    Key,
    Node,
    Table,
    Variant,
    is_variable,
)
from drawbar.codecs.copybook.problems import CopybookError
from drawbar.codecs.copybook.source import Word
from drawbar.kernel.values import JsonValue
from drawbar.spec.names import closest


@dataclass(frozen=True, slots=True)
class Wish:
    """What the author says beside the copybook; names are as `snake` makes them."""

    texts: tuple[str, ...] = ()
    when: Mapping[str, Mapping[str, tuple[JsonValue, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What of the author's words does not go with the copybook."""

    word: str
    code: str
    message: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """A record, and what to know of it."""

    root: Group
    counters: frozenset[Key]
    discriminators: frozenset[Key]
    wrong: tuple[Wrong, ...]


def snake(name: str) -> str:
    """`ORDER-NO` is `order_no`."""
    return name.lower().replace("-", "_")


def is_called(key: Key, name: str) -> bool:
    """Whether a name of an adapter, with dots for what is inside, means this key."""
    way = tuple(snake(name).split("."))
    return key[-len(way) :] == way


def build(item: Item, dialect: Dialect, wish: Wish) -> Built:
    """Raises CopybookError for what the copybook says."""
    builder = _Builder(dialect, wish)
    record = replace(item, redefines=None, occurs=None)
    if not record.children:  # a record of one field
        record = Item(1, None, record.place, children=[record])
    root = replace(builder.group(record, ()), name=None)
    builder.check_wish()
    if not dialect.slides:
        root = _group_fixed(root, last=True)
    return Built(
        root,
        frozenset(builder.counters),
        frozenset(builder.discriminators),
        tuple(builder.wrong),
    )


@dataclass(frozen=True, slots=True)
class _Inherited:
    usage: str | None = None
    leading: bool | None = None
    separate: bool | None = None

    def over(self, item: Item) -> _Inherited:
        return _Inherited(
            item.usage or self.usage,
            self.leading if item.leading is None else item.leading,
            self.separate if item.leading is None else item.separate,
        )


class _Builder:
    def __init__(self, dialect: Dialect, wish: Wish) -> None:
        self._dialect = dialect
        self._wish = wish
        self._fields: list[Field] = []
        self._used: set[str] = set()
        self._offset: int | None = 0
        """Bytes before the item; None behind a table of variable length."""
        self.counters: set[Key] = set()
        self.discriminators: set[Key] = set()
        self.wrong: list[Wrong] = []

    def group(self, item: Item, key: Key, above: _Inherited | None = None) -> Group:
        inherited = (above or _Inherited()).over(item)
        if item.value is not None:
            raise CopybookError(
                item.value.place, "DB824", "a group has a VALUE", fix="write it at the fields"
            )
        members: list[Node] = []
        by_name: dict[str, tuple[int, int]] = {}
        """Position of an item, and how many fields stand before it."""
        for child in item.children:
            if child.redefines is None:
                if child.name is not None:
                    by_name[child.name.upper()] = (len(members), len(self._fields))
                node = self.node(child, key, inherited)
                members += (
                    node.members if isinstance(node, Group) and node.name is None else (node,)
                )
                continue
            found = by_name.get(child.redefines.upper)
            if found is None:
                raise CopybookError(
                    child.redefines.place,
                    "DB825",
                    f"no item of this group before it is called `{child.redefines.text}`",
                )
            index, before = found
            members[index] = self._redefined(members[index], child, key, inherited, before)
            if child.name is not None:
                by_name[child.name.upper()] = found
        _check_names(members, item)
        return Group(snake(item.name) if item.name else None, tuple(members))

    def node(self, item: Item, above: Key, inherited: _Inherited) -> Node:
        occurs = item.occurs
        name = snake(item.name) if item.name else None
        if occurs is not None and name is None and item.children:
            name, item = "entries", replace(item, name="ENTRIES")
        key = above if name is None else (*above, name)
        start = self._offset
        counter = (
            None if occurs is None or occurs.counter is None else self._counter(occurs.counter)
        )
        entry = (
            self.group(item, key, inherited)
            if item.children
            else self._field(item, name, key, inherited)
        )
        if occurs is None:
            return entry
        fixed = counter is None
        table = Table(
            name, entry, occurs.least if counter else occurs.most, occurs.most, counter, fixed
        )
        self._offset = None if start is None or is_variable(table) else start + table.widest
        return table

    def check_wish(self) -> None:
        for word, names in (("texts", self._wish.texts), ("when", tuple(self._wish.when))):
            for name in names:
                if name not in self._used:
                    meant = closest(name, [each.key[-1] for each in self._fields])
                    fix = f"did you mean `{meant}`?" if meant else None
                    told = f"the record has no {_TAKES[word]} `{name}`"
                    self.wrong.append(Wrong(word, "DB825", told, fix))

    def _redefined(
        self, node: Node, item: Item, key: Key, inherited: _Inherited, before: int
    ) -> Choice:
        behind = self._offset
        variants = (
            node.variants if isinstance(node, Choice) else (self._variant(node, key, before),)
        )
        if any(is_variable(variant.node) for variant in variants):
            raise CopybookError(item.place, "DB824", "a table of variable length is redefined")
        self._offset = None if behind is None else behind - variants[0].node.widest
        if item.name is None:
            base = variants[0].node.name or "filler"
            item = replace(item, name=f"{base}_{len(variants) + 1}")
        other = self.node(item, key, inherited)
        if is_variable(other):
            raise CopybookError(item.place, "DB824", "a table of variable length redefines")
        choice = Choice((*variants, self._variant(other, key, before)))
        self._offset = None if behind is None else behind - variants[0].node.widest + choice.widest
        return choice

    def _variant(self, node: Node, above: Key, before: int) -> Variant:
        key = (*above, node.name or "")
        for name, rule in self._wish.when.items():
            if is_called(key, name):
                self._used.add(name)
                return Variant(node, tuple(self._rule(name, rule, before)))
        return Variant(node)

    def _rule(
        self, variant: str, rule: Mapping[str, tuple[JsonValue, ...]], before: int
    ) -> Iterable[tuple[Key, tuple[JsonValue, ...]]]:
        for name, values in rule.items():
            found = [each for each in self._fields[:before] if is_called(each.key, name)]
            if len(found) != 1:
                why = "no field before it is" if not found else f"{len(found)} fields before it are"
                told = f"{variant}: {why} called `{name}`"
                self.wrong.append(Wrong("when", "DB825", told))
                continue
            [chosen] = found
            self.discriminators.add(chosen.key)
            try:
                kept = tuple(chosen.element.decode(chosen.element.encode(v)) for v in values)
            except CodecError as error:
                self.wrong.append(Wrong("when", "DB827", f"{variant}: `{name}` {error.message}"))
                continue
            yield chosen.key, kept

    def _counter(self, word: Word) -> Key:
        wanted = snake(word.text)
        found = [each for each in self._fields if each.key[-1:] == (wanted,)]
        if not found:
            raise CopybookError(
                word.place,
                "DB825",
                f"no field before this table in its record is called `{word.text}`",
            )
        self.counters.add(found[-1].key)
        return found[-1].key

    def _field(self, item: Item, name: str | None, key: Key, inherited: _Inherited) -> Field:
        element = self._element(item, key, inherited.over(item))
        self._check_place(item, element)
        initial, value = initial_of(item, element)
        made = Field(
            name,
            key,
            element,
            initial,
            value,
            item.picture.text if item.picture and item.picture.kind == "edited" else None,
            tuple(conditions_of(item, element)),
        )
        if name is not None:
            self._fields.append(made)
        if self._offset is not None:
            self._offset += element.width
        return made

    def _element(self, item: Item, key: Key, inherited: _Inherited) -> Element:
        usage = inherited.usage or "display"
        if usage in ("single", "double"):
            return self._dialect.float(4 if usage == "single" else 8)
        if item.picture is None:
            raise CopybookError(item.place, "DB823", f"`{item.name or 'FILLER'}` has no PICTURE")
        try:
            element = self._dialect.element(
                item.picture,
                usage,
                leading=bool(inherited.leading),
                separate=bool(inherited.separate),
                right=item.right,
            )
        except ValueError as error:
            place = item.place
            raise CopybookError(place, "DB823", f"{item.picture.text}: {error}") from None
        for name in self._wish.texts:
            if item.name and is_called(key, name):
                self._used.add(name)
                if (
                    isinstance(element, Zoned)
                    and element.sign == "none"
                    and not element.number.scale
                ):
                    return Digits(element.width, element.encoding)
                told = f"`{name}` is no unsigned whole number of DISPLAY"
                self.wrong.append(Wrong("texts", "DB827", told))
        return element

    def _check_place(self, item: Item, element: Element) -> None:
        """SYNCHRONIZED is fine where it moves nothing."""
        if item.synchronized is None or not self._dialect.aligns:
            return
        if isinstance(element, Binary | Float | HexFloat) and (
            self._offset is None or self._offset % element.width
        ):
            raise CopybookError(
                item.synchronized,
                "DB824",
                f"SYNCHRONIZED would move `{item.name or 'FILLER'}`, which is not done here",
                fix="take it away, and write the bytes that the compiler leaves free as FILLER",
            )


_TAKES = {"texts": "field", "when": "item that shares its bytes with another and is called"}


def _group_fixed(group: Group, *, last: bool) -> Group:
    """Without sliding, a table that something follows keeps the room of its most entries."""
    count = len(group.members)
    members = tuple(
        _fixed(member, last=last and index == count - 1)
        for index, member in enumerate(group.members)
    )
    return replace(group, members=members)


def _fixed(node: Node, *, last: bool) -> Node:
    match node:
        case Group():
            return _group_fixed(node, last=last)
        case Table():
            entry = _fixed(node.entry, last=False)
            if not isinstance(entry, Field | Group):
                raise TypeError("the entry of a table is a field or a group")
            return replace(node, entry=entry, fixed=node.fixed or not last)
    return node


def _check_names(members: list[Node], item: Item) -> None:
    seen: set[str] = set()
    for name in _names(members):
        if name in seen:
            raise CopybookError(
                item.place,
                "DB826",
                f"`{item.name or 'this group'}` has two fields called `{name}`",
            )
        seen.add(name)


def _names(members: Iterable[Node]) -> Iterable[str]:
    for member in members:
        if isinstance(member, Choice):
            yield from _names(variant.node for variant in member.variants)
        elif member.name is not None:
            yield member.name
