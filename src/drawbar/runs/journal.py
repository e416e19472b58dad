"""A run in the hands of one worker: what it knows, what it has told, and what is on its way to the disk.

Changes are told to followers at once and stored in order behind them; `stored()` waits. What a client
acts upon (the end of a run, a call for its outputs) is told only once it is on the disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Literal

from drawbar.kernel.ids import new_id
from drawbar.kernel.values import JsonObject
from drawbar.runs.events import Channel, pack
from drawbar.runs.interrupt import Interruption
from drawbar.runs.objects import message_object, run_object, step_object
from drawbar.store.records import Message, Run, RunEvent, Step, changed
from drawbar.store.runs import Fenced, NewRun, RunChange, RunRows

STORE_DELTAS_AFTER = 0.08
"""Seconds that deltas are collected before they are stored; followers do not wait for it."""


class Journal:
    """The run, its steps and messages as of now. One worker owns it; nobody else changes it."""

    def __init__(
        self,
        rows: RunRows,
        channel: Channel,
        run: Run,
        *,
        steps: Iterable[Step] = (),
        messages: Iterable[Message] = (),
        born: asyncio.Future[NewRun] | None = None,
    ) -> None:
        """`born`: done when a run that its worker has begun with is on the disk."""
        self.run = run
        self.channel = channel
        self.steps: dict[str, Step] = {step.id: step for step in steps}
        self.messages: dict[str, Message] = {message.id: message for message in messages}
        """Those that this run has written."""
        self.interruption = Interruption()
        self.left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when its worker has let go of the run."""
        self._rows = rows
        self._born = born
        self._before = run
        self._events: list[RunEvent] = []
        self._new_steps: dict[str, Step] = {}
        self._changed_steps: dict[str, Step] = {}
        self._new_messages: dict[str, Message] = {}
        self._changed_messages: dict[str, Message] = {}
        self._events_until: int | None = None
        self._last: asyncio.Future[None] | None = None
        self._is_queued = False
        """Whether a change waits to be handed over, with all that happens until then."""
        self._failure: BaseException | None = None
        self._timer: asyncio.TimerHandle | None = None

    # What happens to the run

    def tell(self, name: str, data: JsonObject) -> None:
        """One event, to followers now and to the store with the next `save`."""
        self._events.append(self.channel.tell(name, data))

    def tell_delta(self, name: str, data: JsonObject) -> None:
        """The same, stored within a moment even if nothing else happens."""
        self._events.append(self.channel.tell(name, data))
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(STORE_DELTAS_AFTER, self.save)

    def change_run(self, run: Run) -> None:
        self.run = run
        self.tell(f"thread.run.{run.status}", run_object(run))

    def change_metadata(self, metadata: dict[str, str]) -> None:
        """They are stored already, and belong to what is told from now on."""
        self.run = changed(self.run, metadata=metadata)

    def open_step(
        self, kind: Literal["message_creation", "tool_calls"], details: JsonObject
    ) -> Step:
        step = Step(
            id=new_id("step_"),
            created_at=int(time.time()),
            thread_id=self.run.thread_id,
            run_id=self.run.id,
            assistant_id=self.run.assistant_id,
            step_no=len(self.steps) + 1,
            type=kind,
            status="in_progress",
            step_details=details,
        )
        self.steps[step.id] = self._new_steps[step.id] = step
        data = step_object(step)
        self.tell("thread.run.step.created", data)
        self.tell("thread.run.step.in_progress", data)
        return step

    def open_message(self) -> Message:
        """Announce a step, then the message that it makes."""
        message_id = new_id("msg_")
        self.open_step(
            "message_creation",
            {"type": "message_creation", "message_creation": {"message_id": message_id}},
        )
        message = Message(
            id=message_id,
            created_at=int(time.time()),
            thread_id=self.run.thread_id,
            role="assistant",
            content=[],
            author=self.run.assistant_id,
            status="in_progress",
            assistant_id=self.run.assistant_id,
            run_id=self.run.id,
        )
        self.messages[message_id] = self._new_messages[message_id] = message
        data = message_object(message)
        self.tell("thread.message.created", data)
        self.tell("thread.message.in_progress", data)
        return message

    def open_steps(self) -> list[Step]:
        return [step for step in self.steps.values() if step.status == "in_progress"]

    def change_message(self, message: Message) -> None:
        """Keep a new value without an event, such as the text so far."""
        self.messages[message.id] = message
        new = message.id in self._new_messages
        (self._new_messages if new else self._changed_messages)[message.id] = message

    def change_step(self, step: Step) -> None:
        """Keep a new value without an event, such as the calls of a step or one output."""
        self.steps[step.id] = step
        target = self._new_steps if step.id in self._new_steps else self._changed_steps
        target[step.id] = step

    def close_step(self, step: Step) -> None:
        self.change_step(step)
        self.tell(f"thread.run.step.{step.status}", step_object(step))

    def close_message(self, message: Message) -> None:
        self.change_message(message)
        self.tell(f"thread.message.{message.status}", message_object(message))

    # What of it is stored

    def save(self, *, events_until: int | None = None) -> None:
        """Have everything since the change before written, with what comes until the writer takes it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._failure is not None:
            return
        if events_until is not None:
            self._events_until = events_until
        if not self._is_queued:
            self._is_queued = True
            self._last = self._rows.record(self._change)
            if self._last.done():  # the store is closed, and takes nothing
                self._note(self._last, self.channel.stored)

    def _change(self) -> RunChange:
        """All since the change before: what was opened and closed meanwhile is written once."""
        self._is_queued = False
        before, self._before = self._before, changed(self.run, last_seq=self.channel.last_seq)
        change = RunChange(
            before=before,
            after=self._before,
            events=pack(self._events),
            new_messages=tuple(self._new_messages.values()),
            changed_messages=tuple(self._changed_messages.values()),
            new_steps=tuple(self._new_steps.values()),
            changed_steps=tuple(self._changed_steps.values()),
            events_until=self._events_until,
        )
        self._events, self._events_until = [], None
        self._new_messages, self._changed_messages = {}, {}
        self._new_steps, self._changed_steps = {}, {}
        if self._last is not None:
            last_seq = change.after.last_seq
            self._last.add_done_callback(lambda saved: self._note(saved, last_seq))
        return change

    async def stored(self) -> None:
        """Wait for every save so far. Raises Fenced when the run was taken from this worker."""
        if self._last is not None:
            if not self._last.done():
                self._rows.hurry()
            await asyncio.wait([self._last])
        if self._failure is not None:
            raise self._failure

    async def exists(self) -> None:
        """Wait until the run itself is on the disk. Raises Fenced when it never will be."""
        if self._born is None:
            return
        self._rows.hurry()
        await asyncio.wait([self._born])
        if self._born.cancelled() or self._born.exception() is not None:
            raise Fenced(self.run.id)
        self._born = None

    def lose(self) -> None:
        """Somebody else has the run: write nothing more, and stop."""
        if self.run.status in {"in_progress", "cancelling"} and self._failure is None:
            self._failure = Fenced(self.run.id)
            self.interruption.stop("lost")

    async def tell_stored(
        self, name: str, data: JsonObject, *, events_until: int | None = None
    ) -> None:
        """Tell an event only when it, and all before it, is on the disk."""
        event = self.channel.make(name, data)
        self._events.append(event)
        self.save(events_until=events_until)
        await self.stored()
        self.channel.publish([event])

    def _note(self, saved: asyncio.Future[None], last_seq: int) -> None:
        if saved.cancelled():
            return
        failure = saved.exception()
        if failure is None:
            self.channel.stored = last_seq
        elif self._failure is None:
            self._failure = failure
            self.interruption.stop("lost")
