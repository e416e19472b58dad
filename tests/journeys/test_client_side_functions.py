"""Functions that the client brings are its own to execute; the server's are never shown to it as work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import orjson
import pytest
from openai.types.beta.threads import Run

from .front_end import FrontEnd
from .gateway import POLL

SCRIPT = """
- when: ask me which cabin
  turns:
    - calls:
        - {name: ask_person, arguments: {question: "Which cabin?"}, id: call_cabin}
        - {name: ask_person, arguments: {question: "Which deck?"}, id: call_deck}
    - {say: "Noted, {{tool}}."}
- when: look and ask
  turns:
    - calls:
        - {name: ask_person, arguments: {question: "Shall I?"}, id: call_shall}
        - {name: harbour_get_vessel, arguments: {vessel: fulmar}, id: call_vessel}
        - {name: bookings_get_booking, arguments: {booking_no: B-20417}, id: call_booking}
    - {say: "{{tool.data.customer}} it is."}
- when: two rounds of asking
  turns:
    - calls: [{name: ask_person, arguments: {question: one}, id: call_one}]
    - calls: [{name: ask_person, arguments: {question: two}, id: call_two}]
    - {say: "{{tool}}"}
"""
ASK: Any = {
    "type": "function",
    "function": {
        "name": "ask_person",
        "description": "Ask the person in front of the screen.",
        "parameters": {
            "type": "object",
            "properties": {"question": {"type": "string"}},
            "required": ["question"],
            "additionalProperties": False,
        },
    },
}


def pending(run: Any) -> list[tuple[str, str, dict[str, Any]]]:
    assert run.status == "requires_action", (run.status, run.last_error)
    calls = run.required_action.submit_tool_outputs.tool_calls
    return [(call.id, call.function.name, orjson.loads(call.function.arguments)) for call in calls]


def test_the_client_is_asked_and_its_outputs_reach_the_model(front_end: FrontEnd) -> None:
    thread = front_end.thread("Ask me which cabin")
    run = front_end.run(thread, front_end.assistant(tools=[ASK]))

    assert pending(run) == [
        ("call_cabin", "ask_person", {"question": "Which cabin?"}),
        ("call_deck", "ask_person", {"question": "Which deck?"}),
    ]
    (waiting,) = front_end.steps(run)
    assert waiting.status == "in_progress"
    assert [call.output for call in front_end.calls(run)] == [None, None]

    done = front_end.runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=thread,
        tool_outputs=[
            {"tool_call_id": "call_deck", "output": "deck 2"},
            {"tool_call_id": "call_cabin", "output": ""},
        ],
        poll_interval_ms=POLL,
    )
    assert front_end.answer(done) == "Noted, deck 2."
    assert done.required_action is None
    assert [(call.id, call.output) for call in front_end.calls(run)] == [
        ("call_cabin", ""),
        ("call_deck", "deck 2"),
    ]


def test_while_the_client_is_waited_for_the_thread_is_locked(front_end: FrontEnd) -> None:
    thread, assistant = front_end.thread("Ask me which cabin"), front_end.assistant(tools=[ASK])
    run = front_end.run(thread, assistant)
    refused = []
    for attempt in (
        lambda: front_end.client.beta.threads.messages.create(thread, role="user", content="x"),
        lambda: front_end.runs.create(thread_id=thread, assistant_id=assistant),
        lambda: front_end.runs.submit_tool_outputs(
            run.id,
            thread_id=thread,
            tool_outputs=[{"tool_call_id": "call_cabin", "output": "12"}],
        ),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            attempt()
        refused.append(caught.value.body["message"])  # type: ignore[index] # an envelope

    assert refused == [
        f"Can't add messages to {thread} while a run {run.id} is active.",
        f"Thread {thread} already has an active run {run.id}.",
        "Expected tool outputs for call_ids ['call_cabin', 'call_deck'], got ['call_cabin']",
    ]
    front_end.runs.cancel(run.id, thread_id=thread)
    assert front_end.end_of(run).status == "cancelled"
    front_end.client.beta.threads.messages.create(thread, role="user", content="free again")


def test_a_turn_with_both_kinds_of_calls_shows_the_client_only_its_own(
    front_end: FrontEnd,
) -> None:
    thread = front_end.thread("Look and ask")
    run = front_end.run(thread, front_end.assistant(tools=[ASK]))

    assert pending(run) == [("call_shall", "ask_person", {"question": "Shall I?"})]
    shall, vessel, booking = front_end.calls(run)
    assert shall.output is None
    assert vessel.data["berth"] == "Great Hollin"  # carried out before the client was asked
    assert booking.data["customer"] == "Fenna Copperthwaite"

    done = front_end.runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=thread,
        tool_outputs=[{"tool_call_id": "call_shall", "output": "yes"}],
        poll_interval_ms=POLL,
    )
    # the last output that the model read is that of its last call, not the one that came last
    assert front_end.answer(done) == "Fenna Copperthwaite it is."
    step, _ = front_end.steps(done)
    assert step.status == "completed"
    assert [call.id for call in front_end.calls(done)] == [
        "call_shall",
        "call_vessel",
        "call_booking",
    ]


def test_a_client_may_be_asked_several_times_in_one_run(front_end: FrontEnd) -> None:
    thread = front_end.thread("Two rounds of asking")
    run = front_end.run(thread, front_end.assistant(tools=[ASK]))
    for call_id, output in (("call_one", "1"), ("call_two", "2")):
        assert [each[0] for each in pending(run)] == [call_id]
        run = front_end.runs.submit_tool_outputs_and_poll(
            run_id=run.id,
            thread_id=thread,
            tool_outputs=[{"tool_call_id": call_id, "output": output}],
            poll_interval_ms=POLL,
        )

    assert front_end.answer(run) == "2"
    with pytest.raises(openai.BadRequestError) as late:
        front_end.runs.submit_tool_outputs(
            run.id, thread_id=thread, tool_outputs=[{"tool_call_id": "call_two", "output": "3"}]
        )
    assert 'Runs in status "completed" do not accept tool outputs.' in late.value.message


def test_of_eight_runs_that_are_started_at_once_on_a_thread_one_wins(front_end: FrontEnd) -> None:
    assistant, thread = front_end.assistant(tools=[ASK]), front_end.thread("Ask me which cabin")

    def attempt(_: int) -> Run | openai.BadRequestError:
        try:
            return front_end.start(thread, assistant)
        except openai.BadRequestError as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        came = list(pool.map(attempt, range(8)))

    (run,) = [each for each in came if isinstance(each, Run)]
    told = [each.body["message"] for each in came if isinstance(each, openai.BadRequestError)]  # type: ignore[index] # an envelope
    assert told == [f"Thread {thread} already has an active run {run.id}."] * 7
    assert [each.id for each in front_end.runs.list(thread)] == [run.id]
