"""MariaDB and MySQL through PyMySQL: read-only sessions, serializable changes, work that ends with its time.

A read-only transaction alone is no wall, since `create table` would commit it and go on; a session that is read
only refuses that as well. `into outfile` passes both: the compiler refuses it, and a login should not have FILE.
PyMySQL writes values into the statement as literals, escaped for the connection's own character set, and
asks the server for one statement at a time.
"""

from __future__ import annotations

import os
import socket
from decimal import Decimal
from typing import Any

import pymysql
from pymysql.constants import CLIENT, FIELD_TYPE
from pymysql.converters import conversions
from pymysql.cursors import SSCursor

from drawbar.backends.sql.databases.mariadb import calls, errors
from drawbar.backends.sql.databases.mariadb.asked import SQL_MODE, spared
from drawbar.backends.sql.databases.mariadb.decimals import fitting
from drawbar.backends.sql.databases.mariadb.numbers import INTERRUPTED
from drawbar.backends.sql.databases.pooled import How, Server, State
from drawbar.backends.sql.dialect import MARIADB
from drawbar.backends.sql.plan import Statement, Values
from drawbar.backends.sql.reply import read_json
from drawbar.backends.sql.request import spread
from drawbar.backends.sql.session import Identity
from drawbar.backends.sql.url import Target
from drawbar.kernel.ports import BackendError

_CONNECT_WITHIN = 5
_KILL_WITHIN = 1
_BEGIN: dict[How, str] = {
    "reading": "start transaction read only",
    "snapshot": "start transaction with consistent snapshot, read only",
    "changing": "start transaction",
    "unguarded": "start transaction read only",
}
_READING = "set session transaction isolation level repeatable read, read only"
_UNGUARDED = "set session transaction isolation level repeatable read, read write"
_CHANGING = "set session transaction isolation level serializable, read write"


def _moment(text: str) -> str:
    return text.replace(" ", "T", 1)


def _number(text: str) -> int | Decimal:
    """The sum of integers is a decimal without a point."""
    return Decimal(text) if "." in text else int(text)


def _bits(raw: bytes) -> int:
    return int.from_bytes(raw)


_CONVERSIONS: dict[Any, Any] = {  # as PyMySQL types it
    **conversions,
    FIELD_TYPE.DECIMAL: _number,
    FIELD_TYPE.NEWDECIMAL: _number,
    FIELD_TYPE.DATETIME: _moment,
    FIELD_TYPE.TIMESTAMP: _moment,
    FIELD_TYPE.BIT: _bits,
    FIELD_TYPE.JSON: read_json,
}
"""Moments stay the server's own text, since it knows days that Python does not."""
for _type in (FIELD_TYPE.DATE, FIELD_TYPE.TIME):
    del _CONVERSIONS[_type]


