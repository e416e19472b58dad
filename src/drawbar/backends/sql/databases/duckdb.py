"""DuckDB: one database in this process, locked in its file, and a cursor of it for each call.

A database that is opened read only could still read and write other files until it is told not to, and
until it is told that nobody may change that again. It would also carry out several statements at a time,
so each text is taken apart first.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import duckdb

from drawbar.backends.sql.databases.pooled import How, Server, State
from drawbar.backends.sql.dialect import DUCKDB
from drawbar.backends.sql.plan import Statement, Values
from drawbar.backends.sql.request import spread
from drawbar.backends.sql.session import was_stopped
from drawbar.backends.sql.url import Target
from drawbar.kernel.ports import BackendError

_LOSSY = {"INTERVAL", "TIMESTAMP_NS", "TIMESTAMP_NS WITH TIME ZONE"}
"""Types of which the driver keeps only a part."""
_STATES = {
    "Duplicate key": "23505",
    "foreign key constraint": "23503",
    "NOT NULL constraint": "23502",
    "CHECK constraint": "23514",
}
_BEGIN: dict[How, str] = {
    "reading": "begin transaction read only",
    "snapshot": "begin transaction read only",
    "changing": "begin transaction",
}


class DuckdbServer(Server):
    """A database file. It must exist when it is first used."""

    dialect = DUCKDB
    errors = (duckdb.Error,)

    def __init__(self, target: Target, *, changes: bool) -> None:
        """`changes`: some function changes something; otherwise the file is opened read only."""
        assert target.path is not None  # noqa: S101 -- the url named a file
        self._path: Path = target.path
        self._read_only = not changes
        self._root: Any = None
        self._lock = threading.Lock()

    def connect(self) -> Any:
        with self._lock:
            if self._root is None:
                if not self._path.exists():
                    message = f"there is no database file {self._path.name}"
                    raise BackendError(message, code="backend_unavailable", work="not_started")
                self._root = duckdb.connect(
                    str(self._path),
                    read_only=self._read_only,
                    config={
                        "enable_external_access": "false",
                        "autoinstall_known_extensions": "false",
                        "autoload_known_extensions": "false",
                        "lock_configuration": "true",
                    },
                )
            return self._root.cursor()

    def begin(self, connection: Any, state: State, how: How, seconds: float) -> None:
        del state, seconds
        connection.execute(_BEGIN[how])

    def execute(self, connection: Any, statement: Statement, values: Values) -> Any:
        text, bound = spread(statement, values, self.dialect.no_element)
        found = duckdb.extract_statements(text)
        if len(found) != 1:
            message = f"one statement belongs here, and there are {len(found)}"
            raise BackendError(message, code="statement_failed", work="rolled_back")
        if not statement.changes and found[0].type != duckdb.StatementType.SELECT:
            message = "only a select may stand here"
            raise BackendError(message, code="not_allowed", work="rolled_back")
        connection.execute(text, bound)
        for column in connection.description or ():
            if str(column[1]) in _LOSSY:
                message = f"the driver of DuckDB cannot answer `{column[0]}` exactly"
                hint = f"Write `{column[0]}::varchar as {column[0]}`."
                raise BackendError(message, code="bad_value", work="rolled_back", hint=hint)
        return connection

    def shut(self, cursor: Any) -> None:
        """The cursor is the connection, which goes on living; the next statement ends this one."""

    def count(self, cursor: Any) -> int:
        rows = cursor.fetchall()
        return int(rows[0][0]) if rows else 0

    def commit(self, connection: Any) -> None:
        connection.execute("commit")

    def rollback(self, connection: Any) -> None:
        connection.execute("rollback")

    def interrupt(self, connection: Any) -> None:
        connection.interrupt()

    def is_lost(self, error: Exception) -> bool:
        return isinstance(error, (duckdb.ConnectionException, duckdb.FatalException))

    def translate(self, error: Exception) -> BackendError:
        message = str(error).partition("\n")[0]
        if isinstance(error, duckdb.InterruptException):
            return was_stopped()
        if isinstance(error, duckdb.ConstraintException):
            return _violated(message)
        if isinstance(error, duckdb.TransactionException) and "onflict" in message:
            return BackendError(
                "someone else changed the same data at the same time; everything was undone",
                code="conflict",
                retryable=True,
                work="rolled_back",
            )
        code = "statement_failed"
        if isinstance(error, (duckdb.ConversionException, duckdb.OutOfRangeException)):
            code = "bad_value"
        elif isinstance(error, duckdb.PermissionException) or "read-only" in message:
            code = "not_allowed"
        return BackendError(message, code=code, work="rolled_back")

    def connect_error(self, error: Exception) -> BackendError:
        message = f"the database file {self._path.name} cannot be opened: {error}"
        return BackendError(message, code="backend_unavailable", work="not_started")

    def explain(self, connection: Any, statement: Statement, values: Values) -> list[str]:
        text, bound = spread(statement, values, self.dialect.no_element)
        rows = connection.execute(f"explain {text}", bound).fetchall()
        return [line for row in rows for line in str(row[-1]).splitlines()]

    def close(self) -> None:
        with self._lock:
            if self._root is not None:
                self._root.close()
                self._root = None


def _violated(message: str) -> BackendError:
    facts: dict[str, str | int] = {}
    for part, state in _STATES.items():
        if part in message:
            facts = {"constraint": part.lower(), "sqlstate": state}
    return BackendError(message, code="constraint_violation", work="rolled_back", facts=facts)
