"""Runs whose process died, or was stopped, and what the next one makes of them."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa

from drawbar.kernel.ports import Call, Reply
from drawbar.llm.scripted import Turn, invoke, say
from drawbar.runs.order import ToolOutput
from drawbar.runs.pending import calls_of
from drawbar.store.database import Store
from drawbar.store.records import Page, RunEvent, Step
from drawbar.store.schema import parse_url
from runs.bench import CLIENT_TOOL, RunBench, collect, names, run_bench, run_settings, text_of
from runs.victim import note

TESTS = Path(__file__).parent.parent


@asynccontextmanager
async def resumed(url: str, thread_id: str, *turns: Turn) -> AsyncIterator[RunBench]:
    """The next process: the same store, not started yet."""
    store = await Store.open(url)
    bench = RunBench(store, turns, run_settings())
    bench.thread_id = thread_id
    try:
        yield bench
    finally:
        await bench.runs.close()
        await store.close()


async def killed(url: str, folder: Path, script: str, ready: Callable[[], bool]) -> tuple[str, str]:
    """Start a gateway, kill it once it is `ready`; its thread and run."""
    victim = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("victim.py")),
        url,
        str(folder),
        script,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    assert victim.stdout is not None
    try:
        async with asyncio.timeout(30):
            thread_id, run_id = (await victim.stdout.readline()).decode().split()
            while not ready():
                await asyncio.sleep(0.01)
    finally:
        victim.kill()
        await victim.wait()
        victim._transport.close()  # type: ignore[attr-defined] # its pipe would outlive the loop
    return thread_id, run_id


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(f"file:{parse_url(url).database}?mode=ro", uri=True)
    try:
        return list(connection.execute(query))
    finally:
        connection.close()


def lines(folder: Path, name: str) -> int:
    file = folder / name
    return file.read_text().count("called") if file.exists() else 0


def outputs(step: Step) -> dict[str, str]:
    return {
        item.call.name: str(orjson.loads(item.output)["outcome"])
        for item in calls_of(step)
        if item.output is not None
    }


async def test_killed_between_calls_reads_are_repeated_and_a_change_is_not(
    url: str, tmp_path: Path
) -> None:
    def ready() -> bool:
        stored = "SELECT count(*) FROM run_steps WHERE body LIKE '%finished before the end%'"
        called = lines(tmp_path, "hr_get") and lines(tmp_path, "hr_set")
        return bool(called) and rows(url, stored)[0][0] == 1

    thread_id, run_id = await killed(url, tmp_path, "calls", ready)
    started = time.monotonic()

    async with resumed(url, thread_id, say("I do not know whether it was set")) as bench:

        async def answer(call: Call) -> Reply:
            note(tmp_path / call.function)
            return Reply("now")

        bench.company.actions = dict.fromkeys(("hr_get", "hr_set", "hr_other"), answer)
        await bench.runs.start()
        events = await collect(bench.runs.follow(run_id))
        took = time.monotonic() - started

        assert names(events)[-1] == "run.completed"
        assert lines(tmp_path, "hr_get") == 2
        assert lines(tmp_path, "hr_set") == 1
        assert lines(tmp_path, "hr_other") == 1
        step = (await bench.store.steps.list(run_id, Page(order="asc"))).data[0]
        assert outputs(step) == {
            "hr_get": "succeeded",
            "hr_set": "indeterminate",
            "hr_other": "succeeded",
        }
        told = [str(message.content) for message in bench.model.requests[0].messages[-3:]]
        assert "was not sent again" in told[1]
        assert "finished before the end" in told[2]
        run = await bench.runs.get(thread_id, run_id)
        assert (run.status, run.epoch) == ("completed", 2)
        await bench.say("the thread is free")
    assert took < 5.0


def texts_of_deltas(events: list[RunEvent]) -> dict[str, str]:
    """What a client that adds up deltas has, by message."""
    texts: dict[str, str] = {}
    for event in events:
        match event.data:
            case {"id": str(id), "delta": {"content": [{"text": {"value": str(piece)}}]}}:
                texts[id] = texts.get(id, "") + piece
    return texts


async def test_a_half_written_message_is_closed_as_it_was_told_and_written_anew(
    url: str, tmp_path: Path
) -> None:
    def ready() -> bool:
        query = "SELECT count(*) FROM run_events WHERE name = 'thread.message.delta'"
        return rows(url, query)[0][0] == 1

    thread_id, run_id = await killed(url, tmp_path, "text", ready)

    async with resumed(url, thread_id, say("A whole answer")) as bench:
        await bench.runs.start()
        events = await collect(bench.runs.follow(run_id))

        page = await bench.store.messages.list(thread_id, Page(order="asc"))
        half, whole = page.data
        assert texts_of_deltas(events) == {half.id: "Half an answer", whole.id: "A whole answer"}
        assert text_of(half.content) == "Half an answer"
        assert (half.status, half.incomplete_details) == ("incomplete", {"reason": "run_failed"})
        assert text_of(whole.content) == "A whole answer"
        first, second = (await bench.store.steps.list(run_id, Page(order="asc"))).data
        assert (first.status, second.status) == ("failed", "completed")
        assert first.last_error == {
            "code": "server_error",
            "message": "The gateway was restarted while this was being written.",
        }
        assert bench.model.requests[0].messages == ()
        assert names(events)[9:12] == [
            "message.delta",
            "message.incomplete",
            "run.step.failed",
        ]
        # What the dead process may have told without storing it is jumped over, not told twice.
        assert events[10].seq - events[9].seq > 1000


async def test_a_half_written_call_is_not_carried_out(url: str, tmp_path: Path) -> None:
    def ready() -> bool:
        query = "SELECT count(*) FROM run_events WHERE name = 'thread.run.step.delta'"
        return rows(url, query)[0][0] == 1

    thread_id, run_id = await killed(url, tmp_path, "half a call", ready)

    async with resumed(url, thread_id, say("Something else")) as bench:
        await bench.runs.start()
        await collect(bench.runs.follow(run_id))

        assert bench.company.calls == []
        said, half, _ = (await bench.store.steps.list(run_id, Page(order="asc"))).data
        assert (said.status, half.status) == ("completed", "failed")
        (call,) = calls_of(half)
        assert (call.call.name, call.call.arguments, call.output) == ("hr_set", '{"q": "1"}', None)
        assert (await bench.runs.get(thread_id, run_id)).status == "completed"


async def test_a_run_goes_on_after_an_orderly_stop(url: str) -> None:
    async with run_bench(url, [*say("I begin"), asyncio.Event()]) as bench:
        run = await bench.create()
        async for event in bench.runs.follow(run.id):
            if event.name == "thread.message.delta":
                break

    async with resumed(url, run.thread_id, say("I go on")) as again:
        assert (await again.runs.get(run.thread_id, run.id)).status == "in_progress"
        await again.runs.start()
        await collect(again.runs.follow(run.id))

        assert (await again.runs.get(run.thread_id, run.id)).status == "completed"
        assert (await again.texts())[-1] == "I go on"


async def test_a_call_that_an_orderly_stop_cut_off_is_not_sent_again(url: str) -> None:
    async def hang(_: Call) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    async with run_bench(url, invoke("hr_set")) as bench:
        bench.company.actions = {"hr_set": hang}
        run = await bench.create()
        await bench.company.entered.wait()

    async with resumed(url, run.thread_id, say("unknown")) as again:
        await again.runs.start()
        await collect(again.runs.follow(run.id))

        assert again.company.calls == []
        told = str(again.model.requests[0].messages[-1].content)
        assert orjson.loads(told)["outcome"] == "indeterminate"


async def test_a_parked_run_waits_through_a_restart(url: str) -> None:
    async with run_bench(url, invoke("ask_user"), tools=[CLIENT_TOOL]) as bench:
        run = await bench.create()
        await bench.events(run)

    async with resumed(url, run.thread_id, say("blue it is")) as again:
        await again.runs.start()
        assert again.runs._worker.active == {}
        queued = await again.runs.submit_tool_outputs(
            run.thread_id, run.id, [ToolOutput("call_1", "blue")]
        )
        await again.events(queued)

        assert (await again.runs.get(run.thread_id, run.id)).status == "completed"
        assert [message.content for message in again.model.requests[0].messages] == ["", "blue"]


async def test_a_run_that_was_being_cancelled_is_cancelled_by_the_next_process(url: str) -> None:
    async with run_bench(url, [asyncio.Event()]) as bench:
        run = await bench.create()
        async for event in bench.runs.follow(run.id):
            if event.name == "thread.run.in_progress":
                break
        journal = bench.runs._worker.active[run.id]
        from drawbar.runs import states  # noqa: PLC0415 -- only this test does what a dying process leaves

        journal.change_run(states.cancel(journal.run))
        journal.save()
        await journal.stored()

    async with resumed(url, run.thread_id) as again:
        await again.runs.start()
        events = await collect(again.runs.follow(run.id))

        assert names(events)[-1] == "run.cancelled"
        assert (await again.runs.get(run.thread_id, run.id)).status == "cancelled"


async def test_a_worker_that_lost_its_run_writes_nothing_more(url: str) -> None:
    gate = asyncio.Event()
    async with run_bench(url, [*say("mine"), gate, *say("late")]) as bench:
        run = await bench.create()
        async for event in bench.runs.follow(run.id):
            if event.name == "thread.message.delta":
                break
        other = RunBench(bench.store, [say("taken over")], run_settings())
        other.thread_id = bench.thread_id
        advancing = asyncio.create_task(other.runs._worker.advance(run.id))
        async for event in other.runs.follow(run.id):
            if event.name == "thread.run.completed":
                break
        gate.set()
        await advancing
        async with asyncio.timeout(20):
            while bench.runs._worker.active:
                await asyncio.sleep(0.01)

        assert "late" not in "".join(await bench.texts())
        assert (await bench.texts())[-1] == "taken over"
        assert (await bench.runs.get(bench.thread_id, run.id)).epoch == 2


async def test_a_run_goes_on_by_itself_once_the_store_takes_its_changes_again(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: sa.Connection) -> None:
        message = "database or disk is full"
        raise sqlite3.OperationalError(message)

    gate = asyncio.Event()
    async with run_bench(url, [gate, *say("lost")], say("kept")) as bench:
        run = await bench.create()
        async for event in bench.runs.follow(run.id):
            if event.name == "thread.run.in_progress":
                break
        writer = bench.store._database._writer
        sa.event.listen(writer, "commit", fail)
        gate.set()
        async with asyncio.timeout(20):
            while run.id in bench.runs._worker.active:
                await asyncio.sleep(0.01)
        sa.event.remove(writer, "commit", fail)
        assert (await bench.runs.get(bench.thread_id, run.id)).status == "in_progress"

        await bench.runs._watch.look()
        await bench.runs._watch.look()
        events = await bench.events(run)

        assert names(events)[-1] == "run.completed"
        assert await bench.texts() == ["kept"]
        assert "disk is full" in caplog.text
        run = await bench.runs.get(bench.thread_id, run.id)
        assert run.epoch >= 2
        assert run.last_error is None
