"""Databases behind a DB-API driver: a pool, transactions, deadlines. What differs is the driver's `Server`.

Rows are fetched piece by piece and converted in the worker thread. A connection whose state is not known is
closed, never given to the next call.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NoReturn, Protocol, TypeVar, runtime_checkable

from drawbar.backends.sql.databases.watchdog import Watchdog
from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.plan import Routine, Statement, Values
from drawbar.backends.sql.reply import Rows
from drawbar.backends.sql.session import (
    Allowed,
    Answers,
    Changed,
    Found,
    Identity,
    NotAtOnce,
    Session,
    found_of,
    in_part,
    took_too_long,
    was_stopped,
)
from drawbar.backends.sql.stop import Stop, Stopped
from drawbar.kernel.ports import BackendError, WorkState

T = TypeVar("T")

How = Literal["reading", "snapshot", "changing", "unguarded"]
_PATIENCE = 5
"""Interrupts that may be without effect."""
_PAST = 1000
"""Rows that are read past at a time: a routine goes on only while its rows are taken."""
State = dict[Any, Any]
"""What a server remembers of a pooled connection, as SQLAlchemy types it."""


class Server(ABC):
    """One kind of server through its driver. Drivers are untyped, so connections and cursors are Any.

    `errors` are what the driver raises; every other exception is a bug.
    """

    dialect: Dialect
    errors: tuple[type[Exception], ...]
    has_sets: bool = False
    """Whether a routine can answer several result sets."""
    has_out: bool = False
    """Whether what comes out of a routine is asked of the call itself, after its result sets."""
    grace: float = 0.0
    """Seconds after the deadline at which the work is interrupted, for servers that stop by themselves."""

    @abstractmethod
    def connect(self) -> Any:
        """A connection that commits nothing by itself."""

    @abstractmethod
    def begin(self, connection: Any, state: State, how: How, seconds: float) -> None:
        """Begin a transaction; each of its statements may take `seconds`."""

    @abstractmethod
    def execute(self, connection: Any, statement: Statement, values: Values) -> Any:
        """A cursor with the result."""

    def call(self, connection: Any, routine: Routine, values: Values) -> Any:
        """A cursor with the first result of a routine."""
        return self.execute(connection, routine.statement, values)

    def out(self, cursor: Any, routine: Routine) -> Sequence[Any]:
        """The values that came out, in the order of the arguments; asked where `has_out` says so."""
        del cursor
        raise LookupError(routine.signature.called)

    @abstractmethod
    def interrupt(self, connection: Any) -> None:
        """Stop what the connection does; called from another thread while its own cannot give it back."""

    def sever(self, connection: Any) -> None:
        """Stop it for good, after interrupts that it went on in spite of, with whatever comes of the connection."""
        self.interrupt(connection)

    @abstractmethod
    def is_lost(self, error: Exception) -> bool:
        """Whether the connection is gone, so that the answer will never come."""

    @abstractmethod
    def translate(self, error: Exception) -> BackendError:
        """An error of a statement, in Drawbar's words; what was begun is undone."""

    @abstractmethod
    def connect_error(self, error: Exception) -> BackendError:
        """A connection could not be made."""

    @abstractmethod
    def explain(self, connection: Any, statement: Statement, values: Values) -> list[str]: ...

    def close(self) -> None:  # noqa: B027 -- most have nothing
        """Let go of what connections have in common."""

    def commit(self, connection: Any) -> None:
        connection.commit()

    def rollback(self, connection: Any) -> None:
        connection.rollback()

    def is_closed(self, connection: Any) -> bool:
        """Whether the connection is known to be unusable."""
        del connection
        return False

    def next_set(self, cursor: Any) -> bool:
        """Go on to the next result set of a routine, if there is one."""
        del cursor
        return False

    def before_call(self, connection: Any, how: How) -> object | None:
        """What `has_committed` will want to know, where a routine can end the transaction that it is called in."""
        del connection, how
        return None

    def has_committed(self, connection: Any, before: object) -> bool:
        """Whether a routine that failed may have committed something."""
        del connection, before
        return False

    def shut(self, cursor: Any) -> None:
        """The rest of its rows is not wanted."""
        cursor.close()

    def count(self, cursor: Any) -> int:
        return max(0, int(cursor.rowcount))

    def columns(self, cursor: Any) -> tuple[str, ...]:
        return tuple([self.dialect.column(each[0]) for each in cursor.description or ()])


