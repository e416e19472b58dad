"""The calls that a backend works on, so that closing it ends them and tells their callers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from drawbar.kernel.ports import BackendError

T = TypeVar("T")


class Underway:
    """Runs each call as a task of its own. A cancelled caller cancels the call; so does closing."""

    def __init__(self, what: str) -> None:
        """`what` was cut off by closing, for people: `the program was ended`."""
        self._what = what
        self._tasks: set[asyncio.Task[Any]] = set()
        self.closed = False

    async def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Raises BackendError when the backend is closed, before or meanwhile."""
        if self.closed:
            call.close()
            raise BackendError(
                "The backend was closed.", code="backend_unavailable", work="not_started"
            )
        task = asyncio.ensure_future(call)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if self._is_closed() and caller is not None and not caller.cancelling():
                raise BackendError(
                    f"The backend was closed, and {self._what}.",
                    code="backend_unavailable",
                    work="unknown",
                ) from None
            raise

    def _is_closed(self) -> bool:
        return self.closed

    async def close(self) -> None:
        """Cancel what runs and wait for it; nothing is begun any more."""
        self.closed = True
        running = list(self._tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
