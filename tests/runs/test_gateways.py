"""Several gateways on one PostgreSQL store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa

from drawbar.kernel.errors import ClientError
from drawbar.kernel.ports import Call, Reply
from drawbar.llm.scripted import Turn, invoke, say
from drawbar.runs.parked import ParkedRun
from drawbar.store.database import Store
from drawbar.store.records import RunEvent
from drawbar.store.runs import Fenced
from runs.bench import RunBench, names, run_bench, run_settings


@asynccontextmanager
async def beside(first: RunBench, url: str, *turns: Turn) -> AsyncIterator[RunBench]:
    """Another gateway with the same thread and assistant."""
    store = await Store.open(url)
    bench = RunBench(store, turns, run_settings())
    bench.thread_id, bench.assistant = first.thread_id, first.assistant
    await bench.runs.start()
    try:
        yield bench
    finally:
        await bench.runs.close()
        await store.close()


async def hang(_: Call) -> Reply:
    await asyncio.Event().wait()
    raise AssertionError


async def follow(bench: RunBench, run_id: str) -> list[RunEvent]:
    async with asyncio.timeout(20):
        return [event async for event in bench.runs.follow(run_id)]


async def test_of_two_runs_created_at_two_gateways_at_once_one_is_refused(
    postgresql_url: str,
) -> None:
    hold = asyncio.Event()
    turn = [hold, *say("x")]
    async with (
        run_bench(postgresql_url, *[turn] * 5) as one,
        beside(one, postgresql_url, *[turn] * 5) as two,
    ):
        for _ in range(5):
            hold.clear()
            answers = await asyncio.gather(one.create(), two.create(), return_exceptions=True)

            (run,) = [answer for answer in answers if not isinstance(answer, BaseException)]
            (error,) = [answer for answer in answers if isinstance(answer, ClientError)]
            assert error.message == f"Thread {one.thread_id} already has an active run {run.id}."
            hold.set()
            await follow(one, run.id)
            await follow(two, run.id)


async def test_a_gateway_that_starts_leaves_the_runs_of_another_alone(postgresql_url: str) -> None:
    gate = asyncio.Event()
    async with run_bench(postgresql_url, [*say("one two"), gate, *say(" three")]) as one:
        run = await one.create()
        async for event in one.runs.follow(run.id):
            if event.name == "thread.message.delta":
                break
        async with beside(one, postgresql_url) as two:
            await two.runs._watch.look()
            await two.runs._watch.look()
            following = asyncio.create_task(follow(two, run.id))
            gate.set()

            events = await follow(one, run.id)

            assert names(events)[-1] == "run.completed"
            assert await following == events
            assert two.model.requests == []
            assert (await one.runs.get(one.thread_id, run.id)).epoch == 1


async def test_a_run_is_cancelled_through_any_gateway(postgresql_url: str) -> None:
    async with run_bench(postgresql_url, invoke("hr_get")) as one:
        one.company.actions = {"hr_get": hang}
        run = await one.create()
        await one.company.entered.wait()
        async with beside(one, postgresql_url) as two:
            await two.runs.cancel(two.thread_id, run.id)

            events = await follow(one, run.id)

            assert names(events)[-1] == "run.cancelled"
            assert one.company.stopped == ["hr_get"]
            assert (await two.runs.get(two.thread_id, run.id)).status == "cancelled"
            await two.say("the thread is free")


async def test_what_was_decided_on_an_older_view_of_a_run_is_not_written(
    postgresql_url: str,
) -> None:
    gate = asyncio.Event()
    async with run_bench(postgresql_url, [*say("one"), gate, *invoke("hr_get")]) as one:
        one.company.actions = {"hr_get": hang}
        run = await one.create()
        older = await one.store.runs.open(run.id)
        assert older is not None
        gate.set()
        await one.company.entered.wait()
        one.store.runs.hurry()
        await asyncio.sleep(0)  # the worker's own changes are queued before ours

        with pytest.raises(Fenced):
            await ParkedRun(one.store.runs, older).cancel(keep_events=60)

        await one.runs.cancel(one.thread_id, run.id)
        assert names(await follow(one, run.id))[-1] == "run.cancelled"


async def test_the_runs_of_a_dead_gateway_are_taken_over(postgresql_url: str) -> None:
    async with run_bench(postgresql_url, invoke("hr_get")) as one:
        one.company.actions = {"hr_get": hang}
        run = await one.create()
        await one.company.entered.wait()
        await one.runs._watch.close()  # no more signs of life
        engine = sa.create_engine(postgresql_url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE gateways SET seen_at = seen_at - 11"))
        engine.dispose()
        async with beside(one, postgresql_url, say("I took over")) as two:
            events = await follow(two, run.id)

            assert names(events)[-1] == "run.completed"
            assert (await two.texts())[-1] == "I took over"
            await one.runs._watch.look()
            assert one.company.stopped == ["hr_get"] or await _stopped(one)


async def _stopped(bench: RunBench) -> bool:
    async with asyncio.timeout(20):
        while not bench.company.stopped:
            await asyncio.sleep(0.01)
    return True


@pytest.mark.parametrize("script", ["calls", "text"])
async def test_a_whole_run_on_postgresql(postgresql_url: str, script: str) -> None:
    turns: list[Turn] = [say("hello")]
    if script == "calls":
        turns = [invoke("hr_get") + invoke("hr_set"), say("done")]
    async with run_bench(postgresql_url, *turns) as bench:
        run = await bench.create()

        live = await bench.events(run)

        assert names(live)[-1] == "run.completed"
        assert await bench.events(run) == live
