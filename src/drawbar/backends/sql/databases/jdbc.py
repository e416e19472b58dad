"""Any database that has a JDBC driver, through a Java machine in this process.

The machine is started once. Each adapter's jars get a class loader of their own, so that adapters may bring different
versions. Values are read by their declared type: a decimal stays one, where a double would round it.
"""

from __future__ import annotations

import atexit
import datetime as dt
import threading
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import jpype
import jpype.config

from drawbar.backends.sql.databases.java_signals import keep_handlers, restore_handlers
from drawbar.backends.sql.databases.pooled import How, Server, State
from drawbar.backends.sql.databases.single import check_single
from drawbar.backends.sql.databases.sqlstate import is_lost, not_connected, translated
from drawbar.backends.sql.plan import Routine, Statement, Values
from drawbar.backends.sql.request import spread
from drawbar.backends.sql.signature import jdbc_type
from drawbar.backends.sql.url import Target
from drawbar.kernel.ports import BackendError

_SERIALIZABLE, _READ_COMMITTED, _REPEATABLE_READ = 8, 2, 4
_ALIVE_WITHIN = 2
_PROPERTIES = {"postgresql": {"stringtype": "unspecified"}}
"""A text may stand for a day or a number, as it may for other drivers."""
_EXPLAINED = frozenset({"postgres", "mysql"})
"""Grammars of those that take `explain` before a statement; H2 is one of the first."""
_start = threading.Lock()
_drivers: dict[tuple[str, tuple[Path, ...]], Any] = {}
"""A database in this process is opened by one class loader only."""


def _machine() -> None:
    """Start it once for the process; its own handlers of signals stay off."""
    with _start:
        if not jpype.isJVMStarted():
            jpype.config.destroy_jvm = False  # that would wait for the threads of drivers
            jpype.startJVM("-Xrs", "-Xmx512m", convertStrings=False)
            # JPype's thread for references asks for Python's lock; after Python's end that aborts the process.
            references = jpype.JClass("org.jpype.ref.JPypeReferenceQueue").getInstance()
            atexit.register(references.stop)
            keep_handlers()
    restore_handlers()


def _driver(name: str, jars: tuple[Path, ...]) -> Any:
    """The driver's own object, from its own jars."""
    _machine()
    with _start:
        if (name, jars) not in _drivers:
            file = jpype.JClass("java.io.File")
            urls = [file(str(jar)).toURI().toURL() for jar in jars]
            loader = jpype.JClass("java.net.URLClassLoader")(
                jpype.JArray(jpype.JClass("java.net.URL"))(urls)
            )
            found = loader.loadClass(name)
            _drivers[name, jars] = found.getDeclaredConstructor().newInstance()
        return _drivers[name, jars]


class JdbcError(Exception):
    """What a driver threw, in Python's hands; the connection may be asked nothing after some of them."""

    def __init__(self, state: str, message: str, number: int = 0) -> None:
        super().__init__(message)
        self.state = state
        self.number = number
        self.message = message


def plain_error(error: Any) -> JdbcError:
    state, number = "", 0
    if hasattr(error, "getSQLState"):
        state, number = str(error.getSQLState() or ""), int(error.getErrorCode())
    message = str(error.getMessage() or type(error).__name__)
    return JdbcError(state, message.partition("; SQL statement")[0].partition("\n")[0], number)


