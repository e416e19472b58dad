"""Two calls in one turn of the model are carried out at the same time, in one step."""

from __future__ import annotations

from .front_end import FrontEnd
from .workshop import Workshop

SCRIPT = """
- when: both gauges
  turns:
    - calls:
        - {name: workshop_read_gauge, arguments: {gauge: left tank}, id: call_left}
        - {name: workshop_read_gauge, arguments: {gauge: right tank}, id: call_right}
    - {say: Both at 7 bar.}
- when: netherby and the fulmar
  turns:
    - calls:
        - {name: hr_find_employees, arguments: {name: Netherby}}
        - {name: harbour_get_vessel, arguments: {vessel: fulmar}}
    - {say: "{{tool.data.name}}"}
"""


def test_two_calls_of_one_turn_are_under_way_together(
    front_end: FrontEnd, workshop: Workshop
) -> None:
    with workshop.holding("left tank") as left, workshop.holding("right tank") as right:
        thread = front_end.thread("Both gauges, please")
        run = front_end.start(thread, front_end.assistant())
        left.wait_entered()
        right.wait_entered()  # while the first one still waits
        right.release()  # the last is answered first
        left.release()
        run = front_end.end_of(run)

    assert front_end.answer(run) == "Both at 7 bar."
    step, _ = front_end.steps(run)
    assert step.status == "completed"
    first, second = front_end.calls(run)
    assert (first.id, first.data) == ("call_left", {"gauge": "left tank", "bar": 7})
    assert (second.id, second.data) == ("call_right", {"gauge": "right tank", "bar": 7})


def test_two_systems_are_asked_in_one_turn(front_end: FrontEnd) -> None:
    run = front_end.ask("Netherby and the Fulmar")

    assert front_end.answer(run) == "Fulmar"
    people, vessel = front_end.calls(run)
    assert "1042" in [one["EmpNo"] for one in people.data["Employee"]]
    assert vessel.data["berth"] == "Great Hollin"
    assert len(front_end.steps(run)) == 2
