"""kill -9 in the middle of calls: the next start goes on, repeats what is safe, and is honest about the rest.

One gateway is killed once, with four runs in four states; each journey looks at what became of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from openai.types.beta.threads import Run

from .front_end import FrontEnd, text_of, until
from .gateway import POLL, Deployment, Gateway
from .test_client_side_functions import ASK
from .workshop import ADAPTER, Workshop, open_workshop

RULES = """
rules:
  - when: read and order
    turns:
      - calls:
          - {name: workshop_read_gauge, arguments: {gauge: slow gauge}, id: call_read}
          - {name: workshop_place_order, arguments: {part: slow part}, id: call_write}
      - {say: "{{tool.outcome}}: {{tool.next}}"}
  - when: read first
    turns:
      - calls:
          - {name: workshop_read_gauge, arguments: {gauge: quick gauge}}
          - {name: workshop_place_order, arguments: {part: another slow part}}
      - {say: "{{tool.outcome}}"}
  - {when: half said, turns: [[{say: "Once upon "}, HANG, {say: a time.}]]}
  - when: ask first
    turns:
      - calls: [{name: ask_person, arguments: {question: "?"}, id: call_ask}]
      - {say: "Thank you for {{tool}}."}
"""


@dataclass(frozen=True)
class Aftermath:
    """The gateway after its kill and restart, and the runs as they were before it."""

    front_end: FrontEnd
    workshop: Workshop
    both_open: Run
    read_done: Run
    half_said: Run
    waiting: Run


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    with open_workshop() as workshop:
        yard = Deployment.write(
            tmp_path_factory.mktemp("yard"),
            own={"workshop.yaml": ADAPTER},
            script=RULES.replace("HANG", "{hang: true}"),
            environ={"WORKSHOP_URL": workshop.url},
        )
        before = killed_with_four_runs(yard, workshop)
        script = yard.folder / "config/script.yaml"
        script.write_text(RULES.replace("HANG, ", ""))  # the model answers this time
        with yard.serving() as gateway, gateway.client() as client:
            yield Aftermath(FrontEnd(client), workshop, *before)
        gateway.assert_nothing_broke()


def killed_with_four_runs(yard: Deployment, workshop: Workshop) -> tuple[Run, Run, Run, Run]:
    with (
        workshop.holding("slow gauge") as reading,
        workshop.holding("slow part") as ordering,
        workshop.holding("another slow part") as ordering_too,
        yard.serving() as gateway,
        gateway.client() as client,
    ):
        front_end = FrontEnd(client)
        assistant = front_end.assistant(tools=[ASK])
        both_open = front_end.start(front_end.thread("read and order"), assistant)
        waiting = front_end.run(front_end.thread("ask first"), assistant)
        read_done = started_until(gateway, front_end, "read first", assistant, '\\"bar\\":7')
        half_said = started_until(gateway, front_end, "half said", assistant, "Once upon ")
        # a client may be told something a moment before it is stored
        until(lambda: front_end.calls(read_done)[0].output is not None, "the output is stored")
        until(lambda: len(front_end.messages(half_said.thread_id)) > 1, "its message is stored")
        for hold in (reading, ordering, ordering_too):
            hold.wait_entered()
        assert waiting.status == "requires_action"
        gateway.kill()
        for hold in (reading, ordering, ordering_too):
            hold.wait_dropped()
    return both_open, read_done, half_said, waiting


def started_until(
    gateway: Gateway, front_end: FrontEnd, text: str, assistant: str, told: str
) -> Run:
    """A run whose stream has told something."""
    body = {"assistant_id": assistant, "stream": True}
    thread = front_end.thread(text)
    with (
        gateway.http() as http,
        http.stream("POST", f"/v1/threads/{thread}/runs", json=body) as response,
    ):
        assert any(told in line for line in response.iter_lines())
    (run,) = front_end.runs.list(thread)
    return run


def test_a_read_is_repeated_and_a_write_is_not(aftermath: Aftermath) -> None:
    front_end = aftermath.front_end
    done = front_end.end_of(aftermath.both_open)  # nobody asked it to go on

    read, write = front_end.calls(done)
    assert aftermath.workshop.calls["slow gauge"] == 2
    assert aftermath.workshop.calls["slow part"] == 1
    assert (read.id, read.data) == ("call_read", {"gauge": "slow gauge", "bar": 7})
    assert write.id == "call_write"
    assert write.outcome["outcome"] == "indeterminate"
    assert "was not sent again" in write.outcome["message"]
    assert "workshop_read_gauge" in write.outcome["hint"]  # how to find out
    answer = front_end.answer(done)
    assert answer.startswith("indeterminate: It may or may not have happened.")


def test_a_read_that_had_its_output_is_not_repeated(aftermath: Aftermath) -> None:
    front_end = aftermath.front_end
    done = front_end.end_of(aftermath.read_done)

    read, write = front_end.calls(done)
    assert front_end.answer(done) == "indeterminate"
    assert aftermath.workshop.calls["quick gauge"] == 1
    assert aftermath.workshop.calls["another slow part"] == 1
    assert read.data == {"gauge": "quick gauge", "bar": 7}
    assert write.outcome["outcome"] == "indeterminate"


def test_a_message_that_was_half_said_is_closed_and_said_again(aftermath: Aftermath) -> None:
    front_end = aftermath.front_end
    done = front_end.end_of(aftermath.half_said)

    assert front_end.answer(done) == "Once upon a time."
    _, half, whole = front_end.messages(done.thread_id)
    assert (half.status, whole.status) == ("incomplete", "completed")
    assert "Once upon ".startswith(text_of(half) if half.content else "")
    assert [step.status for step in front_end.steps(done)] == ["failed", "completed"]


def test_a_run_that_waited_for_its_client_still_waits(aftermath: Aftermath) -> None:
    front_end = aftermath.front_end
    waiting = front_end.now(aftermath.waiting)
    assert waiting.status == "requires_action"
    assert waiting.required_action == aftermath.waiting.required_action

    done = front_end.runs.submit_tool_outputs_and_poll(
        run_id=waiting.id,
        thread_id=waiting.thread_id,
        tool_outputs=[{"tool_call_id": "call_ask", "output": "waiting"}],
        poll_interval_ms=POLL,
    )

    assert front_end.answer(done) == "Thank you for waiting."
