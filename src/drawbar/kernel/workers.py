"""The threads of one backend, for libraries that block (zeep, sync database drivers).

Every backend has its own bounded pool, so a slow system never takes the threads of another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """At most `size` threads, started when first used."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self.size = size
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run in a thread and wait. Cancelling stops the wait, not the thread: the caller frees it."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.size, thread_name_prefix=self._name)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: function(*args, **kwargs))

    def close(self) -> None:
        """Take no more work; threads end when what they run ends."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
