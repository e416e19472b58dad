"""Places for so many at a time; whoever finds none free waits in line.

Like `asyncio.Semaphore`, whose `acquire` has to be awaited also where a place is free. That is so nearly always, and
each call passes several of these.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque


class Places:
    """Belongs to one event loop. Each place that was taken has to be given back once."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def is_free(self) -> bool:
        """Whether `take` would find a place."""
        return self._free > 0

    def take(self) -> bool:
        """A place, if one is free."""
        if self._free:
            self._free -= 1
            return True
        return False

    async def wait(self, until: float) -> None:
        """A place as soon as it is this one's turn. Raises TimeoutError at a moment of `time.monotonic()`."""
        if self.take():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give_back()  # it had just been its turn
            raise

    def give_back(self) -> None:
        """To whoever has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
