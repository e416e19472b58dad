"""From the items of a copybook to the layout of one record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from drawbar.codecs.codec import CodecError
from drawbar.codecs.copybook.dialect import Dialect
from drawbar.codecs.copybook.elements import Digits, Element, Text, Zoned
from drawbar.codecs.copybook.items import Item
from drawbar.codecs.copybook.literals import conditions_of, initial_of, with_value
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
from drawbar.kernel.errors import Place
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
    synchronized: Place | None = None

    def over(self, item: Item) -> _Inherited:
        return _Inherited(
            item.usage or self.usage,
            self.leading if item.leading is None else item.leading,
            self.separate if item.leading is None else item.separate,
            item.synchronized or self.synchronized,
        )


class _Builder:
    def __init__(self, dialect: Dialect, wish: Wish) -> None:
        self._dialect = dialect
        self._wish = wish
        self._fields: list[Field] = []
        self._used: set[str] = set()
        self._offset: int | None = 0
        """Bytes before the item; None behind a table of variable length."""
        self._alignment = 1
        """The widest that SYNCHRONIZED asked for in the group that is read."""
        self.counters: set[Key] = set()
        self.discriminators: set[Key] = set()
        self.wrong: list[Wrong] = []

    def group(
        self,
        item: Item,
        key: Key,
        above: _Inherited | None = None,
        taken: set[str] | None = None,
    ) -> Group:
        """`taken` are names of the group whose members these become, where this one has no name itself."""
        inherited = (above or _Inherited()).over(item)
        taken = set() if taken is None else taken
        members: list[Node] = []
        by_name: dict[str, tuple[int, int]] = {}
        """Position of an item, and how many fields stand before it."""
        for child in item.children:
            before = len(self._fields)
            if child.redefines is None:
                node = self.node(child, key, inherited, taken)
                members += (
                    node.members if isinstance(node, Group) and node.name is None else (node,)
                )
                if child.name is not None:
                    by_name[child.name.upper()] = (len(members) - 1, before)
                continue
            found = by_name.get(child.redefines.upper)
            if found is None:
                raise CopybookError(
                    child.redefines.place,
                    "DB825",
                    f"no item of this group before it is called `{child.redefines.text}`",
                )
            index, before = found
            members[index] = self._redefined(
                members[index], child, key, inherited, before, taken=taken
            )
            if child.name is not None:
                by_name[child.name.upper()] = found
        made = Group(snake(item.name) if item.name else None, tuple(members))
        return made if item.value is None else with_value(made, item.value, self._dialect.encoding)

    def node(self, item: Item, above: Key, inherited: _Inherited, taken: set[str]) -> Node:
        """One item; an unnamed group is its members, among them bytes that SYNCHRONIZED leaves free."""
        occurs = item.occurs
        if occurs is not None and item.name is None and item.children:
            item = replace(item, name="ENTRIES")
        name = None if item.name is None else _free_name(snake(item.name), taken)
        key = above if name is None else (*above, name)
        counter = (
            None if occurs is None or occurs.counter is None else self._counter(occurs.counter)
        )
        slack: tuple[Node, ...] = ()
        if item.children:
            start, outer = self._offset, self._alignment
            self._alignment = 1
            group = self.group(item, key, inherited, taken if name is None else None)
            group = replace(group, name=name)
            entry: Field | Group = group if occurs is None else self._aligned_entry(group, item)
            self._alignment = max(outer, self._alignment)
        else:
            element = self._element(item, key, inherited.over(item))
            slack = self._slack(item, element, inherited.over(item))
            start = self._offset
            entry = self._field(item, name, key, element)
        if occurs is None:
            return Group(None, (*slack, entry)) if slack else entry
        fixed = counter is None
        table = Table(
            name, entry, occurs.least if counter else occurs.most, occurs.most, counter, fixed
        )
        self._offset = None if start is None or is_variable(table) else start + table.widest
        return Group(None, (*slack, table)) if slack else table

    def check_wish(self) -> None:
        for word, names in (("texts", self._wish.texts), ("when", tuple(self._wish.when))):
            for name in names:
                if name not in self._used:
                    meant = closest(name, [each.key[-1] for each in self._fields])
                    fix = f"did you mean `{meant}`?" if meant else None
                    told = f"the record has no {_TAKES[word]} `{name}`"
                    self.wrong.append(Wrong(word, "DB825", told, fix))

    def _redefined(
        self,
        node: Node,
        item: Item,
        key: Key,
        inherited: _Inherited,
        before: int,
        *,
        taken: set[str],
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
        other = self.node(item, key, inherited, taken)
        if isinstance(other, Group) and other.name is None:
            raise self._would_move(item, inherited.over(item))
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

    def _field(self, item: Item, name: str | None, key: Key, element: Element) -> Field:
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
        if usage in _SIZED and item.picture is None:
            return self._dialect.whole_number(_SIZED[usage], unsigned=item.unsigned)
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

    def _slack(self, item: Item, element: Element, inherited: _Inherited) -> tuple[Node, ...]:
        """The bytes that are left free before an item, so that it stands where SYNCHRONIZED wants it."""
        alignment = self._dialect.alignment(element)
        if inherited.synchronized is None or not self._dialect.aligns or alignment == 1:
            return ()
        if self._offset is None:
            raise self._would_move(item, inherited)
        self._alignment = max(self._alignment, alignment)
        free = -self._offset % alignment
        self._offset += free
        return (_free(free),) if free else ()

    def _aligned_entry(self, entry: Group, item: Item) -> Group:
        """An entry of a table is made so long that SYNCHRONIZED holds in the next one, too.

        IBM's compilers leave bytes free at its end (Enterprise COBOL, "Slack bytes between records"), GnuCOBOL
        before its last item.
        """
        if self._alignment == 1:
            return entry
        if is_variable(entry) or not isinstance(entry.members[-1], Field):
            raise self._would_move(item, _Inherited(synchronized=item.place))
        free = -entry.widest % self._alignment
        if not free:
            return entry
        at_end = self._dialect.name == "ibm"
        place = len(entry.members) - (not at_end)
        return replace(entry, members=(*entry.members[:place], _free(free), *entry.members[place:]))

    def _would_move(self, item: Item, inherited: _Inherited) -> CopybookError:
        return CopybookError(
            inherited.synchronized or item.place,
            "DB824",
            f"SYNCHRONIZED would move `{item.name or 'FILLER'}`, and nobody can say where to",
            fix="take it away, and write the bytes that the compiler leaves free as FILLER",
        )


_SIZED = {"native-1": 1, "native-2": 2, "native-4": 4, "native-8": 8}
"""Bytes of usages that have no picture."""
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


def _free_name(name: str, taken: set[str]) -> str:
    """COBOL lets two items of a group have one name; here the second gets a number."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def _free(width: int) -> Field:
    """Bytes that nobody fills: compilers leave zeros there."""
    return Field(None, (), Text(width, "latin-1"), bytes(width))
