"""What the surfaces ask of the run engine, and what it refuses in which words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from doubles import ANNA
from drawbar.kernel.errors import ClientError
from drawbar.kernel.values import Caller
from drawbar.llm.scripted import invoke, say
from drawbar.runs.order import RunOrder, ToolOutput
from drawbar.store.database import Store
from drawbar.store.records import Page, RunEvent
from runs.bench import CLIENT_TOOL, RunBench, names, new_text, run_bench, run_settings


async def refused(work: Awaitable[object]) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        await work
    return caught.value.status, caught.value.message


async def test_of_two_runs_created_at_once_one_is_refused(url: str) -> None:
    async with run_bench(url, say("one"), tools=[CLIENT_TOOL]) as bench:
        answers = await asyncio.gather(bench.create(), bench.create(), return_exceptions=True)

        (run,) = [answer for answer in answers if not isinstance(answer, BaseException)]
        (error,) = [answer for answer in answers if isinstance(answer, ClientError)]
        assert error.message == f"Thread {bench.thread_id} already has an active run {run.id}."
        assert error.status == 400


async def test_a_thread_with_an_active_run_takes_no_message_and_no_run(url: str) -> None:
    async with run_bench(url, invoke("ask_user"), tools=[CLIENT_TOOL]) as bench:
        run = await bench.create()
        for _ in range(2):  # before and after it has parked
            assert await refused(bench.say("hi")) == (
                400,
                f"Can't add messages to {bench.thread_id} while a run {run.id} is active.",
            )
            assert await refused(bench.create()) == (
                400,
                f"Thread {bench.thread_id} already has an active run {run.id}.",
            )
            await bench.events(run)
        other = await bench.store.threads.create()
        await bench.runs.add_message(other.id, new_text("elsewhere"), ANNA)


@pytest.mark.parametrize(
    ("ask", "what"),
    [
        (lambda b: b.runs.create(b.thread_id, RunOrder("asst_x"), ANNA), "assistant found with id 'asst_x'"),
        (lambda b: b.runs.create("thread_x", b.order(), ANNA), "thread found with id 'thread_x'"),
        (lambda b: b.runs.add_message("thread_x", new_text("hi"), ANNA), "thread found with id 'thread_x'"),
        (lambda b: b.runs.get(b.thread_id, "run_x"), "run found with id 'run_x'"),
        (lambda b: b.runs.cancel(b.thread_id, "run_x"), "run found with id 'run_x'"),
        (lambda b: b.runs.modify(b.thread_id, "run_x", {}), "run found with id 'run_x'"),
        (lambda b: b.runs.submit_tool_outputs(b.thread_id, "run_x", []), "run found with id 'run_x'"),
    ],
)  # fmt: skip
async def test_what_is_not_there_is_a_404_with_its_id(
    bench_at_rest: RunBench, ask: Callable[[RunBench], Awaitable[object]], what: str
) -> None:
    assert await refused(ask(bench_at_rest)) == (404, f"No {what}.")


async def test_a_run_is_only_found_on_its_own_thread(url: str) -> None:
    async with run_bench(url, say("hi")) as bench:
        run = await bench.create()
        other = await bench.store.threads.create()

        assert (await refused(bench.runs.get(other.id, run.id)))[0] == 404
        assert (await refused(bench.runs.cancel(other.id, run.id)))[0] == 404


@pytest.mark.parametrize(
    ("ids", "got"),
    [
        (["call_1"], "['call_1']"),
        ([], "[]"),
        (["call_1", "call_2", "call_3"], "['call_1', 'call_2', 'call_3']"),
        (["call_1", "call_1"], "['call_1', 'call_1']"),
    ],
)
async def test_outputs_are_for_every_pending_call_and_no_other(
    url: str, ids: list[str], got: str
) -> None:
    async with run_bench(
        url, invoke("ask_user") + invoke("ask_user"), say("done"), tools=[CLIENT_TOOL]
    ) as bench:
        run = await bench.create()
        await bench.events(run)
        outputs = [ToolOutput(call_id, "x") for call_id in ids]

        answer = await refused(bench.runs.submit_tool_outputs(bench.thread_id, run.id, outputs))

        wanted = "Expected tool outputs for call_ids ['call_1', 'call_2']"
        assert answer == (400, f"{wanted}, got {got}")
        assert (await bench.runs.get(bench.thread_id, run.id)).status == "requires_action"


async def test_outputs_are_taken_once(url: str) -> None:
    async with run_bench(url, invoke("ask_user"), say("done"), tools=[CLIENT_TOOL]) as bench:
        run = await bench.create()
        await bench.events(run)
        outputs = [ToolOutput("call_1", "x")]

        answers = await asyncio.gather(
            *(bench.runs.submit_tool_outputs(bench.thread_id, run.id, outputs) for _ in range(3)),
            return_exceptions=True,
        )

        accepted = [answer for answer in answers if not isinstance(answer, BaseException)]
        errors = [str(answer) for answer in answers if isinstance(answer, ClientError)]
        assert len(accepted) == 1
        assert len(errors) == 2
        assert all(error.endswith("do not accept tool outputs.") for error in errors)
        await bench.events(accepted[0])
        assert len(bench.model.requests) == 2


async def test_a_run_in_another_state_wants_no_outputs(url: str) -> None:
    async with run_bench(url, say("done")) as bench:
        run = await bench.create()
        await bench.events(run)

        assert await refused(bench.runs.submit_tool_outputs(bench.thread_id, run.id, [])) == (
            400,
            'Runs in status "completed" do not accept tool outputs.',
        )


async def test_a_run_is_a_snapshot_with_the_overrides_of_its_order(url: str) -> None:
    async with run_bench(
        url, invoke("ask_user"), say("done"), instructions="Be brief.", temperature=0.5, top_p=0.9
    ) as bench:
        run = await bench.create(
            model="other",
            additional_instructions="Say please.",
            additional_messages=(new_text("one more thing"),),
            tools=[CLIENT_TOOL],
            temperature=0.0,
            parallel_tool_calls=False,
            response_format={"type": "json_object"},
            reasoning_effort="low",
            metadata={"k": "v"},
        )
        await bench.events(run)
        await bench.store.assistants.update(bench.assistant.id, instructions="Be long.")
        queued = await bench.runs.submit_tool_outputs(
            bench.thread_id, run.id, [ToolOutput("call_1", "x")]
        )
        await bench.events(queued)

        assert run.instructions == "Be brief.\n\nSay please."
        assert (run.model, run.temperature, run.top_p) == ("other", 0.0, 0.9)
        assert run.functions == ()  # the run's tools replace all that the assistant has
        assert await bench.texts() == ["one more thing", "done"]
        first, second = bench.model.requests
        assert first.messages[0].content == second.messages[0].content == run.instructions
        assert first.messages[1].content == "one more thing"
        assert [tool.name for tool in second.tools] == ["ask_user"]
        assert (first.model, first.temperature, first.parallel_tool_calls) == ("other", 0.0, False)
        assert first.response_format == {"type": "json_object"}
        assert first.reasoning_effort == "low"


async def test_what_is_not_said_has_the_defaults_of_the_contract(url: str) -> None:
    async with run_bench(url, say("done")) as bench:
        run = await bench.create()

        assert run.tool_choice == "auto"
        assert run.parallel_tool_calls is True
        assert run.response_format == "auto"
        assert run.truncation_strategy == {"type": "auto", "last_messages": None}
        assert run.expires_at == run.created_at + 60
        assert run.functions == ("hr_get", "hr_other", "hr_set")


async def test_the_run_may_name_another_toolset(url: str) -> None:
    async with run_bench(url, say("done"), metadata={}) as bench:
        run = await bench.create(metadata={"toolset": "hr"})

        assert run.functions == ("hr_get", "hr_other", "hr_set")
        await bench.events(run)
        status, message = await refused(bench.create(metadata={"toolset": "hrr"}))
        assert (status, message) == (400, "No toolset is called 'hrr'. Did you mean 'hr'?")


async def test_a_choice_of_a_function_that_is_not_offered_is_refused(url: str) -> None:
    async with run_bench(url) as bench:
        choice = {"type": "function", "function": {"name": "nope"}}

        status, message = await refused(bench.create(tool_choice=choice))

        assert status == 400
        assert message == "The function 'nope' of 'tool_choice' is not among the tools of this run."
        await bench.say("nothing was started")


async def test_metadata_of_a_run_in_flight_changes_and_stays(url: str) -> None:
    gate = asyncio.Event()
    async with run_bench(url, [gate, *say("done")]) as bench:
        run = await bench.create()
        async for event in bench.runs.follow(run.id):
            if event.name == "thread.run.in_progress":
                break

        changed = await bench.runs.modify(bench.thread_id, run.id, {"seen": "yes"})
        gate.set()
        events = await bench.events(run)

        assert changed.metadata == {"seen": "yes"}
        assert events[-1].data["metadata"] == {"seen": "yes"}
        assert (await bench.runs.get(bench.thread_id, run.id)).metadata == {"seen": "yes"}


async def test_a_listener_that_leaves_does_not_end_the_run(url: str) -> None:
    gate = asyncio.Event()
    async with run_bench(url, [*say("a b"), gate, *say(" c")]) as bench:
        run = await bench.create()
        async for event in bench.runs.follow(run.id):
            if event.name == "thread.message.delta":
                break
        gate.set()

        ended = await bench.ended(run)

        assert ended.status == "completed"
        assert await bench.texts() == ["a b c"]


async def test_a_stream_is_joined_late_and_resumed_where_it_was_left(url: str) -> None:
    gate = asyncio.Event()
    async with run_bench(url, [*say("a b c"), gate, *say("d e")]) as bench:
        run = await bench.create()
        first = []
        async for event in bench.runs.follow(run.id):
            first.append(event)
            if len(first) == 9:
                break
        late = asyncio.create_task(bench.events(run))
        resumed = asyncio.create_task(_follow(bench, run.id, 9))
        await asyncio.sleep(0)
        gate.set()

        whole = await late

        assert first + await resumed == whole
        assert [event.seq for event in whole] == list(range(1, len(whole) + 1))


async def _follow(bench: RunBench, run_id: str, after: int) -> list[RunEvent]:
    return [event async for event in bench.runs.follow(run_id, after)]


async def test_a_run_that_is_gone_ends_its_stream_with_a_word(bench_at_rest: RunBench) -> None:
    [told] = await _follow(bench_at_rest, "run_x", 0)

    assert told.name == "error"
    assert told.data["error"] == {
        "message": "The thread was deleted, and this run with it.",
        "type": "invalid_request_error",
        "param": None,
        "code": "thread_deleted",
    }


async def test_events_of_ended_runs_go_after_their_time(url: str) -> None:
    settings = run_settings(keep_events=0.0)
    async with run_bench(url, say("hi"), settings=settings) as bench:
        run = await bench.create()
        await bench.events(run)

        await bench.runs._watch.look()

        assert await _follow(bench, run.id, 0) == []
        assert (await bench.runs.get(bench.thread_id, run.id)).status == "completed"
        assert await bench.texts() == ["hi"]


async def test_another_gateways_run_can_be_followed_from_the_store(url: str) -> None:
    gate = asyncio.Event()
    async with run_bench(url, [*say("a b"), gate]) as bench:
        run = await bench.create()
        async for event in bench.runs.follow(run.id):
            if event.name == "thread.message.delta":
                break
        other = await Store.open(url, exclusive=False)
        watcher = RunBench(other, [], run_settings())
        following = asyncio.create_task(_follow(watcher, run.id, 0))
        await asyncio.sleep(0)
        gate.set()

        events = await bench.events(run)

        async with asyncio.timeout(20):
            assert await following == events
        await other.close()


async def test_messages_know_their_author(url: str) -> None:
    async with run_bench(url, say("hi"), say("ho")) as bench:
        await bench.say("I am Anna")
        await bench.events(await bench.create())
        await bench.say("I am Bob", Caller("bob"))
        await bench.events(await bench.create())

        page = await bench.store.messages.list(bench.thread_id, Page(order="asc"))
        assert [message.author for message in page.data] == [
            "anna",
            bench.assistant.id,
            "bob",
            bench.assistant.id,
        ]
        told = [message.content for message in bench.model.requests[1].messages]
        assert told[1:] == ["anna: I am Anna", "hi", "bob: I am Bob"]


async def test_ten_thousand_events_are_followed_whole_though_memory_keeps_fewer(url: str) -> None:
    text = "x " * 9_000
    async with run_bench(url, say(text)) as bench:
        run = await bench.create()

        events = await bench.events(run)

        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert names(events)[-1] == "run.completed"
        assert await bench.texts() == [text]
