from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest

from drawbar.llm.chat import (
    CallDelta,
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Finished,
    TextDelta,
    ToolCall,
    ToolSchema,
)
from drawbar.llm.rules import RulesModel

from .company import FUNCTIONS, HELD_OUT, LACKING, QUESTIONS, TODAY, UNANSWERABLE, Call
from .conftest import called, said


async def ask(*messages: ChatMessage | str, **fields: Any) -> list[ChatEvent]:
    fields.setdefault("tools", FUNCTIONS)
    whole = tuple(
        ChatMessage("user", message) if isinstance(message, str) else message
        for message in messages
    )
    model = RulesModel(lambda: TODAY)
    return [event async for event in model.stream(ChatRequest("default", whole, **fields))]


async def calls(*messages: ChatMessage | str, **fields: Any) -> list[Call]:
    events = await ask(*messages, **fields)
    return [(name, orjson.loads(arguments)) for name, arguments in called(events)]


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_question_becomes_the_call_that_answers_it(question: str) -> None:
    events = await ask(question)

    made = [(name, orjson.loads(arguments)) for name, arguments in called(events)]
    assert made == QUESTIONS[question]
    assert said(events) == ""
    assert events[-1] == Finished("tool_calls")


async def test_most_questions_that_were_never_seen_are_understood() -> None:
    right = 0
    wrong_changes = []
    for question, expected in HELD_OUT.items():
        made = await calls(question)
        right += made == expected
        changing = ("cancel", "request", "report", "issue", "book")
        wrong_changes += [
            (question, call)
            for call in made
            if call not in expected and call[0].split("_")[1] in changing
        ]

    assert right >= 24, f"{right} of {len(HELD_OUT)}"
    assert wrong_changes == []


@pytest.mark.parametrize("question", UNANSWERABLE)
async def test_what_no_function_can_do_is_said_with_what_they_can(question: str) -> None:
    events = await ask(question)

    assert called(events) == []
    assert said(events).startswith(
        "I work by rules, not with a model, and no function of mine fits what you wrote. "
        "This is what I can do:\n- "
    )
    assert said(events).endswith("- and 8 more")
    assert events[-1] == Finished("stop")


@pytest.mark.parametrize("question", LACKING)
async def test_exactly_the_missing_arguments_are_asked_for(question: str) -> None:
    function, missing = LACKING[question]

    events = await ask(question)

    first, *asked = said(events).splitlines()
    tool = next(tool for tool in FUNCTIONS if tool.name == function)
    assert called(events) == []
    assert first.startswith(tool.description.split(". ")[0])
    assert first.endswith("For that I still need:")
    assert [line.removeprefix("- ").split(":")[0] for line in asked] == missing


async def test_the_answer_to_what_was_asked_completes_the_call() -> None:
    asked = said(await ask("Request annual leave for 1042"))

    assert await calls(
        "Request annual leave for 1042",
        ChatMessage("assistant", asked),
        "from 10 March 2031 to 14 March 2031",
    ) == [
        (
            "hr_request_leave",
            {
                "emp_no": "1042",
                "kind": "annual",
                "first_day": "2031-03-10",
                "last_day": "2031-03-14",
            },
        )
    ]


async def test_another_question_after_being_asked_is_another_question() -> None:
    asked = said(await ask("Show me a booking"))

    assert await calls(
        "Show me a booking", ChatMessage("assistant", asked), "How is the sea at Skarra?"
    ) == [("harbour_get_sea_state", {"port": "Skarra"})]


async def test_a_forced_function_is_tried_whatever_the_words_say() -> None:
    assert await calls("1042", tool_choice="function:hr_get_employee") == [
        ("hr_get_employee", {"emp_no": "1042"})
    ]


async def test_with_tool_choice_none_nothing_is_called() -> None:
    events = await ask("Show booking B-20417", tool_choice="none")

    assert called(events) == []
    assert "No function is offered to me here" in said(events)


async def test_without_parallel_calls_the_first_question_is_answered() -> None:
    assert await calls("Show customer C-1118 and booking B-20417", parallel_tool_calls=False) == [
        ("bookings_get_customer", {"customer_no": "C-1118"})
    ]


async def test_the_name_of_the_author_is_no_part_of_the_question() -> None:
    message = ChatMessage("user", "Booking: Who is employee 1042?", name="Booking")

    assert await calls(message) == [("hr_get_employee", {"emp_no": "1042"})]


async def test_strict_schemas_in_which_optional_parameters_may_be_null_are_understood() -> None:
    nullable = ToolSchema(
        "list_orders",
        "List orders of a customer.",
        {
            "type": "object",
            "properties": {
                "customer": {"type": "string", "pattern": "^K[0-9]{3}$"},
                "state": {"type": ["string", "null"], "enum": ["open", "sent", None]},
                "before": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            },
            "required": ["customer", "state", "before"],
        },
        strict=True,
    )

    assert await calls("orders of customer k123", tools=(nullable,)) == [
        ("list_orders", {"customer": "K123"})
    ]
    assert await calls("sent orders of K123 before 1 May 2031", tools=(nullable,)) == [
        ("list_orders", {"customer": "K123", "state": "sent", "before": "2031-05-01"})
    ]


