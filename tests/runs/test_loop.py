"""What a run does, told by its events, its objects and what the model was asked."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest

from doubles import ANNA
from drawbar.dispatch.invocation import Invocation
from drawbar.kernel.outcome import Succeeded
from drawbar.kernel.ports import BackendError, Call, Reply
from drawbar.kernel.values import Caller
from drawbar.llm.chat import CallDelta, ChatEvent, ChatRequest, Finished, ModelError, TextDelta
from drawbar.llm.scripted import invoke, say
from drawbar.runs.interrupt import Interruption
from drawbar.runs.order import ToolOutput
from drawbar.runs.pending import calls_of
from drawbar.store.records import RunEvent
from runs.bench import CLIENT_TOOL, RunBench, names, new_text, run_bench, run_settings

MESSAGE = ["run.step.created", "run.step.in_progress", "message.created", "message.in_progress"]
MESSAGE_END = ["message.completed", "run.step.completed"]
BEGIN = ["run.created", "run.queued", "run.in_progress"]
STEP = ["run.step.created", "run.step.in_progress"]


def roles(request: ChatRequest) -> list[str]:
    return [message.role for message in request.messages]


async def test_a_plain_answer_comes_in_the_order_of_the_contract(url: str) -> None:
    async with run_bench(url, say("Hello there, Anna")) as bench:
        await bench.say("hi")
        run = await bench.create()

        events = await bench.events(run)

        assert names(events) == [
            *BEGIN,
            *MESSAGE,
            *["message.delta"] * 3,
            *MESSAGE_END,
            "run.completed",
        ]
        assert [event.seq for event in events] == list(range(1, 14))
        assert await bench.texts() == ["hi", "Hello there, Anna"]
        ended = await bench.runs.get(bench.thread_id, run.id)
        assert (run.status, ended.status) == ("queued", "completed")
        assert ended.expires_at is None
        assert ended.usage == {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


async def test_the_stored_stream_is_the_live_stream(url: str) -> None:
    async with run_bench(
        url, say("Let me see") + invoke("hr_get", {"q": "12"}, pieces=4), say("It is 12")
    ) as bench:
        run = await bench.create()
        live = await bench.events(run)

        assert await bench.events(run) == live
        for after in range(len(live)):
            stored = [event async for event in bench.runs.follow(run.id, after)]
            assert stored == live[after:]


async def test_server_side_calls_run_at_the_same_time_and_the_client_is_never_asked(
    url: str,
) -> None:
    both = asyncio.Barrier(2)

    async def meet(call: Call) -> Reply:
        await both.wait()
        return Reply(call.function)

    async with run_bench(url, invoke("hr_get") + invoke("hr_other"), say("done")) as bench:
        bench.company.actions = {"hr_get": meet, "hr_other": meet}
        run = await bench.create()

        events = await bench.events(run)

        assert names(events) == [
            *BEGIN,
            *STEP,
            *["run.step.delta"] * 6,
            "run.step.completed",
            *MESSAGE,
            "message.delta",
            *MESSAGE_END,
            "run.completed",
        ]
        told = bench.model.requests[1].messages
        assert roles(bench.model.requests[1]) == ["assistant", "tool", "tool"]
        assert [message.tool_call_id for message in told[1:]] == ["call_1", "call_2"]
        assert '"data":"hr_get"' in str(told[1].content)
        (calls, answer) = await bench.steps(run)
        assert (calls.status, answer.status) == ("completed", "completed")


async def test_each_output_is_told_as_soon_as_it_is_there(url: str) -> None:
    release = asyncio.Event()

    async def slow(_: Call) -> Reply:
        await release.wait()
        return Reply("slow")

    async with run_bench(url, invoke("hr_get") + invoke("hr_other"), say("done")) as bench:
        bench.company.actions = {"hr_get": slow}
        run = await bench.create()
        outputs: list[tuple[int, bool]] = []

        async with asyncio.timeout(20):
            async for event in bench.runs.follow(run.id):
                output = _output_of(event)
                if output is not None:
                    outputs.append((output, release.is_set()))
                    release.set()

        assert outputs == [(1, False), (0, True)]


def _output_of(event: RunEvent) -> int | None:
    match event.data:
        case {"delta": {"step_details": {"tool_calls": [{"index": int(i), "function": function}]}}}:
            return i if isinstance(function, dict) and function.get("output") else None
    return None


async def test_the_clients_functions_park_the_run_until_its_outputs_come(url: str) -> None:
    async with run_bench(
        url,
        say("Wait") + invoke("hr_get") + invoke("ask_user", pieces=2),
        say("done"),
        tools=[CLIENT_TOOL],
    ) as bench:
        run = await bench.create()

        events = await bench.events(run)

        assert names(events) == [
            *BEGIN,
            *MESSAGE,
            "message.delta",
            *MESSAGE_END,
            *STEP,
            *["run.step.delta"] * 6,
            "run.requires_action",
        ]
        parked = await bench.runs.get(bench.thread_id, run.id)
        assert parked.status == "requires_action"
        assert parked.required_action == {
            "type": "submit_tool_outputs",
            "submit_tool_outputs": {
                "tool_calls": [
                    {
                        "id": "call_2",
                        "type": "function",
                        "function": {"name": "ask_user", "arguments": "{}"},
                    }
                ]
            },
        }
        assert (await bench.steps(run))[1].status == "in_progress"
        assert bench.runs._worker.active == {}
        assert bench.runs._worker.channels == {}


async def test_outputs_go_to_the_model_in_the_order_of_the_calls(url: str) -> None:
    async with run_bench(
        url,
        invoke("ask_user") + invoke("hr_get") + invoke("ask_user"),
        say("done"),
        tools=[CLIENT_TOOL],
    ) as bench:
        run = await bench.create()
        await bench.events(run)
        outputs = [ToolOutput("call_3", "third"), ToolOutput("call_1", "")]

        queued = await bench.runs.submit_tool_outputs(bench.thread_id, run.id, outputs)
        events = await bench.events(queued)

        assert queued.status == "queued"
        assert queued.required_action is None
        assert names(events) == [
            "run.step.completed",
            "run.queued",
            "run.in_progress",
            *MESSAGE,
            "message.delta",
            *MESSAGE_END,
            "run.completed",
        ]
        told = bench.model.requests[1].messages
        assert [message.tool_call_id for message in told[1:]] == ["call_1", "call_2", "call_3"]
        assert [told[1].content, told[3].content] == ["", "third"]
        everything = [event async for event in bench.runs.follow(run.id)]
        assert everything[-1].name == "thread.run.requires_action"
        assert everything[-1].seq == queued.stream_from


async def test_calls_that_are_wrong_are_told_to_the_model_and_the_run_goes_on(url: str) -> None:
    async with run_bench(
        url,
        invoke("hr_get", '{"q": ') + invoke("no_such", {}) + invoke("hr_get", {"q": 5}),
        say("I see"),
    ) as bench:
        run = await bench.create()

        ended = await bench.ended(run)

        assert ended.status == "completed"
        told = [str(message.content) for message in bench.model.requests[1].messages[1:]]
        assert [text[:20] for text in told] == ['{"outcome":"refused"'] * 3
        assert bench.model.requests[1].messages[0].tool_calls[0].arguments == '{"q": '
        (step, _) = await bench.steps(run)
        assert [item.call.arguments for item in calls_of(step)] == ['{"q": ', "{}", '{"q":5}']
        assert bench.company.calls == []


async def test_a_backends_error_is_an_output_and_not_the_end(url: str) -> None:
    async def fail(_: Call) -> Reply:
        raise BackendError("nobody of that name", code="not_found", work="not_started")

    async with run_bench(url, invoke("hr_get"), say("Nobody")) as bench:
        bench.company.actions = {"hr_get": fail}

        ended = await bench.ended(await bench.create())

        assert ended.status == "completed"
        assert '"code":"not_found"' in str(bench.model.requests[1].messages[-1].content)


async def test_a_model_that_never_answers_fails_after_its_rounds(url: str) -> None:
    turns = [invoke("hr_get") for _ in range(3)]
    async with run_bench(url, *turns, settings=run_settings(rounds=3)) as bench:
        ended = await bench.ended(await bench.create())

        assert ended.status == "failed"
        assert ended.last_error == {
            "code": "server_error",
            "message": "The model called functions in 3 turns without giving an answer.",
        }
        await bench.say("the thread is free again")


async def test_call_ids_that_the_model_repeats_are_made_unique(url: str) -> None:
    async with run_bench(
        url, invoke("hr_set", id="same"), invoke("hr_set", id="same"), say("done")
    ) as bench:
        run = await bench.create()
        await bench.events(run)

        assert [call.function for call in bench.company.calls] == ["hr_set", "hr_set"]
        (first, second, _) = await bench.steps(run)
        assert first.step_details["tool_calls"] != second.step_details["tool_calls"]


async def test_a_forced_choice_holds_for_the_first_turn(url: str) -> None:
    choice = {"type": "function", "function": {"name": "hr_get"}}
    async with run_bench(url, invoke("hr_get"), say("done")) as bench:
        run = await bench.create(tool_choice=choice)
        await bench.events(run)

        assert [request.tool_choice for request in bench.model.requests] == [
            "function:hr_get",
            "auto",
        ]
        assert run.tool_choice == choice


@pytest.mark.parametrize("code", ["server_error", "rate_limit_exceeded", "invalid_prompt"])
async def test_a_model_that_fails_fails_the_run_and_frees_the_thread(
    url: str, code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
) -> None:
    async with run_bench(url, [*say("Half an ans"), ModelError("overloaded", code=code)]) as bench:
        run = await bench.create()

        events = await bench.events(run)

        assert names(events)[-3:] == ["message.incomplete", "run.step.failed", "run.failed"]
        ended = await bench.runs.get(bench.thread_id, run.id)
        assert ended.last_error == {"code": code, "message": "overloaded"}
        assert ended.failed_at is not None
        assert await bench.texts() == ["Half an ans"]
        await bench.say("again")


async def test_a_bug_of_ours_fails_the_run_with_a_number_that_is_in_the_log(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: ChatRequest) -> list[TextDelta]:
        message = "secret detail"
        raise ZeroDivisionError(message)

    async with run_bench(url, broken) as bench:
        with caplog.at_level(logging.ERROR):
            ended = await bench.ended(await bench.create())

        assert ended.status == "failed"
        assert ended.last_error is not None
        shown = str(ended.last_error["message"])
        assert "secret detail" not in shown
        number = shown.partition("(")[2].partition(")")[0]
        assert number.startswith("err_")
        (record,) = [record for record in caplog.records if number in record.getMessage()]
        assert record.exc_info is not None
        await bench.say("the thread is free again")


async def test_a_stream_that_breaks_off_is_a_failure(url: str) -> None:
    async with run_bench(url) as bench:

        class Short:
            label = "short"

            async def stream(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
                yield TextDelta("Hal")

            async def close(self) -> None: ...

        bench.use_model(Short())
        ended = await bench.ended(await bench.create())

        assert ended.last_error == {
            "code": "server_error",
            "message": "The model's answer broke off.",
        }


async def test_an_answer_that_was_cut_for_length_is_incomplete(url: str) -> None:
    async with run_bench(url, [*say("Half an"), Finished("length", 3, 2)]) as bench:
        run = await bench.create(max_completion_tokens=256)

        events = await bench.events(run)

        assert names(events)[-3:] == ["message.incomplete", "run.step.completed", "run.incomplete"]
        ended = await bench.runs.get(bench.thread_id, run.id)
        assert ended.incomplete_details == {"reason": "max_completion_tokens"}
        assert ended.usage == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


async def test_calls_that_were_cut_for_length_are_not_carried_out(url: str) -> None:
    async with run_bench(url, [*invoke("hr_set", '{"q": "1'), Finished("length")]) as bench:
        run = await bench.create()

        ended = await bench.ended(run)

        assert ended.status == "incomplete"
        assert bench.company.calls == []
        (step,) = await bench.steps(run)
        assert step.status == "completed"


async def test_a_content_filter_fails_the_run(url: str) -> None:
    async with run_bench(url, [*say("I would"), Finished("content_filter")]) as bench:
        run = await bench.create()

        events = await bench.events(run)

        incomplete = next(e for e in events if e.name == "thread.message.incomplete")
        assert incomplete.data["incomplete_details"] == {"reason": "content_filter"}
        assert names(events)[-1] == "run.failed"


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        ({"max_completion_tokens": 5}, "max_completion_tokens"),
        ({"max_prompt_tokens": 10}, "max_prompt_tokens"),
    ],
)
async def test_a_budget_counts_over_all_turns(
    url: str, budget: dict[str, Any], reason: str
) -> None:
    async with run_bench(url, invoke("hr_get"), say("never said")) as bench:
        ended = await bench.ended(await bench.create(**budget))

        assert ended.status == "incomplete"
        assert ended.incomplete_details == {"reason": reason}
        assert len(bench.model.requests) == 1


async def test_the_model_is_told_what_is_left_of_its_budget(url: str) -> None:
    async with run_bench(url, invoke("hr_get"), say("done")) as bench:
        await bench.ended(await bench.create(max_completion_tokens=300))

        assert [request.max_tokens for request in bench.model.requests] == [300, 295]


async def test_a_server_that_does_not_count_is_counted_by_estimate_where_a_budget_needs_it(
    url: str,
) -> None:
    turn = [*invoke("hr_get", {"q": "x" * 100}), Finished("tool_calls")]
    async with run_bench(url, turn) as bench:
        ended = await bench.ended(await bench.create(max_completion_tokens=20))

        assert ended.status == "incomplete"


async def test_an_answer_without_a_word_is_an_empty_message(url: str) -> None:
    async with run_bench(url, [Finished("stop")]) as bench:
        run = await bench.create()

        events = await bench.events(run)

        assert names(events)[-4:] == ["message.delta", *MESSAGE_END, "run.completed"]
        assert await bench.texts() == [""]


async def test_text_after_a_call_becomes_a_message_of_its_own(url: str) -> None:
    turn = [*say("before "), CallDelta(0, "{}", id="c", name="hr_get"), *say("and after")]
    async with run_bench(url, turn, say("done")) as bench:
        run = await bench.create()
        await bench.events(run)

        assert await bench.texts() == ["before ", "and after", "done"]
        assert [step.type for step in await bench.steps(run)] == [
            "message_creation",
            "tool_calls",
            "message_creation",
            "message_creation",
        ]


async def test_a_run_acts_with_the_rights_of_the_caller_who_made_it(url: str) -> None:
    bob = Caller("bob", (), {"emp_no": "7"})
    async with run_bench(url, invoke("hr_get"), say("done")) as bench:
        await bench.say("hi", ANNA)
        await bench.events(await bench.create(bob))

        assert bench.company.calls[0].caller == bob


async def test_a_new_thread_is_the_first_event_of_its_stream(url: str) -> None:
    async with run_bench(url, say("hello")) as bench:
        run = await bench.runs.create_with_thread(
            bench.order(), ANNA, messages=[new_text("hi")], metadata={"k": "v"}
        )

        events = await bench.events(run)

        assert names(events)[:2] == ["created", "run.created"]
        assert events[0].data["metadata"] == {"k": "v"}
        assert events[0].data["id"] == run.thread_id
        assert roles(bench.model.requests[0]) == ["user"]


async def test_events_wait_for_the_store_only_where_the_client_acts_on_them(
    bench_at_rest: RunBench,
) -> None:
    bench = bench_at_rest
    bench.model.add(say("hello"))
    run = await bench.create()

    async for event in bench.runs.follow(run.id):
        if event.name == "thread.run.completed":
            stored = await bench.runs.get(bench.thread_id, run.id)
            assert stored.status == "completed"
            assert await bench.texts() == ["hello"]


async def test_a_reading_that_need_not_wait_takes_no_task_of_its_own(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks: list[object] = []
    carry_out = Interruption.run

    async def counted(interruption: Interruption, work: Any) -> Any:
        tasks.append(work)
        return await carry_out(interruption, work)

    monkeypatch.setattr(Interruption, "run", counted)
    async with run_bench(url, invoke("hr_get", {"q": "1"}), say("It is 1")) as bench:
        monkeypatch.setattr(bench.dispatcher, "at_once", lambda _: Succeeded({"q": 1}))
        run = await bench.create()
        ended = await bench.ended(run)
        [step, _] = await bench.steps(run)

    assert ended.status == "completed"
    assert len(tasks) == 2  # the model's two turns
    assert [json.loads(item.output or "")["data"] for item in calls_of(step)] == [{"q": 1}]


async def test_a_change_is_carried_out_in_a_task_that_waits_for_its_run_to_be_stored(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    existed: list[bool] = []

    async with run_bench(url, invoke("hr_set", {"q": "1"}), say("Done")) as bench:

        def at_once(invocation: Invocation) -> None:
            journal = bench.runs._worker.active[str(invocation.run_id)]
            existed.append(journal._born is None)

        monkeypatch.setattr(bench.dispatcher, "at_once", at_once)
        run = await bench.create()
        ended = await bench.ended(run)

    assert ended.status == "completed"
    assert existed == [True]
