"""PostgreSQL through psycopg: read-only transactions, serializable changes, and a server that really stops.

A read-only transaction alone is no guard: a statement without parameters would go out by the simple
protocol, and `commit; insert ...` would leave the transaction. `prepare_threshold=0` sends every statement of
an author by the extended protocol, which carries exactly one. Only texts written here go the simple way.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from drawbar.backends.sql.databases.postgresql.calls import TRANSACTIONS, PostgresqlAnswers
from drawbar.backends.sql.databases.postgresql.errors import connect_error, is_lost, translate
from drawbar.backends.sql.plan import Routine, Statement, Values
from drawbar.backends.sql.reply import Rows
from drawbar.backends.sql.request import Bound, postgresql_binder
from drawbar.backends.sql.session import (
    Allowed,
    Answers,
    Arrived,
    Changed,
    Found,
    Identity,
    NotAtOnce,
    OwnRows,
    Session,
    Unanswered,
    in_part,
    was_stopped,
)
from drawbar.backends.sql.stop import Stopped
from drawbar.backends.sql.url import Target
from drawbar.kernel.ports import BackendError, WorkState

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy.pool import PoolProxiedConnection

    Cursor = psycopg.Cursor[tuple[Any, ...]]  # a row holds values of any type
    Connection = psycopg.Connection[tuple[Any, ...]]

T = TypeVar("T")

_CANCEL_WITHIN = 0.8
"""Seconds for the cancel request; then the connection is cut, which ends the thread's wait."""
_DEFAULT = b"default_transaction_read_only"
_CONNECT_WITHIN = "5"
_SESSION = (
    "set datestyle to 'ISO, YMD'; set intervalstyle to 'iso_8601'; set extra_float_digits to 1; "
    "set standard_conforming_strings to on; "
    "set default_transaction_read_only to on; "
    "set idle_in_transaction_session_timeout to '5min'"
)
_UNGUARDED = (
    "set default_transaction_read_only to off; set idle_in_transaction_session_timeout to 0"
)


