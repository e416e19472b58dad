"""SQLite: readings on connections that cannot write, changes on others.

A file opened `mode=ro` refuses writes, but would still attach other files; the authorizer refuses that, and
everything else that is not reading. Waiting for a lock is done here in short steps, since SQLite's own wait
cannot be interrupted.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from drawbar.backends.sql.free.sqlite import guard_connection
from drawbar.backends.sql.plan import FreeQuery, Statement, Values
from drawbar.backends.sql.reply import Rows
from drawbar.backends.sql.request import Bound, bind_sqlite
from drawbar.backends.sql.session import (
    AT_ONCE,
    Allowed,
    Changed,
    Found,
    NotAtOnce,
    Session,
    found_of,
    took_too_long,
    was_stopped,
)
from drawbar.backends.sql.stop import Stop, Stopped
from drawbar.kernel.ports import BackendError

if TYPE_CHECKING:
    from sqlalchemy.pool import PoolProxiedConnection, QueuePool

T = TypeVar("T")

_STEPS = 10_000
"""Steps of SQLite's machine between two looks at the clock: about a millisecond."""
_WAIT = 0.01
"""Seconds between two attempts to get a lock."""

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_LATER = _BUSY | {sqlite3.SQLITE_INTERRUPT}
_READ_ONLY_ACTIONS = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_TRANSACTION,
}
_REFUSED_ACTIONS = {
    sqlite3.SQLITE_ATTACH,
    sqlite3.SQLITE_DETACH,
    sqlite3.SQLITE_PRAGMA,
}
_REFUSED_FUNCTIONS = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}
_PRIMARY = 0xFF
"""The low byte of an extended result code is the primary one."""
_LOCKED = ("backend_busy", "the database was locked by someone else for the whole time of the call")
_CODES = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_CANTOPEN: ("backend_unavailable", "{}"),
    sqlite3.SQLITE_NOTADB: ("backend_unavailable", "{}"),
    sqlite3.SQLITE_IOERR: ("backend_unavailable", "{}"),
    sqlite3.SQLITE_READONLY: ("not_allowed", "not allowed here: {}"),
    sqlite3.SQLITE_AUTH: ("not_allowed", "not allowed here: {}"),
    sqlite3.SQLITE_MISMATCH: ("bad_value", "a value does not fit: {}"),
    sqlite3.SQLITE_TOOBIG: ("bad_value", "a value does not fit: {}"),
}
_SQLSTATES = {
    "UNIQUE": "23505",
    "PRIMARY KEY": "23505",
    "FOREIGN KEY": "23503",
    "NOT NULL": "23502",
    "CHECK": "23514",
}
"""What other databases call the same, so that `errors:` rules can be written once."""


