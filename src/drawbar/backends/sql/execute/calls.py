"""A call of a routine carried out in a session: its result sets, then what its arguments have become."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from drawbar.backends.sql.execute.columns import readers
from drawbar.backends.sql.execute.reading import listed, the_one
from drawbar.backends.sql.plan import Operation, Routine, Values
from drawbar.backends.sql.reply import Rows, checked_columns, encoded_size, fit, gather, row_reader
from drawbar.backends.sql.session import Answers, CallsRoutines, Session
from drawbar.kernel.ports import BackendError, Call, Cut, Reply
from drawbar.kernel.values import JsonObject, JsonValue

MISMATCH = "contract_mismatch"
HINT = "Only the author of the adapter can put this right."
_FOR_VALUES = 4
"""The part of an answer, one of so many, that is kept free for the values behind its lists."""


def call_routine(
    session: Session, operation: Operation, routine: Routine, values: Values, call: Call
) -> Reply:
    """Raises BackendError, also when something else comes back than was declared."""
    assert isinstance(session, CallsRoutines)  # noqa: S101 -- the compiler lets no other dialect have one
    answers = session.call(routine, values)
    if routine.rows is not None:
        return _own_rows(answers, operation, routine, values, call)
    sets = _Sets(answers, operation, routine, call)
    found: JsonObject = {name: sets.read(name) for name in routine.results}
    sets.finish()
    out, cut = _out(answers, operation, routine, sets.left, call)
    return Reply(out | found, cuts=tuple(sets.cuts + cut))


def _own_rows(
    answers: Answers, operation: Operation, routine: Routine, values: Values, call: Call
) -> Reply:
    sets = answers.sets()
    rows = next(sets, None)
    if rows is None:
        raise _mismatch(routine, "it answered no rows, and `rows` says that it does")
    if routine.rows == "one":
        reply = the_one(rows, operation, values, call)
    else:
        reply = listed(
            gather(
                rows,
                max_rows=call.max_rows,
                max_bytes=call.max_bytes,
                narrowing=operation.told,
                readers=readers(operation.columns),
                files=call.files,
            )
        )
    if missing := set(routine.out) - set(rows.columns):
        raise _mismatch(routine, f"its rows have no column `{min(missing)}`")
    if more := sum(1 for _ in sets):
        raise _mismatch(routine, f"it answered {more + 1} result sets, and `rows` stands for one")
    return reply


class _Sets:
    """The result sets of a routine, each by its name; bytes are counted for all of them together."""

    def __init__(
        self, answers: Answers, operation: Operation, routine: Routine, call: Call
    ) -> None:
        self._sets: Iterator[Rows | None] = answers.sets()
        self._operation = operation
        self._routine = routine
        self._call = call
        self._kept = call.max_bytes // _FOR_VALUES if routine.out else 0
        self._bytes = call.max_bytes - self._kept
        self._read = 0
        self.cuts: list[Cut] = []

    @property
    def left(self) -> int:
        """Bytes for what is answered beside the lists."""
        return self._bytes + self._kept

    def read(self, name: str) -> JsonValue:
        """The next one, which is `name`; null for a cursor that was not opened."""
        try:
            rows = next(self._sets)
        except StopIteration:
            raise self._wrong_number(self._read) from None
        self._read += 1
        if rows is None:
            return None
        is_one = self._routine.results[name] == "one"
        gathered = gather(
            rows,
            max_rows=2 if is_one else self._call.max_rows,
            max_bytes=self._bytes,
            narrowing=self._operation.told,
            readers=readers(self._operation.columns, name),
            files=self._call.files,
        )
        self._bytes -= sum(encoded_size(each) for each in gathered.rows)
        if is_one and len(gathered.rows) > 1:
            message = f"more than one row for `{name}`, where one belongs"
            raise BackendError(message, code="ambiguous", work="rolled_back")
        if gathered.cut is not None:
            way = f"of the list `{name}`: {gathered.cut.how_to_get_the_rest}"
            self.cuts.append(replace(gathered.cut, how_to_get_the_rest=way))
        if is_one:
            return next(iter(gathered.rows), None)
        return list[JsonValue](gathered.rows)

    def finish(self) -> None:
        """Nothing may be left that has no name."""
        if more := sum(1 for _ in self._sets):
            raise self._wrong_number(self._read + more)

    def _wrong_number(self, count: int) -> BackendError:
        names = ", ".join(self._routine.results) or "none"
        sets = "1 result set" if count == 1 else f"{count} result sets"
        return _mismatch(self._routine, f"it answered {sets}, and `results` names {names}")


def _out(
    answers: Answers, operation: Operation, routine: Routine, most: int, call: Call
) -> tuple[JsonObject, list[Cut]]:
    """The arguments that came out, without the cursors."""
    columns, row = answers.out()
    if set(columns) - routine.results.keys() != set(routine.out) - routine.results.keys():
        came = ", ".join(columns) or "nothing"
        raise _mismatch(routine, f"what came out is {came}")
    if not columns:
        return {}, []
    read = row_reader(checked_columns(columns), readers(operation.columns), call.files)(row)
    fitting, cut = fit({name: read[name] for name in columns if name not in routine.results}, most)
    return fitting, [] if cut is None else [cut]


def _mismatch(routine: Routine, what: str) -> BackendError:
    message = f"`{routine.signature.called}` does not answer what the adapter says: {what}"
    return BackendError(message, code=MISMATCH, work="rolled_back", hint=HINT)