class PostgresqlDatabase:
    """A database server. Connections are made when they are first needed, and tested before each use."""

    answers_at_once = False

    def __init__(self, target: Target, size: int) -> None:
        self._target = target
        self._size = size
        self._missing: str | None = None
        try:
            from drawbar.backends.sql.databases.postgresql import (  # noqa: PLC0415 -- imports the optional driver
                lines,
                types,
            )
        except ImportError:
            self._missing = "the driver of PostgreSQL is not installed; install drawbar[postgresql]"
            return
        from sqlalchemy.pool import QueuePool  # noqa: PLC0415 -- 0.3 s that `lint` need not wait

        self._types = types
        self.error = types.Error
        self.execute_own = types.execute_own
        self._bind = postgresql_binder(types.Jsonb)
        self._lines = lines.Lines(self._connect, _interrupt)
        # A pool without an engine, which would ask the server a handful of questions first, and without
        # `pre_ping`, which would add a message to each call: `begin` finds out just as well.
        self._pool = QueuePool(
            self._connect,
            pool_size=size,
            max_overflow=0,
            reset_on_return=None,  # every session ends its own transaction
        )

    def _connect(self) -> Any:  # SQLAlchemy types a driver's connection in its own way
        connection = self._types.connect(
            {"connect_timeout": _CONNECT_WITHIN, "application_name": "drawbar"}
            | self._target.connection,
            self._target.password,
        )
        connection.execute(_SESSION, prepare=False)
        return connection

    def at_once(self, work: Callable[[Session], T], *, snapshot: bool) -> T:
        """Never: a network may be slow at any time."""
        raise NotAtOnce(work, snapshot)

    async def ask_alone(self, statement: Statement, values: Values, until: float) -> Arrived:
        if self._missing is not None:
            raise Unanswered
        milliseconds = _rounded(until - time.monotonic())
        try:
            return await self._lines.ask(statement, self.bind(statement, values), milliseconds)
        except self.error as error:
            raise connect_error(error, self._target.password) from None

    async def hang_up(self) -> None:
        if self._missing is None:
            await self._lines.close()

    @contextmanager
    def reading(
        self, allowed: Allowed, *, snapshot: bool, single: bool = False
    ) -> Iterator[Session]:
        level = "isolation level repeatable read " if snapshot else ""
        with self._session(allowed, f"begin {level}read only", alone=single) as session:
            yield session

    @contextmanager
    def changing(self, allowed: Allowed) -> Iterator[Session]:
        with self._session(allowed, "begin isolation level serializable read write") as session:
            yield session
            session.commit()

    @contextmanager
    def unguarded(self, allowed: Allowed) -> Iterator[Session]:
        """The connection is not used again, since what the routine has left in it is not known."""
        pooled, session = self._begun(allowed, _UNGUARDED, alone=False)
        session.phase = "unguarded"
        before: int | None = None
        try:
            before = session.transactions()
            yield session
        except Stopped:
            raise was_stopped() from None
        except self.error as error:
            work: WorkState = "rolled_back" if before is None else "unknown"
            told = translate(error, work, stopped=allowed.stop.wanted)
            allowed.stop.disarm()
            is_untouched = before is None or session.is_untouched(before)
            raise told if is_untouched else in_part(told) from None
        except BackendError as error:  # the routine has ended, and its answer could not be used
            error.work = "done"
            raise
        finally:
            session.cut()
            self._give_back(pooled, session, allowed)

    def explain(self, statement: Statement, values: Values, allowed: Allowed) -> list[str]:
        with self._session(allowed, "begin read only") as session:
            cursor = session.run(f"explain {statement.text}", statement, values)
            return [str(row[0]) for row in cursor.fetchall()]

    @contextmanager
    def _session(self, allowed: Allowed, begin: str, *, alone: bool = False) -> Iterator[_Session]:
        pooled, session = self._begun(allowed, begin, alone=alone)
        try:
            yield session
        except Stopped:
            raise was_stopped() from None
        except self.error as error:
            self._raise(error, session, allowed)
        finally:
            session.finish()
            self._give_back(pooled, session, allowed)

    def _begun(
        self, allowed: Allowed, begin: str, *, alone: bool
    ) -> tuple[PoolProxiedConnection, _Session]:
        """A session that has begun. What is dead in the pool shows here, before anything was asked of it."""
        for _ in range(self._size + 1):
            pooled, connection = self._checkout()
            session = _Session(self, connection, allowed)
            try:
                allowed.stop.arm(lambda: _interrupt(connection))  # noqa: B023 -- of this turn, and used in it
                if not (alone and session.begin_alone(pooled.info)):
                    session.begin(begin)
            except Stopped:
                self._give_back(pooled, session, allowed)
                raise was_stopped() from None
            except self.error as error:
                connection.close()
                self._give_back(pooled, session, allowed)
                if not is_lost(error):
                    raise translate(error, "not_started", stopped=allowed.stop.wanted) from None
            else:
                return pooled, session
        message = "the database hangs up on every connection"
        raise BackendError(message, code="backend_unavailable", retryable=True, work="not_started")

    def _give_back(
        self, pooled: PoolProxiedConnection, session: _Session, allowed: Allowed
    ) -> None:
        allowed.stop.disarm()
        if session.is_closed or allowed.stop.wanted:
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

    def told(self, connection: Connection, identity: Identity) -> str:
        return self._types.told(connection, identity)

    def quoted(self, connection: Connection, name: str) -> str:
        return self._types.quoted(connection, name)

    def held(self, cursor: Cursor, rows: Sequence[tuple[Any, ...]]) -> Found:
        return self._types.held(cursor, rows)

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

    def __init__(self, session: _Session, cursor: str = "drawbar_rows") -> None:
        self._session = session
        self._of = cursor
        self.columns: tuple[str, ...] = ()

    def fetch(self, count: int) -> Sequence[Sequence[Any]]:
        cursor = self._session.fetched(count, self._of)
        self.columns = _columns(cursor)
        return cursor.fetchall()


class _Streamed:
    """The first rows of a statement, as they arrive; when there are more, the server is told to stop."""

    def __init__(self, cursor: Cursor, text: str, values: Bound) -> None:
        self._cursor = cursor
        self._text = text
        self._values = values
        self.columns: tuple[str, ...] = ()

    def fetch(self, count: int) -> Sequence[Sequence[Any]]:
        with closing(self._stream(count)) as arriving:
            rows = list(islice(arriving, count))
        self.columns = _columns(self._cursor)
        return rows

    def _stream(self, count: int) -> Generator[tuple[Any, ...], None, None]:
        yield from self._cursor.stream(self._text, self._values, size=count)


