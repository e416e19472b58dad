"""One connection that the event loop listens to, driven by libpq: for one question at a time.

It does all that libpq can (TLS, Kerberos). Where nothing of that is needed, `pipeline` is the cheaper way.
Importing this module needs the driver.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus

from drawbar.backends.sql.request import Bound
from drawbar.backends.sql.session import Arrived

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

    Connection = psycopg.Connection[tuple[Any, ...]]

READ_ONLY = b"default_transaction_read_only"
MOST_PREPARED = 256
_ONE_AND_ONE_MORE = 2
"""Rows: with a second one it is known that the first was not the only one."""


class Line:
    """A question takes all of it."""

    def __init__(
        self,
        connection: Connection,
        loop: asyncio.AbstractEventLoop,
        lost: Callable[[Line], None],
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
        self._taken = False
        loop.add_reader(self._socket, self._hear)

    @property
    def is_idle(self) -> bool:
        return not self._taken and self._answer is None and not self.is_closed

    @property
    def is_spoilt(self) -> bool:
        """An answer is under way that nobody wants any more."""
        return self._answer is not None

    @property
    def is_closed(self) -> bool:
        return self.connection.closed

    @property
    def is_read_only(self) -> bool:
        """Told by the server, since version 14, whenever it changes."""
        return self._wire.parameter_status(READ_ONLY) == b"on"

    def takes(self, pace: float, now: float) -> bool:
        """Whether a question may be asked now."""
        del pace, now  # see `pipeline`
        return self.is_idle

    async def ask(self, text: str, bound: Bound, milliseconds: int) -> Arrived:
        """Raises psycopg.Error."""
        self._taken = True
        try:
            return await self._asked(text, bound, milliseconds)
        finally:
            self._taken = False

    async def _asked(self, text: str, bound: Bound, milliseconds: int) -> Arrived:
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
        if len(self._names) >= MOST_PREPARED:
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
