"""One select of one row on PostgreSQL, without a thread: sent by the event loop, which also hears the answer.

A thread costs more than the question. Whatever is unusual here is left to the way with a thread, which may
ask again since it only reads: a connection that died in the pool, a prepared statement that went stale,
a server that does not say by itself whether a session is read only (before version 14).

Importing this module needs the driver.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus

from drawbar.backends.sql.databases.postgresql.errors import is_lost, translate
from drawbar.backends.sql.plan import Statement
from drawbar.backends.sql.request import Bound
from drawbar.backends.sql.session import Arrived, Unanswered, was_stopped

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

    Connection = psycopg.Connection[tuple[Any, ...]]

T = TypeVar("T")

_READ_ONLY = b"default_transaction_read_only"
_ONE_AND_ONE_MORE = 2
"""Rows: with a second one it is known that the first was not the only one."""
_MOST_PREPARED = 256
_STALE = {"0A000", "26000"}
"""A prepared statement whose tables have changed, or that somebody has removed."""
_DEAD_WITHIN = 0.5
"""Seconds in which a connection that died in the pool shows; later it was lost while it worked."""


class Lines:
    """At most as many connections as there are calls at a time; `connect` and `interrupt` block."""

    def __init__(
        self, connect: Callable[[], Connection], interrupt: Callable[[Connection], None]
    ) -> None:
        self._connect = connect
        self._interrupt = interrupt
        self._idle: list[_Line] = []
        self._busy: set[_Line] = set()
        self._connecting: set[asyncio.Future[Connection]] = set()
        self._fit = True
        self._closed = False
        self._all_gone = asyncio.Event()

    async def ask(self, statement: Statement, bound: Bound, milliseconds: int) -> Arrived:
        """Its rows, at most two. Raises Unanswered, BackendError, and what `connect` raises."""
        if not self._fit:
            raise Unanswered
        begun = time.monotonic()
        line = self._idle.pop() if self._idle else await self._fresh()
        self._busy.add(line)
        stale = not line.is_read_only  # a statement may have changed that
        try:
            if stale:
                raise Unanswered
            return await line.ask(statement.text, bound, milliseconds)
        except psycopg.Error as error:
            stale = error.sqlstate in _STALE
            if stale or (is_lost(error) and time.monotonic() - begun < _DEAD_WITHIN):
                raise Unanswered from None
            raise translate(error, "rolled_back", stopped=False) from None
        finally:
            if line.is_idle and not stale and not self._closed:
                self._busy.discard(line)
                self._idle.append(line)
            else:  # cancelled, or more rows are under way than anybody wants
                await self._hang_up(line)

    async def close(self) -> None:
        """Stop what is asked, and let go of every connection."""
        self._closed = True
        for line in self._idle:
            line.close()
        self._idle.clear()
        for line in self._busy:
            line.fail(was_stopped())
        if self._busy:  # each asking task hangs up by itself, within a second
            self._all_gone.clear()
            await self._all_gone.wait()
        if self._connecting:  # whoever wanted them has gone; they close as soon as they are there
            await asyncio.wait(self._connecting)
            await asyncio.sleep(0)

    async def _fresh(self) -> _Line:
        connecting = _in_own_thread(self._connect)
        self._connecting.add(connecting)
        try:
            connection = await asyncio.shield(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(_close_late)
            raise
        finally:
            connecting.add_done_callback(self._connecting.discard)
        if self._closed:
            connection.close()
            raise was_stopped()
        line = _Line(connection, asyncio.get_running_loop(), self._lost)
        if not line.is_read_only:
            self._fit = False
            line.close()
            raise Unanswered
        return line

    def _lost(self, line: _Line) -> None:
        if line in self._idle:
            self._idle.remove(line)

    async def _hang_up(self, line: _Line) -> None:
        """Have the server stop, then close. A late cancel must not hit the next user of a connection."""
        if line.is_closed:
            self._gone(line)
            return
        line.let_go()

        def hung_up(_: asyncio.Future[None]) -> None:
            line.connection.close()
            self._gone(line)

        stopping = _in_own_thread(partial(self._interrupt, line.connection))
        stopping.add_done_callback(hung_up)
        await asyncio.shield(stopping)

    def _gone(self, line: _Line) -> None:
        self._busy.discard(line)
        if not self._busy:
            self._all_gone.set()


def _in_own_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """What may block, and goes on to its end also when nobody waits for it any more."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="sql-line")
    try:
        return asyncio.get_running_loop().run_in_executor(thread, work)
    finally:
        thread.shutdown(wait=False)


