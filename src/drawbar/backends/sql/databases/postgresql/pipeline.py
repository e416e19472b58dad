"""One connection for many questions: the next ones are sent while the first is being answered.

Each write to a socket wakes the server's process, which costs more than all else of a short question. Here what
is asked within one turn of the event loop leaves in one write, and the answers of many are read at once.
Each question is still a transaction of its own: it fails alone, and sees the data of its own moment.

libpq opens the connection, and closes it and cancels on it. In between it is not asked, so this is only for
connections that it does not encrypt. Importing this module needs the driver.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import DiagnosticField, Format

from drawbar.backends.sql.databases.postgresql import messages
from drawbar.backends.sql.databases.postgresql.line import MOST_PREPARED, READ_ONLY
from drawbar.backends.sql.request import Bound
from drawbar.backends.sql.session import Arrived, Unanswered

if TYPE_CHECKING:
    from psycopg.abc import Transformer as Reader

    Connection = psycopg.Connection[tuple[Any, ...]]

PATIENCE = 0.001
"""Seconds that a question may wait for those before it, as far as earlier ones tell how long they take."""
_OVERDUE = 0.005
"""Seconds after which an answer does not come as fast as was thought, and nobody joins behind it."""
_STUCK = 0.05
"""Seconds after which those behind it are asked elsewhere."""
_TURNS = 2
"""Of the event loop between asking and the first look for an answer."""
_WEIGHT = 1 / 8
"""Of the last answer in what is thought of a statement."""
_MOST_PACES = 4096
UNKNOWN = 1.0
"""Seconds that a statement is expected to take which was never asked."""


class Paces:
    """How many seconds statements have taken lately."""

    def __init__(self) -> None:
        self._of: dict[str, float] = {}

    def expect(self, text: str) -> float:
        return self._of.get(text, UNKNOWN)

    def learn(self, text: str, seconds: float) -> None:
        known = self._of.get(text)
        if known is None:
            if len(self._of) >= _MOST_PACES:
                self._of.clear()
            self._of[text] = seconds
        else:
            self._of[text] = known + (seconds - known) * _WEIGHT


class _Prepared:
    """A statement that the server knows, or is just being told."""

    __slots__ = ("columns", "is_known", "reader", "target")

    def __init__(self, target: bytes, reader: Reader) -> None:
        self.target = target
        self.reader = reader
        self.columns: tuple[str, ...] = ()
        self.is_known = False


_Key = tuple[
    str, Any, tuple[int, ...]
]  # with the types and formats of its values, as psycopg has them


class _Asked:
    """A question under way. `answer` None: a setting of the session, which nobody waits for."""

    __slots__ = ("alone", "answer", "error", "key", "pace", "prepared", "rows")

    def __init__(
        self,
        answer: asyncio.Future[list[messages.Cells]] | None = None,
        key: _Key | None = None,
        prepared: _Prepared | None = None,
        pace: float = 0.0,
    ) -> None:
        self.answer = answer
        self.key = key
        self.prepared = prepared
        self.pace = pace
        self.rows: list[messages.Cells] = []
        self.error: psycopg.Error | None = None
        self.alone = False
        """Nothing was under way when it was asked."""

    def fail(self, error: Exception) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error)


class Pipeline(asyncio.Protocol):
    """Made by `open_pipeline`."""

    def __init__(
        self, connection: Connection, paces: Paces, lost: Callable[[Pipeline], None]
    ) -> None:
        self.connection = connection
        self.is_closed = False
        self.is_spoilt = False
        """Nobody may ask any more: what is under way has to be stopped."""
        self.has_answered = False
        self._paces = paces
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._encoding = connection.info.encoding
        self._adapter = Transformer(connection)
        self.is_read_only = connection.pgconn.parameter_status(READ_ONLY) == b"on"
        """Told by the server, since version 14, whenever it changes."""
        self._transport: asyncio.Transport | None = None
        self._splitter = messages.Splitter()
        self._prepared: dict[_Key, _Prepared] = {}
        self._made = 0
        self._milliseconds = 0
        self._out: list[bytes] = []
        """What leaves with the next turn of the event loop."""
        self._asked: deque[_Asked] = deque()
        self._ahead = 0.0
        """Seconds that what is under way is expected to take."""
        self._since = 0.0
        """The moment of the last answer, or when the first question was asked after all had been answered."""
        self._turns = 0
        """Of the event loop, until an answer could have been read if it had come at once."""
        self._turning = False
        self._ready = 0.0
        """When they had passed."""
        self._watching = False
        self._last_words: psycopg.Error | None = None

    @property
    def is_idle(self) -> bool:
        return not self._asked and not self.is_spoilt and not self.is_closed

    def takes(self, pace: float, now: float) -> bool:
        """Whether a question may be asked now that is expected to take so many seconds."""
        if self.is_spoilt or self.is_closed:
            return False
        if not self._asked:
            return True
        return self._ahead + pace <= PATIENCE and now - self._since <= _OVERDUE

    async def ask(self, text: str, bound: Bound, milliseconds: int) -> Arrived:
        """Raises psycopg.Error, and Unanswered when the one before it holds up all others."""
        if self.is_closed or self._transport is None:
            raise psycopg.OperationalError("the connection was lost")
        adapter = self._adapter
        values = adapter.dump_sequence(bound, [PyFormat.AUTO] * len(bound))
        key = (text, adapter.types, tuple(adapter.formats or ()))
        out = self._setting(milliseconds)
        prepared = self._prepared.get(key)
        if prepared is None:
            prepared = self._prepare(key, out)
        out.append(messages.execute(prepared.target, values))
        answer: asyncio.Future[list[messages.Cells]] = self._loop.create_future()
        self._expect(_Asked(answer, key, prepared, self._paces.expect(text)))
        if not self._out:
            self._loop.call_soon(self._send)
        self._out += out
        try:
            rows = await answer
        except asyncio.CancelledError:
            self.is_spoilt = True
            raise
        load = prepared.reader.load_sequence
        return Arrived(prepared.columns, [load(row) for row in rows])

    def fail(self, error: Exception) -> None:
        """End the wait for what is under way."""
        for asked in self._asked:
            asked.fail(error)

    def let_go(self) -> None:
        """The loop does nothing more with it; whoever still waits has to ask elsewhere."""
        self.is_closed = self.is_spoilt = True
        self.fail(Unanswered())
        self._asked.clear()
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        self.let_go()
        self.connection.close()

    # -- asking ---------------------------------------------------------------------------------

    def _setting(self, milliseconds: int) -> list[bytes]:
        """What has to be said first for this time-out."""
        if self._milliseconds == milliseconds:
            return []
        self._milliseconds = milliseconds
        self._expect(_Asked())
        return [messages.simple(b"set statement_timeout = %d" % milliseconds)]

    def _prepare(self, key: _Key, out: list[bytes]) -> _Prepared:
        if len(self._prepared) >= MOST_PREPARED:
            self._prepared.clear()
            self._expect(_Asked())
            out.append(messages.simple(b"deallocate all"))
        text, types, formats = key
        self._made += 1
        name = b"drawbar_%d" % self._made
        prepared = _Prepared(messages.target(name, formats), Transformer(self.connection))
        out.append(messages.prepare(name, text.encode(self._encoding), types))
        self._prepared[key] = prepared
        return prepared

    def _expect(self, asked: _Asked) -> None:
        if not self._asked:
            asked.alone = True
            self._since = time.monotonic()
            self._turns = _TURNS
        elif not self._watching:
            self._watching = True
            self._loop.call_later(_STUCK, self._watch)
        self._asked.append(asked)
        self._ahead += asked.pace

    def _send(self) -> None:
        out, self._out = self._out, []
        if self._transport is not None and not self.is_closed:
            self._transport.write(b"".join(out))
        if self._turns and not self._turning:
            self._turning = True
            self._loop.call_soon(self._turned)

    def _turned(self) -> None:
        """Counts turns of the loop, so that its own work is not taken for the server's."""
        self._turns -= 1
        if self._turns:
            self._loop.call_soon(self._turned)
        else:
            self._turning = False
            self._ready = time.monotonic()

    def _watch(self) -> None:
        """Nobody waits long behind a question that takes longer than was thought; it goes on by itself."""
        self._watching = False
        if len(self._asked) < 2:  # noqa: PLR2004 -- the first, and one behind it
            return
        if time.monotonic() - self._since >= _STUCK:
            behind = Unanswered()
            for asked in list(self._asked)[1:]:
                asked.fail(behind)
        self._watching = True
        self._loop.call_later(_STUCK, self._watch)

    # -- asyncio.Protocol -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class

    def data_received(self, data: bytes) -> None:
        try:
            for kind, within, at, ends in self._splitter.feed(data):
                if kind == messages.ROW:
                    self._asked[0].rows.append(messages.row_at(within, at))
                elif kind == messages.READY:
                    self._answered(within[at])
                else:
                    self._told(kind, within[at:ends])
        except (messages.Nonsense, struct.error, LookupError, ValueError) as error:
            self._break(psycopg.OperationalError(f"the server's answer cannot be read: {error}"))

    def connection_lost(self, error: Exception | None) -> None:
        del error  # whether it was reset or closed makes no difference
        if not self.is_closed:
            self._break(self._last_words or psycopg.OperationalError("the connection was lost"))

    def _break(self, error: psycopg.Error) -> None:
        self.fail(error)
        self.close()
        self._lost(self)

    # -- answers --------------------------------------------------------------------------------

    def _answered(self, status: int) -> None:
        """All of the oldest question's answer is here."""
        asked = self._asked.popleft()
        now = time.monotonic()
        began, self._since = self._since, now
        self._ahead = self._ahead - asked.pace if self._asked else 0.0
        self.has_answered = True
        if status != messages.IDLE:
            self.is_spoilt = True  # a transaction was left open, which no question may find
        if asked.answer is None:
            if asked.error is not None:
                self._break(asked.error)
            return
        assert asked.key is not None and asked.prepared is not None  # noqa: PT018, S101 -- with an answer both are there
        if not asked.alone:
            self._paces.learn(asked.key[0], now - began)
        else:
            self._paces.learn(asked.key[0], 0.0 if self._turns else now - max(began, self._ready))
        if asked.error is None:
            if not asked.answer.done():
                asked.answer.set_result(asked.rows)
            return
        if not asked.prepared.is_known and self._prepared.get(asked.key) is asked.prepared:
            del self._prepared[asked.key]
        asked.fail(asked.error)

    def _told(self, kind: int, body: bytes) -> None:
        if kind == messages.PARSED:
            self._of_first().is_known = True
        elif kind == messages.DESCRIPTION:
            prepared = self._of_first()
            columns = messages.columns_of(body)
            prepared.columns = tuple([name.decode(self._encoding) for name, _ in columns])
            prepared.reader.set_loader_types([number for _, number in columns], Format.TEXT)
        elif kind == messages.ERROR:
            self._refused(messages.fields_of(body))
        elif kind == messages.STATUS:
            name, value = messages.status_of(body)
            if name == READ_ONLY:
                self.is_read_only = value == b"on"

    def _of_first(self) -> _Prepared:
        prepared = self._asked[0].prepared
        if prepared is None:
            raise messages.Nonsense("a statement was told of that nobody asked for")
        return prepared

    def _refused(self, fields: dict[int, bytes | None]) -> None:
        error = _error_of(fields, self._encoding)
        severity = fields.get(DiagnosticField.SEVERITY_NONLOCALIZED)
        if severity in {b"FATAL", b"PANIC"} or not self._asked:
            self._last_words = error  # the server hangs up behind it
        else:
            self._asked[0].error = error


