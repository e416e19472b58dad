"""The local model with an engine that says what it is told; the real one where its file is here."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import orjson
import pytest

from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.llm.chat import (
    CallDelta,
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Finished,
    ModelError,
    TextDelta,
    ToolCall,
    ToolSchema,
)
from drawbar.llm.llama import is_installed
from drawbar.llm.local import LocalModel, open_local
from drawbar.llm.local_prompt import calls_schema, prefix

from .company import FUNCTIONS, QUESTIONS, TODAY
from .conftest import called, said

Take = Callable[[JsonObject], bool]


class FakeEngine:
    """Says a text a request, in pieces; a schema with `badpattern` makes no grammar."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.bodies: list[JsonObject] = []
        self.threads: set[int] = set()
        self.stopped = threading.Event()
        self.pause: threading.Event | None = None

    def generate(self, body: JsonObject, take: Take) -> None:
        self.bodies.append(body)
        self.threads.add(threading.get_ident())
        if b"badpattern" in orjson.dumps(body.get("response_format")):
            raise ValueError("no grammar")
        for piece in self.texts.pop(0).split("|"):
            if take(chunk(piece)):
                self.stopped.set()
                return
            if self.pause is not None:
                self.pause.wait(5)
        timings: JsonObject = {"cache_n": 10, "prompt_n": 5, "predicted_n": 3}
        take({**chunk("", "stop"), "timings": timings})


def chunk(text: str, finish: str | None = None) -> JsonObject:
    return {"choices": [{"delta": {"content": text}, "finish_reason": finish}]}


def choice(function: str, **arguments: JsonValue) -> JsonObject:
    return {"function": function, "arguments": arguments}


def choices(*each: JsonObject) -> str:
    return orjson.dumps(list(each)).decode()


ANSWER = '[{"function": "answer"}]'


async def ask(engine: FakeEngine, request: ChatRequest) -> list[ChatEvent]:
    model = LocalModel(lambda: engine, "fake", lambda: TODAY)
    try:
        return [event async for event in model.stream(request)]
    finally:
        await model.close()


def asking(
    text: str, *more: ChatMessage, tools: tuple[ToolSchema, ...] = FUNCTIONS, choose: str = "auto"
) -> ChatRequest:
    return ChatRequest(
        "default", (ChatMessage("user", text), *more), tools=tools, tool_choice=choose
    )


async def test_a_choice_of_functions_becomes_parallel_calls() -> None:
    engine = FakeEngine(
        choices(
            choice("hr_get_employee", emp_no="1042"),
            choice("bookings_get_booking", booking_no="B-20417"),
        )
    )

    events = await ask(engine, asking("Who is 1042 and what is B-20417?"))

    assert called(events) == [
        ("hr_get_employee", '{"emp_no":"1042"}'),
        ("bookings_get_booking", '{"booking_no":"B-20417"}'),
    ]
    assert events[-1] == Finished("tool_calls", 15, 3)
    assert len(engine.bodies) == 1


async def test_the_answer_branch_becomes_streamed_words() -> None:
    engine = FakeEngine(ANSWER, "Hello|, how can I help?")

    events = await ask(engine, asking("Good morning"))

    assert events == [
        TextDelta("Hello"),
        TextDelta(", how can I help?"),
        Finished("stop", 30, 6),
    ]
    assert "response_format" not in engine.bodies[1]


async def test_after_outcomes_it_speaks_and_calls_nothing() -> None:
    engine = FakeEngine("18.5 days")
    call = ToolCall("c1", "hr_get_leave_balance", '{"emp_no":"1042"}')
    outcome = ChatMessage("tool", '{"data":{"left":18.5}}', tool_call_id="c1")

    events = await ask(engine, asking("How many?", ChatMessage("assistant", "", (call,)), outcome))

    assert said(events) == "18.5 days"
    messages = engine.bodies[0]["messages"]
    assert isinstance(messages, list)
    assert [message["role"] for message in messages if isinstance(message, dict)] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert 'hr_get_leave_balance answered: {"data":{"left":18.5}}' in str(messages[-1])


async def test_an_optional_value_that_nobody_wrote_is_left_out() -> None:
    engine = FakeEngine(
        choices(choice("hr_get_leave_balance", emp_no="1042", year=2030)),
    )

    assert called(await ask(engine, asking("Leave balance of 1042"))) == [
        ("hr_get_leave_balance", '{"emp_no":"1042"}')
    ]


