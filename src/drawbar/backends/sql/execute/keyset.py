"""A sorted select that goes on behind the keys of a row.

Nulls have a place of their own in an order, which `>` and `<` do not know, so each place is written out. The
first column is also bounded by itself, which lets a database begin in the middle of an index; rows in which
it is null and that come last are therefore read by a statement of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from drawbar.backends.sql.plan import Keyset, Pieces, Slot, Statement, Term, Values, render
from drawbar.kernel.values import JsonValue

KEYS = "drawbar_keys"
"""The name, among the values of a page, of the last row's keys by their number."""

_NONE: Pieces = ("1 = 0",)
Part = Literal["first", "behind", "nulls"]
"""From the start; behind the keys; the rows at the end in which the first column is null."""


def ends_with_nulls(keyset: Keyset, values: Values) -> bool:
    """Whether rows may follow behind the keys that their own statement leaves out."""
    keys = values.get(KEYS)
    return keys is not None and keys["1"] is not None and not keyset.terms[0].nulls_first


def part_of(keyset: Keyset, values: Values, part: Part | None = None) -> Statement:
    """The statement of one part, by default the one that the values ask for; written once for each place."""
    keys: Mapping[str, JsonValue] | None = values.get(KEYS)
    part = part or ("first" if keys is None else "behind")
    nulls = tuple(key is None for key in (keys or {}).values()) if part == "behind" else ()
    present = keyset.select.present(values)

    def write() -> Iterable[str | Slot]:
        return _pieces(keyset, keyset.select.pieces(present), _where(keyset, part, nulls))

    return keyset.at((part, nulls, present), write)


def whole(keyset: Keyset) -> Statement:
    """From the start, with every condition in its place."""
    select = keyset.select.pieces(keyset.select.conditions)
    return render(_pieces(keyset, select, ()), keyset.dialect)


def _pieces(keyset: Keyset, select: Iterable[str | Slot], where: Pieces) -> Iterable[str | Slot]:
    yield "select * from (\n"
    yield from select
    yield "\n) drawbar_page\n"
    if where:
        yield "where "
        yield from where
        yield "\n"
    yield f"order by {keyset.order}\n{keyset.limit}"


def _where(keyset: Keyset, part: Part, nulls: Sequence[bool]) -> Pieces:
    first = keyset.terms[0]
    if part == "first":
        return ()
    if part == "nulls":
        return (f"{first.column} is null",)
    rest: Pieces | None = None
    for number in range(len(keyset.terms), 1, -1):
        term, slot, is_null = keyset.terms[number - 1], _slot(number), nulls[number - 1]
        rest = _either(
            _behind(term, slot, is_null=is_null), _same(term, slot, is_null=is_null), rest
        )
    slot, is_null = _slot(1), nulls[0]
    same = _same(first, slot, is_null=is_null)
    if is_null:
        return _either(_behind(first, slot, is_null=True), same, rest) or _NONE
    bound = (f"{first.column} {_sign(first)}= ", slot, " and (")
    return (*bound, *(_either(_greater(first, slot), same, rest) or _NONE), ")")


def _slot(number: int) -> Slot:
    return Slot(KEYS, str(number), "text")


def _sign(term: Term) -> str:
    return "<" if term.descending else ">"


def _greater(term: Term, slot: Slot) -> Pieces:
    return (f"{term.column} {_sign(term)} ", slot)


def _behind(term: Term, slot: Slot, *, is_null: bool) -> Pieces | None:
    """The rows after a key; None: there are none."""
    if is_null:
        return (f"{term.column} is not null",) if term.nulls_first else None
    greater = _greater(term, slot)
    return greater if term.nulls_first else (*greater, f" or {term.column} is null")


def _same(term: Term, slot: Slot, *, is_null: bool) -> Pieces:
    return (f"{term.column} is null",) if is_null else (f"{term.column} = ", slot)


def _either(behind: Pieces | None, same: Pieces, rest: Pieces | None) -> Pieces | None:
    """`a > 1 or (a = 1 and (...))`, without what holds for no row."""
    within = (*same, " and (", *rest, ")") if rest else None
    if behind and within:
        return (*behind, " or (", *within, ")")
    return behind or within