def _close_late(connecting: asyncio.Future[Connection]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()


class _Line:
    """One connection that the loop listens to. One question at a time."""

    def __init__(
        self,
        connection: Connection,
        loop: asyncio.AbstractEventLoop,
        lost: Callable[[_Line], None],
    ) -> None:
        self.connection = connection
        self._wire = connection.pgconn
        self._wire.nonblocking = 1
        self._loop = loop
        self._lost = lost
        self._socket = self._wire.socket
        self._encoding = connection.info.encoding
        self._names: dict[
            tuple[str, Any], bytes
        ] = {}  # with the types of its values, as psycopg has them
        self._results: list[PGresult] = []
        self._answer: asyncio.Future[list[PGresult]] | None = None
        self._milliseconds = 0
        self._listening = True
        loop.add_reader(self._socket, self._hear)

    @property
    def is_idle(self) -> bool:
        return self._answer is None and not self.is_closed

    @property
    def is_closed(self) -> bool:
        return self.connection.closed

    @property
    def is_read_only(self) -> bool:
        """Told by the server, since version 14, whenever it changes."""
        return self._wire.parameter_status(_READ_ONLY) == b"on"

    async def ask(self, text: str, bound: Bound, milliseconds: int) -> Arrived:
        """Raises psycopg.Error."""
        if self._milliseconds != milliseconds:
            self._wire.send_query(b"set statement_timeout = %d" % milliseconds)
            _checked(await self._heard())
            self._milliseconds = milliseconds
        adapter = Transformer(self.connection)
        values = adapter.dump_sequence(bound, [PyFormat.AUTO] * len(bound))
        key = (text, adapter.types)
        name = self._names.get(key) or await self._prepared(key)
        self._wire.send_query_prepared(name, values, param_formats=adapter.formats)
        self._wire.set_chunked_rows_mode(_ONE_AND_ONE_MORE)
        results = await self._heard()
        has_two = bool(results) and results[0].ntuples == _ONE_AND_ONE_MORE
        result = (
            results[0] if has_two else _checked(results)
        )  # what comes after them changes nothing
        adapter.set_pgresult(result)
        names = [result.fname(place) or b"" for place in range(result.nfields)]
        return Arrived(
            tuple([name.decode(self._encoding) for name in names]),
            adapter.load_rows(0, result.ntuples, tuple),
        )

    async def _prepared(self, key: tuple[str, Any]) -> bytes:
        if len(self._names) >= _MOST_PREPARED:
            self._wire.send_query(b"deallocate all")
            _checked(await self._heard())
            self._names.clear()
        text, types = key
        name = b"drawbar_%d" % len(self._names)
        self._wire.send_prepare(name, text.encode(self._encoding), types)
        _checked(await self._heard())
        self._names[key] = name
        return name

    async def _heard(self) -> list[PGresult]:
        """What the server answers to what was just handed to libpq."""
        answer: asyncio.Future[list[PGresult]] = self._loop.create_future()
        self._answer = answer
        if self._wire.flush():
            self._loop.add_writer(self._socket, self._go_on_sending)
        return await answer

    def _go_on_sending(self) -> None:
        try:
            if self._wire.flush():
                return
        except psycopg.Error as error:
            self._break(error)
        else:
            self._loop.remove_writer(self._socket)

    def _hear(self) -> None:
        """Something has come: of an answer, or the end of an idle connection."""
        wire = self._wire
        try:
            wire.consume_input()
            while not wire.is_busy():
                result = wire.get_result()
                if result is None:
                    self._tell()
                    return
                self._results.append(result)
                if len(self._results) > 1 and result.status == ExecStatus.TUPLES_CHUNK:
                    self._tell(whole=False)
                    return
        except psycopg.Error as error:
            self._break(error)

    def _tell(self, *, whole: bool = True) -> None:
        """The answer as far as anybody wants it."""
        answer, results = self._answer, self._results
        self._results = []
        if answer is None:
            return
        if whole:
            self._answer = None
        if not answer.done():
            answer.set_result(results)

    def _break(self, error: psycopg.Error) -> None:
        self.fail(error)
        self.close()
        self._lost(self)

    def fail(self, error: Exception) -> None:
        """End the wait for an answer."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def let_go(self) -> None:
        """The loop does nothing more with it."""
        if self._listening:
            self._listening = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)

    def close(self) -> None:
        self.let_go()
        self.connection.close()


def _checked(results: list[PGresult]) -> PGresult:
    """The first result. Raises the error that the server answered, if it did anywhere."""
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result)
    if not results:
        raise psycopg.OperationalError("the connection was lost")
    return results[0]
