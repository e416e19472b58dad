"""What the model says in a run, turned into messages, steps and their deltas (contract 8)."""

from __future__ import annotations

from collections.abc import Sequence

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.llm.chat import ToolCall
from drawbar.runs.events import MESSAGE_DELTA, STEP_DELTA, message_delta, step_delta
from drawbar.runs.journal import Journal
from drawbar.runs.objects import text_part
from drawbar.store.records import Message, Step, changed


class Writer:
    """Listens to one turn. A message is complete when the first call begins.

    Text that comes after a call becomes a message of its own when the turn is over.
    """

    def __init__(self, journal: Journal, now: int) -> None:
        self._journal = journal
        self._now = now
        self._message: Message | None = None
        self._text: list[str] = []
        self._step: Step | None = None
        self._calls: list[tuple[str, str, list[str]]] = []
        self._late: list[str] = []

    def text(self, piece: str) -> None:
        if self._step is not None:
            self._late.append(piece)
            return
        if self._message is None:
            self._message = self._journal.open_message()
        delta = message_delta(self._message.id, piece, first=not self._text)
        self._text.append(piece)
        self._journal.tell_delta(MESSAGE_DELTA, delta)

    def call(self, index: int, call_id: str, name: str) -> None:
        self._close_message(None)
        if self._step is None:
            self._step = self._journal.open_step("tool_calls", tool_calls_details([]))
        self._calls.append((call_id, name, []))
        function: JsonObject = {"name": name, "arguments": "", "output": None}
        call: JsonObject = {
            "index": index,
            "type": "function",
            "id": call_id,
            "function": function,
        }
        self._journal.tell_delta(STEP_DELTA, step_delta(self._step.id, call))

    def arguments(self, index: int, piece: str) -> None:
        if self._step is None:
            return
        self._calls[index][2].append(piece)
        call: JsonObject = {"index": index, "type": "function", "function": {"arguments": piece}}
        self._journal.tell_delta(STEP_DELTA, step_delta(self._step.id, call))

    def keep(self) -> None:
        """Put what was said so far into the open message and step, which are about to be closed."""
        if self._message is not None:
            self._journal.change_message(self._with_text(self._message))
        if self._step is not None:
            self._journal.change_step(self._with_calls(self._step))

    def finish(self, usage: JsonObject, *, answered: bool) -> None:
        """The turn is over. With `answered` the last message stays open, for the run's end to close."""
        if self._step is not None:
            # Kept until the step is closed; see `objects.step_object`.
            self._journal.change_step(changed(self._with_calls(self._step), usage=usage))
        if self._late:
            late, self._late, step, self._step = self._late, [], self._step, None
            self.text("".join(late))
            self._close_message(None)
            self._step = step
        elif answered:
            if self._message is None:
                self.text("")  # an answer without a word is still an answer
            if self._message is not None:
                self._journal.change_message(self._with_text(self._message))
                self._give_usage(self._message, usage)

    def _with_text(self, message: Message) -> Message:
        return changed(message, content=[text_part("".join(self._text))])

    def _with_calls(self, step: Step) -> Step:
        calls = [ToolCall(call_id, name, "".join(pieces)) for call_id, name, pieces in self._calls]
        return changed(step, step_details=tool_calls_details([call_entry(call) for call in calls]))

    def _close_message(self, usage: JsonObject | None) -> None:
        if self._message is None:
            return
        done = changed(self._with_text(self._message), status="completed", completed_at=self._now)
        self._journal.close_message(done)
        close_step_of(self._journal, done, self._now, usage)
        self._message, self._text = None, []

    def _give_usage(self, message: Message, usage: JsonObject) -> None:
        self._journal.change_step(changed(step_of(self._journal, message), usage=usage))


def step_of(journal: Journal, message: Message) -> Step:
    """The step that makes this message."""
    details: JsonObject = {
        "type": "message_creation",
        "message_creation": {"message_id": message.id},
    }
    return next(step for step in journal.steps.values() if step.step_details == details)


def close_step_of(journal: Journal, message: Message, now: int, usage: JsonObject | None) -> None:
    nothing: JsonObject = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    step = step_of(journal, message)
    journal.close_step(changed(step, status="completed", completed_at=now, usage=usage or nothing))


def tool_calls_details(calls: Sequence[JsonObject]) -> JsonObject:
    entries: list[JsonValue] = list(calls)
    return {"type": "tool_calls", "tool_calls": entries}


def call_entry(call: ToolCall, output: str | None = None) -> JsonObject:
    function: JsonObject = {"name": call.name, "arguments": call.arguments, "output": output}
    return {"id": call.id, "type": "function", "function": function}
