"""Which types of an input stand once in `$defs`, because they are used in several places or inside themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from drawbar.backends.soap.contract.shape import (
    Attribute,
    Choice,
    Content,
    Group,
    Item,
    Member,
    Record,
    Wildcard,
)
from drawbar.backends.soap.contract.texts import Text

_INLINE = 8
"""Properties up to which a type used in several places is written out in each of them."""
_LONG = 30
"""Values from which an enumeration that is used in several places is written once.

Strict modes count every value each time it is written, and take a thousand in all.
"""


@dataclass(frozen=True, slots=True)
class Uses:
    """How often the types are used that an input reaches."""

    records: Counter[Record]
    enumerations: Counter[str]
    """Long ones, by full name."""

    def shares(self, record: Record) -> bool:
        """A circle always has a record with two uses, so what is written out always ends.

        An abstract record is shared even when used once: its concrete types are written out inside it.
        """
        return record.abstract or (self.records[record] > 1 and not _is_small(record))

    def shares_text(self, text: Text) -> bool:
        return text.name is not None and self.enumerations[text.name] > 1


def uses_of(content: Content) -> Uses:
    """Follows every part once. Raises Unresolved."""
    waiting = list(_records(content))
    records = Counter(waiting)
    seen = set(waiting)
    while waiting:
        for record in _records(waiting.pop().content):
            records[record] += 1
            if record not in seen:
                seen.add(record)
                waiting.append(record)
    enumerations: Counter[str] = Counter()
    for record in seen:
        times = records[record] if _is_small(record) else 1
        for text in _texts(record.content):
            values = text.schema.get("enum")
            if text.name is not None and isinstance(values, list) and len(values) >= _LONG:
                enumerations[text.name] += times
    return Uses(records, enumerations)


def _is_small(record: Record) -> bool:
    inner = next(_records(record.content), None)
    return inner is None and len(record.content.members) <= _INLINE


def _records(content: Content) -> Iterator[Record]:
    """The records directly inside, one for each use; an abstract one brings its concrete types."""
    for part in _flat(content.members):
        if isinstance(part, Item) and isinstance(part.type, Record):
            yield part.type
            if part.type.abstract:
                yield from part.type.concrete


def _texts(content: Content) -> Iterator[Text]:
    """The simple types directly inside, one for each use."""
    if content.text is not None:
        yield content.text
    for part in (*_flat(content.members), *content.attributes):
        if isinstance(part, Item | Attribute) and isinstance(part.type, Text):
            yield part.type


def _flat(members: Iterable[Member]) -> Iterator[Item | Wildcard]:
    """The members, those of groups and branches among them."""
    waiting = list(members)
    while waiting:
        part = waiting.pop(0)
        match part:
            case Group():
                waiting.extend(part.members)
            case Choice():
                waiting.extend(member for branch in part.branches for member in branch)
            case _:
                yield part
