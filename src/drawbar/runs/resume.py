"""Taking a run over, fresh or from a process that died in the middle of it.

What a dead process had begun to say cannot be continued: a model's stream has no second half. The
message is closed as `incomplete` with exactly the text that is stored (so whoever added up its deltas
has the same), its step as `failed`, and the model speaks again in a new message. The abandoned text is
not shown to the model. Calls whose turn was complete are carried out, but for those that have their
output; the ledger answers for changes that were sent.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.llm.chat import ToolCall
from drawbar.runs import states
from drawbar.runs.events import MESSAGE_DELTA, STEP_DELTA, pack, unpack
from drawbar.runs.journal import Journal
from drawbar.runs.objects import run_object, text_part
from drawbar.runs.pending import calls_of
from drawbar.runs.writer import call_entry, tool_calls_details
from drawbar.store.events import StoredEvent
from drawbar.store.records import Run, RunEvent, Step, changed
from drawbar.store.runs import Opened, RunChange

RESUME_GAP = 1000
"""Numbers left out at a resume: a dead process may have told events that it never stored, and a client
that has seen those must not miss the ones that follow."""

_RESTARTED: JsonObject = {
    "code": "server_error",
    "message": "The gateway was restarted while this was being written.",
}


def take_over_change(run: Run) -> RunChange | None:
    """What a worker's beginning changes; None: there is nothing to do for a worker."""
    if run.status == "cancelling":
        after = changed(run, epoch=run.epoch + 1, last_seq=run.last_seq + RESUME_GAP)
        return RunChange(run, after)
    if run.status not in {"queued", "in_progress"}:
        return None
    after = states.start(run, int(time.time()))
    if run.status == "in_progress":
        return RunChange(run, changed(after, last_seq=run.last_seq + RESUME_GAP))
    after = changed(after, last_seq=run.last_seq + 1)
    return RunChange(run, after, events=pack([in_progress_event(after)]))


def begin_events(opened: Opened) -> Sequence[RunEvent]:
    """The events that the take-over has stored."""
    return [in_progress_event(opened.run)] if opened.began else []


def in_progress_event(run: Run) -> RunEvent:
    return RunEvent(run.id, run.last_seq, "thread.run.in_progress", run_object(run))


def mend(journal: Journal, opened: Opened) -> None:
    """Close what was half said."""
    now = int(time.time())
    half = {step.id for step in journal.open_steps() if not any(calls_of(step))}
    if not half:
        return
    for message in list(journal.messages.values()):
        if message.status == "in_progress":
            text = _text_told(opened.events, message.id)
            parts = [text_part(text)] if text is not None else []
            cut = states.cut_message(changed(message, content=parts), "run_failed", now)
            journal.close_message(cut)
    for step_id in half:
        step = _with_calls_told(journal.steps[step_id], opened.events)
        journal.close_step(
            changed(
                step,
                status="failed",
                failed_at=now,
                last_error=_RESTARTED,
                usage=states.no_usage(),
            )
        )
    journal.save()


def _text_told(events: Sequence[StoredEvent], message_id: str) -> str | None:
    """The text that followers may have; None when not even its first piece was told."""
    pieces: list[str] = []
    for event in _deltas(events, MESSAGE_DELTA, message_id):
        match event.data:
            case {"delta": {"content": [{"text": {"value": str(piece)}}]}}:
                pieces.append(piece)
    return "".join(pieces) if pieces else None


def _with_calls_told(step: Step, events: Sequence[StoredEvent]) -> Step:
    """A half written `tool_calls` step with the calls as followers have them."""
    if step.type != "tool_calls":
        return step
    calls: dict[int, list[str]] = {}
    for event in _deltas(events, STEP_DELTA, step.id):
        match event.data:
            case {"delta": {"step_details": {"tool_calls": [dict(call)]}}}:
                _add(calls.setdefault(int(str(call["index"])), ["", "", ""]), call)
    entries = [call_entry(ToolCall(*calls[index])) for index in sorted(calls)]
    return changed(step, step_details=tool_calls_details(entries))


def _add(known: list[str], call: dict[str, JsonValue]) -> None:
    function = call.get("function")
    fields = function if isinstance(function, dict) else {}
    for place, piece in enumerate((call.get("id"), fields.get("name"), fields.get("arguments"))):
        known[place] += piece if isinstance(piece, str) else ""


def _deltas(events: Sequence[StoredEvent], name: str, id: str) -> list[RunEvent]:  # noqa: A002 -- API word
    return [
        event
        for row in events
        if row.name == name and isinstance(row.data, dict) and row.data.get("id") == id
        for event in unpack(row)
    ]