BALANCE = ToolCall("c1", "hr_get_leave_balance", '{"emp_no":"1042"}')
SEA = ToolCall("c2", "harbour_get_sea_state", '{"port":"Skarra"}')


async def after(*outcomes: tuple[ToolCall, str]) -> str:
    made = tuple(call for call, _ in outcomes)
    outputs = [ChatMessage("tool", text, tool_call_id=call.id) for call, text in outcomes]
    events = await ask("Well?", ChatMessage("assistant", "", made), *outputs)
    assert called(events) == []
    return said(events)


async def test_an_object_is_read_out_line_by_line() -> None:
    balance = {"EmpNo": "1042", "days_left": 18.5, "note": None, "final": True}
    outcome = {"outcome": "succeeded", "data": {"Balance": balance}, "notes": ["cut after 1 row"]}

    assert await after((BALANCE, orjson.dumps(outcome).decode())) == (
        "emp no: 1042\ndays left: 18.5\nnote: none\nfinal: yes\nNote: cut after 1 row"
    )


async def test_a_list_is_read_out_as_a_table() -> None:
    rows = [{"no": "B-1", "total": 12.5, "none": None}, {"no": "B-20417", "total": 3, "none": None}]

    assert await after(
        (BALANCE, orjson.dumps({"outcome": "succeeded", "data": rows}).decode())
    ) == ("no      | total\n--------|------\nB-1     | 12.5\nB-20417 | 3")


async def test_the_answer_is_streamed_word_by_word() -> None:
    outcome = ChatMessage(
        "tool", '{"outcome":"succeeded","data":"calm and clear"}', tool_call_id="c2"
    )

    events = await ask("Well?", ChatMessage("assistant", "", (SEA,)), outcome)

    assert events == [TextDelta("calm "), TextDelta("and "), TextDelta("clear"), Finished("stop")]


async def test_what_lies_deeper_is_set_in() -> None:
    data = {"name": "Ann", "lines": [{"item": "adult"}], "tags": ["a", "b"], "open": []}

    assert await after(
        (BALANCE, orjson.dumps({"outcome": "succeeded", "data": data}).decode())
    ) == ("name: Ann\nlines:\n  item\n  -----\n  adult\ntags: a, b\nopen: none")


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        ('{"outcome":"succeeded","data":[]}', "Nothing was found."),
        ('{"outcome":"succeeded","data":{"rows":[],"next":null}}', "Nothing was found."),
        (
            '{"outcome":"succeeded","data":{"rows":[{"name":"Ann"}],"next":"abc"}}',
            "name\n----\nAnn\nThere are more.",
        ),
        ('{"outcome":"succeeded","data":null}', "Done; there is nothing to show."),
        (
            (
                '{"outcome":"refused","function":"f","code":"bad_arguments","message":"wrong",'
                '"problems":[{"argument":"emp_no","message":"four digits"}]}'
            ),
            "f was not called (bad_arguments): wrong\n- emp no: four digits",
        ),
        (
            (
                '{"outcome":"failed","function":"f","code":"not_found","message":"nobody",'
                '"retryable":false,"hint":"Look it up by name."}'
            ),
            "f did not work (not_found): nobody\nLook it up by name.",
        ),
        (
            '{"outcome":"failed","function":"f","code":"timeout","message":"slow","retryable":true,"detail":{"a":1}}',
            "f did not work (timeout): slow It may work later.\na: 1",
        ),
        (
            '{"outcome":"indeterminate","function":"f","message":"no answer","hint":"Look with g."}',
            (
                "It is not known whether f was carried out: no answer\nIt was not repeated, so that "
                "nothing happens twice.\nLook with g."
            ),
        ),
        ("sunny", "sunny"),
        ('{"weather":"sunny","wind":5}', "weather: sunny\nwind: 5"),
    ],
)
async def test_what_came_of_a_call_is_told_as_it_is(outcome: str, text: str) -> None:
    assert await after((BALANCE, outcome)) == text


async def test_several_outcomes_stand_under_their_calls() -> None:
    text = await after(
        (BALANCE, '{"outcome":"succeeded","data":{"left":3,"year":2031}}'),
        (SEA, '{"outcome":"succeeded","data":"calm"}'),
    )

    assert text == (
        "hr get leave balance (emp no 1042):\nleft: 3\nyear: 2031\n\n"
        "harbour get sea state (port Skarra):\ncalm"
    )


async def test_a_new_question_after_an_answer_is_answered_anew() -> None:
    assert await calls(
        "Who is employee 1042?",
        ChatMessage("assistant", "", (BALANCE,)),
        ChatMessage("tool", "{}", tool_call_id="c1"),
        ChatMessage("assistant", "name: Ann"),
        "How is the sea at Hestra?",
    ) == [("harbour_get_sea_state", {"port": "Hestra"})]


async def test_tomorrow_is_the_day_after_the_day_of_the_question() -> None:
    model = RulesModel(lambda: date(2030, 12, 31))
    request = ChatRequest(
        "m", (ChatMessage("user", "sailings from Hestra tomorrow"),), tools=FUNCTIONS
    )

    events = [event async for event in model.stream(request)]

    assert isinstance(events[0], CallDelta)
    assert orjson.loads(events[0].arguments)["day"] == "2031-01-01"


def test_its_label_makes_no_claims() -> None:
    assert RulesModel().label == "rules, not a model"