def _authorize_reading(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action in _READ_ONLY_ACTIONS:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if second in _REFUSED_FUNCTIONS else sqlite3.SQLITE_OK
    # The first use of json_each declares its columns, which SQLite reports as a change of its catalogue.
    declares = action == sqlite3.SQLITE_UPDATE and first == "sqlite_master"
    return sqlite3.SQLITE_OK if declares else sqlite3.SQLITE_DENY


def _authorize_changing(action: int, _: str | None, second: str | None, *__: str | None) -> int:
    refused = action in _REFUSED_ACTIONS or (
        action == sqlite3.SQLITE_FUNCTION and second in _REFUSED_FUNCTIONS
    )
    return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK


class SqliteDatabase:
    """A database file. Opening does not touch it; it must exist when it is first used."""

    answers_at_once = True

    def __init__(self, path: Path, size: int, query: FreeQuery | None = None) -> None:
        """With `query` its readers see the tables and columns of that free query and nothing else."""
        from sqlalchemy.pool import QueuePool  # noqa: PLC0415 -- 0.3 s that `lint` need not wait

        self._path = path
        self._query = query
        self._own: sqlite3.Connection | None = None
        """For readings in the thread of the event loop, and used by no other."""
        self._ends: float | None = None
        self._patience = Allowed(Stop(), 0.0)  # none: a lock is not waited for
        self._readers = QueuePool(
            self._reader, pool_size=size, max_overflow=0, reset_on_return=None
        )
        self._writers = QueuePool(
            self._writer, pool_size=size, max_overflow=0, reset_on_return=None
        )

    def _reader(self) -> Any:  # SQLAlchemy types a driver's connection in its own way
        connection = self._connect("ro")
        if self._query is None:
            connection.set_authorizer(_authorize_reading)
        else:
            guard_connection(connection, self._query)
        return connection

    def _writer(self) -> Any:  # as above
        connection = self._connect("rw")
        connection.execute("pragma foreign_keys = on")
        connection.set_authorizer(_authorize_changing)
        return connection

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(str(self._path))}?mode={mode}",
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,  # a connection is used by one thread at a time, never by two
            cached_statements=512,
        )

    def at_once(self, work: Callable[[Session], T], *, snapshot: bool) -> T:
        if self._own is None:
            self._own = self._opened(self._reader)
            self._own.set_progress_handler(self._takes_long, _STEPS // 10)
        self._ends = None
        session = _Session(self._own, self._patience)
        try:
            if snapshot:
                session.run("begin", ())
            return work(session)
        except (sqlite3.Error, OverflowError) as error:
            if getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _LATER:
                raise NotAtOnce from None
            raise translate(error, self._patience) from error
        finally:
            session.finish()

    def _takes_long(self) -> bool:
        """Asked now and then by the machine of SQLite; most readings end before it asks."""
        now = time.thread_time()  # not counting when the processor did something else
        if self._ends is None:
            self._ends = now + AT_ONCE
        return now > self._ends

    @contextmanager
    def reading(
        self, allowed: Allowed, *, snapshot: bool, single: bool = False
    ) -> Iterator[Session]:
        del single  # costs nothing more here
        with self._session(self._readers, allowed) as session:
            if snapshot:
                session.run("begin", ())
            yield session

    @contextmanager
    def changing(self, allowed: Allowed) -> Iterator[Session]:
        with self._session(self._writers, allowed) as session:
            session.run("begin immediate", ())
            yield session
            allowed.stop.commit_begins()
            session.run("commit", ())

    @contextmanager
    def _session(self, pool: QueuePool, allowed: Allowed) -> Iterator[_Session]:
        pooled, connection = self._checkout(pool)
        try:
            allowed.stop.arm(connection.interrupt)
            connection.set_progress_handler(lambda: time.monotonic() > allowed.until, _STEPS)
            session = _Session(connection, allowed)
            try:
                yield session
            finally:
                session.finish()
        except Stopped:
            raise was_stopped() from None
        except (sqlite3.Error, OverflowError) as error:
            raise translate(error, allowed) from error
        finally:
            allowed.stop.disarm()
            connection.set_progress_handler(None, 0)
            pooled.close()

    def _checkout(self, pool: QueuePool) -> tuple[PoolProxiedConnection, sqlite3.Connection]:
        pooled = self._opened(pool.connect)
        connection = pooled.driver_connection
        assert isinstance(connection, sqlite3.Connection)  # noqa: S101 -- the pool's creator made it
        return pooled, connection

    def _opened(self, connect: Callable[[], T]) -> T:
        try:
            return connect()
        except sqlite3.Error as error:
            if not self._path.exists():
                message = f"there is no database file {self._path.name}"
            else:
                message = f"the database file {self._path.name} cannot be opened: {error}"
            raise BackendError(message, code="backend_unavailable", work="not_started") from None

    def explain(self, statement: Statement, values: Values, allowed: Allowed) -> list[str]:
        pool = self._writers if statement.changes else self._readers
        with self._session(pool, allowed) as session:
            cursor = session.run(
                f"explain query plan {statement.text}", bind_sqlite(statement, values)
            )
            return [str(row[3]) for row in cursor.fetchall()]

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None
        self._readers.dispose()
        self._writers.dispose()


class _Rows:
    """The rows of a cursor."""

    __slots__ = ("columns", "fetch")

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.columns = tuple([column[0] for column in cursor.description or ()])
        self.fetch = cursor.fetchmany


class _Session:
    """One connection while a call uses it."""

    __slots__ = ("_allowed", "_connection", "_cursor")

    def __init__(self, connection: sqlite3.Connection, allowed: Allowed) -> None:
        self._connection = connection
        self._allowed = allowed
        self._cursor: sqlite3.Cursor | None = None

    def select(self, statement: Statement, values: Values, *, single: bool = False) -> Rows:
        del single  # rows come one by one anyway
        return _Rows(self.run(statement.text, bind_sqlite(statement, values)))

    def look_up(self, statement: Statement, values: Values, most: int) -> Found:
        rows = self.select(statement, values)
        return found_of(rows.columns, rows.fetch(most))

    def change(self, statement: Statement, values: Values) -> Changed:
        cursor = self.run(statement.text, bind_sqlite(statement, values))
        if not statement.answers:
            return Changed(max(0, cursor.rowcount))
        # A statement with `returning` counts its rows only once all of them were fetched.
        rows: Sequence[Sequence[object]] = cursor.fetchall()
        count = max(0, cursor.rowcount) if statement.changes else len(rows)
        return Changed(count, tuple(column[0] for column in cursor.description or ()), rows)

    def run(self, text: str, values: Bound) -> sqlite3.Cursor:
        """Execute, and wait for locks; the cursor is open until the next statement."""
        if self._cursor is not None:
            self._cursor.close()
        while True:
            self._allowed.stop.check()
            try:
                self._cursor = self._connection.execute(text, values)
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() > self._allowed.until:
                    raise
            else:
                return self._cursor
            self._allowed.stop.signal.wait(_WAIT)

    def finish(self) -> None:
        """End what is open, so that the pooled connection holds no lock."""
        if self._cursor is not None:
            self._cursor.close()
        if self._connection.in_transaction:
            self._connection.rollback()


def _is_busy(error: sqlite3.Error) -> bool:
    return (getattr(error, "sqlite_errorcode", 0) & _PRIMARY) in _BUSY


def translate(error: sqlite3.Error | OverflowError, allowed: Allowed) -> BackendError:
    """The error in Drawbar's words; whatever was begun has been rolled back."""
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if code == sqlite3.SQLITE_INTERRUPT:
        return was_stopped() if allowed.stop.wanted else took_too_long()
    if code == sqlite3.SQLITE_CONSTRAINT:
        return _constraint(str(error))
    if isinstance(error, (OverflowError, sqlite3.InterfaceError)):
        code = sqlite3.SQLITE_MISMATCH
    name, message = _CODES.get(code, ("statement_failed", "the statement failed: {}"))
    return BackendError(
        message.format(error),
        code=name,
        retryable=name == "backend_busy",
        work="rolled_back",
        facts={"sqlite": code} if code else {},
    )


def _constraint(message: str) -> BackendError:
    kind, found, name = message.partition(" constraint failed")
    if not found:  # the text of a trigger's raise()
        return BackendError(message, code="raised", work="rolled_back", facts={"message": message})
    name = name.removeprefix(":").strip() or kind.lower().replace(" ", "_")
    facts: dict[str, str | int] = {"constraint": name}
    if kind in _SQLSTATES:
        facts["sqlstate"] = _SQLSTATES[kind]
    return BackendError(message, code="constraint_violation", work="rolled_back", facts=facts)
