"""A business operation carried out in a session: look up, check, do, tell. Runs in a worker thread."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drawbar.backends.sql.execute.affected import changed_before, changed_since
from drawbar.backends.sql.execute.calls import call_routine
from drawbar.backends.sql.execute.columns import readers
from drawbar.backends.sql.execute.once import begin, end
from drawbar.backends.sql.execute.reading import only, read, text, whole
from drawbar.backends.sql.plan import (
    HOLE,
    SKIP,
    Answer,
    Guard,
    Held,
    HeldRows,
    Kept,
    Let,
    Operation,
    Step,
    Values,
    Walk,
)
from drawbar.backends.sql.reply import checked_columns, gather, row_reader
from drawbar.backends.sql.request import shown
from drawbar.backends.sql.session import Changed, Found, Session, found_of
from drawbar.kernel.ports import BackendError, Call, Cut, Reply
from drawbar.kernel.values import JsonObject, JsonValue

_MOST_LOOKED_UP = 10_000
"""Rows of a list of `let`: they are held in memory, and bound as one value."""


def operate(session: Session, operation: Operation, values: Values, call: Call) -> Reply:
    """Look up, check, do, tell. Whatever is raised undoes all of it, since the session then rolls back."""
    once = operation.once if call.idempotency_key is not None else None
    if once is None:
        return _operate(session, operation, values, call)
    call.progress.mark_sent()
    if before := begin(session, once, call):
        return before
    reply = _operate(session, operation, values, call)
    end(session, once, call, reply)
    return reply


def _operate(session: Session, operation: Operation, values: Values, call: Call) -> Reply:
    done = _Done(operation, prepare(session, operation, values))
    for number, step in enumerate(operation.steps, 1):
        _carry_out(session, step, number, done, call)
    called = _called(session, operation, done.values, call)
    if operation.answer is not None:
        return _answer(session, operation.answer, done.values, call)
    return called or _told(done, call)


def _called(session: Session, operation: Operation, values: Values, call: Call) -> Reply | None:
    if operation.routine is None:
        return None
    if operation.transaction != "reading":
        call.progress.mark_sent()
    if operation.max_affected_rows is None and operation.expected is None:
        return call_routine(session, operation, operation.routine, values, call)
    dialect = operation.routine.dialect.name
    before = changed_before(session, dialect)
    reply = call_routine(session, operation, operation.routine, values, call)
    is_once = operation.once is not None and call.idempotency_key is not None
    changed = changed_since(session, dialect, before, own=1 if is_once else 0)
    _check_affected(changed, operation.max_affected_rows)
    if operation.expected is not None and not operation.expected.allows(changed):
        message = f"the routine changed {_rows(changed)}, but {operation.expected} were expected; everything was undone"
        raise BackendError(
            message, code="unexpected_rows", work="rolled_back", facts={"rows": changed}
        )
    return reply


def prepare(session: Session, operation: Operation, values: Values) -> dict[str, Any]:  # see Values
    """Everything before the first change: what is looked up, and the refusals of the business."""
    values = dict(values)
    for let in operation.lets:
        values[let.name] = _looked_up(session, let, values)
    for guard in operation.guards:
        for turn in turns(guard.walks, values):
            _check(session, guard, turn.values)
    return values


@dataclass(slots=True)
class _Done:
    """How far an operation has come."""

    operation: Operation
    values: dict[str, Any]  # see Values
    affected: int = 0
    answered: Changed | None = None
    """The rows of the last `returning` without a name."""
    named: dict[str, tuple[Kept, Changed]] = field(default_factory=dict)


def _carry_out(session: Session, step: Step, number: int, done: _Done, call: Call) -> None:
    rows: list[Mapping[str, Held]] = []
    answers: list[Changed] = []
    empty: Mapping[str, Held] = {}
    for turn in turns(step.walks, done.values):
        if not passes(session, step, turn.values):
            continue
        call.progress.mark_sent()
        changed = session.change(step.statement, turn.values)
        _check_count(done.operation, step, turn, number, changed.count)
        if step.statement.changes:
            done.affected += changed.count
        _check_affected(done.affected, done.operation.max_affected_rows)
        if step.kept is not None:
            found = changed.typed() if changed.typed else found_of(changed.columns, changed.rows)
            rows += found.rows
            empty = found.empty
        if changed.columns:
            answers.append(changed)
    if step.kept is not None:
        done.values[step.kept.name] = _usable(step.kept, Found(rows, empty))
        done.named[step.kept.name] = (step.kept, _together(answers))
    elif answers:
        done.answered = _together(answers)


def _together(answers: Sequence[Changed]) -> Changed:
    """The rows of all turns."""
    if not answers:
        return Changed(0)
    rows = [row for each in answers for row in each.rows]
    return Changed(len(rows), answers[0].columns, rows)


@dataclass(frozen=True, slots=True)
class Turn:
    """A step with the elements of its lists; `number` of `count`, both 0 where it has none."""

    values: Values
    number: int = 0
    count: int = 0


def turns(walks: Sequence[Walk], values: Values) -> Iterator[Turn]:
    """One, or one for each element. Raises BackendError for lists that cannot be walked side by side."""
    if not walks:
        yield Turn(values)
        return
    lists = [_elements(walk, values) for walk in walks]
    count = len(lists[0])
    for walk, elements in zip(walks, lists, strict=True):
        if len(elements) != count:
            message = (
                f"`{walks[0].over}` has {count} and `{walk.over}` has {len(elements)} elements, "
                "and one of each belong together; everything was undone"
            )
            raise BackendError(message, code="unequal_lists", work="rolled_back")
    variables = [walk.variable for walk in walks]
    for number, elements in enumerate(zip(*lists, strict=True), 1):
        yield Turn({**values, **dict(zip(variables, elements, strict=True))}, number, count)


def _elements(walk: Walk, values: Values) -> Sequence[Any]:  # see Values
    found = values.get(walk.over)
    if isinstance(found, HeldRows):
        return found.rows
    return found if isinstance(found, list) else ()


def passes(session: Session, step: Step, values: Values) -> bool:
    """Whether `if` or `unless` lets the step be done."""
    if step.test is None:
        return True
    found = session.look_up(step.test.query.statement, values, 1).rows
    return bool(found) is step.test.wants_row


def _usable(kept: Kept, found: Found) -> Any:  # see Values
    """The rows of `returning` as later steps use them."""
    if kept.shape == "list":
        return HeldRows(found.rows)
    if len(found.rows) > 1:
        message = f"{len(found.rows)} rows for `{kept.name}`, where one belongs"
        raise BackendError(message, code="ambiguous", work="rolled_back")
    row = found.rows[0] if found.rows else found.empty
    if kept.shape == "row":
        return row
    return next(iter(row.values()), None)


def _check_count(operation: Operation, step: Step, turn: Turn, number: int, count: int) -> None:
    if step.expected is None or step.expected.allows(count):
        return
    facts: dict[str, str | int] = {"statement": number, "rows": count}
    at = f"statement {number} of {len(operation.steps)}"
    if turn.count:
        facts["turn"] = turn.number
        at = f"{at}, turn {turn.number} of {turn.count},"
    if step.otherwise is not None:
        message = filled(step.otherwise.message, turn.values)
        raise BackendError(message, code=step.otherwise.code, work="rolled_back", facts=facts)
    message = (
        f"{at} touched {_rows(count)}, but {step.expected} were expected; everything was undone"
    )
    raise BackendError(message, code="unexpected_rows", work="rolled_back", facts=facts)


def _looked_up(session: Session, let: Let, values: Values) -> Any:  # see Values
    most = _MOST_LOOKED_UP if let.shape == "list" else 1
    found = session.look_up(let.query.statement, values, most + 1)
    if len(found.rows) > most:
        many = f"more than {_rows(most)} for `{let.name}`"
        raise BackendError(many, code="ambiguous", work="rolled_back")
    if let.shape == "list":
        return HeldRows(found.rows)
    row = found.rows[0] if found.rows else found.empty
    return next(iter(row.values())) if let.shape == "value" else row


def _check(session: Session, guard: Guard, values: Values) -> None:
    found = session.look_up(guard.query.statement, values, 1).rows
    if bool(found) is not guard.stops_on_row:
        return
    message = filled(guard.message, values, found[0] if found else {})
    raise BackendError(message, code=guard.code, work="rolled_back")


def filled(message: str, values: Values, columns: Mapping[str, Held] | None = None) -> str:
    """The message with its holes filled in; columns win over names."""
    known = columns or {}

    def fill(hole: re.Match[str]) -> str:
        name, _, inner = hole[1].partition(".")
        value = known.get(hole[1], values.get(name))
        if inner and isinstance(value, dict):
            value = value.get(inner)
        return text(shown(value))

    return HOLE.sub(fill, message)


def _answer(session: Session, answer: Answer, values: Values, call: Call) -> Reply:
    """What stands there now, read in the same transaction."""
    taken: dict[str, Any] = {SKIP: 0, **answer.constants}  # see Values
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


def _told(done: _Done, call: Call) -> Reply:
    """What was counted, and the rows of `returning`: those with a name under it."""
    operation, changed = done.operation, done.answered
    value: JsonObject = {"rows_affected": done.affected}
    cuts: list[Cut] = []
    if changed is not None and operation.rows == "one":
        columns = checked_columns(changed.columns)
        read_row = row_reader(columns, readers(operation.columns), call.files)
        value = read_row(only(changed.rows, operation, done.values))
    elif changed is not None:
        rows, cut = _listed(changed, "", operation, call)
        value["rows"] = rows
        cuts += cut
    for name, (kept, rows_of) in done.named.items():
        rows, cut = _listed(rows_of, name, operation, call)
        value[name] = rows if kept.shape == "list" else next(iter(rows), None)
        cuts += cut
    if operation.rows == "one" and not cuts:
        return whole(value, call)
    return Reply(value, cuts=tuple(cuts))


def _listed(
    changed: Changed, name: str, operation: Operation, call: Call
) -> tuple[list[JsonValue], tuple[Cut, ...]]:
    gathered = gather(
        _Fetched(changed),
        max_rows=call.max_rows,
        max_bytes=call.max_bytes,
        readers=readers(operation.columns, name),
        files=call.files,
    )
    return list[JsonValue](gathered.rows), () if gathered.cut is None else (gathered.cut,)
