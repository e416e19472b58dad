"""What a routine of PostgreSQL answers: cursors by their names in its row, and the rest of the row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from drawbar.backends.sql.plan import Routine
from drawbar.backends.sql.reply import Rows

TRANSACTIONS = (
    "select split_part(virtualtransaction, '/', 2) from pg_catalog.pg_locks "
    "where locktype = 'virtualxid' and pid = pg_catalog.pg_backend_pid()"
)
"""The number of the transaction that the question itself is in. Each of a connection has the next number, so it
tells whether a routine has ended one: then there was one more than the call's own."""


class PostgresqlAnswers:
    """The row of a `call`, or the rows of a function that returns cursors."""

    def __init__(
        self,
        routine: Routine,
        columns: tuple[str, ...],
        rows: Sequence[Sequence[Any]],
        portal: Callable[[str], Rows],
    ) -> None:
        self._routine = routine
        self._columns = columns
        self._rows = rows
        self._portal = portal

    def sets(self) -> Iterator[Rows | None]:
        for name in self._names():
            yield None if name is None else self._portal(name)

    def _names(self) -> Iterator[str | None]:
        """Of the cursors: in arguments that came out, or in the rows that a function returned."""
        if self._routine.out:
            for name in self._routine.results:
                for row in self._rows[:1]:
                    yield row[self._columns.index(name)] if name in self._columns else None
        else:
            yield from (row[0] for row in self._rows)

    def out(self) -> tuple[tuple[str, ...], Sequence[Any]]:
        if not self._routine.out or not self._rows:
            return (), ()
        return self._columns, self._rows[0]
