"""The ASGI application: every surface over HTTP.

`Front` is what the server calls: hot routes are plain ASGI, and all others stand behind it in FastAPI, which
is put together after the start (see `late` and `cold`).
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from drawbar.runs.answer import Answers
from drawbar.surfaces.assistants.run_streams import RunStreams
from drawbar.surfaces.callers import Callers
from drawbar.surfaces.chat.completions import Completions
from drawbar.surfaces.drain import Drain
from drawbar.surfaces.errors import envelope, our_bug, send_body
from drawbar.surfaces.front import Front, Routes
from drawbar.surfaces.functions.door import Functions
from drawbar.surfaces.late import LateApp
from drawbar.surfaces.mcp.late import LateMcp
from drawbar.surfaces.services import Services

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

_log = logging.getLogger("drawbar.surfaces")


class Web:
    """The surfaces of one deployment. `drain` is set by the server when it goes down, for /readyz to tell."""

    def __init__(self, services: Services, drain: Drain | None = None) -> None:
        routes = Routes()
        self._mcp = LateMcp(services)
        rounds = services.settings.runs.rounds
        answers = Answers(services.model, services.dispatcher, rounds=rounds)
        completions = Completions(services, answers)
        for surface in (RunStreams(services), completions, Functions(services), self._mcp):
            surface.add_to(routes)
        callers = Callers(services.settings, services.store)
        self._rest = LateApp(services, callers, drain or Drain(), routes)
        limit = services.settings.listen.body
        self._front = Front(routes, callers, self._rest, body_limit=limit)

    async def settle(self) -> None:
        """Make what the first requests will need; until then they wait for it."""
        await self._rest.made()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        begun = False

        async def reply(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._front(scope, receive, reply)
        except Exception as error:
            await _report_bug(scope, send, error, begun=begun)
            raise  # the server ends the connection

    async def _live(self, receive: Receive, send: Send) -> None:
        async with contextlib.AsyncExitStack() as stack:
            await receive()
            await stack.enter_async_context(self._mcp.running())
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def _report_bug(scope: Scope, send: Send, error: Exception, *, begun: bool) -> None:
    """The trace goes to the log under an id; the client gets the id."""
    request_id = scope["state"]["request_id"]
    _log.error(
        "unexpected error",
        exc_info=error,
        extra={"request_id": request_id, "path": scope["path"]},
    )
    if not begun:
        bug = our_bug(request_id)
        header = (b"x-request-id", request_id.encode())
        await send_body(send, bug.status, envelope(bug), (header,))
