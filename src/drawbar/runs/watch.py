"""What has to happen even if nobody asks: runs expire, orphans are taken over, old events and files are deleted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from drawbar.kernel.errors import StoreError
from drawbar.runs.loop import Worker
from drawbar.runs.queue import RunQueue
from drawbar.store.database import Store

_EVERY = 1.0
"""Seconds between two looks: a few indexed queries each."""
_BEAT_EVERY = 3
"""Looks between two signs of life to other gateways."""
_log = logging.getLogger("drawbar.runs")


@dataclass(slots=True)
class Watch:
    """Looks at the store once a second."""

    store: Store
    worker: Worker
    queue: RunQueue
    expire: Callable[[str], Awaitable[None]]
    _task: asyncio.Task[None] | None = None
    _suspects: frozenset[str] = frozenset()

    async def start(self) -> None:
        """Take over what was left behind, then go on looking."""
        await self.store.gateways.beat()
        for run_id in await self.store.gateways.orphans():
            self.queue.enqueue(run_id)
        self._task = asyncio.get_running_loop().create_task(self._go(), name="drawbar-watch")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def look(self) -> None:
        now = int(time.time())
        for run_id in await self.store.gateways.expired(now):
            await self.expire(run_id)
        await self._find_orphans()
        await self._let_go()
        await self.store.events.delete_due(now)
        await self.store.files.delete_due(now)

    async def _find_orphans(self) -> None:
        """A run that nobody has at two looks is an orphan; at one it may just be changing hands."""
        orphans = frozenset(await self.store.gateways.orphans())
        unknown = orphans - self.worker.channels.keys() - self.worker.active.keys()
        for run_id in sorted(unknown & self._suspects):
            self.queue.enqueue(run_id)
        self._suspects = unknown - self._suspects

    async def _let_go(self) -> None:
        """Stop working on runs that another gateway ended or took over."""
        epochs = {run_id: journal.run.epoch for run_id, journal in self.worker.active.items()}
        for run_id in await self.store.gateways.lost(epochs):
            journal = self.worker.active.get(run_id)
            if journal is not None and journal.run.epoch == epochs[run_id]:
                journal.lose()

    async def _go(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(_EVERY)
            looks += 1
            try:
                if looks % _BEAT_EVERY == 0:
                    await self.store.gateways.beat()
                await self.look()
            except StoreError as error:
                _log.warning("the store could not be asked for what is due: %s", error)