async def test_an_optional_value_that_was_written_stays() -> None:
    engine = FakeEngine(
        choices(choice("bookings_find_sailings", from_port="Hestra", day="2031-03-04")),
    )

    assert called(await ask(engine, asking("From Hestra tomorrow"))) == [
        ("bookings_find_sailings", '{"from_port":"Hestra","day":"2031-03-04"}')
    ]


async def test_a_required_number_that_nobody_wrote_is_asked_for() -> None:
    engine = FakeEngine(choices(choice("bookings_get_booking", booking_no="B-20417")))

    events = await ask(engine, asking("Show me one booking"))

    assert called(events) == []
    assert said(events) == (
        "Show one booking by its number, such as B-20417, with its sailing, its lines and its "
        "invoice. For that I still need:\n- booking no: Such as B-20417."
    )


async def test_a_choice_with_a_made_up_number_may_be_made_again_without_that_function() -> None:
    engine = FakeEngine(
        choices(choice("hr_list_leave", emp_no="2041")),
        choices(choice("bookings_get_booking", booking_no="B-20417")),
    )

    events = await ask(engine, asking("What is the status of booking B-20417?"))

    assert called(events) == [("bookings_get_booking", '{"booking_no":"B-20417"}')]
    assert "hr_list_leave" in str(engine.bodies[1]["messages"])
    assert "hr_list_leave" not in str(engine.bodies[1]["response_format"])


async def test_a_day_that_it_got_wrong_is_the_day_of_the_users_words() -> None:
    engine = FakeEngine(
        choices(
            choice("bookings_find_sailings", from_port="Hestra", to_port="Hestra", day="2031-03-03")
        )
    )

    assert called(await ask(engine, asking("From Hestra next Friday"))) == [
        ("bookings_find_sailings", '{"from_port":"Hestra","day":"2031-03-07"}')
    ]


async def test_a_schema_that_makes_no_grammar_is_tried_without_its_arguments() -> None:
    odd = ToolSchema(
        "odd",
        "Odd.",
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "^badpattern$"}}},
        strict=False,
    )
    engine = FakeEngine(choices(choice("odd", a="x")))

    events = await ask(engine, asking("odd x", tools=(odd,)))

    assert called(events) == [("odd", '{"a":"x"}')]
    assert len(engine.bodies) == 2


async def test_words_in_place_of_a_choice_are_the_models_error() -> None:
    with pytest.raises(ModelError, match=r"wrote no whole call: '\[\{\"fun'"):
        await ask(FakeEngine('[{"fun'), asking("Who is 1042?"))


async def test_an_error_of_the_engine_is_the_models_error() -> None:
    class Broken(FakeEngine):
        def generate(self, body: JsonObject, take: Take) -> None:
            take({"error": {"message": "context full"}})

    with pytest.raises(ModelError, match="context full"):
        await ask(Broken(), asking("x"))


async def test_of_many_functions_only_those_that_fit_the_words_are_read() -> None:
    many = FUNCTIONS + tuple(
        ToolSchema(f"other_{index}", "Something else.", {"type": "object"}, strict=False)
        for index in range(30)
    )
    engine = FakeEngine(choices(choice("hr_get_employee", emp_no="1042")))

    await ask(engine, asking("Who is employee 1042?", tools=many))

    system = str(engine.bodies[0]["messages"])
    assert "hr_get_employee" in system
    assert "other_1" not in system
    assert system.count("\\n- ") <= 8


async def test_a_forced_function_is_the_only_one_and_none_is_none() -> None:
    engine = FakeEngine(choices(choice("hr_get_employee", emp_no="1042")), "fine")

    forced = await ask(engine, asking("1042", choose="function:hr_get_employee"))
    none = await ask(engine, asking("1042", choose="none"))

    assert called(forced) == [("hr_get_employee", '{"emp_no":"1042"}')]
    assert said(none) == "fine"
    assert "hr_get_leave_balance" not in str(engine.bodies)


async def test_the_beginning_of_every_prompt_is_the_same() -> None:
    engine = FakeEngine(ANSWER, "a", ANSWER, "b")

    await ask(engine, asking("one"))
    await ask(engine, asking("two"))

    beginnings = set()
    for body in engine.bodies:
        messages = body["messages"]
        assert isinstance(messages, list)
        assert isinstance(messages[0], dict)
        assert str(messages[0]["content"]).startswith(prefix(FUNCTIONS))
        beginnings.add(str(messages[0]["content"]))
    assert len(beginnings) == 1


