"""/mcp, whose SDK is only imported when somebody asks: it takes as long as the rest of the start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from drawbar.surfaces.exchange import Exchange
from drawbar.surfaces.front import Asked, QuickAnswer, Routes
from drawbar.surfaces.services import Services

if TYPE_CHECKING:
    from drawbar.surfaces.mcp.door import McpDoor


class LateMcp:
    """Opens the door at the first request and keeps it open until the application ends."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._opening: asyncio.Task[None] | None = None
        self._door: McpDoor | None = None
        self._open = asyncio.Event()
        self._end = asyncio.Event()

    def add_to(self, routes: Routes) -> None:
        routes.add("POST", "/mcp", self.answer, self.answer_at_once)

    def answer_at_once(self, asked: Asked) -> QuickAnswer:
        return None if self._door is None else self._door.answer_at_once(asked)

    async def answer(self, exchange: Exchange) -> None:
        door = self._door or await self._opened()
        await door.answer(exchange)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self._end.set()
            if self._opening is not None:
                await self._opening

    async def _opened(self) -> McpDoor:
        if self._opening is None:
            self._opening = asyncio.create_task(self._host())
        opening = asyncio.create_task(self._open.wait())
        await asyncio.wait({opening, self._opening}, return_when=asyncio.FIRST_COMPLETED)
        opening.cancel()
        if self._door is None:
            self._opening.result()  # raises what went wrong
            raise RuntimeError("the application has ended")
        return self._door

    async def _host(self) -> None:
        """One task enters and leaves the SDK's task group, as that has to be."""
        module = await asyncio.to_thread(import_module, "drawbar.surfaces.mcp.door")
        door: McpDoor = module.McpDoor(self._services)
        async with door.running():
            self._door = door
            self._open.set()
            await self._end.wait()
        self._door = None
