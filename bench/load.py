"""Closed-loop HTTP load: so many connections, each sends its next request when the last is answered.

The load must cost less than what it measures, so it is one protocol object a connection, without streams.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
import uvloop

T = TypeVar("T")


@dataclass(frozen=True)
class Measured:
    """Of one load: requests a second, median and 99th percentile in microseconds, CPU a request."""

    per_second: float
    p50: float
    p99: float
    cpu: float
    """Microseconds of the server's CPU for each request."""


def run(work: Coroutine[Any, Any, T]) -> T:
    return uvloop.run(work)


class _Connection(asyncio.Protocol):
    """Sends the same request again and again until the time is over."""

    def __init__(self, request: bytes, ends: float, done: asyncio.Future[list[float]]) -> None:
        self._request = request
        self._ends = ends
        self._done = done
        self._taken: list[float] = []
        self._received = b""
        self._begun = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write: Callable[[bytes], None] = transport.write  # type: ignore[attr-defined]  # of TCP
        self._close = transport.close
        self._begun = time.perf_counter()
        self._write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        try:
            if not is_whole(self._received):
                return
        except (RuntimeError, ValueError) as error:
            self._fail(error)
            return
        self._received = b""
        now = time.perf_counter()
        self._taken.append(now - self._begun)
        if now < self._ends:
            self._begun = now
            self._write(self._request)
        elif not self._done.done():
            self._done.set_result(self._taken)
            self._close()

    def connection_lost(self, _error: Exception | None) -> None:
        self._fail(RuntimeError("the server closed a connection in the middle of the load"))

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)


def is_whole(answer: bytes) -> bool:
    """Whether all of an answer has come. Every answer has to be 200, or the benchmark means nothing."""
    at = answer.find(b"\r\n\r\n")
    if at < 0:
        return False
    if b" 200 " not in answer[:16]:
        message = f"the server answered {answer[:600]!r}"
        raise RuntimeError(message)
    head = answer[:at].lower()
    if (found := head.find(b"content-length:")) >= 0:
        return len(answer) - at - 4 >= int(head[found + 15 :].split(b"\r\n", 1)[0])
    return answer.endswith(b"\r\n0\r\n\r\n")


async def drive(port: int, request: bytes, *, connections: int, seconds: float) -> list[float]:
    """Seconds that each request took."""
    loop = asyncio.get_running_loop()
    ends = time.perf_counter() + seconds
    results: list[asyncio.Future[list[float]]] = []
    for _ in range(connections):
        done: asyncio.Future[list[float]] = loop.create_future()
        results.append(done)
        await loop.create_connection(
            lambda done=done: _Connection(request, ends, done),  # type: ignore[misc]  # mypy cannot infer it
            "127.0.0.1",
            port,
        )
    return [each for taken in await asyncio.gather(*results) for each in taken]


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    """The body of one answer, for clients that need to look at it."""
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head[:16]:
        body = await reader.read(500)
        message = f"the server answered {head.splitlines()[0]!r}: {body!r}"
        raise RuntimeError(message)
    lower = head.lower()
    if (at := lower.find(b"content-length:")) >= 0:
        return await reader.readexactly(int(lower[at + 15 :].split(b"\r\n", 1)[0]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


def post(path: str, body: bytes, headers: str = "") -> bytes:
    """A request as it goes over the wire."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{headers}\r\n"
    ).encode() + body


MCP_HEADERS = "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-06-18\r\n"


def mcp_call(name: str, arguments: Mapping[str, object]) -> bytes:
    """The body of a `tools/call`."""
    params = {"name": name, "arguments": arguments}
    return orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})


def summary(taken: list[float], seconds: float, cpu_seconds: float) -> Measured:
    ordered = sorted(taken)
    return Measured(
        per_second=len(taken) / seconds,
        p50=statistics.median(ordered) * 1e6,
        p99=ordered[int(len(ordered) * 0.99)] * 1e6,
        cpu=cpu_seconds / len(taken) * 1e6,
    )
