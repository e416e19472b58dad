"""What has to happen even if nobody asks: runs expire, and events of ended runs are deleted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from drawbar.store.database import Store
from drawbar.store.engine import StoreError

_EVERY = 1.0
"""Seconds between two looks: one indexed query each."""
_log = logging.getLogger("drawbar.runs")


class Watch:
    """Looks at the store once a second."""

    def __init__(self, store: Store, expire: Callable[[str], Awaitable[None]]) -> None:
        self._store = store
        self._expire = expire
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._go(), name="drawbar-watch")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def look(self) -> None:
        """Expire what is due, then delete one batch of events whose time is over."""
        now = int(time.time())
        for run_id in await self._store.runs.expired(now):
            await self._expire(run_id)
        await self._store.events.delete_due(now)

    async def _go(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await self.look()
            except StoreError as error:
                _log.warning("the store could not be asked for what is due: %s", error)
