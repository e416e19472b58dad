"""A real gateway over the demo's company, with a scripted model, behind a wire that a test can cut."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from drawbar.app.deployment import deployed
from drawbar.app.gateway import load
from drawbar.demo.company import open_company
from drawbar.kernel.values import Caller
from drawbar.surfaces.server import bind, serve
from drawbar.surfaces.services import Services

T = TypeVar("T")
ROOT = Path(__file__).parents[2]

ADAPTER = """
adapter: pier
description: A machine at the pier that never answers a change.
backend: {{kind: http, url: "http://127.0.0.1:{port}"}}
functions:
  open_barrier:
    request: POST /barrier
    effect: write
    description: Open the barrier.
    parameters: {{lane: {{type: integer}}}}
tests: []
"""
SETTINGS = """
adapters: ["{adapters}", pier.yaml]
store: sqlite:///{folder}/store.db
model: {{provider: scripted, script: "{script}"}}
toolsets: {{}}
{anonymous}
"""
ANONYMOUS = "anonymous: {subject: duty-manager, roles: [crew-office, booking-office, harbour-desk]}"


class Wire:
    """Carries bytes between the browser and the server until it is cut."""

    def __init__(self) -> None:
        self.to = 0
        self.port = 0
        self.down = False
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> asyncio.Server:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def cut(self) -> None:
        """Every connection breaks, and new ones do until `mend`."""
        self.down = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        self.down = False

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.to)
        self._writers |= {writer, there_writer}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, there_writer))
                group.create_task(_pump(there_reader, writer))
        except* OSError:
            pass
        finally:
            self._writers -= {writer, there_writer}
            for each in (writer, there_writer):
                each.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    raise ConnectionResetError


async def _never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


@dataclass
class Gateway:
    """What the tests see; `run` executes in the server's loop."""

    loop: asyncio.AbstractEventLoop
    services: Services
    wire: Wire
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.wire.port}/console/"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(15)

    def make_key(self, subject: str) -> str:
        return self.run(self.services.store.keys.create(Caller(subject)))[1]


@contextlib.contextmanager
def open_gateway(folder: Path, script: Path, *, anonymous: bool = True) -> Iterator[Gateway]:
    ready: list[Gateway] = []
    started = threading.Event()

    def tell(one: Gateway) -> None:
        ready.append(one)
        started.set()

    def live() -> None:
        try:
            asyncio.run(_live(folder, script, anonymous, tell))
        finally:
            started.set()

    thread = threading.Thread(target=live)
    thread.start()
    try:
        assert started.wait(30)
        assert ready, "the gateway did not start; its thread tells why"
        yield ready[0]
    finally:
        if ready:
            ready[0].loop.call_soon_threadsafe(ready[0].stop.set)
        thread.join(30)


async def _live(
    folder: Path, script: Path, anonymous: bool, tell: Callable[[Gateway], None]
) -> None:
    settings = folder / "drawbar.yaml"
    settings.write_text(
        SETTINGS.format(
            adapters=ROOT / "adapters",
            folder=folder,
            script=script,
            anonymous=ANONYMOUS if anonymous else "",
        )
    )
    async with contextlib.AsyncExitStack() as stack:
        company = await stack.enter_async_context(open_company())
        dead = await asyncio.start_server(_never_answers, "127.0.0.1", 0)
        await stack.enter_async_context(dead)
        port = dead.sockets[0].getsockname()[1]
        (folder / "pier.yaml").write_text(ADAPTER.format(port=port))
        loaded = load(
            settings, environ={**os.environ, **company.environ}, flags={"listen.drain": "1s"}
        )
        services = await stack.enter_async_context(deployed(loaded))
        wire = Wire()
        await stack.enter_async_context(await wire.open())
        gateway = Gateway(asyncio.get_running_loop(), services, wire)
        listening = bind("127.0.0.1", 0)
        wire.to = listening.getsockname()[1]
        await serve(services, listening, gateway.stop, lambda: tell(gateway))
        wire.cut()
