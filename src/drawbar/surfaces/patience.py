"""Work for a client that may leave: stopped when nobody waits for it any more.

Watching a connection costs a task, so it begins only when a call takes longer than most do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from drawbar.kernel.errors import ClientError
from drawbar.kernel.ticker import Ticker

if TYPE_CHECKING:
    from starlette.types import Receive

T = TypeVar("T")

WATCH_AFTER = 0.05
"""Seconds."""


async def unless_gone(work: Coroutine[Any, Any, T], receive: Receive, ticker: Ticker) -> T:
    """The result of the work. Raises ClientError, which nobody reads, when the client is gone."""
    task = asyncio.current_task()
    watcher: asyncio.Task[None] | None = None
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        if task is not None:
            task.cancel()

    def start() -> None:
        nonlocal watcher
        watcher = asyncio.create_task(watch())

    alarm = ticker.at(time.monotonic() + WATCH_AFTER, start)
    try:
        return await work
    except asyncio.CancelledError:
        if not gone or task is None:
            raise
        task.uncancel()
        raise ClientError("The client went away.", status=499, code="client_gone") from None
    finally:
        alarm.cancel()
        if watcher is not None:
            watcher.cancel()


@asynccontextmanager
async def while_connected(receive: Receive) -> AsyncIterator[None]:
    """Leaves its block early, and without an error, when the client goes away."""
    task = asyncio.current_task()
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        if task is not None:
            task.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if not gone or task is None:
            raise
        task.uncancel()
    finally:
        watcher.cancel()
