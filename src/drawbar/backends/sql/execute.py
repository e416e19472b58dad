"""A plan carried out in a session: the same for every dialect. Runs in a worker thread."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from drawbar.backends.sql.plan import Operation, Reading
from drawbar.backends.sql.reply import Gathered, cell, checked_columns, fit, gather
from drawbar.backends.sql.request import Values
from drawbar.backends.sql.session import Changed, Session
from drawbar.kernel.ports import BackendError, Call, Reply
from drawbar.kernel.values import JsonObject, JsonValue


def read(session: Session, reading: Reading, values: Values, call: Call) -> Reply:
    """A list of rows, or the one row with its children."""
    rows = session.select(reading.query.statement_for(values), values)
    if reading.rows == "many":
        return _listed(
            gather(rows, max_rows=call.max_rows, max_bytes=call.max_bytes, narrowing=reading.told)
        )
    found = rows.fetch(2)
    row = _only(checked_columns(rows.columns), found, reading, values)
    return _whole(row, call)


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
) -> JsonObject:
    if not rows:
        message = plan.not_found or f"no row for {_told(plan, values)}"
        raise BackendError(message, code="not_found", work="rolled_back")
    if len(rows) > 1:
        message = f"more than one row for {_told(plan, values)}, where one belongs"
        raise BackendError(message, code="ambiguous", work="rolled_back")
    return dict(zip(columns, map(cell, rows[0]), strict=True))


def _told(plan: Reading | Operation, values: Values) -> str:
    """`course_no=C-104`: the arguments, as far as the model knows them."""
    parts = [f"{name}={_text(values[name])}" for name in plan.told if values.get(name) is not None]
    return ", ".join(parts) or "this call"


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def operate(session: Session, operation: Operation, values: Values, call: Call) -> Reply:
    """The changes in order. Whatever is raised undoes all of them, since the session then rolls back."""
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
    if answered is None:
        return Reply({"rows_affected": affected})
    return _returned(answered, affected, operation, values, call)


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
