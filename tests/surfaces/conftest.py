"""A whole gateway on a loopback port: real store, dispatcher, run engine and server; a scripted model.

The backend is a shelf in memory, so that a test decides when it answers and how.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
import pytest_asyncio

from drawbar.compiler.function import Function, FunctionLimits
from drawbar.compiler.kind import Parameter
from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.kernel.errors import Place, Problem
from drawbar.kernel.ports import BackendError, Call, Health, Reply
from drawbar.kernel.values import Caller, Effect, JsonObject, JsonValue
from drawbar.llm.scripted import ScriptedModel
from drawbar.runs.service import Runs
from drawbar.settings import Settings
from drawbar.store.database import Store
from drawbar.surfaces.server import address_of, bind, serve
from drawbar.surfaces.services import Services

ANNA = Caller("anna", ("staff",))


class Shelf:
    """Answers from a dictionary; `hold` makes calls wait, `cancelled` counts those that were stopped."""

    def __init__(self) -> None:
        self.parts: dict[str, JsonValue] = {"4711": {"part_no": "4711", "stock": 12}}
        self.pictures: dict[str, bytes] = {}
        self.calls: list[Call] = []
        self.hold: asyncio.Event | None = None
        self.entered = asyncio.Event()
        self.stopped = asyncio.Event()
        self.ok = True

    async def invoke(self, binding: Any, call: Call) -> Reply:
        self.calls.append(call)
        self.entered.set()
        if call.mode == "dry_run":
            return Reply({"request": f"{binding} {dict(call.arguments)}"})
        if binding == "change":
            call.progress.mark_sent()
        if self.hold is not None:
            try:
                await self.hold.wait()
            except asyncio.CancelledError:
                self.stopped.set()
                raise
        part_no = str(call.arguments["part_no"])
        if part_no == "lost":
            raise BackendError("connection lost", code="connection_lost", work="unknown")
        if part_no not in self.parts and part_no not in self.pictures:
            raise BackendError(
                f"no part {part_no}",
                code="not_found",
                work="not_started",
                hint="Ask for the number.",
            )
        if part_no in self.pictures:
            shown = call.files.add(self.pictures[part_no], filename=f"../{part_no}.png")
            return Reply({"part_no": part_no, "picture": shown})
        return Reply(self.parts[part_no])

    async def health(self) -> Health:
        return Health(self.ok, "the shelf stands" if self.ok else "the shelf fell")

    async def close(self) -> None:
        pass


class QuickShelf(Shelf):
    """Answers readings at once, when nothing makes them wait; `quick` counts them."""

    answers_at_once = True

    def __init__(self) -> None:
        super().__init__()
        self.quick = 0

    def invoke_at_once(self, binding: Any, call: Call) -> Reply | None:
        if self.hold is not None:
            return None
        self.quick += 1
        work = self.invoke(binding, call)
        try:
            work.send(None)
        except StopIteration as answered:
            reply: Reply = answered.value
            return reply
        raise AssertionError("it waits, although nothing makes it wait")


def function(
    name: str, effect: Effect, *, allow: str | None = None, broken: bool = False
) -> Function:
    schema: JsonObject = {
        "type": "object",
        "properties": {"part_no": {"type": "string", "minLength": 1, "description": "Its number."}},
        "required": ["part_no"],
        "additionalProperties": False,
    }
    place = Place("shelf.yaml", 3, 5)
    problems = (Problem(place, "DB399", "there is no such table"),) if broken else ()
    return Function(
        name=f"shelf_{name}",
        local_name=name,
        adapter="shelf",
        kind="shelf",
        description=f"{name} of parts",
        effect=effect,
        parameters=(Parameter("part_no", {"type": "string"}),),
        schema=schema,
        strict_schema=schema,
        binding="read" if effect == "read" else "change",
        limits=FunctionLimits(),
        allow=allow,
        problems=problems,
    )


FUNCTIONS = {
    each.name: each
    for each in (
        function("find", "read"),
        function("take", "write"),
        function("scrap", "destroy", allow="'boss' in caller.roles"),
        function("lost", "read", broken=True),
    )
}


@dataclass
class Served:
    """A running gateway, and what it is made of."""

    url: str
    services: Services
    model: ScriptedModel
    shelf: Shelf
    key: str
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def http(self, *, key: str | None = None, **headers: str) -> httpx2.AsyncClient:
        """`key` "" sends none."""
        used = self.key if key is None else key
        given = {**headers, **({"authorization": f"Bearer {used}"} if used else {})}
        return httpx2.AsyncClient(base_url=self.url, headers=given, timeout=10)

    def client(self, **options: Any) -> openai.AsyncOpenAI:
        options.setdefault("api_key", self.key)
        options.setdefault("max_retries", 0)
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", timeout=10, **options)


Serve = Callable[..., Any]


@asynccontextmanager
async def gateway(
    tmp_path: Path, shelf: Shelf | None = None, **changes: Any
) -> AsyncIterator[Served]:
    shelf = shelf or Shelf()
    settings = Settings.model_validate(
        {
            "toolsets": {"readers": ("shelf_find",)},
            "listen": {"port": 0, "body": "100KB", "drain": "2s", **changes.pop("listen", {})},
            **changes,
        }
    )
    store = await Store.open(f"sqlite:///{tmp_path}/drawbar.db", files=settings.files)
    model = ScriptedModel([])
    dispatcher = Dispatcher(
        FUNCTIONS, {"shelf": shelf}, ledger=store.ledger, audit=store.audit, files=store.files
    )
    toolsets = {"all": tuple(FUNCTIONS), "readers": ("shelf_find",)}
    runs = Runs(store, model, dispatcher, settings.runs, toolsets=toolsets)
    await runs.start()
    services = Services(
        settings, FUNCTIONS, toolsets, dispatcher, runs, store, model, {"shelf": shelf}
    )
    _, key = await store.keys.create(ANNA)
    listening = bind(settings.listen.host, 0)
    served = Served(address_of(listening), services, model, shelf, key)
    started = asyncio.Event()
    running = asyncio.create_task(serve(services, listening, served.stop, started.set))
    try:
        async with asyncio.timeout(10):
            await started.wait()
        yield served
    finally:
        served.stop.set()
        await running
        await runs.close()
        await store.close()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A gateway for one test."""
    async with gateway(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A gateway for a whole module whose tests leave nothing behind that others would see."""
    async with gateway(tmp_path_factory.mktemp("shared")) as running:
        yield running


@pytest.fixture
def start(tmp_path: Path) -> Serve:
    """A gateway with other settings: `async with start(anonymous={...}) as served:`."""
    return lambda **changes: gateway(tmp_path, **changes)


@pytest.fixture
def soon() -> Callable[[Awaitable[Any]], Awaitable[Any]]:
    """Waits for something that happens at once if it happens at all."""
    return lambda what: asyncio.wait_for(what, 5)


@pytest.fixture
def sync_served(tmp_path: Path) -> Iterator[Served]:
    """The same on a loop in a thread, for clients that block."""
    ready: queue.SimpleQueue[tuple[Served, asyncio.AbstractEventLoop, asyncio.Event]]
    ready = queue.SimpleQueue()

    async def run() -> None:
        done = asyncio.Event()
        async with gateway(tmp_path) as running:
            ready.put((running, asyncio.get_running_loop(), done))
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    served, loop, done = ready.get(timeout=10)
    yield served
    loop.call_soon_threadsafe(done.set)
    thread.join(10)
