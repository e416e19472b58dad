"""Who carries runs out: the port, and the adapter that does it in this process.

The queue only delivers. What is to be done is in the store, so an `advance` that is delivered twice, or
lost with the process, does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol


class RunQueue(Protocol):
    """Delivers runs to a worker."""

    here: bool
    """What is enqueued here is carried out in this process, at once."""

    def enqueue(self, run_id: str) -> None:
        """Have the run advanced soon. It is in the store already."""
        ...

    async def close(self) -> None:
        """Deliver nothing more, and wait for what was delivered."""
        ...


class InProcessQueue:
    """A task of this process for each run; after a crash the scan at start-up finds them again."""

    here = True

    def __init__(self, advance: Callable[[str], Awaitable[None]]) -> None:
        self._advance = advance
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def enqueue(self, run_id: str) -> None:
        if self._closed:
            return
        task = asyncio.get_running_loop().create_task(self._deliver(run_id), name=run_id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        self._closed = True
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _deliver(self, run_id: str) -> None:
        await self._advance(run_id)
