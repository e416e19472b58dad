"""How events become writes: one for what is there together, one at once for what comes alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from drawbar.store.records import RunEvent
from drawbar.surfaces.streaming import stream_events

Writes = list[bytes]


def event(seq: int, name: str = "thread.message.delta") -> RunEvent:
    return RunEvent("run_1", seq, name, {"number": seq})


async def streamed(events: AsyncIterator[RunEvent]) -> Writes:
    writes: Writes = []

    async def send(message: Any) -> None:  # ASGI's
        if message["type"] == "http.response.body":
            writes.append(message["body"])

    async def receive() -> Any:  # ASGI's; this client stays
        await asyncio.Event().wait()

    await stream_events(events, receive, send)
    return writes


async def test_a_run_that_has_ended_already_is_one_write() -> None:
    async def events() -> AsyncIterator[RunEvent]:
        for seq in range(1, 30):
            yield event(seq)
        yield event(30, "thread.run.completed")

    [body] = await streamed(events())

    assert body.count(b"event: thread.message.delta\n") == 29
    assert body.endswith(b"event: done\ndata: [DONE]\n\n")


@pytest.mark.parametrize("pause", [0.0, 0.01])
async def test_an_event_that_comes_alone_is_written_before_the_next_one(pause: float) -> None:
    written = asyncio.Event()
    writes: Writes = []

    async def send(message: Any) -> None:  # ASGI's
        if message.get("body"):
            writes.append(message["body"])
            written.set()

    async def receive() -> Any:  # ASGI's; this client stays
        await asyncio.Event().wait()

    async def events() -> AsyncIterator[RunEvent]:
        for seq in (1, 2):
            await asyncio.sleep(pause)
            yield event(seq)
            await asyncio.wait_for(written.wait(), 5)
            written.clear()
        yield event(3, "thread.run.completed")

    await stream_events(events(), receive, send)

    assert [body.count(b"event: thread") for body in writes] == [1, 1, 1]
