"""A plan carried out in a session: the same for every dialect. Runs in a worker thread."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from drawbar.backends.sql.columns import readers
from drawbar.backends.sql.plan import HOLE, Answer, Guard, Held, Let, Operation, Reading, Values
from drawbar.backends.sql.reply import (
    Cell,
    Gathered,
    checked_columns,
    encoded_size,
    fit,
    gather,
    row_reader,
)
from drawbar.backends.sql.request import shown
from drawbar.backends.sql.session import Changed, Session
from drawbar.kernel.ports import BackendError, Call, Reply
from drawbar.kernel.values import JsonObject, JsonValue

_MOST_LOOKED_UP = 10_000
"""Rows of a list of `let`: they are held in memory, and bound as one value."""


def read(session: Session, reading: Reading, values: Values, call: Call) -> Reply:
    """A list of rows, or the one row with its children."""
    is_single = reading.rows == "one"
    rows = session.select(reading.query.statement_for(values), values, single=is_single)
    read_as = readers(reading.columns) if reading.columns else None
    if reading.rows == "many":
        return _listed(
            gather(
                rows,
                max_rows=call.max_rows,
                max_bytes=call.max_bytes,
                narrowing=reading.told,
                readers=read_as,
            )
        )
    found = rows.fetch(2)
    row = _only(checked_columns(rows.columns), found, reading, values, read_as)
    reply = _whole(row, call)
    return _with_children(session, reading, values, call, reply) if reading.children else reply


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
        )
        row[name] = list[JsonValue](gathered.rows)
        left -= sum(encoded_size(each) for each in gathered.rows)
        if gathered.cut is not None:
            way = f"of the list `{name}`: {gathered.cut.how_to_get_the_rest}"
            cuts.append(replace(gathered.cut, how_to_get_the_rest=way))
    return Reply(row, cuts=tuple(cuts))


def _whole(row: JsonObject, call: Call) -> Reply:
    fitting, cut = fit(row, call.max_bytes)
    return Reply(fitting, cuts=() if cut is None else (cut,))


def _listed(gathered: Gathered) -> Reply:
    value: list[JsonValue] = list(gathered.rows)
    return Reply(value, cuts=() if gathered.cut is None else (gathered.cut,))


def _only(
    columns: tuple[str, ...],
    rows: Sequence[Sequence[object]],
    plan: Reading | Operation,
    values: Values,
    read_as: Mapping[str, Cell] | None = None,
) -> JsonObject:
    if not rows:
        message = plan.not_found or f"no row for {_told(plan, values)}"
        raise BackendError(message, code="not_found", work="rolled_back")
    if len(rows) > 1:
        message = f"more than one row for {_told(plan, values)}, where one belongs"
        raise BackendError(message, code="ambiguous", work="rolled_back")
    return row_reader(columns, read_as)(rows[0])


def _told(plan: Reading | Operation, values: Values) -> str:
    """`course_no=C-104`: the arguments, as far as the model knows them."""
    parts = [
        f"{name}={_text(shown(values[name]))}" for name in plan.told if values.get(name) is not None
    ]
    return ", ".join(parts) or "this call"


def _text(value: JsonValue) -> str:
    if value is None:
        return "unknown"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def operate(session: Session, operation: Operation, values: Values, call: Call) -> Reply:
    """Look up, check, do, tell. Whatever is raised undoes all of it, since the session then rolls back."""
    values = prepare(session, operation, values)
    affected = 0
    answered: Changed | None = None
    for number, step in enumerate(operation.steps, 1):
        call.progress.mark_sent()
        changed = session.change(step.statement, values)
        if step.expected is not None and not step.expected.allows(changed.count):
            message = (
                f"statement {number} of {len(operation.steps)} touched {_rows(changed.count)}, "
                f"but {step.expected} were expected; everything was undone"
            )
            raise BackendError(
                message,
                code="unexpected_rows",
                work="rolled_back",
                facts={"statement": number, "rows": changed.count},
            )
        if step.statement.changes:
            affected += changed.count
        _check_affected(affected, operation.max_affected_rows)
        if changed.columns:
            answered = changed
    if operation.answer is not None:
        return _answer(session, operation.answer, values, call)
    if answered is None:
        return Reply({"rows_affected": affected})
    return _returned(answered, affected, operation, values, call)


def prepare(session: Session, operation: Operation, values: Values) -> Values:
    """Everything before the first change: what is looked up, and the refusals of the business."""
    if operation.lets:
        values = dict(values)
        for let in operation.lets:
            values[let.name] = _looked_up(session, let, values)
    for guard in operation.guards:
        _check(session, guard, values)
    return values


def _looked_up(session: Session, let: Let, values: Values) -> Any:  # see Values
    most = _MOST_LOOKED_UP if let.shape == "list" else 1
    found = session.look_up(let.query.statement, values, most + 1)
    if len(found.rows) > most:
        many = f"more than {_rows(most)} for `{let.name}`"
        raise BackendError(many, code="ambiguous", work="rolled_back")
    if let.shape == "list":
        return [{name: held.shown for name, held in row.items()} for row in found.rows]
    row = found.rows[0] if found.rows else found.empty
    return next(iter(row.values())) if let.shape == "value" else row


def _check(session: Session, guard: Guard, values: Values) -> None:
    found = session.look_up(guard.query.statement, values, 1).rows
    if bool(found) is not guard.stops_on_row:
        return
    columns = found[0] if found else {}

    def fill(hole: re.Match[str]) -> str:
        name, _, inner = hole[1].partition(".")
        value = columns.get(hole[1], values.get(name))
        if inner and isinstance(value, dict):
            value = value.get(inner)
        return _text(shown(value))

    message = HOLE.sub(fill, guard.message)
    raise BackendError(message, code=guard.code, work="rolled_back")


def _answer(session: Session, answer: Answer, values: Values, call: Call) -> Reply:
    """What stands there now, read in the same transaction."""
    taken: dict[str, Any] = dict(answer.constants)  # see Values
    for name in answer.taken:
        value = values.get(name)
        taken[name] = None if isinstance(value, Held) and value.is_null else value
    return read(session, answer.reading, taken, call)


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def _check_affected(affected: int, most: int | None) -> None:
    if most is not None and affected > most:
        message = f"it would have changed {_rows(affected)}, but at most {most} are allowed; everything was undone"
        raise BackendError(
            message, code="too_many_rows", work="rolled_back", facts={"rows": affected}
        )


class _Fetched:
    """Rows that are here already."""

    def __init__(self, changed: Changed) -> None:
        self.columns = changed.columns
        self._rows = changed.rows
        self._at = 0

    def fetch(self, count: int) -> Sequence[Sequence[object]]:
        self._at += count
        return self._rows[self._at - count : self._at]


def _returned(
    changed: Changed, affected: int, operation: Operation, values: Values, call: Call
) -> Reply:
    """The rows of `returning`."""
    if operation.rows == "one":
        row = _only(checked_columns(changed.columns), changed.rows, operation, values)
        return _whole(row, call)
    gathered = gather(_Fetched(changed), max_rows=call.max_rows, max_bytes=call.max_bytes)
    listed = _listed(gathered)
    return Reply({"rows_affected": affected, "rows": listed.value}, cuts=listed.cuts)
