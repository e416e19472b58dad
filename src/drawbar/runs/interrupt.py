"""Stopping what a run is doing: the model's stream or calls under way, from outside and at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal, TypeVar

T = TypeVar("T")

Reason = Literal["cancel", "expire", "shutdown", "lost"]
"""`lost`: another worker has the run now, or the store does not take its changes."""

_PATIENCE = 0.7
"""Seconds for work to stop by itself; then it is left behind and what it does is ignored."""


class InterruptedRun(Exception):
    """The work was stopped; `Interruption.reason` says why."""


class Interruption:
    """The way to stop one run. Nothing starts once it was stopped."""

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self._task: asyncio.Task[Any] | None = None  # whatever the work returns
        self._ended: asyncio.Future[None] | None = None

    def stop(self, reason: Reason) -> None:
        """The first reason counts."""
        if self.reason is not None:
            return
        self.reason = reason
        if self._task is not None:
            self._task.cancel()
            asyncio.get_running_loop().call_later(_PATIENCE, self._end)

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work; raises InterruptedRun once it was stopped."""
        if self.is_stopped():
            work.close()
            raise InterruptedRun
        loop = asyncio.get_running_loop()
        task: asyncio.Task[T] = loop.create_task(work)
        self._task = task
        self._ended = loop.create_future()
        task.add_done_callback(lambda _: self._end())
        try:
            await self._ended
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task], timeout=_PATIENCE)
            raise
        finally:
            self._task = None
        if self.is_stopped():
            task.add_done_callback(_look_away)
            raise InterruptedRun
        return task.result()

    def is_stopped(self) -> bool:
        return self.reason is not None

    def _end(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)


def _look_away(task: asyncio.Task[Any]) -> None:  # whatever the work returns
    """What stopped work still had to say is of no interest, nor is asyncio's complaint about that."""
    if not task.cancelled():
        task.exception()
