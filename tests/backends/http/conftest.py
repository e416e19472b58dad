"""A real HTTP server in this process, a raw socket server for what no sane server does, and adapters from YAML."""

from __future__ import annotations

import asyncio
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from drawbar.backends import InstalledKinds
from drawbar.backends.http.backend import HttpBackend
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.kernel.files import Attachments
from drawbar.kernel.ports import BackendError, Call, Mode, Progress, Reply
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from drawbar.kernel.workers import Workers
from drawbar.spec.load import parse_adapter

KINDS = InstalledKinds()
ANNA = Caller("anna")


def compiled(
    text: str, environ: Mapping[str, str] | None = None, folder: Path = Path()
) -> CompiledAdapter:
    loaded = parse_adapter(textwrap.dedent(text), "a.yaml", folder, KINDS, environ or {})
    return compile_adapter(loaded, KINDS)


@dataclass
class Opened:
    """An adapter that was compiled and opened."""

    adapter: CompiledAdapter
    backend: HttpBackend

    async def invoke(
        self,
        function: str,
        arguments: JsonObject | None = None,
        *,
        seconds: float = 5.0,
        mode: Mode = "run",
        max_rows: int = 500,
        max_bytes: int = 1_000_000,
        progress: Progress | None = None,
        files: Attachments | None = None,
    ) -> Reply:
        call = Call(
            function,
            arguments or {},
            ANNA,
            time.monotonic() + seconds,
            max_rows=max_rows,
            max_bytes=max_bytes,
            mode=mode,
            progress=progress or Progress(),
            files=files or Attachments(),
        )
        return await self.backend.invoke(self.adapter.plans[function].binding, call)

    async def fail(
        self,
        function: str,
        arguments: JsonObject | None = None,
        **how: Any,  # keywords of `invoke`
    ) -> BackendError:
        with pytest.raises(BackendError) as caught:
            await self.invoke(function, arguments, **how)
        return caught.value


@dataclass
class Api:
    """The server: what it got, and what the test lets it answer."""

    port: int = 0
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def targets(self) -> list[str]:
        return [f"{method} {target}" for method, target, _, _ in self.requests]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.method, request.raw_path, headers, await request.read()))
        if self.answer is None:
            return web.json_response({"ok": True})
        return await self.answer(request)

    def says(self, value: JsonValue, status: int = 200, **headers: str) -> None:
        async def answer(_: web.Request) -> web.Response:
            names = {name.replace("_", "-"): text for name, text in headers.items()}
            return web.json_response(value, status=status, headers=names)

        self.answer = answer

    def sends(self, body: bytes, content_type: str, status: int = 200) -> None:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=body, status=status, headers={"Content-Type": content_type})

        self.answer = answer


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    api = Api()
    app = web.Application(client_max_size=10_000_000)
    app.router.add_route("*", "/{path:.*}", api.handle)
    async with TestServer(app) as server:
        assert server.port is not None
        api.port = server.port
        yield api


OpenHttp = Callable[..., Opened]


@pytest.fixture
async def open_http() -> AsyncIterator[OpenHttp]:
    opened: list[Opened] = []

    def open_it(
        text: str, environ: Mapping[str, str] | None = None, folder: Path = Path()
    ) -> Opened:
        adapter = compiled(text, environ, folder)
        assert [problem for problem in adapter.problems if problem.severity == "error"] == []
        assert adapter.adapter is not None
        backend = KINDS.find("http").open(adapter.adapter, adapter.plans, Workers("http", 1))
        assert isinstance(backend, HttpBackend)
        opened.append(Opened(adapter, backend))
        return opened[-1]

    yield open_it
    for each in opened:
        await each.backend.close()


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
RawServer = Callable[[Talk], Awaitable[int]]


@pytest.fixture
async def raw_server() -> AsyncIterator[RawServer]:
    """Starts a server that talks as the test says, after it has read the head of the request; gives its port."""
    servers: list[asyncio.Server] = []
    talks: set[asyncio.Task[None]] = set()

    async def start(talk: Talk) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            talks.add(task)
            try:
                await reader.readuntil(b"\r\n\r\n")
                await talk(reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    yield start
    for server in servers:
        server.close()
    for task in talks:
        task.cancel()
    await asyncio.gather(*talks, return_exceptions=True)


@pytest.fixture
def problems() -> Callable[[str], list[str]]:
    """Compiles an adapter and gives its problems as `line:column: code message`."""

    def find(text: str) -> list[str]:
        return [
            f"{problem.place.line}:{problem.place.column}: {problem.code} {problem.message}"
            for problem in compiled(text).problems
        ]

    return find


@pytest.fixture
def compile_text() -> Callable[..., CompiledAdapter]:
    return compiled
