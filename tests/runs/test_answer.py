"""The stateless loop behind Chat Completions."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from doubles import ANNA, Bench
from drawbar.kernel.ports import Call, Reply
from drawbar.llm.chat import ChatMessage, Finished, ModelError, TextDelta, ToolCall, ToolSchema
from drawbar.llm.scripted import ScriptedModel, invoke, say
from drawbar.runs.answer import (
    Answered,
    AnswerEvent,
    AnswerOrder,
    Answers,
    ClientCall,
    ServerCall,
    ServerOutput,
)
from runs.bench import FUNCTIONS

ASK = ToolSchema("ask_user", "", {"type": "object", "properties": {}}, strict=False)
HI = ChatMessage("user", "hi")


def order(*messages: ChatMessage, max_calls: int | None = None) -> AnswerOrder:
    names = tuple(item.name for item in FUNCTIONS)
    return AnswerOrder(
        "m", messages or (HI,), ANNA, names, (ASK,), tool_choice="required", max_calls=max_calls
    )


async def answered(answers: Answers, wanted: AnswerOrder) -> list[AnswerEvent]:
    async with asyncio.timeout(20):
        return [event async for event in answers.answer(wanted)]


def calls_of(events: list[AnswerEvent]) -> list[ToolCall]:
    return [event.call for event in events if isinstance(event, ClientCall)]


async def test_server_side_calls_are_carried_out_inside_and_only_text_goes_out() -> None:
    model = ScriptedModel([say("Wait.") + invoke("hr_get", {"q": "1"}), say("It is 1")])
    answers = Answers(model, Bench(*FUNCTIONS).dispatcher, rounds=5)

    events = await answered(answers, order())

    assert [type(event) for event in events] == [
        TextDelta,
        ServerCall,
        ServerOutput,
        TextDelta,
        TextDelta,
        TextDelta,
        Answered,
    ]
    assert events[-1] == Answered("stop", 20, 10)
    assert [request.tool_choice for request in model.requests] == ["required", "auto"]
    assert [message.role for message in model.requests[1].messages] == ["user", "assistant", "tool"]


async def test_the_ledger_never_takes_two_requests_for_one_though_the_model_repeats_its_ids() -> (
    None
):
    bench = Bench(*FUNCTIONS)
    for _ in range(2):
        model = ScriptedModel([invoke("hr_set", id="call_1"), say("done")])
        await answered(Answers(model, bench.dispatcher, rounds=5), order())

    assert [call.function for call in bench.backend.calls] == ["hr_set", "hr_set"]


async def test_a_clients_call_goes_out_whole_under_the_models_own_id() -> None:
    model = ScriptedModel([invoke("ask_user", '{"a": 1}', id="abc", pieces=3)])

    events = await answered(Answers(model, Bench(*FUNCTIONS).dispatcher, rounds=5), order())

    assert events == [
        ClientCall(ToolCall("abc", "ask_user", '{"a": 1}')),
        Answered("tool_calls", 10, 5),
    ]


async def test_what_the_server_did_is_still_known_when_the_client_comes_back() -> None:
    bench = Bench(*FUNCTIONS)
    model = ScriptedModel(
        [invoke("hr_set"), say("And?") + invoke("hr_get") + invoke("ask_user"), say("done")]
    )
    answers = Answers(model, bench.dispatcher, rounds=5)
    (call,) = calls_of(await answered(answers, order()))

    back = ChatMessage("assistant", "And?", (call,))
    output = ChatMessage("tool", "blue", tool_call_id=call.id)
    await answered(answers, order(HI, back, output))

    told = model.requests[-1].messages
    assert [(message.role, [call.name for call in message.tool_calls]) for message in told] == [
        ("user", []),
        ("assistant", ["hr_set"]),
        ("tool", []),
        ("assistant", ["hr_get", "ask_user"]),
        ("tool", []),
        ("tool", []),
    ]
    assert told[-1] == output
    assert told[-2].tool_call_id == told[3].tool_calls[0].id


async def test_what_is_kept_for_one_caller_is_not_shown_to_another() -> None:
    model = ScriptedModel([invoke("hr_get"), invoke("ask_user"), say("done")])
    answers = Answers(model, Bench(*FUNCTIONS).dispatcher, rounds=5)
    (call,) = calls_of(await answered(answers, order()))

    back = (
        HI,
        ChatMessage("assistant", "", (call,)),
        ChatMessage("tool", "", tool_call_id=call.id),
    )
    stranger = AnswerOrder("m", back, type(ANNA)("mallory"))
    await answered(answers, stranger)

    assert model.requests[-1].messages == back


async def test_calls_beyond_the_most_are_refused_to_the_model() -> None:
    bench = Bench(*FUNCTIONS)
    model = ScriptedModel([invoke("hr_get") + invoke("hr_other"), say("enough")])

    events = await answered(Answers(model, bench.dispatcher, rounds=5), order(max_calls=1))

    outputs = [event for event in events if isinstance(event, ServerOutput)]
    assert sorted(output.ok for output in outputs) == [False, True]
    assert any("too_many_calls" in output.output for output in outputs)
    assert len(bench.backend.calls) == 1


async def test_a_model_that_only_calls_functions_is_an_error_after_the_rounds() -> None:
    model = ScriptedModel(lambda _: invoke("hr_get"))

    with pytest.raises(ModelError, match="in 3 turns without giving an answer"):
        await answered(Answers(model, Bench(*FUNCTIONS).dispatcher, rounds=3), order())


async def test_an_answer_that_was_cut_keeps_its_reason_and_calls_nothing() -> None:
    bench = Bench(*FUNCTIONS)
    model = ScriptedModel([[*invoke("hr_get"), Finished("length", 1, 2)]])

    events = await answered(Answers(model, bench.dispatcher, rounds=3), order())

    assert events == [Answered("length", 1, 2)]
    assert bench.backend.calls == []


async def test_a_client_that_leaves_stops_the_calls_under_way() -> None:
    stopped, entered = asyncio.Event(), asyncio.Event()

    async def hang(_: Call) -> Reply:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        raise AssertionError

    model = ScriptedModel([invoke("hr_get")])
    answers = Answers(model, Bench(*FUNCTIONS, answer=hang).dispatcher, rounds=3)

    async def listen() -> None:
        async with aclosing(answers.answer(order())) as events:
            async for _ in events:
                pass

    listening = asyncio.create_task(listen())
    async with asyncio.timeout(20):
        await entered.wait()
        listening.cancel()
        await stopped.wait()
