"""The ASGI application: every surface over HTTP.

`Front` is what the server calls: hot routes are plain ASGI, and all others stand behind it in FastAPI, which
is put together after the start (see `late` and `cold`).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from drawbar.runs.answer import Answers
from drawbar.surfaces.actions.door import Actions
from drawbar.surfaces.assistants.run_streams import RunStreams
from drawbar.surfaces.callers import Callers
from drawbar.surfaces.chat.completions import Completions
from drawbar.surfaces.drain import Drain
from drawbar.surfaces.front import Front, Routes
from drawbar.surfaces.functions.door import Functions
from drawbar.surfaces.late import LateApp
from drawbar.surfaces.mcp.late import LateMcp
from drawbar.surfaces.services import Services

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class Web:
    """The surfaces of one deployment. `drain` is set by the server when it goes down, for /readyz to tell."""

    def __init__(self, services: Services, drain: Drain | None = None) -> None:
        routes = Routes()
        self._mcp = LateMcp(services)
        rounds = services.settings.runs.rounds
        answers = Answers(services.model, services.dispatcher, rounds=rounds)
        completions = Completions(services, answers)
        functions, actions = Functions(services), Actions(services)
        for surface in (RunStreams(services), completions, functions, actions, self._mcp):
            surface.add_to(routes)
        callers = Callers(services.settings, services.store)
        self._rest = LateApp(services, callers, drain or Drain(), routes)
        self._front = Front(
            routes,
            callers,
            self._rest,
            body_limit=services.settings.listen.body,
            file_limit=services.settings.files.largest,
        )
        self.at_once = self._front.at_once

    async def settle(self) -> None:
        """Make what the first requests will need; until then they wait for it."""
        await self._rest.made()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        await self._front(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        async with contextlib.AsyncExitStack() as stack:
            await receive()
            await stack.enter_async_context(self._mcp.running())
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
