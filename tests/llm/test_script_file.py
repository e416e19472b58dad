from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drawbar.kernel.errors import OperatorError
from drawbar.llm.chat import (
    CallDelta,
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Finished,
    ModelError,
    TextDelta,
    ToolCall,
)
from drawbar.llm.script_file import load_script
from drawbar.llm.scripted import SCRIPTED_USAGE, ScriptedModel

SCRIPT = """
turns:
  - calls: [{name: balance, arguments: {employee: "4711"}, id: c1}, {name: broken, arguments: '{"a', id: c2}]
  - say: "You have {{tool.data.days}} days, {{tool.nothing}}."
  - say: Anything else?
rules:
  - {when: Flaky, times: 1, turns: [{error: {message: overloaded, code: rate_limit_exceeded}}]}
  - {when: flaky, turns: [{say: fine}]}
  - {when: report, turns: [{say: "row ", times: 3, finish: length, usage: [1, 3]}]}
  - {when: wait, turns: [[{say: wait}, {hang: true}]]}
  - when: chain
    turns:
      - calls: [{name: find, arguments: {name: "{{user}}"}, id: c1}]
      - calls: [{name: get, arguments: {ids: ["{{tool.data.rows.0.id}}"]}, id: c2, pieces: 2}]
"""


def script(tmp_path: Path, text: str = SCRIPT) -> ScriptedModel:
    path = tmp_path / "script.yaml"
    path.write_text(text, encoding="utf-8")
    return load_script(path)


def asked(*messages: ChatMessage) -> ChatRequest:
    return ChatRequest("scripted", messages)


def user(text: str) -> ChatMessage:
    return ChatMessage("user", text)


CALLS = ChatMessage("assistant", "", (ToolCall("c1", "balance", "{}"),))


def tool(text: str) -> ChatMessage:
    return ChatMessage("tool", text, tool_call_id="c1")


async def told(model: ScriptedModel, *messages: ChatMessage) -> list[ChatEvent]:
    return [event async for event in model.stream(asked(*messages))]


def text(events: list[ChatEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_turns_follow_the_conversation_even_after_a_restart(tmp_path: Path) -> None:
    outcome = tool('{"outcome": "succeeded", "data": {"days": 12}}')

    first = await told(script(tmp_path), user("How many?"))
    second = await told(script(tmp_path), user("How many?"), CALLS, outcome)
    third = await told(
        script(tmp_path), user("How many?"), ChatMessage("assistant", "12"), user("Thanks")
    )

    assert first == [
        CallDelta(0, '{"employee":"4711"}', id="c1", name="balance"),
        CallDelta(1, '{"a', id="c2", name="broken"),
        Finished("tool_calls", *SCRIPTED_USAGE),
    ]
    assert text(second) == "You have 12 days, {{tool.nothing}}."
    assert text(third) == "Anything else?"


async def test_a_rule_is_found_by_the_words_of_the_last_user_message(tmp_path: Path) -> None:
    model = script(tmp_path)

    assert await told(model, user("hello"), user("A REPORT please")) == [
        *[TextDelta("row ")] * 3,
        Finished("length", 1, 3),
    ]


async def test_a_rule_may_serve_once_only(tmp_path: Path) -> None:
    model = script(tmp_path)

    with pytest.raises(ModelError, match="overloaded"):
        await told(model, user("flaky"))
    assert text(await told(model, user("flaky"))) == "fine"


async def test_arguments_are_filled_from_the_conversation(tmp_path: Path) -> None:
    model = script(tmp_path)
    outcome = tool('{"data": {"rows": [{"id": "K-7"}]}}')

    assert (await told(model, user("chain")))[0] == CallDelta(
        0, '{"name":"chain"}', id="c1", name="find"
    )
    assert (await told(model, user("chain"), CALLS, outcome))[:2] == [
        CallDelta(0, '{"ids":[', id="c2", name="get"),
        CallDelta(0, '"K-7"]}'),
    ]


async def test_a_hanging_turn_ends_when_it_is_cancelled(tmp_path: Path) -> None:
    stream = script(tmp_path).stream(asked(user("wait")))

    assert await anext(stream) == TextDelta("wait")
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_script_without_a_fitting_turn_says_so_as_the_models_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no turn 1 in turns for the user message 'x'"):
        await told(script(tmp_path, "rules: []"), user("x"))


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("turns: [{sai: x}]", "sai"),
        ("turns: [", "is not YAML"),
        ("turns: [{say: x, delay: 5}]", "is not a duration"),
        ("[]", "is not a script"),
    ],
)
def test_a_broken_script_is_told_with_its_path(tmp_path: Path, written: str, problem: str) -> None:
    with pytest.raises(OperatorError, match=problem) as error:
        script(tmp_path, written)
    assert "script.yaml" in str(error.value)


def test_a_missing_script_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"none\.yaml cannot be read \(No such file"):
        load_script(tmp_path / "none.yaml")