class MariadbServer(Server):
    """MariaDB, and MySQL from 8.0 on."""

    dialect = MARIADB
    errors = (pymysql.Error,)
    has_sets = True
    grace = 0.1

    def __init__(self, target: Target, *, asked_freely: bool = False) -> None:
        """`asked_freely`: texts of a model are sent, which were read as the server reads them by default."""
        self._target = target
        self._asked_freely = asked_freely

    def connect(self) -> Any:
        return self._connect(_CONNECT_WITHIN)

    def _connect(self, within: float) -> Any:
        words = self._target.connection
        password = self._target.password
        return pymysql.connect(
            host=words.get("host", "127.0.0.1"),
            port=int(words.get("port", "3306")),
            user=words.get("user"),
            password="" if password is None else password.reveal(),
            database=words.get("dbname"),
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=within,
            client_flag=CLIENT.FOUND_ROWS,  # an update counts what it matched, as other databases do
            conv=_CONVERSIONS,
            cursorclass=SSCursor,
            program_name="drawbar",
            init_command=f"set session sql_mode = '{SQL_MODE}'" if self._asked_freely else None,
            **_tls(words),
        )

    def begin(self, connection: Any, state: State, how: How, seconds: float) -> None:
        session = {"changing": _CHANGING, "unguarded": _UNGUARDED}.get(how, _READING)
        if state.get("session") != session:
            state.pop("session", None)
            _own(connection, session)
            state["session"] = session
        limit = self._limit(connection, max(seconds, 0.001))
        if state.get("limit") != limit:
            _own(connection, limit)
            state["limit"] = limit
        _own(connection, _BEGIN[how])

    def tell(self, connection: Any, identity: Identity) -> None:
        with connection.cursor() as cursor:
            if identity.role is not None:
                cursor.execute(f"set role {_quoted(identity.role)}")
            for name, value in identity.settings:
                cursor.execute(f"set @{_quoted(name)} = %s", (value,))

    def forget(self, connection: Any, identity: Identity) -> None:
        if identity.role is not None:
            _own(connection, "set role none")
        for name, _ in identity.settings:
            _own(connection, f"set @{_quoted(name)} = null")

    def _limit(self, connection: Any, seconds: float) -> str:
        """The server's own limit for a statement, in tenths so that calls of one limit share it."""
        if seconds > 1:
            seconds = int(seconds * 10) / 10
        if "MariaDB" in connection.get_server_info():
            return f"set max_statement_time = {seconds:.3f}"
        return f"set max_execution_time = {max(1, int(seconds * 1000))}"

    def _spare(self, connection: Any, statement: Statement) -> None:
        """Keep MariaDB 10.11 from ending, which it does when it merges a select in `from` into one with windows."""
        if self._asked_freely:
            _own(connection, spared(statement.text))

    def execute(self, connection: Any, statement: Statement, values: Values) -> Any:
        self._spare(connection, statement)
        cursor = connection.cursor()
        text, bound = spread(statement, values, self.dialect.no_element, is_format=True)
        cursor.execute(text, fitting(bound))
        return cursor

    def interrupt(self, connection: Any) -> None:
        """KILL QUERY by another connection; when that cannot be had, the line is cut."""
        self._kill(connection, "query")

    def sever(self, connection: Any) -> None:
        """A procedure swallows KILL QUERY in its `do` statements, such as `do sleep(1)`."""
        self._kill(connection, "connection")

    def _kill(self, connection: Any, what: str) -> None:
        try:
            with self._connect(_KILL_WITHIN) as other:
                _own(other, f"kill {what} {connection.thread_id()}")
        except pymysql.Error as error:
            if error.args and error.args[0] == errors.NO_SUCH_THREAD:
                return
            _cut(connection)

    def next_set(self, cursor: Any) -> bool:
        return bool(cursor.nextset())

    def before_call(self, connection: Any, how: How) -> object:
        if how in {"reading", "snapshot"}:
            return None
        return calls.before_call(connection, is_guarded=how == "changing")

    def has_committed(self, connection: Any, before: Any) -> bool:
        try:
            return calls.has_committed(connection, before)
        except pymysql.Error:
            return True  # it cannot be found out

    def shut(self, cursor: Any) -> None:
        """Rows that are not wanted would all have to arrive first, so the server is told to stop sending them."""
        result = cursor._result  # noqa: SLF001 -- PyMySQL has no other word for it
        if result is None or not result.unbuffered_active:
            cursor.close()
            return
        connection = cursor.connection
        self.interrupt(connection)
        for end in (cursor.close, lambda: _own(connection, "do 0")):
            try:
                end()
            except pymysql.Error as error:
                if not error.args or error.args[0] != INTERRUPTED:
                    raise

    def is_closed(self, connection: Any) -> bool:
        return not connection.open

    def is_lost(self, error: Exception) -> bool:
        return errors.is_lost(error)

    def translate(self, error: Exception) -> BackendError:
        return errors.translate(error)

    def connect_error(self, error: Exception) -> BackendError:
        return errors.connect_error(error, self._target.password)

    def explain(self, connection: Any, statement: Statement, values: Values) -> list[str]:
        self._spare(connection, statement)
        with connection.cursor() as cursor:
            text, bound = spread(statement, values, self.dialect.no_element, is_format=True)
            cursor.execute(f"explain {text}", fitting(bound))
            names = self.columns(cursor)
            return [_line(names, row) for row in cursor.fetchall()]


def _line(names: tuple[str, ...], row: tuple[object, ...]) -> str:
    return ", ".join(
        f"{name}: {value}" for name, value in zip(names, row, strict=True) if value is not None
    )


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _own(connection: Any, text: str) -> None:
    """A text of ours, without rows."""
    connection.query(text)


def _cut(connection: Any) -> None:
    line = connection._sock  # noqa: SLF001 -- the waiting thread ends only when its line does
    if line is not None:
        with socket.socket(fileno=os.dup(line.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)


def _tls(words: dict[str, str]) -> dict[str, Any]:
    """`ssl_ca`, `ssl_cert`, `ssl_key`; a server whose name is checked by `ssl_verify_identity=true`."""
    found: dict[str, Any] = {
        name: words[name] for name in ("ssl_ca", "ssl_cert", "ssl_key") if name in words
    }
    if words.get("ssl_verify_identity") == "true":
        found["ssl_verify_identity"] = True
    return found
