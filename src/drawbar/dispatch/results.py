"""Answers that have to be cut, of functions that keep all rows: what the model is shown, and told of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson

from drawbar.compiler.function import Function
from drawbar.dispatch.invocation import Invocation
from drawbar.kernel.errors import DrawbarError
from drawbar.kernel.outcome import Succeeded
from drawbar.kernel.results import ResultStore
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.scalars import duration_text

_ENVELOPE = 100
"""Characters around the rows of an answer."""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of an answer, and where in it they stand; `name` None: they are the answer."""

    name: str | None
    rows: list[JsonObject]

    def put(self, value: JsonValue, rows: list[JsonObject]) -> JsonValue:
        """The answer with other rows."""
        if self.name is None or not isinstance(value, dict):
            return [*rows]
        return {**value, self.name: [*rows]}


def table_of(value: JsonValue) -> Table | None:
    """The list of objects that an answer is, or the longest that is a member of it."""
    if isinstance(value, list):
        rows = _rows(value)
        return None if rows is None else Table(None, rows)
    if not isinstance(value, Mapping):
        return None
    found = [Table(name, rows) for name, item in value.items() if (rows := _rows(item)) is not None]
    return max(found, key=lambda table: len(table.rows), default=None)


async def keep_rows(
    function: Function,
    whole: Succeeded,
    store: ResultStore,
    invocation: Invocation,
    *,
    more: bool,
) -> Succeeded | None:
    """What fits of the answer, with the handle of all of it; None where nothing has to be cut, or there are no rows.

    `whole` is the answer before it is cut to size; `more`: the reading itself had to end early.
    """
    table = table_of(whole.value)
    if table is None:
        return None
    fitting = _fitting(whole.value, table, function)
    if fitting == len(table.rows):
        return None
    total = len(table.rows)
    shown = f"Cut: these are the first {fitting} of {total} rows"
    if more:
        ends = f"`results: {{rows: {store.rows}, bytes: ...}}`"
        shown += f" that were read; there are more, since a reading ends there ({ends})"
    value = table.put(whole.value, table.rows[:fitting])
    try:
        kept = await store.keep(
            function.name,
            table.rows,
            owner=invocation.caller.subject,
            run_id=invocation.run_id,
        )
    except DrawbarError as error:
        note = f"{shown}; the others could not be kept: {error}"
        return replace(whole, value=value, notes=(*whole.notes, note))
    these, lifetime = "These" if more else "All", duration_text(store.lifetime)
    note = (
        f"{shown}. {these} {total} are kept for {lifetime} as result `{kept.id}`: result_page shows more of them, "
        "result_search finds rows, and result_aggregate counts and sums exactly. For the user they are the CSV "
        f"file `{kept.csv['file_id']}`."
    )
    handle: JsonObject = {"id": kept.id, "rows": total, "csv": kept.csv}
    return Succeeded(value, (*whole.notes, note), (*whole.files, kept.csv), handle)


def _rows(value: JsonValue) -> list[JsonObject] | None:
    if not isinstance(value, list):
        return None
    rows = [item for item in value if isinstance(item, dict)]
    return rows if rows and len(rows) == len(value) else None


def _fitting(value: JsonValue, table: Table, function: Function) -> int:
    """How many rows the limits leave, at least one."""
    room = min(function.returns.longest, function.limits.bytes)
    room -= len(orjson.dumps(table.put(value, []))) + _ENVELOPE
    for count, row in enumerate(table.rows):
        room -= len(orjson.dumps(row)) + 1
        if count and (room < 0 or count == function.limits.rows):
            return count
    return len(table.rows)
