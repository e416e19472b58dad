"""The kind `http` against a real server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from drawbar.testing import KindCompliance, Peer

ADAPTER = """\
adapter: peer
backend:
  kind: http
  url: http://127.0.0.1:%(port)d
  auth: {bearer: {token: %(secret)s}}
functions:
  echo:
    description: Echo.
    parameters: {text: {type: string}}
    request: GET /echo/{text}
  rows:
    description: Rows.
    parameters: {count: {type: integer}}
    request: GET /rows
  wait:
    description: Wait.
    parameters: {seconds: {type: number}}
    request: GET /wait
  change:
    description: Change.
    effect: write
    parameters: {seconds: {type: number}}
    request: POST /change
"""


class HttpPeer(Peer):
    secret = "s3cret-of-the-api"

    def __init__(self) -> None:
        self._port = 0
        self._changes = 0
        self._at_work = 0
        self._runner: web.AppRunner | None = None

    def adapter(self) -> str:
        return ADAPTER % {"port": self._port, "secret": self.secret}

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  auth:", "  unheard_of: 1\n  auth:"),
            text.replace("    request: GET /wait", "    unheard_of: 1\n    request: GET /wait"),
        )

    async def changes(self) -> int:
        return self._changes

    async def at_work(self) -> int:
        return self._at_work

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/echo/{text:.*}", self._echo)
        app.router.add_get("/rows", self._rows)
        app.router.add_get("/wait", self._wait)
        app.router.add_post("/change", self._change)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def _echo(self, request: web.Request) -> web.Response:
        return web.json_response(request.match_info["text"])

    async def _rows(self, request: web.Request) -> web.Response:
        return web.json_response([{"row": n} for n in range(int(request.query["count"]))])

    async def _wait(self, request: web.Request) -> web.Response:
        return await self._after(float(request.query["seconds"]))

    async def _change(self, request: web.Request) -> web.Response:
        self._changes += 1
        return await self._after((await request.json())["seconds"])

    async def _after(self, seconds: float) -> web.Response:
        self._at_work += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._at_work -= 1
        return web.json_response(None)


class TestHttp(KindCompliance):
    @pytest.fixture
    async def peer(self) -> AsyncIterator[Peer]:
        peer = HttpPeer()
        await peer.start()
        yield peer
        await peer.stop()
