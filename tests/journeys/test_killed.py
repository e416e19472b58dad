"""kill -9 in the middle of calls: the next start goes on, repeats what is safe, and is honest about the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from .front_end import FrontEnd
from .gateway import Deployment
from .test_client_side_functions import ASK
from .workshop import ADAPTER, Workshop

RULES = """
rules:
  - when: gauge and order
    turns:
      - calls:
          - {name: workshop_read_gauge, arguments: {gauge: "GAUGE"}, id: call_read}
          - {name: workshop_place_order, arguments: {part: "PART"}, id: call_write}
      - {say: "{{tool.outcome}}: {{tool.next}}"}
  - {when: half said, turns: [[{say: "Once upon "}, {hang: true}]]}
  - when: ask first
    turns:
      - calls: [{name: ask_person, arguments: {question: "?"}, id: call_ask}]
      - {say: "Thank you for {{tool}}."}
  - {when: hello, turns: [{say: Hello.}]}
"""


@pytest.fixture
def yard(tmp_path: Path, workshop: Workshop) -> Deployment:
    """Its own store; the names of gauge and part are this test's own."""
    script = RULES.replace("GAUGE", f"gauge of {tmp_path.name}").replace(
        "PART", f"part of {tmp_path.name}"
    )
    return Deployment.write(
        tmp_path,
        own={"workshop.yaml": ADAPTER},
        script=script,
        environ={"WORKSHOP_URL": workshop.url},
    )


def test_a_run_goes_on_after_a_kill_in_the_middle_of_a_read_and_a_write(
    yard: Deployment, workshop: Workshop
) -> None:
    gauge, part = f"gauge of {yard.folder.name}", f"part of {yard.folder.name}"
    with (
        workshop.holding(gauge) as reading,
        workshop.holding(part) as ordering,
        yard.serving() as gateway,
        gateway.client() as client,
    ):
        front_end = FrontEnd(client)
        thread = front_end.thread("gauge and order")
        run = front_end.start(thread, front_end.assistant())
        reading.wait_entered()
        ordering.wait_entered()
        gateway.kill()
        reading.wait_dropped()
        ordering.wait_dropped()

    with yard.serving() as again, again.client() as client:
        front_end = FrontEnd(client)
        done = front_end.end_of(run)  # nobody asked it to go on
        answer = front_end.answer(done)
        read, write = front_end.calls(done)
    again.assert_nothing_broke()

    assert (workshop.calls[gauge], workshop.calls[part]) == (2, 1)
    assert read.data == {"gauge": gauge, "bar": 7}
    assert write.outcome["outcome"] == "indeterminate"
    assert "was not sent again" in write.outcome["message"]
    assert "workshop_read_gauge" in write.outcome["hint"]  # how to find out
    assert answer.startswith("indeterminate: It may or may not have happened.")
    assert [call.id for call in (read, write)] == ["call_read", "call_write"]


def test_a_read_that_had_its_output_is_not_repeated(yard: Deployment, workshop: Workshop) -> None:
    gauge, part = f"gauge of {yard.folder.name}", f"part of {yard.folder.name}"
    with workshop.holding(part) as ordering, yard.serving() as gateway, gateway.client() as client:
        front_end = FrontEnd(client)
        thread = front_end.thread("gauge and order")
        with front_end.runs.stream(thread_id=thread, assistant_id=front_end.assistant()) as stream:
            for event in stream:  # until the output of the read is told
                if event.event == "thread.run.step.delta" and "bar" in event.model_dump_json():
                    break
            run = stream.current_run
            ordering.wait_entered()
            assert run is not None
            assert front_end.calls(run)[0].output is not None  # stored, so it survives
            gateway.kill()

    with yard.serving() as again, again.client() as client:
        front_end = FrontEnd(client)
        done = front_end.end_of(run)
        read, write = front_end.calls(done)
    again.assert_nothing_broke()

    assert done.status == "completed"
    assert (workshop.calls[gauge], workshop.calls[part]) == (1, 1)
    assert read.data == {"gauge": gauge, "bar": 7}
    assert write.outcome["outcome"] == "indeterminate"


def test_what_waited_still_waits_and_what_was_half_said_is_closed(yard: Deployment) -> None:
    with yard.serving() as gateway, gateway.client() as client:
        front_end = FrontEnd(client)
        assistant = front_end.assistant(tools=[ASK])
        waiting = front_end.run(front_end.thread("ask first"), assistant)
        assert waiting.status == "requires_action"
        thread = front_end.thread("half said")
        with front_end.runs.stream(thread_id=thread, assistant_id=assistant) as stream:
            for event in stream:
                if event.event == "thread.message.delta":
                    break
            speaking = stream.current_run
        assert speaking is not None
        gateway.kill()

    with yard.serving() as again, again.client() as client:
        front_end = FrontEnd(client)
        done = front_end.runs.submit_tool_outputs_and_poll(
            run_id=waiting.id,
            thread_id=waiting.thread_id,
            tool_outputs=[{"tool_call_id": "call_ask", "output": "waiting"}],
            poll_interval_ms=20,
        )
        assert front_end.answer(done) == "Thank you for waiting."
        # the model speaks again, from the start, in a message of its own, and is cancelled
        front_end.runs.cancel(speaking.id, thread_id=thread)
        assert front_end.end_of(speaking).status == "cancelled"
        front_end.client.beta.threads.messages.create(thread, role="user", content="hello")
        assert front_end.answer(front_end.run(thread, assistant)) == "Hello."
        statuses = [message.status for message in front_end.messages(thread)]
    again.assert_nothing_broke()

    assert statuses[0] == statuses[-1] == "completed"
    assert set(statuses[1:-2]) <= {"incomplete"}
