"""The end of a run: whatever is open is closed with it, then the run itself, in one commit."""

from __future__ import annotations

import time

from drawbar.compiler.function import Toolset
from drawbar.dispatch.mapping import unknown_outcome
from drawbar.dispatch.shape import text_for_model
from drawbar.kernel.outcome import Indeterminate
from drawbar.kernel.values import JsonObject
from drawbar.runs import states
from drawbar.runs.events import STEP_DELTA, step_delta
from drawbar.runs.journal import Journal
from drawbar.runs.objects import run_object
from drawbar.runs.pending import StepCall, open_calls, with_outputs
from drawbar.store.ledger import Change
from drawbar.store.records import Step
from drawbar.store.runs import RunRows

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


def total_usage(steps: list[Step]) -> JsonObject:
    """Sums over all turns of a run; a turn that was cut off is not counted by anybody."""
    total = dict.fromkeys(_COUNTS, 0)
    for step in steps:
        for name in _COUNTS:
            count = (step.usage or {}).get(name)
            total[name] += count if isinstance(count, int) else 0
    return {**total}


def tell_output(journal: Journal, step_id: str, item: StepCall, output: str) -> None:
    """One call of a step has its output."""
    journal.change_step(with_outputs(journal.steps[step_id], {item.call.id: output}))
    call: JsonObject = {"index": item.index, "type": "function", "function": {"output": output}}
    journal.tell(STEP_DELTA, step_delta(step_id, call))


async def tell_changes(journal: Journal, rows: RunRows, toolset: Toolset) -> None:
    """Give the changes that were under way their outcomes: the run is stopped, what it sent is not undone."""
    if not any(open_calls(step) for step in journal.open_steps()):
        return
    changes = {change.call_id: change for change in await rows.changes(journal.run.id)}
    for step in journal.open_steps():
        for item in open_calls(step):
            change = changes.get(item.call.id)
            if change is not None:
                outcome = change.outcome or _unknown(change, toolset)
                tell_output(journal, step.id, item, text_for_model(outcome, change.function))


def _unknown(change: Change, toolset: Toolset) -> Indeterminate:
    message = "It was sent, and then stopped before an answer came."
    function = toolset.get(change.function)
    return unknown_outcome(function, message) if function else Indeterminate(message)


async def end_run(
    journal: Journal,
    ending: states.Ending,
    *,
    keep_events: float,
    reason: JsonObject | None = None,
    message_reason: str | None = None,
) -> None:
    """Raises Fenced when the run was taken away meanwhile. `keep_events` in seconds.

    `message_reason` replaces the reason that an unfinished message has from the run's end.
    """
    now = int(time.time())
    run = states.end(journal.run, ending, now, reason=reason)
    for message in list(journal.messages.values()):
        if message.status == "in_progress":
            journal.close_message(
                states.cut_message(message, message_reason, now)
                if message_reason
                else states.end_message(message, run.status, now)
            )
    error = states.step_error(run.last_error)
    for step in journal.open_steps():
        journal.close_step(states.end_step(step, run.status, now, error=error))
    run = journal.run = states.with_usage(run, total_usage(list(journal.steps.values())))
    await journal.tell_stored(
        f"thread.run.{run.status}", run_object(run), events_until=now + int(keep_events)
    )
