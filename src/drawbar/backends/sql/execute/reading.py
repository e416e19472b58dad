"""A reading carried out in a session: the same for every dialect. Runs in a worker thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson

from drawbar.backends.sql.execute.columns import readers
from drawbar.backends.sql.execute.page import read_page, statement_of
from drawbar.backends.sql.plan import Operation, Reading, Values
from drawbar.backends.sql.reply import (
    Gathered,
    Rows,
    checked_columns,
    encoded_size,
    fit,
    gather,
    row_reader,
)
from drawbar.backends.sql.request import shown
from drawbar.backends.sql.session import Session
from drawbar.kernel.ports import BackendError, Call, Reply
from drawbar.kernel.values import JsonObject, JsonValue


def read(session: Session, reading: Reading, values: Values, call: Call) -> Reply:
    """A list of rows, or the one row with its children."""
    if reading.page is not None:
        return read_page(session, reading, reading.page, values, call)
    is_single = reading.rows == "one"
    rows = session.select(statement_of(reading, values), values, single=is_single)
    if reading.rows == "many":
        read_as = readers(reading.columns) if reading.columns else None
        return listed(
            gather(
                rows,
                max_rows=call.max_rows,
                max_bytes=call.max_bytes,
                narrowing=reading.told,
                readers=read_as,
                files=call.files,
            )
        )
    reply = the_one(rows, reading, values, call)
    return _with_children(session, reading, values, call, reply) if reading.children else reply


def the_one(rows: Rows, plan: Reading | Operation, values: Values, call: Call) -> Reply:
    """The row that has to be the only one."""
    read_as = readers(plan.columns) if plan.columns else None
    found = rows.fetch(2)
    read_row = row_reader(checked_columns(rows.columns), read_as, call.files)
    row = read_row(only(found, plan, values))
    return whole(row, call)


def _with_children(
    session: Session, reading: Reading, values: Values, call: Call, reply: Reply
) -> Reply:
    """The lists that belong to the row. Rows are capped for each list, bytes for the whole answer."""
    assert isinstance(reply.value, dict)  # noqa: S101 -- one row is an object
    row = dict(reply.value)
    cuts = list(reply.cuts)
    left = call.max_bytes - encoded_size(row)
    for name, query in reading.children.items():
        gathered = gather(
            session.select(query.statement_for(values), values),
            max_rows=call.max_rows,
            max_bytes=max(0, left),
            readers=readers(reading.columns, name),
            files=call.files,
        )
        row[name] = list[JsonValue](gathered.rows)
        left -= sum(encoded_size(each) for each in gathered.rows)
        if gathered.cut is not None:
            way = f"of the list `{name}`: {gathered.cut.how_to_get_the_rest}"
            cuts.append(replace(gathered.cut, how_to_get_the_rest=way))
    return Reply(row, cuts=tuple(cuts))


def whole(row: JsonObject, call: Call) -> Reply:
    fitting, cut = fit(row, call.max_bytes)
    return Reply(fitting, cuts=() if cut is None else (cut,))


def listed(gathered: Gathered) -> Reply:
    value: list[JsonValue] = list(gathered.rows)
    return Reply(value, cuts=() if gathered.cut is None else (gathered.cut,))


def only(
    rows: Sequence[Sequence[object]], plan: Reading | Operation, values: Values
) -> Sequence[object]:
    """The one row that there has to be, as the driver gave it."""
    if not rows:
        message = plan.not_found or f"no row for {_told(plan, values)}"
        raise BackendError(message, code="not_found", work="rolled_back")
    if len(rows) > 1:
        message = f"more than one row for {_told(plan, values)}, where one belongs"
        raise BackendError(message, code="ambiguous", work="rolled_back")
    return rows[0]


def _told(plan: Reading | Operation, values: Values) -> str:
    """`course_no=C-104`: the arguments, as far as the model knows them."""
    parts = [
        f"{name}={text(shown(values[name]))}" for name in plan.told if values.get(name) is not None
    ]
    return ", ".join(parts) or "this call"


def text(value: JsonValue) -> str:
    if value is None:
        return "unknown"
    return value if isinstance(value, str) else orjson.dumps(value).decode()
