"""The state table of a run (contract 6): pure, so it is tested by itself.

A trigger is what happened; the table says which state follows. What is not in the table cannot happen:
no state follows a terminal one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from drawbar.kernel.values import JsonObject
from drawbar.store.records import Message, Run, RunStatus, Step, changed

Trigger = Literal[
    "start", "park", "answer", "finish", "exhaust", "fail", "cancel", "stop", "expire"
]
"""What happens to a run.

* start    a worker begins with it, or takes it up again
* park     the model called functions of the client
* answer   the client handed in all outputs
* finish   the model has answered
* exhaust  a token budget is used up
* fail     it cannot go on
* cancel   somebody asked for its end
* stop     what it was doing has been stopped
* expire   its time is over
"""

Ending = Literal["finish", "exhaust", "fail", "stop", "expire"]

TABLE: Mapping[tuple[RunStatus, Trigger], RunStatus] = {
    ("queued", "start"): "in_progress",
    ("queued", "fail"): "failed",
    ("queued", "cancel"): "cancelling",
    ("queued", "expire"): "expired",
    ("in_progress", "start"): "in_progress",
    ("in_progress", "park"): "requires_action",
    ("in_progress", "finish"): "completed",
    ("in_progress", "exhaust"): "incomplete",
    ("in_progress", "fail"): "failed",
    ("in_progress", "cancel"): "cancelling",
    ("in_progress", "expire"): "expired",
    ("requires_action", "answer"): "queued",
    ("requires_action", "cancel"): "cancelling",
    ("requires_action", "expire"): "expired",
    ("cancelling", "stop"): "cancelled",
}

TERMINAL: frozenset[RunStatus] = frozenset(
    {"completed", "incomplete", "failed", "cancelled", "expired"}
)
ENDS_STREAM = frozenset(f"thread.run.{status}" for status in {*TERMINAL, "requires_action"})
"""Names of the events after which a stream is over."""

_STEP_ENDS: Mapping[RunStatus, Literal["completed", "failed", "cancelled", "expired"]] = {
    "completed": "completed",
    "incomplete": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
}
_MESSAGE_ENDS: Mapping[RunStatus, str] = {
    "incomplete": "max_tokens",
    "failed": "run_failed",
    "cancelled": "run_cancelled",
    "expired": "run_expired",
}


class ImpossibleError(Exception):
    """A trigger that means nothing in this state."""


def follow_up(status: RunStatus, trigger: Trigger) -> RunStatus:
    """The state after `trigger`; raises ImpossibleError."""
    try:
        return TABLE[status, trigger]
    except KeyError:
        message = f"a run that is {status} cannot {trigger}"
        raise ImpossibleError(message) from None


def start(run: Run, now: int) -> Run:
    """Raises the epoch, which ends the say of whoever worked on the run before."""
    return changed(
        run,
        status=follow_up(run.status, "start"),
        epoch=run.epoch + 1,
        started_at=run.started_at or now,
    )


def park(run: Run, required_action: JsonObject) -> Run:
    return changed(run, status=follow_up(run.status, "park"), required_action=required_action)


def answer(run: Run) -> Run:
    return changed(run, status=follow_up(run.status, "answer"), required_action=None)


def cancel(run: Run) -> Run:
    return changed(
        run,
        status=follow_up(run.status, "cancel"),
        required_action=None,
        cancel_requested=True,
    )


def end(run: Run, ending: Ending, now: int, *, reason: JsonObject | None = None) -> Run:
    """The run in a terminal state. `reason` is `last_error` or `incomplete_details`."""
    status = follow_up(run.status, ending)
    done = changed(run, status=status, required_action=None, expires_at=None)
    match status:
        case "completed":
            return changed(done, completed_at=now)
        case "incomplete":
            return changed(done, completed_at=now, incomplete_details=reason)
        case "failed":
            return changed(done, failed_at=now, last_error=reason)
        case "cancelled":
            return changed(done, cancelled_at=now)
        case _:  # expired keeps `expires_at`: it says when that was
            return changed(done, expires_at=run.expires_at)


def with_usage(run: Run, usage: JsonObject) -> Run:
    return changed(run, usage=usage)


def end_step(
    step: Step, run_status: RunStatus, now: int, *, error: JsonObject | None = None
) -> Step:
    """An open step, closed because its run ended; `error` goes with `failed`."""
    status = _STEP_ENDS[run_status]
    done = changed(step, status=status, usage=step.usage or no_usage())
    match status:
        case "completed":
            return changed(done, completed_at=now)
        case "failed":
            return changed(done, failed_at=now, last_error=error)
        case "cancelled":
            return changed(done, cancelled_at=now)
        case "expired":
            return changed(done, expired_at=now)


def end_message(message: Message, run_status: RunStatus, now: int) -> Message:
    """A message that was being written when its run ended."""
    if run_status == "completed":
        return changed(message, status="completed", completed_at=now)
    return cut_message(message, _MESSAGE_ENDS[run_status], now)


def cut_message(message: Message, reason: str, now: int) -> Message:
    return changed(
        message,
        status="incomplete",
        incomplete_at=now,
        incomplete_details={"reason": reason},
    )


def no_usage() -> JsonObject:
    return {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def step_error(last_error: JsonObject | None) -> JsonObject:
    """A run's error as a step may have it: steps know two codes only (contract 3)."""
    error = last_error or {"code": "server_error", "message": "The run ended before this step."}
    known = error["code"] in {"server_error", "rate_limit_exceeded"}
    return {"code": error["code"] if known else "server_error", "message": error["message"]}
