"""PostgreSQL through psycopg: read-only transactions, serializable changes, and a server that really stops.

A read-only transaction alone is no guard: a statement without parameters would go out by the simple
protocol, and `commit; insert ...` would leave the transaction. `prepare_threshold=0` sends every statement of
an author by the extended protocol, which carries exactly one. Only texts written here go the simple way.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from drawbar.backends.sql.plan import Statement, Values
from drawbar.backends.sql.postgresql_errors import connect_error, is_lost, translate
from drawbar.backends.sql.reply import Rows
from drawbar.backends.sql.request import Bound, postgresql_binder
from drawbar.backends.sql.session import Allowed, Changed, Found, Session, was_stopped
from drawbar.backends.sql.stop import Stopped
from drawbar.backends.sql.url import Target
from drawbar.kernel.ports import BackendError, WorkState

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy.pool import PoolProxiedConnection

    Cursor = psycopg.Cursor[tuple[Any, ...]]  # a row holds values of any type
    Connection = psycopg.Connection[tuple[Any, ...]]

_CANCEL_WITHIN = 0.8
"""Seconds for the cancel request; then the connection is cut, which ends the thread's wait."""
_CONNECT_WITHIN = "5"
_SESSION = (
    "set datestyle to 'ISO, YMD'; set intervalstyle to 'iso_8601'; set extra_float_digits to 1; "
    "set idle_in_transaction_session_timeout to '5min'"
)


class PostgresqlDatabase:
    """A database server. Connections are made when they are first needed, and tested before each use."""

    def __init__(self, target: Target, size: int) -> None:
        self._target = target
        self._missing: str | None = None
        try:
            from drawbar.backends.sql import postgresql_types  # noqa: PLC0415 -- imports the optional driver
        except ImportError:
            self._missing = "the driver of PostgreSQL is not installed; install drawbar[postgresql]"
            return
        from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg  # noqa: PLC0415 -- as below
        from sqlalchemy.pool import QueuePool  # noqa: PLC0415 -- 0.3 s that `lint` need not wait

        self._types = postgresql_types
        self.error = postgresql_types.Error
        self._bind = postgresql_binder(postgresql_types.Jsonb)
        dialect: Any = PGDialect_psycopg  # its __init__ has no types
        # A pool without an engine: an engine would ask the server a handful of questions first.
        self._pool = QueuePool(
            self._connect,
            pool_size=size,
            max_overflow=0,
            reset_on_return=None,  # every session ends its own transaction
            pre_ping=True,
            dialect=dialect(dbapi=postgresql_types.driver),
        )

    def _connect(self) -> Any:  # SQLAlchemy types a driver's connection in its own way
        connection = self._types.connect(
            {"connect_timeout": _CONNECT_WITHIN, "application_name": "drawbar"}
            | self._target.connection,
            self._target.password,
        )
        connection.execute(_SESSION, prepare=False)
        return connection

    @contextmanager
    def reading(self, allowed: Allowed, *, snapshot: bool) -> Iterator[Session]:
        level = "isolation level repeatable read " if snapshot else ""
        with self._session(allowed) as session:
            session.begin(f"begin {level}read only")
            yield session

    @contextmanager
    def changing(self, allowed: Allowed) -> Iterator[Session]:
        with self._session(allowed) as session:
            session.begin("begin isolation level serializable")
            yield session
            session.commit()

    def explain(self, statement: Statement, values: Values, allowed: Allowed) -> list[str]:
        with self._session(allowed) as session:
            session.begin("begin read only")
            cursor = session.run(f"explain {statement.text}", statement, values)
            return [str(row[0]) for row in cursor.fetchall()]

    @contextmanager
    def _session(self, allowed: Allowed) -> Iterator[_Session]:
        pooled, connection = self._checkout()
        session = _Session(self, connection, allowed)
        try:
            allowed.stop.arm(lambda: _interrupt(connection))
            yield session
        except Stopped:
            raise was_stopped() from None
        except self.error as error:
            self._raise(error, session, allowed)
        finally:
            session.finish()
            allowed.stop.disarm()
            if connection.closed or allowed.stop.wanted:
                pooled.invalidate()  # a late cancel must not hit the next user of the connection
            pooled.close()

    def _raise(self, error: psycopg.Error, session: _Session, allowed: Allowed) -> NoReturn:
        work: WorkState = "rolled_back"
        if session.phase == "committing" and is_lost(error):
            work = "unknown"
        raise translate(error, work, stopped=allowed.stop.wanted) from None

    def _checkout(self) -> tuple[PoolProxiedConnection, Connection]:
        if self._missing is not None:
            raise BackendError(self._missing, code="backend_unavailable", work="not_started")
        try:
            pooled = self._pool.connect()
        except self.error as error:
            raise connect_error(error, self._target.password) from None
        connection: Any = pooled.driver_connection  # SQLAlchemy types it as any driver's
        return pooled, connection

    def bind(self, statement: Statement, values: Values) -> Bound:
        return self._bind(statement, values)

    def held(self, cursor: Cursor) -> Found:
        return self._types.held(cursor)

    def close(self) -> None:
        if self._missing is None:
            self._pool.dispose()


