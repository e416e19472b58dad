"""The state table by itself, and what the end of a run does to its steps and messages."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from doubles import ANNA
from drawbar.kernel.values import JsonObject
from drawbar.runs import states
from drawbar.runs.objects import text_part
from drawbar.store.records import Message, Run, RunStatus, Step

REASON: JsonObject = {"code": "server_error", "message": "no"}


def a_run() -> Run:
    return Run("run_1", 1, "thread_1", "asst_1", ANNA, "queued", "m", "", [], (), expires_at=601)


def a_step(status: str = "in_progress") -> Step:
    details: JsonObject = {"type": "tool_calls", "tool_calls": []}
    step = Step("step_1", 1, "thread_1", "run_1", "asst_1", 1, "tool_calls", "in_progress", details)
    return step if status == "in_progress" else replace(step, status="completed")


class Life(RuleBasedStateMachine):
    """Any triggers in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.run = a_run()
        self.ended: Run | None = None

    @rule(trigger=st.sampled_from(get_args(states.Trigger)))
    def happen(self, trigger: states.Trigger) -> None:
        if (self.run.status, trigger) in states.TABLE:
            self.run = self.after(trigger)
        else:
            with pytest.raises(
                states.ImpossibleError, match=f"a run that is {self.run.status} cannot {trigger}"
            ):
                self.after(trigger)

    def after(self, trigger: states.Trigger) -> Run:
        match trigger:
            case "start":
                return states.start(self.run, 2)
            case "park":
                return states.park(self.run, {"type": "submit_tool_outputs"})
            case "answer":
                return states.answer(self.run)
            case "cancel":
                return states.cancel(self.run)
            case "finish" | "exhaust" | "fail" | "stop" | "expire":
                return states.end(self.run, trigger, 3, reason=REASON)

    @precondition(lambda self: self.run.status in states.TERMINAL)
    @invariant()
    def nothing_leaves_a_terminal_state(self) -> None:
        self.ended = self.ended or self.run
        assert self.run == self.ended
        assert not any(status == self.run.status for status, _ in states.TABLE)

    @invariant()
    def fields_fit_the_state(self) -> None:
        run = self.run
        assert (run.required_action is not None) == (run.status == "requires_action")
        assert (run.completed_at is not None) == (run.status in {"completed", "incomplete"})
        assert (run.failed_at is not None) == (run.status == "failed")
        assert (run.cancelled_at is not None) == (run.status == "cancelled")
        assert (run.last_error is not None) == (run.status == "failed")
        assert (run.incomplete_details is not None) == (run.status == "incomplete")
        assert run.started_at in {None, 2}
        if run.status not in states.TERMINAL:
            assert run.expires_at == 601


TestLife = Life.TestCase


@pytest.mark.parametrize("status", sorted(get_args(RunStatus)))
def test_every_state_is_in_the_table_or_terminal(status: RunStatus) -> None:
    assert (status in states.TERMINAL) != any(status == known for known, _ in states.TABLE)


@pytest.mark.parametrize(
    ("run_status", "step_status", "message_reason"),
    [
        ("completed", "completed", None),
        ("incomplete", "completed", "max_tokens"),
        ("failed", "failed", "run_failed"),
        ("cancelled", "cancelled", "run_cancelled"),
        ("expired", "expired", "run_expired"),
    ],
)
def test_every_end_closes_open_steps_and_messages(
    run_status: RunStatus, step_status: str, message_reason: str | None
) -> None:
    message = Message(
        "msg_1", 1, "thread_1", "assistant", [text_part("half")], status="in_progress"
    )

    step = states.end_step(a_step(), run_status, 9, error=REASON)
    ended = states.end_message(message, run_status, 9)

    assert step.status == step_status
    assert getattr(step, f"{step_status}_at") == 9
    assert step.last_error == (REASON if step_status == "failed" else None)
    assert step.usage == states.no_usage()
    if message_reason is None:
        assert ended == replace(message, status="completed", completed_at=9)
    else:
        details: JsonObject = {"reason": message_reason}
        assert ended == replace(
            message, status="incomplete", incomplete_at=9, incomplete_details=details
        )


def test_each_start_raises_the_epoch_and_keeps_the_first_starting_time() -> None:
    first = states.start(a_run(), 5)
    second = states.start(first, 7)

    assert (first.epoch, second.epoch) == (1, 2)
    assert second.started_at == 5


def test_a_step_knows_two_error_codes_only() -> None:
    prompt: JsonObject = {"code": "invalid_prompt", "message": "no"}

    assert states.step_error(prompt) == {"code": "server_error", "message": "no"}
    assert states.step_error(None)["code"] == "server_error"
    limited: JsonObject = {"code": "rate_limit_exceeded", "message": "no"}
    assert states.step_error(limited) == limited
