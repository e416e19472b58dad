"""Cancel stops the work in the backend at once, lets go of the thread, and is final."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path

from openai.types.beta.threads import Run

from .front_end import FrontEnd, text_of, until
from .gateway import EXAMPLES
from .workshop import Workshop

SCRIPT = """
- when: a gauge that takes ages
  turns:
    - calls: [{name: workshop_read_gauge, arguments: {gauge: ages}}]
    - {say: This must never be said.}
- when: an order that takes ages
  turns:
    - calls: [{name: workshop_place_order, arguments: {part: anchor that takes ages}}]
    - {say: This must never be said.}
- when: never mind
  turns: [{say: All right.}]
- when: say one word and hang
  turns: [[{say: Well}, {hang: true}]]
- when: a slow soap call
  turns: [{calls: [{name: slow_hr_get_employee, arguments: {emp_no: "1042"}}]}]
- when: a slow query
  turns: [{calls: [{name: slow_bookings_count, arguments: {}}]}]
- when: /slow_program.pid
  turns: [{calls: [{name: slow_stores_wait, arguments: {file: "{{user}}"}}]}]
- when: are the bookings still there
  turns:
    - calls: [{name: bookings_get_booking, arguments: {booking_no: B-20417}}]
    - {say: "{{tool.data.customer}}"}
"""
AT_ONCE = 1.0
"""Seconds; measured 7 to 35 ms."""

ADAPTERS = {
    "slow_hr.yaml": f"""\
adapter: slow_hr
description: The crew office on a bad day.
backend:
  kind: soap
  wsdl: {EXAMPLES}/wsdl/personnel.wsdl
  endpoint: "${{WORKSHOP_URL}}/hr"
functions:
  get_employee:
    operation: GetEmployee
    description: Show one person.
    parameters: {{emp_no: {{to: EmpNo}}}}
""",
    "slow_bookings.yaml": """\
adapter: slow_bookings
description: A question that no index answers.
backend: {kind: sql, url: "${DEMO_BOOKINGS_URL}"}
functions:
  count:
    description: Count for a long time.
    sql: >-
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000000000)
      select count(*) as total from n
""",
    "slow_stores.yaml": """\
adapter: slow_stores
description: A program that waits for somebody.
backend: {kind: command, program: [sh, -c, 'echo $$$$ > "$$1"; exec sleep 600', sh]}
functions:
  wait:
    description: Write the number of the process into a file, and wait.
    argv: ["{file}"]
    parameters: {file: {type: string, description: "A path."}}
    stdout: text
""",
}


def test_a_slow_read_is_given_up_at_once_and_its_late_answer_changes_nothing(
    front_end: FrontEnd, workshop: Workshop
) -> None:
    thread, assistant = front_end.thread("A gauge that takes ages"), front_end.assistant()
    with workshop.holding("ages") as hold:
        run = front_end.start(thread, assistant)
        hold.wait_entered()
        asked = time.monotonic()
        cancelling = front_end.runs.cancel(run.id, thread_id=thread)
        hold.wait_dropped(AT_ONCE)
        ended = front_end.end_of(run)
        took = time.monotonic() - asked
        hold.release()  # the service answers now, to nobody

    assert cancelling.status == "cancelling"
    assert ended.status == "cancelled"
    assert took < AT_ONCE, took
    front_end.client.beta.threads.messages.create(thread, role="user", content="Never mind")
    assert front_end.answer(front_end.run(thread, assistant)) == "All right."
    after = front_end.now(run)
    assert (after.status, after.completed_at) == ("cancelled", None)
    assert after.cancelled_at is not None
    (step,) = front_end.steps(run)
    assert (step.status, step.cancelled_at is not None) == ("cancelled", True)
    assert [text_of(message) for message in front_end.messages(thread)] == [
        "A gauge that takes ages",
        "Never mind",
        "All right.",
    ]


def test_a_change_that_was_sent_is_given_up_as_well_and_not_sent_again(
    front_end: FrontEnd, workshop: Workshop
) -> None:
    thread = front_end.thread("An order that takes ages")
    with workshop.holding("anchor that takes ages") as hold:
        run = front_end.start(thread, front_end.assistant())
        hold.wait_entered()
        front_end.runs.cancel(run.id, thread_id=thread)
        hold.wait_dropped(AT_ONCE)
        ended = front_end.end_of(run)

    assert ended.status == "cancelled"
    assert workshop.calls["anchor that takes ages"] == 1


def test_a_model_that_speaks_is_interrupted_and_its_half_message_kept_as_that(
    front_end: FrontEnd,
) -> None:
    thread = front_end.thread("Say one word and hang")
    names: list[str] = []
    with front_end.runs.stream(thread_id=thread, assistant_id=front_end.assistant()) as stream:
        for event in stream:
            names.append(event.event)
            if event.event == "thread.message.delta":
                assert stream.current_run is not None
                front_end.runs.cancel(stream.current_run.id, thread_id=thread)

    assert names[-4:] == [
        "thread.run.cancelling",
        "thread.message.incomplete",
        "thread.run.step.cancelled",
        "thread.run.cancelled",
    ]
    _, half = front_end.messages(thread)
    assert (text_of(half), half.status) == ("Well", "incomplete")
    assert half.incomplete_details is not None
    assert half.incomplete_details.reason == "run_cancelled"


def cancelled(front_end: FrontEnd, run: Run) -> float:
    """Seconds from the wish to the end of the run."""
    asked = time.monotonic()
    front_end.runs.cancel(run.id, thread_id=run.thread_id)
    assert front_end.end_of(run).status == "cancelled"
    return time.monotonic() - asked


def test_a_soap_call_is_given_up(front_end: FrontEnd, workshop: Workshop) -> None:
    with workshop.holding("a SOAP call") as hold:
        run = front_end.start(front_end.thread("A slow SOAP call"), front_end.assistant())
        hold.wait_entered()

        assert cancelled(front_end, run) < AT_ONCE
        hold.wait_dropped(AT_ONCE)


def test_a_program_is_ended(front_end: FrontEnd, tmp_path: Path) -> None:
    pipe = tmp_path / "slow_program.pid"
    os.mkfifo(pipe)
    run = front_end.start(front_end.thread(str(pipe)), front_end.assistant())
    process = os.pidfd_open(int(pipe.read_text()))  # waits until the program writes its number
    try:
        assert cancelled(front_end, run) < AT_ONCE
        ended, _, _ = select.select([process], [], [], AT_ONCE)
    finally:
        os.close(process)

    assert ended, "the program still runs"


def test_a_query_is_interrupted_and_the_database_is_free_again(front_end: FrontEnd) -> None:
    run = front_end.start(front_end.thread("A slow query"), front_end.assistant())
    until(lambda: bool(front_end.calls(run)), "the query begins")

    assert cancelled(front_end, run) < AT_ONCE
    assert front_end.answer(front_end.ask("Are the bookings still there?")) == "Fenna Copperthwaite"
