"""Server-sent events, written by hand.

A write to a socket costs more than making the event, so events that follow each other within two
milliseconds share one; an event that comes alone is written at once.

A keep-alive is a comment line without the blank line that would end an event. The official Python
client keeps the last `id:` and takes a blank line after a comment for an event without data, which it
then fails to parse.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import orjson

from drawbar.store.records import RunEvent
from drawbar.surfaces.errors import Headers
from drawbar.surfaces.patience import while_connected

if TYPE_CHECKING:
    from starlette.types import Receive, Send

T = TypeVar("T")

PING_AFTER = 15.0
"""Seconds of silence after which a proxy might take a stream for dead."""
_GAP = 0.002
"""Seconds between two writes of a stream that has more to say than one event at a time."""
_MOST_WAITING = 256 * 1024
"""Bytes that may wait for a client that reads slowly, before the stream waits for the client."""

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
_DONE = b"event: done\ndata: [DONE]\n\n"
_ENDS = frozenset(
    f"thread.run.{status}"
    for status in (
        "requires_action",
        "completed",
        "incomplete",
        "failed",
        "cancelled",
        "expired",
    )
)


class EventStream:
    """An answer that is written piece by piece and kept alive in between."""

    def __init__(self, send: Send, *, ping: bytes) -> None:
        self._send = send
        self._ping = ping
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        self._size = 0
        self._wrote_at = float("-inf")
        self._timers: dict[str, asyncio.Handle] = {}
        self._flushing: asyncio.Task[None] | None = None

    async def open(self, headers: Headers = ()) -> None:
        """The head goes out in the next turn of the loop, with the frames that are there until then."""
        start = {"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *headers]}
        await self._send(start)
        self._timers["ping"] = self._loop.call_later(PING_AFTER, self._start_ping)
        self._timers["flush"] = self._loop.call_soon(self._start_flush)

    async def write(self, frame: bytes) -> None:
        """A frame goes out whole, so a ping never lands inside one."""
        self._waiting.append(frame)
        self._size += len(frame)
        if self._flushing is not None and not self._flushing.done():
            if self._size > _MOST_WAITING:
                await self._flushing
            return
        wait = self._wrote_at + _GAP - self._loop.time()
        if self._size > _MOST_WAITING or (wait <= 0 and "flush" not in self._timers):
            await self._flush()
        elif "flush" not in self._timers:
            self._timers["flush"] = self._loop.call_later(wait, self._start_flush)

    async def close(self, frame: bytes = b"") -> None:
        """Write what waits and the last frame; nothing can be written after it."""
        self._stop_timers()
        if self._flushing is not None:
            await self._flushing
        body = b"".join([*self._waiting, frame])
        await self._send({"type": "http.response.body", "body": body})

    def quiet(self) -> None:
        """No more writes."""
        self._stop_timers()
        if self._flushing is not None:
            self._flushing.cancel()

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _start_flush(self) -> None:
        self._timers.pop("flush", None)
        if self._waiting:
            self._flushing = self._loop.create_task(self._flush_apart())

    def _start_ping(self) -> None:
        self._waiting.append(self._ping)
        self._start_flush()

    async def _flush_apart(self) -> None:
        await self._flush()
        self._flushing = None  # a task that is kept costs a silent stream a kilobyte

    async def _flush(self) -> None:
        """Write until nothing waits any more: a slow client may have let more come together."""
        while self._waiting:
            body = b"".join(self._waiting)
            self._waiting.clear()
            self._size = 0
            await self._write(body)

    async def _write(self, body: bytes) -> None:
        self._stop_timers()
        self._wrote_at = self._loop.time()
        self._timers["ping"] = self._loop.call_later(PING_AFTER, self._start_ping)
        await self._send({"type": "http.response.body", "body": body, "more_body": True})


async def stream_events(events: AsyncIterator[RunEvent], receive: Receive, send: Send) -> None:
    """A run's events until its stream ends, this server goes down, or the client leaves.

    The run goes on without its listeners. `done` is only said after an event that ends the stream: a
    client that misses it knows that it was cut off, and resumes after its last id.
    """
    stream = EventStream(send, ping=b": ping\n")
    last = None
    async with while_connected(receive), closing(events) as following:
        try:
            await stream.open()
            async for event in following:
                last = event.name
                await stream.write(_frame(event))
            await stream.close(_DONE if last is None or last in _ENDS else b"")
        finally:
            stream.quiet()


@asynccontextmanager
async def closing(events: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Closes what gives the events, when that is a generator, whatever ends the block."""
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def _frame(event: RunEvent) -> bytes:
    return b"event: %b\nid: %d\ndata: %b\n\n" % (
        event.name.encode(),
        event.seq,
        orjson.dumps(event.data),
    )
