"""Server-sent events, written by hand: one frame, one write.

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
        self._timer: asyncio.TimerHandle | None = None
        self._pinging: asyncio.Task[None] | None = None

    async def open(self, headers: Headers = ()) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *headers]}
        await self._send(start)
        await self.write(b"")

    async def write(self, frame: bytes) -> None:
        """A frame goes out whole, so a ping never lands inside one."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(PING_AFTER, self._start_ping)
        await self._send({"type": "http.response.body", "body": frame, "more_body": True})

    async def close(self, frame: bytes = b"") -> None:
        self.quiet()
        await self._send({"type": "http.response.body", "body": frame})

    def quiet(self) -> None:
        """No more pings."""
        if self._timer is not None:
            self._timer.cancel()
        if self._pinging is not None:
            self._pinging.cancel()

    def _start_ping(self) -> None:
        self._pinging = self._loop.create_task(self.write(self._ping))


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