class _Session:
    """One connection while a call uses it."""

    def __init__(
        self, database: PostgresqlDatabase, connection: Connection, allowed: Allowed
    ) -> None:
        self._database = database
        self._connection = connection
        self._until = allowed.until
        self._stop = allowed.stop
        self._identity = allowed.identity
        self._is_open = False
        self.phase: Literal["begun", "committing", "ended", "unguarded"] = "begun"

    @property
    def is_closed(self) -> bool:
        return self._connection.closed

    def begin_alone(self, state: dict[Any, Any]) -> bool:
        """One statement needs no transaction of ours, and no message but its own; whether that is so here.

        It is in a read-only transaction of its own as long as that is the session's default, which the server
        reports by itself since version 14. The time-out is the session's, too, and set anew only when it differs.
        """
        if self._identity is not None:  # told for one transaction, so there has to be one
            return False
        if self._connection.pgconn.parameter_status(_DEFAULT) != b"on":
            return False
        milliseconds = _rounded(self._until - time.monotonic())
        if state.get("statement_timeout") != milliseconds:
            self._own(f"set statement_timeout = {milliseconds}")
            state["statement_timeout"] = milliseconds
        self.phase = "ended"
        return True

    def begin(self, how: str) -> None:
        """All texts are written here, so they may share one message."""
        milliseconds = max(1, int((self._until - time.monotonic()) * 1000))
        scope = "" if how == _UNGUARDED else "local "
        text = f"{how}; set {scope}statement_timeout = {milliseconds}"
        if self._identity is not None:
            text += self._database.told(self._connection, self._identity)
        self._own(text)

    def select(self, statement: Statement, values: Values, *, single: bool = False) -> Rows:
        bound = self._database.bind(statement, values)
        if single:
            self._stop.check()
            return _Streamed(self._connection.cursor(), statement.text, bound)
        if self._is_open:
            self._own("close drawbar_rows")
        self._execute(f"declare drawbar_rows no scroll cursor for {statement.text}", bound)
        self._is_open = True
        return _Rows(self)

    def fetched(self, count: int, cursor: str = "drawbar_rows") -> Cursor:
        self._stop.check()
        return self._connection.execute(f"fetch {count} from {cursor}", prepare=False)

    def look_up(self, statement: Statement, values: Values, most: int) -> Found:
        self.select(statement, values)
        cursor = self.fetched(most)
        return self._database.held(cursor, cursor.fetchall())

    def change(self, statement: Statement, values: Values) -> Changed:
        cursor = self.run(statement.text, statement, values)
        if not statement.answers:
            return Changed(max(0, cursor.rowcount))
        rows = cursor.fetchall()
        return Changed(
            cursor.rowcount, _columns(cursor), rows, lambda: self._database.held(cursor, rows)
        )

    def call(self, routine: Routine, values: Values) -> Answers:
        if routine.rows is not None:
            return OwnRows(self.select(routine.statement, values))
        self._stop.check()
        bound = self._database.bind(routine.statement, values)
        # To prepare it would be one more transaction, and `unguarded` counts them.
        prepare = self.phase != "unguarded"
        cursor = self._connection.execute(routine.statement.text, bound, prepare=prepare)
        rows = cursor.fetchall() if cursor.description else ()
        return PostgresqlAnswers(routine, _columns(cursor), rows, self._portal)

    def _portal(self, name: str) -> Rows:
        return _Rows(self, self._database.quoted(self._connection, name))

    def transactions(self) -> int:
        """How many this connection has begun so far, the question's own included."""
        found = self._connection.execute(TRANSACTIONS, prepare=False).fetchone()
        return int(found[0]) if found else 0

    def is_untouched(self, before: int) -> bool:
        """Whether the call that failed was in one transaction, which was undone with it."""
        if self._connection.closed:
            return False
        try:
            return self.transactions() - before == 2  # noqa: PLR2004 -- the call's, and this question's
        except self._database.error:
            return False

    def cut(self) -> None:
        self._connection.close()

    def commit(self) -> None:
        self._stop.commit_begins()
        self.phase = "committing"
        done = self._own("commit")
        self.phase = "ended"
        if done != b"COMMIT":
            message = "the database undid the transaction instead of committing it"
            raise BackendError(message, work="rolled_back")

    def run(self, text: str, statement: Statement, values: Values) -> Cursor:
        return self._execute(text, self._database.bind(statement, values))

    def _execute(self, text: str, bound: Bound) -> Cursor:
        """A statement of an author: always prepared, so the extended protocol carries exactly one."""
        self._stop.check()
        return self._connection.execute(text, bound, prepare=True)

    def _own(self, text: str) -> bytes | None:
        """A text of ours, without values or rows; answers the server's word for it."""
        return self._database.execute_own(self._connection, text)

    def finish(self) -> None:
        """End the transaction, unless it was committed or the line is gone."""
        if self.phase == "ended" or self._connection.closed:
            return
        try:
            self._own("rollback")
        except self._database.error:
            self._connection.close()  # the server undoes what a lost connection had begun


def _rounded(seconds: float) -> int:
    """Milliseconds, a little less, so that calls of one limit share one value."""
    milliseconds = int(seconds * 1000)
    step = 1000 if milliseconds >= 5000 else 100  # noqa: PLR2004 -- not more than a fifth is lost
    return max(1, milliseconds - milliseconds % step if milliseconds > 500 else milliseconds)  # noqa: PLR2004 -- as above


def _columns(cursor: Cursor) -> tuple[str, ...]:
    return tuple([column.name for column in cursor.description or ()])
