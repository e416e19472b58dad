"""A whole run engine: real store, real dispatcher, scripted model, functions that do what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from doubles import ANNA, Bench, function, parameter
from drawbar.kernel.ports import Call, Reply
from drawbar.kernel.values import Caller, JsonObject
from drawbar.llm.chat import ChatModel
from drawbar.llm.scripted import ScriptedModel, Turn
from drawbar.runs.objects import text_part
from drawbar.runs.order import NewMessage, RunOrder
from drawbar.runs.service import Runs
from drawbar.settings import RunSettings
from drawbar.store.database import Store
from drawbar.store.records import Assistant, Page, Run, RunEvent, Step

Action = Callable[[Call], Awaitable[Reply]]

CLIENT_TOOL: JsonObject = {
    "type": "function",
    "function": {"name": "ask_user", "parameters": {"type": "object", "properties": {}}},
}


class Company:
    """The functions `hr_get`, `hr_other` (read) and `hr_set` (write), each answering as it was told."""

    def __init__(self) -> None:
        self.actions: dict[str, Action] = {}
        self.calls: list[Call] = []
        self.entered = asyncio.Event()
        self.stopped: list[str] = []

    async def answer(self, call: Call) -> Reply:
        self.calls.append(call)
        self.entered.set()
        if call.function == "hr_set":
            call.progress.mark_sent()
        action = self.actions.get(call.function)
        if action is None:
            return Reply({"function": call.function, "q": call.arguments.get("q")})
        try:
            return await action(call)
        except asyncio.CancelledError:
            self.stopped.append(call.function)
            raise


FUNCTIONS = (
    function("hr_get", parameters=[parameter("q", required=False, type="string")]),
    function("hr_other", parameters=[parameter("q", required=False, type="string")]),
    function("hr_set", effect="write", parameters=[parameter("q", required=False, type="string")]),
)


class RunBench:
    """What a test of runs needs at hand."""

    def __init__(self, store: Store, turns: Iterable[Turn], settings: RunSettings) -> None:
        self.store = store
        self.model = ScriptedModel(turns)
        self.company = Company()
        bench = Bench(*FUNCTIONS, answer=self.company.answer, ledger=store.ledger)
        self.dispatcher = bench.dispatcher
        self.runs = Runs(store, self.model, bench.dispatcher, settings, toolsets={"hr": ["hr_*"]})
        self.assistant = Assistant("", 0, "m")
        self.thread_id = ""

    async def prepare(self, **assistant: Any) -> None:
        values = {"model": "m", "name": "Clerk", "metadata": {"toolset": "hr"}} | assistant
        self.assistant = await self.store.assistants.create(**values)
        self.thread_id = (await self.store.threads.create()).id

    async def say(self, text: str, caller: Caller = ANNA) -> None:
        await self.runs.add_message(self.thread_id, new_text(text), caller)

    def use_model(self, model: ChatModel) -> None:
        self.runs._worker.engine = replace(self.runs._worker.engine, model=model)

    def order(self, **order: Any) -> RunOrder:
        return RunOrder(self.assistant.id, **order)

    async def create(self, caller: Caller = ANNA, **order: Any) -> Run:
        return await self.runs.create(self.thread_id, RunOrder(self.assistant.id, **order), caller)

    async def events(self, run: Run) -> list[RunEvent]:
        return await collect(self.runs.follow(run.id, run.stream_from))

    async def ended(self, run: Run) -> Run:
        """The run when its stream is over."""
        await self.events(run)
        return await self.runs.get(self.thread_id, run.id)

    async def steps(self, run: Run) -> tuple[Step, ...]:
        return (await self.store.steps.list(run.id, Page(order="asc", limit=100))).data

    async def texts(self) -> list[str]:
        page = await self.store.messages.list(self.thread_id, Page(order="asc", limit=100))
        return [text_of(message.content) for message in page.data]


async def collect(events: AsyncIterator[RunEvent]) -> list[RunEvent]:
    async with asyncio.timeout(20):
        return [event async for event in events]


def new_text(text: str) -> NewMessage:
    return NewMessage("user", [text_part(text)])


def text_of(content: list[JsonObject]) -> str:
    parts: list[Any] = list(content)
    return "".join(part["text"]["value"] for part in parts)


def names(events: Iterable[RunEvent]) -> list[str]:
    return [event.name.removeprefix("thread.") for event in events]


def run_settings(
    *, expire_after: float = 60.0, rounds: int = 5, keep_events: float = 3600.0
) -> RunSettings:
    return RunSettings.model_construct(
        expire_after=expire_after, rounds=rounds, keep_events=keep_events
    )


@asynccontextmanager
async def run_bench(
    url: str, *turns: Turn, settings: RunSettings | None = None, **assistant: Any
) -> AsyncIterator[RunBench]:
    store = await Store.open(url)
    try:
        bench = RunBench(store, turns, settings or run_settings())
        await bench.prepare(**assistant)
        await bench.runs.start()
        try:
            yield bench
        finally:
            await bench.runs.close()
    finally:
        await store.close()
