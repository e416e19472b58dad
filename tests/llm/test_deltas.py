from __future__ import annotations

from typing import Any

import pytest

from drawbar.llm.chat import CallDelta, ChatEvent, Finished
from drawbar.llm.deltas import Answer

from .conftest import called, delta, said


def read(*chunks: dict[str, Any], names: tuple[str, ...] = ()) -> list[ChatEvent]:
    answer = Answer(names)
    events = [event for chunk in chunks for event in answer.take(chunk)]
    return events + answer.end()


def call(name: str | None = None, arguments: Any = None, **fields: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {
        **fields,
        "function": {key: value for key, value in function.items() if value is not None},
    }


def calls(*entries: dict[str, Any]) -> dict[str, Any]:
    return delta(tool_calls=list(entries))


CASES = {
    "every call has index 0 and its own id": [
        calls(call("a", "{}", index=0, id="1"), call("b", '{"x":1}', index=0, id="2"))
    ],
    "no ids and no indexes": [calls(call("a", "{}"), call("b", '{"x":1}'))],
    "no ids and one index, a chunk each": [
        calls(call("a", "{}", index=0)),
        calls(call("b", '{"x":1}', index=0)),
    ],
    "the id and name in every chunk": [
        calls(call("a", "{", index=0, id="1")),
        calls(call("a", "}", index=0, id="1")),
        calls(call("b", '{"x"', index=1, id="2")),
        calls(call("b", ":1}", index=1, id="2")),
    ],
    "the name in every chunk and no id": [
        calls(call("a", "{", index=0)),
        calls(call("a", "}", index=0)),
        calls(call("b", '{"x"')),
        calls(call("b", ":1}")),
    ],
    "pieces without an index belong to the last call": [
        calls(call("a", "{}", id="1")),
        calls(call("b", "", id="2")),
        calls(call(None, '{"x":1}')),
    ],
    "pieces of two calls interleaved": [
        calls(call("a", "", index=0, id="1"), call("b", "", index=1, id="2")),
        calls(call(None, '{"x"', index=1), call(None, "{", index=0)),
        calls(call(None, ":1}", index=1), call(None, "}", index=0)),
    ],
    "arguments as objects": [calls(call("a", {}, id="1"), call("b", {"x": 1}, id="2"))],
    "one id for two calls": [
        calls(call("a", "{}", index=0, id="1"), call("b", '{"x":1}', index=1, id="1"))
    ],
    "the name after the id": [
        calls(call(None, "", index=0, id="1")),
        calls(call("a", "{}", index=0)),
        calls(call(None, '{"x"', index=1, id="2")),
        calls(call("b", ":1}", index=1)),
    ],
    "without the level called function": [
        calls({"name": "a", "arguments": "{}"}, {"name": "b", "arguments": {"x": 1}})
    ],
    "ids that are null": [
        calls(call("a", "{}", index=0, id=None), call("b", '{"x":1}', index=1, id=None))
    ],
    "a whole message": [
        {
            "choices": [
                {"message": {"content": None, "tool_calls": [call("a", "{}"), call("b", '{"x":1}')]}}
            ]
        }
    ],
}  # fmt: skip


@pytest.mark.parametrize("chunks", CASES.values(), ids=CASES)
def test_two_calls_are_understood(chunks: list[dict[str, Any]]) -> None:
    events = read(*chunks, delta("stop"))

    assert called(events) == [("a", "{}"), ("b", '{"x":1}')]
    assert len({event.id for event in events if isinstance(event, CallDelta) and event.id}) == 2
    assert events[-1] == Finished("tool_calls")


def test_the_same_function_twice_in_one_chunk_is_two_calls() -> None:
    events = read(calls(call("a", "", index=0), call("a", "", index=0)))

    assert called(events) == [("a", ""), ("a", "")]


def test_a_call_without_a_name_is_passed_on_as_it_is() -> None:
    assert called(read(calls(call(None, "{}", index=0, id="1")))) == [("", "{}")]


def test_the_older_function_call_is_a_call() -> None:
    events = read(
        delta(function_call={"name": "a", "arguments": ""}),
        delta(function_call={"arguments": '{"broken": '}),
        delta("function_call"),
    )

    assert called(events) == [("a", '{"broken": ')]
    assert events[-1] == Finished("tool_calls")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "stop"),
        ("end_turn", "stop"),
    ],
)
def test_a_reason_is_one_of_ours(reason: str, expected: str) -> None:
    assert read(delta(content="x"), delta(reason))[-1] == Finished(expected)  # type: ignore[arg-type] # one of the four


def test_a_call_that_was_cut_stays_cut() -> None:
    assert read(calls(call("a", "{", id="1")), delta("length"))[-1] == Finished("length")


def test_usage_in_any_chunk_counts_and_nonsense_does_not() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": None}

    assert read({**delta(content="x"), "usage": usage})[-1] == Finished("stop", 3, 0)


@pytest.mark.parametrize(
    "chunk",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [None]},
        {"choices": [{"delta": None}]},
        delta(tool_calls="x"),
        delta(tool_calls=[None]),
    ],
)
def test_a_chunk_that_says_nothing_is_no_event(chunk: dict[str, Any]) -> None:
    assert read(chunk) == [Finished("stop")]


def test_a_refusal_is_text() -> None:
    assert said(read(delta(refusal="I will not."))) == "I will not."