def _interrupt(connection: Connection) -> None:
    """Ask the server to stop; when it does not listen, cut the line so that the waiting thread ends."""
    try:
        connection.cancel_safe(timeout=_CANCEL_WITHIN)
    except Exception:  # noqa: BLE001 -- whatever kept the request from arriving, the line is cut
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


class _Rows:
    """Rows of a cursor on the server: only what is asked for crosses the line."""

    def __init__(self, session: _Session) -> None:
        self._session = session
        self.columns: tuple[str, ...] = ()

    def fetch(self, count: int) -> Sequence[Sequence[Any]]:
        self._session.check()
        cursor = self._session.own(f"fetch {count} from drawbar_rows")
        self.columns = _columns(cursor)
        return cursor.fetchall()


class _Session:
    """One connection while a call uses it."""

    def __init__(
        self, database: PostgresqlDatabase, connection: Connection, allowed: Allowed
    ) -> None:
        self._database = database
        self._connection = connection
        self._until = allowed.until
        self._stop = allowed.stop
        self.check = allowed.stop.check
        self._is_open = False
        self.phase: Literal["begun", "committing", "ended"] = "begun"

    def begin(self, how: str) -> None:
        """Both texts are written here, so they may share one message."""
        milliseconds = max(1, int((self._until - time.monotonic()) * 1000))
        self.own(f"{how}; set local statement_timeout = {milliseconds}")

    def select(self, statement: Statement, values: Values) -> Rows:
        if self._is_open:
            self.own("close drawbar_rows")
        self.run(f"declare drawbar_rows no scroll cursor for {statement.text}", statement, values)
        self._is_open = True
        return _Rows(self)

    def look_up(self, statement: Statement, values: Values, most: int) -> Found:
        self.select(statement, values)
        self.check()
        cursor = self.own(f"fetch {most} from drawbar_rows")
        return self._database.held(cursor)

    def change(self, statement: Statement, values: Values) -> Changed:
        cursor = self.run(statement.text, statement, values)
        if not statement.answers:
            return Changed(max(0, cursor.rowcount))
        return Changed(cursor.rowcount, _columns(cursor), cursor.fetchall())

    def commit(self) -> None:
        self._stop.commit_begins()
        self.phase = "committing"
        done = self.own("commit").statusmessage
        self.phase = "ended"
        if done != "COMMIT":
            message = "the database undid the transaction instead of committing it"
            raise BackendError(message, work="rolled_back")

    def run(self, text: str, statement: Statement, values: Values) -> Cursor:
        """A statement of an author: always prepared, so the extended protocol carries exactly one."""
        self.check()
        return self._connection.execute(text, self._database.bind(statement, values), prepare=True)

    def own(self, text: str) -> Cursor:
        """A text of ours, without values."""
        return self._connection.execute(text, prepare=False)

    def finish(self) -> None:
        """End the transaction, unless it was committed or the line is gone."""
        if self.phase == "ended" or self._connection.closed:
            return
        try:
            self.own("rollback")
        except self._database.error:
            self._connection.close()  # the server undoes what a lost connection had begun


def _columns(cursor: Cursor) -> tuple[str, ...]:
    return tuple([column.name for column in cursor.description or ()])
