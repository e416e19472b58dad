"""Any database that has an ODBC driver, through pyodbc.

What ODBC says is common to all drivers is little: the state of an error, and a word to cancel. A reading's transaction
is told to be read only where the dialect has words for that, and is undone at its end in every case.
"""

from __future__ import annotations

import re
from typing import Any

import pyodbc

from drawbar.backends.sql.databases.mariadb.asked import SQL_MODE, spared
from drawbar.backends.sql.databases.pooled import How, Server, State
from drawbar.backends.sql.databases.single import check_single
from drawbar.backends.sql.databases.sqlstate import is_lost, not_connected, translated
from drawbar.backends.sql.plan import Statement, Values
from drawbar.backends.sql.request import spread
from drawbar.backends.sql.url import Target
from drawbar.kernel.ports import BackendError

_CONNECT_WITHIN = 5
_READING = {
    "postgres": "set transaction isolation level repeatable read, read only",
    "mysql": "set session transaction isolation level repeatable read, read only",
    "oracle": "set transaction read only",
}
_CHANGING = {
    "postgres": "set transaction isolation level serializable, read write",
    "mysql": "set session transaction isolation level serializable, read write",
    "oracle": "set transaction isolation level serializable",
    "tsql": "set transaction isolation level serializable",
}
_LIMIT = {
    "postgres": "set local statement_timeout = {milliseconds}",
    "mysql": "set max_statement_time = {seconds:.3f}",
}
"""Words of the dialect; where there are none, the watchdog keeps the time."""
_ASKED_FREELY = {
    "postgresql": (
        "set session characteristics as transaction read only",
        "set standard_conforming_strings = on",
    ),
    "mariadb": (f"set session sql_mode = '{SQL_MODE}'",),
}
"""Of a session that serves free queries: nothing is written in it, and a text means what it was read as."""
_SAVEPOINT = "drawbar_call"
_NUMBER = re.compile(r"\((\d+)\) \(SQL\w+\)$")
"""The database's own number of an error, as pyodbc shows it."""
_STATE = re.compile(r"\[[A-Z0-9]{5}\] ?")


class OdbcServer(Server):
    """A database behind an ODBC driver."""

    errors = (pyodbc.Error,)
    has_sets = True
    grace = 0.1

    def __init__(self, target: Target, *, asked_freely: bool = False) -> None:
        """`asked_freely`: texts of a model are sent, which were read as the server reads them by default."""
        self.dialect = target.dialect
        self._target = target
        self._asked_freely = asked_freely
        self._running: dict[int, Any] = {}
        """Cursors by identity of their connection, since it is a cursor that is cancelled."""

    def connect(self) -> Any:
        words = self._target.connection["odbc"]
        if user := self._target.connection.get("user"):
            words += f";UID={_braced(user)}"
        if self._target.password is not None:
            words += f";PWD={_braced(self._target.password.reveal())}"
        connection = pyodbc.connect(words, autocommit=False, timeout=_CONNECT_WITHIN)
        if self._asked_freely:
            for text in _ASKED_FREELY.get(self.dialect.asked_as, ()):
                connection.execute(text).close()
            connection.commit()
        return connection

    def begin(self, connection: Any, state: State, how: How, seconds: float) -> None:
        del state
        limit = _LIMIT.get(self.dialect.grammar, "")
        mode = (_CHANGING if how == "changing" else _READING).get(self.dialect.grammar, "")
        seconds = max(seconds, 0.001)
        for words in (mode, limit.format(seconds=seconds, milliseconds=int(seconds * 1000) or 1)):
            if words:
                connection.execute(words).close()

    def _spare(self, connection: Any, statement: Statement) -> None:
        """Keep MariaDB 10.11 from ending, as its own module does."""
        if self._asked_freely and self.dialect.asked_as == "mariadb":
            connection.execute(spared(statement.text)).close()

    def execute(self, connection: Any, statement: Statement, values: Values) -> Any:
        is_free = statement.changes or statement.calls
        check_single(statement.text, self.dialect, changes=is_free)
        self._spare(connection, statement)
        text, bound = spread(statement, values, self.dialect.no_element)
        cursor = connection.cursor()
        self._running[id(connection)] = cursor
        cursor.execute(text, bound)
        return cursor

    def next_set(self, cursor: Any) -> bool:
        return bool(cursor.nextset())

    def before_call(self, connection: Any, how: How) -> object | None:
        """A savepoint, which is gone once a procedure has ended the transaction that it is called in."""
        if how != "changing" or self.dialect.called_as != "mariadb":
            return None  # elsewhere that is an error of its own, or not known
        connection.execute(f"savepoint {_SAVEPOINT}").close()
        return _SAVEPOINT

    def has_committed(self, connection: Any, before: object) -> bool:
        try:
            connection.execute(f"rollback to savepoint {before}").close()
        except pyodbc.Error:
            return True
        return False

    def interrupt(self, connection: Any) -> None:
        cursor = self._running.get(id(connection))
        if cursor is not None:
            cursor.cancel()

    def is_lost(self, error: Exception) -> bool:
        return is_lost(_said(error)[0])

    def translate(self, error: Exception) -> BackendError:
        number = _NUMBER.search(str(error.args[-1]) if error.args else "")
        return translated(*_said(error), int(number[1]) if number else 0, self.dialect)

    def connect_error(self, error: Exception) -> BackendError:
        return not_connected(*_said(error), self._target.password)

    def explain(self, connection: Any, statement: Statement, values: Values) -> list[str]:
        if self.dialect.grammar not in {"postgres", "mysql"}:
            message = f"{self.dialect.title} is not asked for its plan"
            raise BackendError(message, code="not_explained", work="not_started")
        check_single(statement.text, self.dialect, changes=statement.changes)
        self._spare(connection, statement)
        text, bound = spread(statement, values, self.dialect.no_element)
        with connection.cursor() as cursor:
            rows = cursor.execute(f"explain {text}", bound).fetchall()
            names = self.columns(cursor)
            return [_line(names, row) for row in rows]


def _line(names: tuple[str, ...], row: tuple[object, ...]) -> str:
    """Of the one column of PostgreSQL, or of MariaDB's several with their names."""
    if len(names) == 1:
        return str(row[0])
    cells = zip(names, row, strict=True)
    return ", ".join(f"{name}: {cell}" for name, cell in cells if cell is not None)


def _braced(text: str) -> str:
    """Only where it has to be, since some drivers take the braces for a part of it."""
    if not set(text) & set("{};=") and text == text.strip():
        return text
    return "{" + text.replace("}", "}}") + "}"


def _said(error: Exception) -> tuple[str, str]:
    """The SQLSTATE, and the text without what the driver manager puts around it."""
    state, text = (*(str(each) for each in error.args), "", "")[:2]
    text = _STATE.sub("", text.partition(";\n")[0]).removeprefix("ERROR: ")
    return state, re.sub(r" \(\d+\) \(SQL\w+\)$", "", text).partition("\n")[0]