@runtime_checkable
class TellsIdentity(Protocol):
    """What a server offers besides when its sessions can be told for whom they work."""

    def tell(self, connection: Any, identity: Identity) -> None:
        """Before the transaction begins."""
        ...

    def forget(self, connection: Any, identity: Identity) -> None:
        """Undo `tell`, after the transaction."""
        ...


class PooledDatabase:
    """A database whose connections are made when they are first needed."""

    answers_at_once = False

    def __init__(self, server: Server, size: int) -> None:
        from sqlalchemy.pool import QueuePool  # noqa: PLC0415 -- 0.3 s that `lint` need not wait

        self._server = server
        self._size = size
        self._watchdog = Watchdog()
        self._pool = QueuePool(
            server.connect,
            pool_size=size,
            max_overflow=0,
            reset_on_return=None,  # every session ends its own transaction
        )

    def at_once(self, work: Callable[[Session], T], *, snapshot: bool) -> T:
        """Never: a server may be slow at any time."""
        raise NotAtOnce(work, snapshot)

    @contextmanager
    def reading(
        self, allowed: Allowed, *, snapshot: bool, single: bool = False
    ) -> Iterator[Session]:
        del single  # costs nothing more here
        with self._session(allowed, "snapshot" if snapshot else "reading") as session:
            yield session

    @contextmanager
    def changing(self, allowed: Allowed) -> Iterator[Session]:
        with self._session(allowed, "changing") as session:
            yield session
            session.commit()

    @contextmanager
    def unguarded(self, allowed: Allowed) -> Iterator[Session]:
        """The connection is not used again, since what the routine has left in it is not known."""
        with self._session(allowed, "unguarded") as session:
            yield session
            session.commit()
            session.is_broken = True

    def explain(self, statement: Statement, values: Values, allowed: Allowed) -> list[str]:
        how: How = "changing" if statement.changes else "reading"
        with self._session(allowed, how) as session:
            return self._server.explain(session.connection, statement, values)

    @contextmanager
    def _session(self, allowed: Allowed, how: How) -> Iterator[PooledSession]:
        with self._watchdog.watching(allowed, self._server.grace):
            pooled, session = self._begun(allowed, how)
            try:
                yield session
            except Stopped:
                raise _truly(was_stopped(), session, allowed.stop) from None
            except self._server.errors as error:
                self._raise(error, session, allowed.stop)
            except BackendError as error:
                raise _truly(error, session, allowed.stop) from None
            finally:
                session.finish()
                self._give_back(pooled, session, allowed.stop)

    def _begun(self, allowed: Allowed, how: How) -> tuple[Any, PooledSession]:
        """A session that has begun. What is dead in the pool shows here, before anything was asked of it."""
        for _ in range(self._size + 1):
            try:
                pooled = self._pool.connect()
            except self._server.errors as error:
                raise self._server.connect_error(error) from None
            session = PooledSession(self._server, pooled.driver_connection, allowed)
            try:
                allowed.stop.arm(session.interrupt)
                session.begin(pooled.info, how)
            except Stopped:
                self._give_back(pooled, session, allowed.stop)
                raise was_stopped() from None
            except self._server.errors as error:
                session.is_broken = True
                self._give_back(pooled, session, allowed.stop)
                if not self._server.is_lost(error):
                    raise _judged(self._server.translate(error), allowed.stop) from None
            else:
                return pooled, session
        message = "the database hangs up on every connection"
        raise BackendError(message, code="backend_unavailable", retryable=True, work="not_started")

    def _give_back(self, pooled: Any, session: PooledSession, stop: Stop) -> None:
        stop.disarm()
        if session.is_broken or stop.wanted or stop.expired:
            pooled.invalidate()  # a late interrupt must not hit the next user of the connection
        pooled.close()

    def _raise(self, error: Exception, session: PooledSession, stop: Stop) -> NoReturn:
        if not self._server.is_lost(error):
            raise _truly(_judged(self._server.translate(error), stop), session, stop) from None
        session.is_broken = True
        is_unknown = session.phase == "committing" or session.has_committed(stop)
        work: WorkState = "unknown" if is_unknown else "rolled_back"
        if work == "rolled_back" and (stop.wanted or stop.expired):
            raise was_stopped() if stop.wanted else took_too_long() from None
        message = "the connection to the database was lost"
        raise BackendError(message, code="backend_unavailable", retryable=True, work=work) from None

    def close(self) -> None:
        self._watchdog.close()
        self._pool.dispose()
        self._server.close()


