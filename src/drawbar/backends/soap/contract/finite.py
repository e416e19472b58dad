"""Finds types that no finite message can satisfy: those that have to contain themselves."""

from __future__ import annotations

from collections.abc import Iterable

from drawbar.backends.soap.contract.shape import Choice, Group, Item, Member, Record


def endless(records: Iterable[Record]) -> frozenset[Record]:
    """Of these records, the ones every value of which would have to go on for ever."""
    left = set(records)
    while True:
        # A record ends when each of its required parts does; what is left after the last round never ends.
        ending = {record for record in left if _ends(record, left)}
        if not ending:
            return frozenset(left)
        left -= ending


def is_endless(member: Member, records: frozenset[Record]) -> bool:
    """Whether giving this part at all means giving something endless."""
    return bool(records) and not _part_ends(member, records)


def _ends(record: Record, left: set[Record]) -> bool:
    if record.abstract and record.concrete:
        return any(each not in left for each in record.concrete)
    return all(member.least == 0 or _part_ends(member, left) for member in record.content.members)


def _part_ends(member: Member, left: set[Record] | frozenset[Record]) -> bool:
    match member:
        case Item():
            return member.nillable or not isinstance(member.type, Record) or member.type not in left
        case Group():
            return all(each.least == 0 or _part_ends(each, left) for each in member.members)
        case Choice():
            return any(
                all(each.least == 0 or _part_ends(each, left) for each in branch)
                for branch in member.branches
            )
    return True
