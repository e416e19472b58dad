"""Letting go of what was begun at a peer, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def undisturbed(
    work: Coroutine[Any, Any, None],
) -> None:  # nothing is sent to or got from it
    """Finish `work`, which is short, even if cancelled meanwhile; the cancel is passed on afterwards."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError
