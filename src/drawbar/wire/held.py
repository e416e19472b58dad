"""One connection that many calls share: made at the first of them, and again when it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from drawbar.kernel.ports import BackendError


class Line(Protocol):
    """What a kind holds open."""

    @property
    def stands(self) -> bool:
        """Whether it can still be used."""
        ...

    async def end(self) -> None:
        """Close it; whoever waits on it is told."""
        ...


L = TypeVar("L", bound=Line)


class Held(Generic[L]):
    """Connects for whoever comes first; the others wait for the same connection."""

    def __init__(self, connect: Callable[[], Awaitable[L]]) -> None:
        self._connect = connect
        self._line: L | None = None
        self._connecting = asyncio.Lock()
        self._closed = False

    async def get(self) -> L:
        """Raises BackendError when the backend was closed, and what connecting raises."""
        async with self._connecting:
            if self._closed:
                raise BackendError(
                    "The backend was closed.", code="backend_unavailable", work="not_started"
                )
            if self._line is not None and not self._line.stands:
                lost, self._line = self._line, None
                await lost.end()
            if self._line is None:
                self._line = await self._connect()
            return self._line

    async def close(self) -> None:
        """End the connection, also one that is just being made; there is none afterwards."""
        self._closed = True
        await self._end()
        async with self._connecting:
            await self._end()

    async def _end(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.end()