class JdbcServer(Server):
    """A database behind a JDBC driver."""

    errors = (JdbcError,)
    has_sets = True
    has_out = True

    def __init__(self, target: Target) -> None:
        self.dialect = target.dialect
        self._target = target
        self._running: dict[int, Any] = {}
        """Statements by identity of their connection, since it is a statement that is cancelled."""

    def connect(self) -> Any:
        words = self._target.connection
        try:
            driver = _driver(words["driver"], self._target.jars)
            properties = jpype.JClass("java.util.Properties")()
            for name, value in _PROPERTIES.get(words["jdbc"].split(":")[1], {}).items():
                properties.setProperty(name, value)
            if "user" in words:
                properties.setProperty("user", words["user"])
            if self._target.password is not None:
                properties.setProperty("password", self._target.password.reveal())
            connection = driver.connect(words["jdbc"], properties)
            if connection is None:
                message = f"the driver {words['driver']} does not know this `url`"
                raise JdbcError("", message)
            connection.setAutoCommit(False)
        except jpype.JException as error:
            raise plain_error(error) from None
        return connection

    def begin(self, connection: Any, state: State, how: How, seconds: float) -> None:
        level = {"reading": _READ_COMMITTED, "snapshot": _REPEATABLE_READ}.get(how, _SERIALIZABLE)
        restore_handlers()
        try:
            if "used" in state and not connection.isValid(_ALIVE_WITHIN):
                raise JdbcError("08006", "the connection was lost")
            state["used"] = True
            state["seconds"] = seconds
            connection.setReadOnly(how != "changing")
            connection.setTransactionIsolation(level)
        except jpype.JException as error:
            raise plain_error(error) from None

    def execute(self, connection: Any, statement: Statement, values: Values) -> Any:
        check_single(statement.text, self.dialect, changes=statement.changes or statement.calls)
        text, bound = spread(statement, values, self.dialect.no_element)
        try:
            prepared = connection.prepareStatement(text)
            self._running[id(connection)] = prepared
            prepared.setFetchSize(200)
            for number, value in enumerate(bound, 1):
                _set(prepared, number, value)
            if statement.changes or statement.calls or not statement.answers:
                return _Cursor(prepared, prepared.getResultSet() if prepared.execute() else None)
            return _Cursor(prepared, prepared.executeQuery())  # drivers refuse what is no query
        except jpype.JException as error:
            raise plain_error(error) from None

    def call(self, connection: Any, routine: Routine, values: Values) -> Any:
        """By the escape that each driver puts into its database's words; a function's value is a select."""
        if not routine.statement.text.startswith("{"):
            return self.execute(connection, routine.statement, values)
        text, bound = spread(routine.statement, values, self.dialect.no_element)
        waiting = iter(bound)
        try:
            prepared = connection.prepareCall(text)
            self._running[id(connection)] = prepared
            arguments = routine.signature.arguments
            for number, each in enumerate(arguments or [None] * len(bound), 1):
                if each is None or each.goes_in:
                    _set(prepared, number, next(waiting))
                if each is not None and each.comes_out:
                    prepared.registerOutParameter(number, jdbc_type(each.type))
            return _Cursor(prepared, prepared.getResultSet() if prepared.execute() else None)
        except jpype.JException as error:
            raise plain_error(error) from None

    def out(self, cursor: Any, routine: Routine) -> Sequence[Any]:
        found = []
        try:
            for number, each in enumerate(routine.signature.arguments or (), 1):
                if each.comes_out:
                    read = _READERS.get(jdbc_type(each.type) or 0, _text)
                    found.append(read(cursor.prepared, number))
        except jpype.JException as error:
            raise plain_error(error) from None
        return found

    def next_set(self, cursor: Any) -> bool:
        return bool(cursor.go_on())

    def before_call(self, connection: Any, how: How) -> object | None:
        """A savepoint, which is gone once a procedure has ended the transaction that it is called in."""
        try:
            return connection.setSavepoint() if how == "changing" else None
        except jpype.JException:  # the driver has none
            return None

    def has_committed(self, connection: Any, before: object) -> bool:
        try:
            connection.rollback(before)
        except jpype.JException:
            return True
        return False

    def commit(self, connection: Any) -> None:
        _call(connection.commit)

    def rollback(self, connection: Any) -> None:
        _call(connection.rollback)

    def interrupt(self, connection: Any) -> None:
        running = self._running.get(id(connection))
        if running is None:
            return
        try:
            running.cancel()
        except jpype.JException as error:
            if (
                not running.isClosed()
            ):  # closed: it has just ended, and the next one is about to begin
                raise plain_error(error) from None

    def is_closed(self, connection: Any) -> bool:
        return bool(connection.isClosed())

    def is_lost(self, error: Exception) -> bool:
        return isinstance(error, JdbcError) and is_lost(error.state)

    def translate(self, error: Exception) -> BackendError:
        assert isinstance(error, JdbcError)  # noqa: S101 -- see `errors`
        return translated(error.state, error.message, error.number, self.dialect)

    def connect_error(self, error: Exception) -> BackendError:
        assert isinstance(error, JdbcError)  # noqa: S101 -- as above
        return not_connected(error.state, error.message, self._target.password)

    def explain(self, connection: Any, statement: Statement, values: Values) -> list[str]:
        """Where it has no word for that it only prepares the statement, which tells whether it could be carried out."""
        words = "explain " if self.dialect.grammar in _EXPLAINED else ""
        text, bound = spread(statement, values, self.dialect.no_element)
        try:
            prepared = connection.prepareStatement(words + text)
            try:
                if not words:
                    prepared.getMetaData()
                    return []
                for number, value in enumerate(bound, 1):
                    _set(prepared, number, value)
                return [
                    ", ".join(str(cell) for cell in row if cell is not None)
                    for row in _Cursor(prepared, prepared.executeQuery()).fetchall()
                ]
            finally:
                prepared.close()
        except jpype.JException as error:
            raise plain_error(error) from None


def _call(what: Callable[[], object]) -> None:
    try:
        what()
    except jpype.JException as error:
        raise plain_error(error) from None


def _set(prepared: Any, number: int, value: Any) -> None:
    if value is None:
        prepared.setObject(number, None)
    elif isinstance(value, bool):
        prepared.setBoolean(number, value)
    elif isinstance(value, int) and abs(value) < 2**63:
        prepared.setLong(number, value)
    elif isinstance(value, (int, Decimal)):
        prepared.setBigDecimal(number, jpype.JClass("java.math.BigDecimal")(str(value)))
    elif isinstance(value, bytes):
        prepared.setBytes(number, value)
    elif isinstance(value, dt.date):
        day = jpype.JClass("java.time.LocalDate").parse(value.isoformat())
        prepared.setObject(number, day)
    elif isinstance(value, _Moment):
        moment = jpype.JClass("java.time.LocalDateTime").parse(value)
        prepared.setObject(number, moment)
    else:
        prepared.setString(number, str(value))


class _Cursor:
    """The rows of a statement, in the shape of a DB-API cursor."""

    def __init__(self, prepared: Any, rows: Any) -> None:
        self.prepared = prepared
        self._show(rows)

    def _show(self, rows: Any) -> None:
        self._rows = rows
        self.rowcount = int(self.prepared.getUpdateCount()) if rows is None else -1
        self.description: list[tuple[str]] = []
        self._readers: list[Callable[[Any, int], Any]] = []
        if rows is not None:
            about = rows.getMetaData()
            for number in range(1, about.getColumnCount() + 1):
                self.description.append((str(about.getColumnLabel(number)),))
                self._readers.append(_READERS.get(int(about.getColumnType(number)), _text))

    def fetchmany(self, count: int) -> Sequence[Sequence[Any]]:
        found: list[Sequence[Any]] = []
        rows = self._rows
        if rows is None:
            return found
        try:
            while len(found) < count and rows.next():
                found.append([read(rows, at) for at, read in enumerate(self._readers, 1)])
        except jpype.JException as error:
            raise plain_error(error) from None
        return found

    def fetchall(self) -> Sequence[Sequence[Any]]:
        return self.fetchmany(1_000_000)

    def go_on(self) -> bool:
        """To the next result set or count of rows, if there is one."""
        try:
            has_rows = bool(self.prepared.getMoreResults())
            if not has_rows and int(self.prepared.getUpdateCount()) < 0:
                return False
            self._show(self.prepared.getResultSet() if has_rows else None)
        except jpype.JException as error:
            raise plain_error(error) from None
        return True

    def close(self) -> None:
        _call(self.prepared.close)


def _text(rows: Any, at: int) -> Any:
    found = rows.getString(at)
    return None if found is None else str(found)


def _whole(rows: Any, at: int) -> Any:
    found = int(rows.getLong(at))
    return None if rows.wasNull() else found


def _exact(rows: Any, at: int) -> Any:
    found = rows.getBigDecimal(at)
    return None if found is None else Decimal(str(found.toPlainString()))


def _double(rows: Any, at: int) -> Any:
    found = float(rows.getDouble(at))
    return None if rows.wasNull() else found


def _flag(rows: Any, at: int) -> Any:
    found = bool(rows.getBoolean(at))
    return None if rows.wasNull() else found


def _bytes(rows: Any, at: int) -> Any:
    found = rows.getBytes(at)
    return None if found is None else bytes(found)


class _Moment(str):
    """A moment as the driver writes it, which is bound as one again."""

    __slots__ = ()


def _moment(rows: Any, at: int) -> Any:
    found = rows.getString(at)
    return None if found is None else _Moment(str(found).replace(" ", "T", 1))


def _day(rows: Any, at: int) -> Any:
    found = rows.getString(at)
    try:
        return None if found is None else dt.date.fromisoformat(str(found))
    except ValueError:  # a day that Python does not know
        return str(found)


_READERS: dict[int, Callable[[Any, int], Any]] = {
    **dict.fromkeys((-6, 5, 4, -5), _whole),  # tinyint, smallint, integer, bigint
    **dict.fromkeys((2, 3), _exact),  # numeric, decimal
    **dict.fromkeys((6, 7, 8), _double),  # float, real, double
    **dict.fromkeys((16, -7), _flag),  # boolean, bit
    **dict.fromkeys((-2, -3, -4, 2004), _bytes),  # binary, varbinary, longvarbinary, blob
    91: _day,
    93: _moment,
}
"""By java.sql.Types; everything else is its own text."""
