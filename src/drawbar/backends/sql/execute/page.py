"""One page of a list: so many rows as fit, and where the next one begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drawbar.backends.sql.execute.columns import readers
from drawbar.backends.sql.execute.cursor import NotOpened, Seal, decode_keys, encode_keys
from drawbar.backends.sql.execute.keyset import KEYS, ends_with_nulls, part_of
from drawbar.backends.sql.plan import SKIP, Keyset, Page, Reading, Sorting, Statement, Values
from drawbar.backends.sql.reply import checked_columns, encoded_size, fit, row_reader
from drawbar.backends.sql.session import Session
from drawbar.kernel.files import Attachments
from drawbar.kernel.ports import BackendError, Call, Cut, Reply
from drawbar.kernel.values import JsonObject, JsonValue, arguments_hash

CURSOR = "cursor"
"""The parameter that takes what `next` says."""
_PLACE = "drawbar_place"
_ENVELOPE = len('{"rows":[],"next":""}')


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call stands in its list, and how the next place is sealed."""

    seal: Seal
    bound_to: JsonValue

    def sealed(self, place: JsonValue) -> str:
        return self.seal.close(place, self.bound_to)


def enter(reading: Reading, values: Values, seal: Seal) -> Values:
    """The values with the place that their cursor names. Raises BackendError for a wrong cursor."""
    page = reading.page
    if page is None:
        return values
    bound = {name: values.get(name) for name in page.bound_to}
    bound_to: JsonValue = [page.function, arguments_hash(bound)]
    entered = {**values, _PLACE: Place(seal, bound_to), SKIP: 0}
    text = values.get(CURSOR)
    if text is None:
        return entered
    try:
        place = seal.open(str(text), bound_to)
    except NotOpened:
        message = (
            "`cursor` does not belong to this call: it comes from another function or other arguments, "
            "or it was changed"
        )
        raise BackendError(
            message,
            code="wrong_cursor",
            work="not_started",
            hint="Give `next` of the last answer as it is, with the same other arguments; or leave `cursor` out to begin anew.",
        ) from None
    if isinstance(place, int):
        entered[SKIP] = place
    else:
        keys = decode_keys(place)
        entered[KEYS] = {str(number): key for number, key in enumerate(keys, 1)}
    return entered


def statement_of(reading: Reading, values: Values) -> Statement:
    """The statement that the values ask for, in their order and at their place."""
    sorting = sorting_of(reading, values)
    if isinstance(sorting, Keyset):
        return part_of(sorting, values)
    return sorting.statement_for(values)


def sorting_of(reading: Reading, values: Values) -> Sorting:
    """The one that the values choose, else the first."""
    if not reading.sortings:
        return reading.query
    chosen = reading.sortings.get(str(values.get(reading.sorted_by))) if reading.sorted_by else None
    return chosen or next(iter(reading.sortings.values()))


def read_page(session: Session, reading: Reading, page: Page, values: Values, call: Call) -> Reply:
    """`rows` and `next`, which is null when there are no more."""
    size = min(page.size, call.max_rows)
    sorting = sorting_of(reading, values)
    fetched = _fetch(session, reading, values, size + 1)
    budget = min(page.longest, call.max_bytes) - _ENVELOPE
    hidden = sorting.hidden if isinstance(sorting, Keyset) else 0
    shown = _Shown(fetched, hidden, reading, call.files)
    kept, cuts = shown.fitting(size, budget)
    place: Place | None = values.get(_PLACE)
    if len(kept) == len(fetched.rows):
        return Reply({"rows": list[JsonValue](kept), "next": None}, cuts=cuts)
    count, following = _next(sorting, fetched.rows, len(kept), values)
    while count > 1 and place and _size(kept[:count]) + len(place.sealed(following)) > budget:
        count, following = _next(sorting, fetched.rows, count - 1, values)
    rows = list[JsonValue](kept[:count])
    if place is None:  # the answer of an operation, which is told once
        way = "call the reading itself for the rest"
        return Reply({"rows": rows, "next": None}, cuts=(*cuts, Cut(count, None, "rows", way)))
    return Reply({"rows": rows, "next": place.sealed(following)}, cuts=cuts)


@dataclass(frozen=True, slots=True)
class _Fetched:
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


def _fetch(session: Session, reading: Reading, values: Values, count: int) -> _Fetched:
    """Up to `count` rows, with those at the end that need a statement of their own."""
    found = session.select(statement_of(reading, values), values)
    rows = list(found.fetch(count))
    columns = found.columns
    sorting = sorting_of(reading, values)
    if len(rows) < count and isinstance(sorting, Keyset) and ends_with_nulls(sorting, values):
        found = session.select(part_of(sorting, values, "nulls"), values)
        rows += found.fetch(count - len(rows))
    return _Fetched(columns, rows)


class _Shown:
    """Rows as they are answered, without the columns that are only sorted by."""

    def __init__(
        self, fetched: _Fetched, hidden: int, reading: Reading, files: Attachments
    ) -> None:
        end = len(fetched.columns) - hidden
        columns = checked_columns(fetched.columns[:end])
        read_as = readers(reading.columns) if reading.columns else None
        self._read = row_reader(columns, read_as, files)
        self._rows = fetched.rows
        self._end = end

    def fitting(self, size: int, budget: int) -> tuple[list[JsonObject], tuple[Cut, ...]]:
        """At most `size` rows in `budget` bytes; the first is cut rather than left out."""
        kept: list[JsonObject] = []
        for raw in self._rows[:size]:
            row = self._read(raw[: self._end])
            budget -= encoded_size(row) + 1
            if budget < 0:
                if kept:
                    break
                row, cut = fit(row, budget + encoded_size(row))
                return [row], () if cut is None else (cut,)
            kept.append(row)
        return kept, ()


def _next(
    sorting: Sorting, rows: Sequence[Sequence[Any]], count: int, values: Values
) -> tuple[int, JsonValue]:
    """How many rows can be answered so that none is lost at the border, and the place behind them.

    Rows with the same keys stay together: between them there is no place to go on from.
    """
    if not isinstance(sorting, Keyset):
        return count, values[SKIP] + count
    found = count
    while found and _keys(sorting, rows[found - 1]) == _keys(sorting, rows[found]):
        found -= 1
    if found == 0:
        message = (
            f"{count} rows or more have the same place in the order, so a page cannot end between them; "
            "the author of the adapter has to add a column to `order_by` that tells them apart"
        )
        raise BackendError(message, code="order_not_unique", work="rolled_back")
    try:
        return found, encode_keys(_keys(sorting, rows[found - 1]))
    except TypeError as error:
        raise BackendError(str(error), code="bad_value", work="rolled_back") from None


def _keys(sorting: Keyset, row: Sequence[Any]) -> list[Any]:
    return [row[term.index] for term in sorting.terms]


def _size(rows: Sequence[Mapping[str, JsonValue]]) -> int:
    return sum(encoded_size(dict(row)) + 1 for row in rows)
