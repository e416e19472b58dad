"""Cancelling and expiring, in every state: promptly, once, and with nothing left open."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from drawbar.kernel.errors import ClientError
from drawbar.kernel.ports import Call, Reply
from drawbar.llm.chat import ModelError, TextDelta
from drawbar.llm.scripted import invoke, say
from drawbar.runs import interrupt
from drawbar.runs.objects import step_object
from drawbar.runs.order import ToolOutput
from drawbar.runs.pending import calls_of
from drawbar.store.records import Page, Run
from runs.bench import CLIENT_TOOL, RunBench, names, run_bench, run_settings

STOPPED = {
    "outcome": "indeterminate",
    "function": "hr_set",
    "message": "It was sent, and then cancelled before an answer came.",
    "next": "It may or may not have happened. Do not call it again. Tell the user that the outcome is unknown.",
}


async def hang(_: Call) -> Reply:
    await asyncio.Event().wait()
    raise AssertionError


async def until(bench: RunBench, run: Run, name: str) -> None:
    async with asyncio.timeout(20):
        async for event in bench.runs.follow(run.id):
            if event.name == name:
                return


async def nothing_is_open(bench: RunBench, run: Run) -> None:
    assert all(step.status != "in_progress" for step in await bench.steps(run))
    messages = await bench.store.messages.list(bench.thread_id, Page(limit=100))
    assert all(message.status != "in_progress" for message in messages.data)
    await bench.say("the thread is free")


async def test_cancel_stops_the_models_stream_and_keeps_what_was_said(url: str) -> None:
    async with run_bench(
        url, [*say("Once upon", pieces=1), asyncio.Event(), TextDelta("x")]
    ) as bench:
        run = await bench.create()
        await until(bench, run, "thread.message.delta")
        started = time.monotonic()

        cancelling = await bench.runs.cancel(bench.thread_id, run.id)
        events = await bench.events(run)

        assert time.monotonic() - started < 1.0
        assert cancelling.status == "cancelling"
        assert names(events)[-4:] == [
            "run.cancelling",
            "message.incomplete",
            "run.step.cancelled",
            "run.cancelled",
        ]
        ended = await bench.runs.get(bench.thread_id, run.id)
        assert ended.status == "cancelled"
        assert ended.cancelled_at is not None
        assert await bench.texts() == ["Once upon"]
        await nothing_is_open(bench, run)


async def test_cancel_stops_calls_under_way(url: str) -> None:
    async with run_bench(url, invoke("hr_get") + invoke("hr_set")) as bench:
        both = asyncio.Barrier(3)

        async def meet(call: Call) -> Reply:
            await both.wait()
            return await hang(call)

        bench.company.actions = {"hr_get": meet, "hr_set": meet}
        run = await bench.create()
        await both.wait()
        started = time.monotonic()

        await bench.runs.cancel(bench.thread_id, run.id)
        ended = await bench.ended(run)

        assert time.monotonic() - started < 1.0
        assert ended.status == "cancelled"
        assert sorted(bench.company.stopped) == ["hr_get", "hr_set"]
        await nothing_is_open(bench, run)


async def test_a_change_that_was_stopped_has_its_outcome_and_the_next_run_knows_it(
    url: str,
) -> None:
    async with run_bench(url, invoke("hr_set"), say("Look first.")) as bench:
        bench.company.actions = {"hr_set": hang}
        await bench.say("Set it")
        run = await bench.create()
        await bench.company.entered.wait()
        await until(bench, run, "thread.run.step.delta")

        await bench.runs.cancel(bench.thread_id, run.id)
        events = await bench.events(run)

        (step,) = await bench.steps(run)
        (entry,) = calls_of(step)
        assert json.loads(entry.output or "") == STOPPED
        assert events[-2].data == step_object(step)
        await bench.say("Again")
        await bench.ended(await bench.create())
        told = [(message.role, message.content) for message in bench.model.requests[-1].messages]
        note = f"I had called hr_set({{}}), with this outcome: {entry.output}]"
        assert told == [
            ("user", "Set it"),
            ("assistant", f"[I was stopped before I could answer. {note}"),
            ("user", "Again"),
        ]


async def test_a_change_that_was_made_is_told_to_the_run_after_one_that_failed(url: str) -> None:
    async with run_bench(url, invoke("hr_set"), [ModelError("gone")], say("It is set.")) as bench:
        await bench.say("Set it")
        assert (await bench.ended(await bench.create())).status == "failed"
        await bench.say("Again")

        await bench.ended(await bench.create())

        told = [str(message.content) for message in bench.model.requests[-1].messages]
        assert told[0] == "Set it"
        assert "I had called hr_set" in told[1]
        assert '"outcome":"succeeded"' in told[1]
        assert told[2:] == ["Again"]


async def test_a_backend_that_does_not_stop_is_left_behind_and_its_late_answer_changes_nothing(
    url: str,
) -> None:
    release, answered = asyncio.Event(), asyncio.Event()

    async def stubborn(_: Call) -> Reply:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        answered.set()
        return Reply("too late")

    async with run_bench(url, invoke("hr_set")) as bench:
        bench.company.actions = {"hr_set": stubborn}
        run = await bench.create()
        await bench.company.entered.wait()
        started = time.monotonic()

        await bench.runs.cancel(bench.thread_id, run.id)
        ended = await bench.ended(run)

        assert time.monotonic() - started < 1.5
        before = await bench.steps(run)
        release.set()
        await answered.wait()
        await asyncio.sleep(0)
        await bench.say("the thread is free")
        assert await bench.runs.get(bench.thread_id, run.id) == ended
        assert await bench.steps(run) == before


async def test_a_parked_run_is_cancelled_at_once(url: str) -> None:
    async with run_bench(url, invoke("ask_user"), tools=[CLIENT_TOOL]) as bench:
        run = await bench.create()
        parked = await bench.events(run)

        cancelling = await bench.runs.cancel(bench.thread_id, run.id)

        assert cancelling.status == "cancelling"
        assert (await bench.runs.get(bench.thread_id, run.id)).status == "cancelled"
        rest = [event async for event in bench.runs.follow(run.id, parked[-1].seq)]
        assert names(rest) == ["run.cancelling", "run.step.cancelled", "run.cancelled"]
        await nothing_is_open(bench, run)


async def test_a_run_is_cancelled_once_and_never_after_its_end(url: str) -> None:
    async with run_bench(url, invoke("ask_user"), say("done"), tools=[CLIENT_TOOL]) as bench:
        run = await bench.create()
        await bench.events(run)
        answers = await asyncio.gather(
            *(bench.runs.cancel(bench.thread_id, run.id) for _ in range(3)), return_exceptions=True
        )

        refusals = [str(answer) for answer in answers if isinstance(answer, ClientError)]
        assert refusals == ["Cannot cancel run with status 'cancelled'."] * 2
        again = await bench.create()
        await bench.events(again)
        with pytest.raises(ClientError, match="Cannot cancel run with status 'completed'"):
            await bench.runs.cancel(bench.thread_id, again.id)


@pytest.mark.parametrize("pause", range(12))
async def test_cancel_at_any_moment_ends_the_run_exactly_once(url: str, pause: int) -> None:
    async with run_bench(url, say("a b c") + invoke("hr_get"), say("done")) as bench:
        run = await bench.create()
        for _ in range(pause):
            await asyncio.sleep(0.001)

        try:
            await bench.runs.cancel(bench.thread_id, run.id)
        except ClientError as refused:
            assert refused.message == "Cannot cancel run with status 'completed'."  # noqa: PT017 -- one of two

        events = await bench.events(run)
        ends = [name for name in names(events) if name in {"run.completed", "run.cancelled"}]
        assert len(ends) == 1
        stored = [event async for event in bench.runs.follow(run.id)]
        assert stored == events
        await nothing_is_open(bench, run)


async def test_cancelling_a_run_that_is_being_cancelled_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupt, "_PATIENCE", 30.0)
    release = asyncio.Event()

    async def slow_to_stop(_: Call) -> Reply:
        try:
            await asyncio.Event().wait()
        finally:
            await release.wait()
        raise AssertionError

    async with run_bench(url, invoke("hr_get")) as bench:
        bench.company.actions = {"hr_get": slow_to_stop}
        run = await bench.create()
        await bench.company.entered.wait()
        await bench.runs.cancel(bench.thread_id, run.id)

        with pytest.raises(ClientError, match="Cannot cancel run with status 'cancelling'"):
            await bench.runs.cancel(bench.thread_id, run.id)

        release.set()
        assert (await bench.ended(run)).status == "cancelled"


async def test_a_call_under_way_is_stopped_when_the_time_of_its_run_is_over(url: str) -> None:
    settings = run_settings(expire_after=1.0)
    async with run_bench(url, invoke("hr_get"), settings=settings) as bench:
        bench.company.actions = {"hr_get": hang}
        run = await bench.create()

        events = await bench.events(run)

        assert names(events)[-2:] == ["run.step.expired", "run.expired"]
        assert bench.company.stopped == ["hr_get"]
        ended = await bench.runs.get(bench.thread_id, run.id)
        assert (ended.status, ended.expires_at) == ("expired", run.expires_at)
        await nothing_is_open(bench, run)


async def test_a_parked_run_expires_though_nobody_asks(url: str) -> None:
    settings = run_settings(expire_after=1.0)
    async with run_bench(url, invoke("ask_user"), settings=settings, tools=[CLIENT_TOOL]) as bench:
        run = await bench.create()
        await bench.events(run)

        async with asyncio.timeout(20):
            while (await bench.store.runs.get(bench.thread_id, run.id)) != await bench.ended(run):
                pass
            while (await bench.runs.get(bench.thread_id, run.id)).status != "expired":
                await asyncio.sleep(0.1)

        (step,) = await bench.steps(run)
        assert (step.status, step.expired_at is not None) == ("expired", True)
        await nothing_is_open(bench, run)


async def test_outputs_that_come_too_late_find_the_run_expired(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_bench(url, invoke("ask_user"), tools=[CLIENT_TOOL]) as bench:
        run = await bench.create()
        await bench.events(run)
        await bench.runs._watch.close()
        assert run.expires_at is not None
        later = float(run.expires_at)
        monkeypatch.setattr(time, "time", lambda: later)

        with pytest.raises(ClientError) as refused:
            await bench.runs.submit_tool_outputs(
                bench.thread_id, run.id, [ToolOutput("call_1", "blue")]
            )

        assert refused.value.message == 'Runs in status "expired" do not accept tool outputs.'
        assert (await bench.runs.get(bench.thread_id, run.id)).status == "expired"


async def test_whoever_follows_a_run_hears_that_its_thread_was_deleted(url: str) -> None:
    async with run_bench(url, invoke("hr_get")) as bench:
        bench.company.actions = {"hr_get": hang}
        run = await bench.create()
        await bench.company.entered.wait()

        await bench.store.threads.delete(bench.thread_id)

        last = (await bench.events(run))[-1]
        assert last.name == "error"
        assert last.data["error"] == {
            "message": "The thread was deleted, and this run with it.",
            "type": "invalid_request_error",
            "param": None,
            "code": "thread_deleted",
        }