def _error_of(fields: dict[int, bytes | None], encoding: str) -> psycopg.Error:
    """As psycopg makes it of an error that libpq has read."""
    state = (fields.get(DiagnosticField.SQLSTATE) or b"").decode()
    message = (fields.get(DiagnosticField.MESSAGE_PRIMARY) or b"").decode(encoding, "replace")
    told = dict.fromkeys(map(int, DiagnosticField)) | fields
    try:
        kind = psycopg.errors.lookup(state)
    except KeyError:
        kind = psycopg.errors.get_base_exception(state)
    return kind(message, info=told, encoding=encoding)


def is_plain(connection: Connection) -> bool:
    """Whether nothing but PostgreSQL's own messages goes over its socket."""
    return not connection.pgconn.ssl_in_use and not connection.pgconn.used_gssapi


async def open_pipeline(
    connection: Connection, paces: Paces, lost: Callable[[Pipeline], None]
) -> Pipeline:
    """Take over a connection that is open and idle. Raises OSError."""
    loop = asyncio.get_running_loop()
    line = socket.socket(fileno=os.dup(connection.pgconn.socket))
    try:
        create = (
            loop.create_unix_connection if line.family == socket.AF_UNIX else loop.create_connection
        )
        _, made = await create(lambda: Pipeline(connection, paces, lost), sock=line)
    except BaseException:
        line.close()
        raise
    return made
