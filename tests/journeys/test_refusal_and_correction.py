"""What a model got wrong is told to it, all at once and with what would be right; the run goes on."""

from __future__ import annotations

from .front_end import FrontEnd

SCRIPT = """
- when: leave for Netherby in five wrong ways
  turns:
    - calls:
        - name: hr_request_leave
          arguments: {emp_no: "42", kind: holiday, first_day: soon, reason: sun, note: [x]}
    - calls:
        - name: hr_request_leave
          arguments:
            {emp_no: "1042", kind: unpaid, first_day: "2031-03-03", last_day: "2031-03-04"}
    - {say: "Entered as {{tool.data.Leave.LeaveId}}."}
- when: sink the fulmar
  turns:
    - calls: [{name: harbour_sink_vessel, arguments: {vessel: fulmar}}]
    - {say: I cannot do that.}
- when: broken json
  turns:
    - calls: [{name: harbour_get_vessel, arguments: '{"vessel": "fulm'}]
    - calls: [{name: harbour_get_vessel, arguments: '["fulmar"]'}]
    - calls: [{name: harbour_get_vessel, arguments: '{"vessel": "fulmar"}'}]
    - {say: "{{tool.data.berth}}"}
- when: outside its toolset
  turns:
    - calls: [{name: bookings_cancel_booking, arguments: {booking_no: B-20417}}]
    - {say: I may only look.}
"""


def test_five_wrong_arguments_are_named_together_and_then_corrected(front_end: FrontEnd) -> None:
    run = front_end.ask("Leave for Netherby in five wrong ways")

    wrong, right = front_end.calls(run)
    assert wrong.outcome["outcome"] == "refused"
    assert wrong.outcome["code"] == "invalid_arguments"
    problems = {each["argument"]: each["message"] for each in wrong.outcome["problems"]}
    assert problems == {
        "emp_no": (
            'the text "42" does not match ^(?:[1-9][0-9]{3})$. '
            "It means: Personnel number: four digits, as printed on the crew card."
        ),
        "kind": (
            'the text "holiday" is not allowed. Allowed: "annual", "training", "parental", "unpaid". '
            "It means: annual: Paid holiday; taken off the balance."
        ),
        "first_day": (
            'the text "soon" is not a date. Write it as year-month-day, such as "2026-03-31".'
        ),
        "last_day": "This argument is missing. It is a text.",
        "note": "a list of 1 is given where a text belongs.",
        "reason": (
            "There is no such argument. "
            "Arguments here: `emp_no`, `kind`, `first_day`, `last_day`, `note`."
        ),
    }
    assert right.outcome["outcome"] == "succeeded", right.output
    leave = right.data["Leave"]
    leave_id = leave.pop("LeaveId")
    assert leave == {
        "EmpNo": "1042",
        "Kind": "unpaid",
        "FirstDay": "2031-03-03",
        "LastDay": "2031-03-04",
        "Days": 2,
        "State": "requested",
        "EnteredBy": "duty-manager",
    }
    assert front_end.answer(run) == f"Entered as {leave_id}."


def test_an_invented_function_is_answered_and_the_run_goes_on(front_end: FrontEnd) -> None:
    run = front_end.ask("Sink the Fulmar")

    assert front_end.answer(run) == "I cannot do that."
    (call,) = front_end.calls(run)
    assert call.outcome["code"] == "unknown_function"
    assert "Did you mean `harbour_get_vessel`" in call.outcome["message"]


def test_arguments_that_are_no_json_object_are_refused_until_they_are_one(
    front_end: FrontEnd,
) -> None:
    run = front_end.ask("Broken JSON")

    assert front_end.answer(run) == "Great Hollin"
    broken, listed, right = front_end.calls(run)
    assert broken.arguments == '{"vessel": "fulm'
    assert broken.outcome["code"] == listed.outcome["code"] == "invalid_json"
    assert right.outcome["outcome"] == "succeeded"


def test_a_function_outside_the_toolset_is_refused_and_not_carried_out(
    front_end: FrontEnd,
) -> None:
    run = front_end.ask("Outside its toolset", toolset="looking")

    (call,) = front_end.calls(run)
    assert front_end.answer(run) == "I may only look."
    assert (call.outcome["outcome"], call.outcome["code"]) == ("refused", "unknown_function")
