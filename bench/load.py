"""Closed-loop HTTP load: so many connections, each sends its next request when the last is answered."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """Of one load: requests a second, median and 99th percentile in microseconds, CPU a request."""

    per_second: float
    p50: float
    p99: float
    cpu: float
    """Microseconds of the server's CPU for each request."""


async def drive(port: int, request: bytes, *, connections: int, seconds: float) -> list[float]:
    """Seconds that each request took. Every answer has to be 200, or the benchmark means nothing."""
    ends = time.perf_counter() + seconds
    taken: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while (begun := time.perf_counter()) < ends:
                writer.write(request)
                await read_answer(reader)
                taken.append(time.perf_counter() - begun)
        finally:
            writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return taken


async def read_answer(reader: asyncio.StreamReader) -> bytes:
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


def summary(taken: list[float], seconds: float, cpu_seconds: float) -> Measured:
    ordered = sorted(taken)
    return Measured(
        per_second=len(taken) / seconds,
        p50=statistics.median(ordered) * 1e6,
        p99=ordered[int(len(ordered) * 0.99)] * 1e6,
        cpu=cpu_seconds / len(taken) * 1e6,
    )
