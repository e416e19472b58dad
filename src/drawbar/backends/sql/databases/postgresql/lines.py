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
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import psycopg

from drawbar.backends.sql.databases.postgresql.errors import is_lost, translate
from drawbar.backends.sql.databases.postgresql.line import Line
from drawbar.backends.sql.databases.postgresql.pipeline import (
    UNKNOWN,
    Paces,
    Pipeline,
    is_plain,
    open_pipeline,
)
from drawbar.backends.sql.plan import Statement
from drawbar.backends.sql.request import Bound
from drawbar.backends.sql.session import Arrived, Unanswered, was_stopped

if TYPE_CHECKING:
    Connection = psycopg.Connection[tuple[Any, ...]]

T = TypeVar("T")
AnyLine: TypeAlias = Line | Pipeline

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
        self._lines: list[AnyLine] = []
        """The first that takes a question is asked, so that few are busy and the others rest."""
        self._paces = Paces()
        self._connecting: set[asyncio.Future[Connection]] = set()
        self._leaving: set[asyncio.Future[None]] = set()
        self._fit = True
        self._shares = True
        """Whether questions may be sent behind others."""
        self._closed = False

    async def ask(self, statement: Statement, bound: Bound, milliseconds: int) -> Arrived:
        """Its rows, at most two. Raises Unanswered, BackendError, and what `connect` raises."""
        if not self._fit:
            raise Unanswered
        begun = time.monotonic()
        line = self._free(statement.text, begun) or await self._fresh()
        stale = not line.is_read_only  # a statement may have changed that
        try:
            if stale:
                self._shares = (
                    False  # what was sent behind that statement might have changed something
                )
                raise Unanswered
            return await line.ask(statement.text, bound, milliseconds)
        except psycopg.Error as error:
            stale = error.sqlstate in _STALE
            if is_lost(error) and isinstance(line, Pipeline) and not line.has_answered:
                self._shares = False  # something else is spoken on its socket
            if stale or (is_lost(error) and time.monotonic() - begun < _DEAD_WITHIN):
                raise Unanswered from None
            raise translate(error, "rolled_back", stopped=False) from None
        finally:
            if stale or line.is_spoilt or self._closed:
                await self._hang_up(line)

    async def close(self) -> None:
        """Stop what is asked, and let go of every connection."""
        self._closed = True
        for line in [each for each in self._lines if each.is_idle]:
            self._lines.remove(line)
            line.close()
        for line in self._lines:
            line.fail(was_stopped())
        await asyncio.gather(*map(self._hang_up, tuple(self._lines)))
        if self._leaving:  # each within a second
            await asyncio.wait(self._leaving)
        if self._connecting:  # whoever wanted them has gone; they close as soon as they are there
            await asyncio.wait(self._connecting)
            await asyncio.sleep(0)

    def _free(self, text: str, now: float) -> AnyLine | None:
        pace = self._paces.expect(text) if self._shares else UNKNOWN
        for line in self._lines:
            if line.takes(pace, now):
                return line
        return None

    async def _fresh(self) -> AnyLine:
        connecting = _in_own_thread(self._connect)
        self._connecting.add(connecting)
        try:
            connection = await asyncio.shield(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(_close_late)
            raise
        finally:
            connecting.add_done_callback(self._connecting.discard)
        line = await self._line_over(connection)
        if self._closed:
            line.close()
            raise was_stopped()
        if not line.is_read_only:
            self._fit = False
            line.close()
            raise Unanswered
        self._lines.append(line)
        return line

    async def _line_over(self, connection: Connection) -> AnyLine:
        if not self._shares or not is_plain(connection):
            return Line(connection, asyncio.get_running_loop(), self._lost)
        try:
            return await open_pipeline(connection, self._paces, self._lost)
        except BaseException:
            connection.close()
            raise

    def _lost(self, line: AnyLine) -> None:
        if line in self._lines:
            self._lines.remove(line)

    async def _hang_up(self, line: AnyLine) -> None:
        """Have the server stop, then close. A late cancel must not hit the next user of a connection."""
        if line not in self._lines:  # it is gone, or on its way
            return
        self._lines.remove(line)
        if line.is_closed:
            return
        line.let_go()

        def hung_up(_: asyncio.Future[None]) -> None:
            line.connection.close()
            self._leaving.discard(stopping)

        stopping = _in_own_thread(partial(self._interrupt, line.connection))
        self._leaving.add(stopping)
        stopping.add_done_callback(hung_up)
        await asyncio.shield(stopping)


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
