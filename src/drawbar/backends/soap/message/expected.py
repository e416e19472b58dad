"""What a reader of replies expects of a type: its parts by name, those that have to be there, their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

from drawbar.backends.soap.contract.shape import Choice, Content, Group, Item, Member, Record
from drawbar.backends.soap.contract.xsd import local


@dataclass(frozen=True, slots=True)
class Expected:
    """Of one complex type."""

    parts: Mapping[str, tuple[Item, bool]]
    """Elements by full and by local name, with whether they can come more than once."""
    required: tuple[frozenset[str], ...]
    """Of each set of names in JSON at least one has to be there."""
    places: Mapping[str, int]
    """The place of each element by its name in JSON; empty where elements may come in any order."""
    lists: tuple[str, ...]
    """Names of the parts that are lists even when no element came."""

    def is_in_order(self, names: Sequence[str]) -> bool:
        """Whether elements that came under these names (in JSON) came as the contract has them."""
        places = [self.places[name] for name in names if name in self.places]
        return all(one <= other for one, other in pairwise(places))


def expected_of(record: Record) -> Expected:
    """Raises Unresolved."""
    found = _known.get(record)
    if found is None:
        found = _known[record] = _expected(record.content)
    return found


_known: WeakKeyDictionary[Record, Expected] = WeakKeyDictionary()


def _expected(content: Content) -> Expected:
    members = content.members
    ordered = not content.unordered and _comes_once_in_order(members)
    lists = tuple(
        member.name for member in members if isinstance(member, Item) and member.most != 1
    )
    return Expected(
        by_name(members),
        tuple(names for member in members for names in _required(member)),
        {item.name: place for place, (item, _) in enumerate(_items(members, repeated=False))}
        if ordered
        else {},
        lists,
    )


def _required(member: Member) -> Iterator[frozenset[str]]:
    if member.least == 0:
        return
    match member:
        case Item():
            yield frozenset({member.name})
        case Group():
            for inner in member.members:
                yield from _required(inner)
        case Choice() if all(any(each.least for each in branch) for branch in member.branches):
            yield frozenset(
                item.name
                for branch in member.branches
                for item, _ in _items(branch, repeated=False)
            )


def _comes_once_in_order(members: tuple[Member, ...]) -> bool:
    """Whether order says something: groups and choices that repeat begin again."""
    return all(
        isinstance(member, Item) or (isinstance(member, Group) and member.most == 1)
        for member in members
    )


def by_name(members: tuple[Member, ...]) -> dict[str, tuple[Item, bool]]:
    """Elements by full and by local name, with whether they can come more than once.

    The local name also finds them, since servers forget namespaces or add them.
    """
    found: dict[str, tuple[Item, bool]] = {}
    for item, repeated in _items(members, repeated=False):
        again = item.tag in found
        found[item.tag] = (item, repeated or again)
    for item, repeated in list(found.values()):
        found.setdefault(local(item.tag), (item, repeated))
    return found


def _items(members: tuple[Member, ...], *, repeated: bool) -> Iterator[tuple[Item, bool]]:
    for member in members:
        often = repeated or member.most != 1
        match member:
            case Item():
                yield member, often
            case Group():
                yield from _items(member.members, repeated=often)
            case Choice():
                for branch in member.branches:
                    yield from _items(branch, repeated=often)