def _truly(error: BackendError, session: PooledSession, stop: Stop) -> BackendError:
    """With what a routine had committed before it failed."""
    return in_part(error) if session.has_committed(stop) else error


def _judged(error: BackendError, stop: Stop) -> BackendError:
    """An interrupt was asked for by a caller or by the clock, which a server cannot know."""
    if error.code not in {"cancelled", "timeout"}:
        return error
    if stop.wanted:
        return was_stopped()
    return took_too_long()


class _Rows:
    """The rows of a cursor, as they are asked for."""

    def __init__(self, server: Server, cursor: Any, stop: Stop) -> None:
        self.columns = server.columns(cursor)
        self._cursor = cursor
        self._stop = stop

    def fetch(self, count: int) -> Sequence[Sequence[Any]]:
        self._stop.check()
        found: Sequence[Sequence[Any]] = self._cursor.fetchmany(count)
        return found


class _Answers:
    """What a routine answers: `columns` and `row` are what came out, where the call itself says so."""

    def __init__(
        self,
        session: PooledSession,
        routine: Routine,
        columns: tuple[str, ...] = (),
        row: Sequence[Any] = (),
    ) -> None:
        self._session = session
        self._routine = routine
        self._out = (columns, row)

    def sets(self) -> Iterator[Rows | None]:
        if not self._out[0]:
            yield from self._session.sets()

    def out(self) -> tuple[tuple[str, ...], Sequence[Any]]:
        if self._routine.taken is not None:
            return self._session.taken(self._routine.taken)
        if self._routine.out and not self._out[0]:
            return self._routine.out, self._session.came_out(self._routine)
        return self._out


