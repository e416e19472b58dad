from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from drawbar.llm.chat import CallDelta, ChatMessage, ChatRequest, Finished, ModelError, TextDelta
from drawbar.llm.scripted import SCRIPTED_USAGE, Item, ScriptedModel, invoke, say

REQUEST = ChatRequest("scripted", (ChatMessage("user", "hello"),))


async def test_turns_are_taken_in_order_and_requests_are_recorded() -> None:
    model = ScriptedModel([say("one two"), say("three")])

    first = [event async for event in model.stream(REQUEST)]
    second = [event async for event in model.stream(REQUEST)]

    assert first == [TextDelta("one "), TextDelta("two"), Finished("stop", *SCRIPTED_USAGE)]
    assert second == [TextDelta("three"), Finished("stop", *SCRIPTED_USAGE)]
    assert model.requests == [REQUEST, REQUEST]


async def test_added_calls_are_one_turn_of_parallel_calls() -> None:
    model = ScriptedModel(
        [invoke("a", {"n": 1}, pieces=2) + invoke("b", '{"broken": ', id="mine") + invoke("c")]
    )

    assert [event async for event in model.stream(REQUEST)] == [
        CallDelta(0, '{"n"', id="call_1", name="a"),
        CallDelta(0, ":1}"),
        CallDelta(1, '{"broken": ', id="mine", name="b"),
        CallDelta(2, "{}", id="call_3", name="c"),
        Finished("tool_calls", *SCRIPTED_USAGE),
    ]


async def test_a_callable_sees_the_request_and_may_stream() -> None:
    async def slowly(request: ChatRequest) -> AsyncIterator[Item]:
        yield TextDelta(f"you said {request.messages[-1].content}")
        yield Finished("length", 1, 2)

    model = ScriptedModel([slowly])

    assert [event async for event in model.stream(REQUEST)] == [
        TextDelta("you said hello"),
        Finished("length", 1, 2),
    ]


async def test_an_event_holds_the_turn_until_it_is_set_and_an_error_ends_it() -> None:
    gate = asyncio.Event()
    model = ScriptedModel([[*say("a"), gate, ModelError("busy", code="rate_limit_exceeded")]])
    stream = model.stream(REQUEST)

    assert await anext(stream) == TextDelta("a")
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.set()
    with pytest.raises(ModelError, match="busy"):
        await waiting


async def test_running_out_of_turns_says_how_many_there_were() -> None:
    model = ScriptedModel([])

    with pytest.raises(AssertionError, match=r"has 0 turns and was asked for turn 1.*hello"):
        await anext(model.stream(REQUEST))
