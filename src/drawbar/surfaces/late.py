"""The cold routes, put together beside the event loop: after the server listens, or when one is asked for before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from drawbar.surfaces.callers import Callers
from drawbar.surfaces.drain import Drain
from drawbar.surfaces.front import Routes
from drawbar.surfaces.services import Services

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class LateApp:
    """An ASGI application that is made once, by whoever asks first."""

    def __init__(self, services: Services, callers: Callers, drain: Drain, routes: Routes) -> None:
        self._parts = (services, callers, drain, routes)
        self._app: ASGIApp | None = None
        self._making: asyncio.Task[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app or await self.made()
        await app(scope, receive, send)

    async def made(self) -> ASGIApp:
        """Raises what went wrong; then the next request tries again."""
        if self._making is None:
            self._making = asyncio.create_task(self._make())
        try:
            return await asyncio.shield(self._making)
        except Exception:
            self._making = None
            raise

    async def _make(self) -> ASGIApp:
        self._app = await asyncio.to_thread(_create(self._parts))
        return self._app


def _create(parts: tuple[Services, Callers, Drain, Routes]) -> Callable[[], ASGIApp]:
    def create() -> ASGIApp:
        app: ASGIApp = import_module("drawbar.surfaces.cold").create_cold(*parts)
        return app

    return create