async def test_the_engine_works_in_one_thread_that_is_not_the_event_loops() -> None:
    engine = FakeEngine(ANSWER, "a")

    await ask(engine, asking("one"))

    assert len(engine.threads) == 1
    assert threading.get_ident() not in engine.threads


async def test_leaving_early_stops_the_engine_at_its_next_piece() -> None:
    engine = FakeEngine("a|b|c")
    engine.pause = threading.Event()
    model = LocalModel(lambda: engine, "fake", lambda: TODAY)

    async with aclosing(model.stream(asking("x", choose="none"))) as events:  # type: ignore[type-var] # an async generator, which is how the port is filled
        assert await anext(events) == TextDelta("a")
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    engine.pause.set()

    assert await asyncio.to_thread(engine.stopped.wait, 5)
    await model.close()


async def test_warming_up_reads_the_functions_and_says_nothing() -> None:
    engine = FakeEngine("x")
    model = LocalModel(lambda: engine, "fake", lambda: TODAY)

    await model.warm_up(FUNCTIONS)
    await model.close()

    assert engine.bodies[0]["max_tokens"] == 1
    assert prefix(FUNCTIONS) in str(engine.bodies[0]["messages"]).replace("\\n", "\n").replace(
        "\\'", "'"
    )


def test_the_schema_names_every_function_and_the_answer() -> None:
    schema = calls_schema(FUNCTIONS[:1], several=False)

    assert schema == {
        "type": "array",
        "items": {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {
                        "function": {"const": "hr_get_leave_balance"},
                        "arguments": {
                            "type": "object",
                            "properties": {
                                "emp_no": {"type": "string", "pattern": "^(?:[1-9][0-9]{3})$"},
                                "year": {"type": "integer", "minimum": 2000, "maximum": 2100},
                            },
                            "required": ["emp_no"],
                            "additionalProperties": False,
                        },
                    },
                    "required": ["function", "arguments"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {"function": {"const": "answer"}},
                    "required": ["function"],
                    "additionalProperties": False,
                },
            ]
        },
        "minItems": 1,
        "maxItems": 1,
    }


needs_extra = pytest.mark.skipif(not is_installed(), reason="the extra `local` is not installed")


@needs_extra
def test_a_missing_file_says_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAWBAR_MODELS", str(tmp_path))

    with pytest.raises(OperatorError, match=r"is not here; run: drawbar model pull$"):
        open_local("default", tmp_path)
    with pytest.raises(OperatorError, match=r"is not here; run: drawbar model pull --small$"):
        open_local("small", tmp_path)
    with pytest.raises(OperatorError, match=r"own\.gguf is not here$"):
        open_local("own.gguf", tmp_path)
    with pytest.raises(OperatorError, match="there is no local model 'gpt-5'"):
        open_local("gpt-5", tmp_path)


@needs_extra
async def test_a_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "own.gguf").write_bytes(b"nonsense")
    model = open_local("own.gguf", tmp_path)

    with pytest.raises(OperatorError, match=r"own\.gguf cannot be opened"):
        await model.warm_up(())
    await model.close()
    assert model.label == "own on this machine"


@pytest.mark.timeout(600)
@pytest.mark.skipif(
    os.environ.get("DRAWBAR_TEST_LOCAL_MODEL") != "1",
    reason="DRAWBAR_TEST_LOCAL_MODEL=1 runs the real model, which takes minutes (drawbar model pull)",
)
async def test_the_real_model_calls_what_is_asked_for_and_reads_out_what_came() -> None:
    model = open_local("default", Path())
    few = FUNCTIONS[:3]
    question = "How many days of leave does 1042 have left?"
    try:
        await model.warm_up(few)
        events = [event async for event in model.stream(asking(question, tools=few))]
        name, arguments = called(events)[0]
        assert [(name, orjson.loads(arguments))] == QUESTIONS[question]

        call = next(event for event in events if isinstance(event, CallDelta))
        made = ChatMessage("assistant", "", (ToolCall(call.id or "", name, arguments),))
        outcome = ChatMessage(
            "tool", '{"outcome":"succeeded","data":{"left":18.5}}', tool_call_id=call.id
        )
        answer = [event async for event in model.stream(asking(question, made, outcome, tools=few))]
        assert "18.5" in said(answer)
    finally:
        await model.close()
