"""Streams: every event in the order of the contract, and deltas that add up to the final objects."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from openai import AssistantEventHandler
from openai.types.beta.threads.runs import RunStep

from .front_end import FrontEnd, calls_of, text_of
from .gateway import Gateway
from .test_client_side_functions import ASK

SCRIPT = """
- when: stream with both kinds
  turns:
    - - {say: "Let me "}
      - {say: "see. "}
      - calls:
          - {name: harbour_get_vessel, arguments: {vessel: fulmar}, id: call_vessel, pieces: 3}
          - {name: stores_get_part, arguments: {part_no: "104200"}, id: call_part, pieces: 2}
    - calls: [{name: ask_person, arguments: {question: "Sure?"}, id: call_sure, pieces: 2}]
    - [{say: "The Fulmar "}, {say: "lies at "}, {say: "Great Hollin."}]
- when: stream a plain answer
  turns: [[{say: "Once, "}, {say: "twice, "}, {say: "ö, 漢, 👍."}]]
- when: stream and break
  turns: [[{say: Half}, {error: {message: out of memory}}]]
"""


class Recorder(AssistantEventHandler):
    """Adds deltas up by itself, beside the client library's own sums."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.texts: defaultdict[str, str] = defaultdict(str)
        self.arguments: defaultdict[str, str] = defaultdict(str)
        self.completed: dict[str, Any] = {}
        self.snapshots: dict[str, str] = {}
        self._call_at: dict[tuple[str, int], str] = {}

    def on_event(self, event: Any) -> None:
        self.names.append(event.event.removeprefix("thread."))
        match event.event:
            case "thread.message.delta":
                for part in event.data.delta.content:
                    self.texts[event.data.id] += part.text.value
            case "thread.run.step.delta":
                for call in event.data.delta.step_details.tool_calls:
                    key = (event.data.id, call.index)
                    if call.id is not None:
                        assert key not in self._call_at, "the id came twice"
                        self._call_at[key] = call.id
                    self.arguments[self._call_at[key]] += call.function.arguments or ""
            case "thread.message.completed" | "thread.run.step.completed":
                self.completed[event.data.id] = event.data

    def on_text_done(self, text: Any) -> None:
        self.snapshots[text.value] = text.value

    def compare(self) -> None:
        """What was added up is what was announced as final."""
        for message_id, text in self.texts.items():
            assert text_of(self.completed[message_id]) == text
            assert self.snapshots[text] == text
        steps = [each for each in self.completed.values() if isinstance(each, RunStep)]
        calls = {call.id: call for step in steps for call in calls_of(step)}
        assert {call_id: call.arguments for call_id, call in calls.items()} == dict(self.arguments)


def test_a_plain_answer_tells_every_event_in_order(front_end: FrontEnd, gateway: Gateway) -> None:
    with gateway.http() as http:
        body = {
            "assistant_id": front_end.assistant(),
            "thread": {"messages": [{"role": "user", "content": "Stream a plain answer"}]},
            "stream": True,
        }
        text = http.post("/v1/threads/runs", json=body).text

    frames = [frame.split("\n") for frame in text.removesuffix("\n\n").split("\n\n")]
    assert [frame[0] for frame in frames] == [
        f"event: {name}"
        for name in (
            "thread.created",
            "thread.run.created",
            "thread.run.queued",
            "thread.run.in_progress",
            "thread.run.step.created",
            "thread.run.step.in_progress",
            "thread.message.created",
            "thread.message.in_progress",
            "thread.message.delta",
            "thread.message.delta",
            "thread.message.delta",
            "thread.message.completed",
            "thread.run.step.completed",
            "thread.run.completed",
            "done",
        )
    ]
    assert frames[-1] == ["event: done", "data: [DONE]"]


def test_server_side_calls_the_clients_call_and_the_answer_are_streamed(
    front_end: FrontEnd,
) -> None:
    thread = front_end.thread("Stream with both kinds")
    first, second = Recorder(), Recorder()
    with front_end.runs.stream(
        thread_id=thread, assistant_id=front_end.assistant(tools=[ASK]), event_handler=first
    ) as stream:
        stream.until_done()
        run = stream.current_run
        summed_up = {step.id: calls_of(step) for step in stream.get_final_run_steps()}
    assert run is not None
    assert run.status == "requires_action"
    with front_end.runs.submit_tool_outputs_stream(
        run_id=run.id,
        thread_id=thread,
        tool_outputs=[{"tool_call_id": "call_sure", "output": "yes"}],
        event_handler=second,
    ) as stream:
        stream.until_done()
        final_messages = stream.get_final_messages()

    assert first.names == [
        "run.created",
        "run.queued",
        "run.in_progress",
        "run.step.created",
        "run.step.in_progress",
        "message.created",
        "message.in_progress",
        "message.delta",
        "message.delta",
        "message.completed",
        "run.step.completed",
        "run.step.created",
        "run.step.in_progress",
        *["run.step.delta"] * 7,  # each call, and then the pieces of its arguments
        *["run.step.delta"] * 2,  # their outputs
        "run.step.completed",
        "run.step.created",
        "run.step.in_progress",
        *["run.step.delta"] * 3,
        "run.requires_action",
    ]
    assert second.names == [
        "run.step.completed",
        "run.queued",
        "run.in_progress",
        "run.step.created",
        "run.step.in_progress",
        "message.created",
        "message.in_progress",
        *["message.delta"] * 3,
        "message.completed",
        "run.step.completed",
        "run.completed",
    ]
    first.completed |= second.completed
    first.texts |= second.texts
    first.snapshots |= second.snapshots
    first.compare()
    assert [text_of(message) for message in final_messages] == ["The Fulmar lies at Great Hollin."]
    # what the client library summed up, and what the stream told, is what can be read afterwards
    stored = {step.id: step for step in front_end.steps(run)}
    for step_id, calls in summed_up.items():
        for call in calls:
            (same,) = [each for each in calls_of(stored[step_id]) if each.id == call.id]
            assert call == (same if call.id != "call_sure" else replace(same, output=None))
    for step in first.completed.values():
        if isinstance(step, RunStep):
            assert step.model_dump() == stored[step.id].model_dump()


def test_texts_of_any_script_arrive_unbroken(front_end: FrontEnd) -> None:
    recorder = Recorder()
    with front_end.runs.stream(
        thread_id=front_end.thread("Stream a plain answer"),
        assistant_id=front_end.assistant(),
        event_handler=recorder,
    ) as stream:
        stream.until_done()

    recorder.compare()
    assert list(recorder.texts.values()) == ["Once, twice, ö, 漢, 👍."]


def test_a_model_that_breaks_off_ends_the_stream_with_its_reason(front_end: FrontEnd) -> None:
    recorder = Recorder()
    thread = front_end.thread("Stream and break")
    with front_end.runs.stream(
        thread_id=thread, assistant_id=front_end.assistant(), event_handler=recorder
    ) as stream:
        stream.until_done()
        run = stream.current_run

    assert recorder.names[-3:] == ["message.incomplete", "run.step.failed", "run.failed"]
    assert run is not None
    assert run.last_error is not None
    assert (run.last_error.code, run.last_error.message) == ("server_error", "out of memory")
    assert text_of(front_end.messages(thread)[-1]) == "Half"