class PooledSession:
    """One connection while a call uses it."""

    def __init__(self, server: Server, connection: Any, allowed: Allowed) -> None:
        self.connection = connection
        self.is_broken = False
        self.phase: Literal["begun", "committing", "ended"] = "ended"
        self._server = server
        self._allowed = allowed
        self._cursor: Any = None
        self._told: tuple[TellsIdentity, Identity] | None = None
        self._how: How = "reading"
        self._before_call: object = None
        self._cleared: Statement | None = None
        self._interrupts = 0

    def begin(self, state: State, how: How) -> None:
        self._how = how
        identity = self._allowed.identity
        if identity is not None:
            assert isinstance(self._server, TellsIdentity)  # noqa: S101 -- the compiler lets no other be asked
            self._told = self._server, identity
            self._server.tell(self.connection, identity)
        self._server.begin(self.connection, state, how, self._allowed.remaining())
        self.phase = "begun"

    def interrupt(self) -> None:
        self._interrupts += 1
        if self._interrupts > _PATIENCE:
            self._server.sever(self.connection)
        else:
            self._server.interrupt(self.connection)

    def select(self, statement: Statement, values: Values, *, single: bool = False) -> Rows:
        del single  # rows come one by one anyway
        cursor = self._run(statement, values)
        if not cursor.description:  # such as `commit`
            message = "the statement has no rows, and so it is no reading"
            raise BackendError(message, code="not_allowed", work="rolled_back")
        return _Rows(self._server, cursor, self._allowed.stop)

    def look_up(self, statement: Statement, values: Values, most: int) -> Found:
        rows = self.select(statement, values)
        return found_of(rows.columns, rows.fetch(most))

    def change(self, statement: Statement, values: Values) -> Changed:
        cursor = self._run(statement, values)
        if not statement.answers:
            return Changed(self._server.count(cursor))
        columns = self._server.columns(cursor)
        rows: Sequence[Sequence[object]] = cursor.fetchall()
        return Changed(len(rows), columns, rows)

    def call(self, routine: Routine, values: Values) -> Answers:
        self._cleared = routine.cleared
        if routine.given is not None:
            self._run(routine.given, values)
        self._before_call = self._server.before_call(self.connection, self._how)
        cursor = self._ready(lambda: self._server.call(self.connection, routine, values))
        has_row = not self._server.has_out and routine.taken is None
        if routine.out and routine.rows is None and has_row:
            row = cursor.fetchone()
            return _Answers(self, routine, self._server.columns(cursor), row or ())
        return _Answers(self, routine)

    def sets(self) -> Iterator[Rows]:
        """The result sets of the routine that was called; what is left of one is read past.

        Only the last one of a routine that changes nothing may be left as it is: nobody waits for its end.
        """
        is_left = self._how != "changing" and not self._server.has_sets
        while True:
            if self._cursor.description:
                rows = _Rows(self._server, self._cursor, self._allowed.stop)
                yield rows
                while not is_left and rows.fetch(_PAST):
                    pass
            if not self._server.next_set(self._cursor):
                return

    def came_out(self, routine: Routine) -> Sequence[Any]:
        return self._server.out(self._cursor, routine)

    def taken(self, statement: Statement) -> tuple[tuple[str, ...], Sequence[Any]]:
        """The one row of a statement of ours."""
        cursor = self._run(statement, {})
        return self._server.columns(cursor), cursor.fetchone()

    def has_committed(self, stop: Stop) -> bool:
        """Whether a routine was called that may have; nothing interrupts the questions that this takes."""
        if self._before_call is None:
            return False
        if self.is_broken:
            return True
        stop.disarm()
        try:
            self._close_cursor()
        except self._server.errors:
            return True
        return self._server.has_committed(self.connection, self._before_call)

    def _run(self, statement: Statement, values: Values) -> Any:
        return self._ready(lambda: self._server.execute(self.connection, statement, values))

    def _ready(self, work: Callable[[], Any]) -> Any:
        """The cursor of a statement, once the one before is closed."""
        self._close_cursor()
        self._allowed.stop.check()
        if self._allowed.remaining() <= 0:
            raise took_too_long()
        self._cursor = work()
        return self._cursor

    def _close_cursor(self) -> None:
        if self._cursor is not None:
            cursor, self._cursor = self._cursor, None
            self._server.shut(cursor)

    def commit(self) -> None:
        self._close_cursor()
        self._allowed.stop.commit_begins()
        self._before_call = None  # from here on it is our own commit that counts
        self.phase = "committing"
        self._server.commit(self.connection)
        self.phase = "ended"

    def finish(self) -> None:
        """End the transaction, unless it was committed or the connection is gone."""
        try:
            self._close_cursor()
            if self.phase != "ended":
                self._server.rollback(self.connection)
            if self._cleared is not None and not self.is_broken:
                self._server.execute(self.connection, self._cleared, {}).close()
            if self._told is not None:
                server, identity = self._told
                server.forget(self.connection, identity)
        except self._server.errors:
            self.is_broken = True  # the server undoes what a lost connection had begun
        self.is_broken = self.is_broken or self._server.is_closed(self.connection)
