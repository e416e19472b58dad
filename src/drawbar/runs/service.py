"""Runs, as the surfaces use them: create, follow, hand in outputs, cancel.

What is refused is raised as ClientError with the texts of the Assistants API (contract 1.2).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence

from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.kernel.values import Caller, JsonObject
from drawbar.llm.chat import ChatModel
from drawbar.runs import refusals, states
from drawbar.runs.creation import NewThread, Offering, message_of, run_maker
from drawbar.runs.events import Channel, unpack
from drawbar.runs.loop import Engine, Worker
from drawbar.runs.order import NewMessage, RunOrder, ToolOutput
from drawbar.runs.parked import ParkedRun
from drawbar.runs.queue import InProcessQueue, RunQueue
from drawbar.runs.watch import Watch
from drawbar.settings import RunSettings
from drawbar.store.database import Store
from drawbar.store.records import Message, Run, RunEvent
from drawbar.store.runs import Fenced, NewRun, NoSuch, ThreadBusy

_ELSEWHERE = 0.25
"""Seconds between looks at the events of a run that another gateway carries out."""
_CHANGING_HANDS = 0.02
"""Seconds to wait for a run that is just being taken over or let go."""


_DELETED: JsonObject = {
    "message": "The thread was deleted, and this run with it.",
    "type": "invalid_request_error",
    "param": None,
    "code": "thread_deleted",
}


class Runs:
    """The run engine. `start()` resumes what a dead process left; `close()` leaves runs resumable."""

    def __init__(
        self,
        store: Store,
        model: ChatModel,
        dispatcher: Dispatcher,
        settings: RunSettings,
        *,
        toolsets: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """`toolsets`: the settings' named groups (names of functions, or patterns with `*`)."""
        self._store = store
        self._settings = settings
        self._closed = False
        self._offering = Offering(dispatcher.toolset, toolsets or {}, settings.expire_after)
        self._worker = Worker(Engine(store.runs, model, dispatcher, settings))
        self._queue: RunQueue = InProcessQueue(self._worker.advance)
        self._watch = Watch(store, self._worker, self._queue, self.expire)

    async def start(self) -> None:
        """Resume queued and interrupted runs, and watch over expiry."""
        await self._watch.start()

    async def close(self) -> None:
        """Stop working. Runs under way keep their rows and go on after the next start."""
        self._closed = True
        await self._watch.close()
        for journal in list(self._worker.active.values()):
            journal.interruption.stop("shutdown")
        await self._queue.close()
        await self._store.gateways.leave()

    async def add_message(self, thread_id: str, message: NewMessage, caller: Caller) -> Message:
        """Append to a thread. Refused while a run of the thread is active; 404 for an unknown thread."""
        try:
            return await self._store.runs.append_message(thread_id, message_of(message, caller))
        except NoSuch as absent:
            raise refusals.not_found(absent.kind, absent.id) from None
        except ThreadBusy as busy:
            raise refusals.thread_is_locked(busy.thread_id, busy.run_id) from None

    async def create(
        self, thread_id: str, order: RunOrder, caller: Caller, *, streamed: bool = False
    ) -> Run:
        """Store and start a run. It acts with the rights of `caller`. Follow from `run.stream_from`.

        `streamed`: its events are what is waited for, so a short run is told and stored in one go.
        """
        return await self._create(order, caller, thread_id, streamed=streamed)

    async def create_with_thread(
        self,
        order: RunOrder,
        caller: Caller,
        *,
        messages: Sequence[NewMessage] = (),
        metadata: Mapping[str, str] | None = None,
        tool_resources: JsonObject | None = None,
        streamed: bool = False,
    ) -> Run:
        """The same on a new thread; its stream begins with `thread.created`."""
        thread = NewThread(tuple(messages), dict(metadata or {}), tool_resources)
        return await self._create(order, caller, thread, streamed=streamed)

    async def submit_tool_outputs(
        self, thread_id: str, run_id: str, outputs: Sequence[ToolOutput]
    ) -> Run:
        """All pending outputs at once; the run returns `queued`. Follow from `run.stream_from`."""
        while True:
            parked = await self._open(thread_id, run_id)
            run = parked.run
            if run.status == "requires_action" and _is_over(run):
                await self.expire(run_id)
                continue
            if run.status != "requires_action":
                raise refusals.no_outputs_wanted(run.status)
            try:
                await parked.answer(outputs)
            except Fenced:
                continue  # somebody else was quicker: say what the run is now
            self._open_channel(run_id, parked.events(), last_seq=parked.run.last_seq)
            self._queue.enqueue(run_id)
            return parked.run

    async def cancel(self, thread_id: str, run_id: str) -> Run:
        """Returns the run as `cancelling`; it is `cancelled` within a second."""
        while True:
            journal = self._worker.active.get(run_id)
            if journal is not None and journal.run.thread_id != thread_id:
                raise refusals.not_found("run", run_id)
            if journal is not None:
                if journal.run.status == "cancelling":
                    raise refusals.cannot_cancel("cancelling")
                if (cancelling := await self._worker.cancel(journal)) is not None:
                    return cancelling
                await asyncio.wait([journal.left])  # it is just ending, parking or changing hands
            parked = await self._open(thread_id, run_id)
            if run_id in self._worker.active:
                continue  # it was taken up just now
            if parked.run.status not in {"queued", "in_progress", "requires_action"}:
                raise refusals.cannot_cancel(parked.run.status)
            try:
                cancelling = await parked.cancel(keep_events=self._settings.keep_events)
            except Fenced:
                await asyncio.sleep(_CHANGING_HANDS)
                continue
            self._hand_on(parked)
            return cancelling

    async def get(self, thread_id: str, run_id: str) -> Run:
        """404 when there is no such run on this thread."""
        run = await self._store.runs.get(thread_id, run_id)
        if run is None:
            raise refusals.not_found("run", run_id)
        return run

    async def modify(self, thread_id: str, run_id: str, metadata: Mapping[str, str]) -> Run:
        """Replace the metadata, also of a run in flight."""
        run = await self._store.runs.update(thread_id, run_id, metadata=dict(metadata))
        if run is None:
            raise refusals.not_found("run", run_id)
        if (journal := self._worker.active.get(run_id)) is not None:
            journal.change_metadata(dict(metadata))
        return run

    async def follow(self, run_id: str, after: int = 0) -> AsyncIterator[RunEvent]:
        """Events with `seq` > `after`, stored and live, without gap or repeat.

        Ends with the first event that ends a stream: a terminal state or `thread.run.requires_action`.
        Closing the iterator leaves the run alone. Events expire `keep_events` after the run's end;
        then nothing comes. A run whose thread is deleted meanwhile ends with an `error`.
        """
        last_look = False
        while not self._closed:
            channel = self._worker.channels.get(run_id)
            source = channel.read(after) if channel is not None else self._stored(run_id, after)
            if channel is not None and after < channel.base:
                source = self._stored(run_id, after)
            before = after
            async for event in source:
                after = event.seq
                yield event
                if event.name in states.ENDS_STREAM:
                    return
            if after != before:
                last_look = False
            elif last_look:
                if await self._store.runs.find(run_id) is None:
                    yield RunEvent(run_id, after + 1, "error", {"error": _DELETED})
                return
            else:
                # What came between the last event and this answer is found by one more look.
                last_look = not await self._goes_on(run_id, channel)

    async def expire(self, run_id: str) -> None:
        """End a run whose time is over, whoever has it."""
        if (journal := self._worker.active.get(run_id)) is not None:
            if journal.run.status == "in_progress":
                journal.interruption.stop("expire")
            return
        opened = await self._store.runs.open(run_id)
        if opened is None or not _is_over(opened.run):
            return
        parked = ParkedRun(self._store.runs, opened)
        try:
            await parked.expire(keep_events=self._settings.keep_events)
        except (Fenced, states.ImpossibleError):
            return  # it went on or ended meanwhile
        self._hand_on(parked)

    async def _create(
        self, order: RunOrder, caller: Caller, where: str | NewThread, *, streamed: bool
    ) -> Run:
        make = run_maker(order, caller, self._offering, where, start=self._queue.here)
        thread_id = where if isinstance(where, str) else None
        taken = False

        def take(new: NewRun, born: asyncio.Future[NewRun]) -> None:
            nonlocal taken
            if new.opened is not None:
                taken = True
                self._take(new, born)

        try:
            new = await self._store.runs.create(
                order.assistant_id, thread_id, make, take, lingers=streamed and self._queue.here
            )
        except NoSuch as absent:
            raise refusals.not_found(absent.kind, absent.id) from None
        except ThreadBusy as busy:
            raise refusals.thread_has_run(busy.thread_id, busy.run_id) from None
        if not taken:
            self._take(new)
        return new.queued

    def _take(self, new: NewRun, born: asyncio.Future[NewRun] | None = None) -> None:
        """Have a new run carried out, maybe while it is still on its way to the disk."""
        run = new.run
        self._open_channel(run.id, new.events, last_seq=run.last_seq)
        if new.opened is not None:
            self._worker.begin(new.opened, born)
        self._queue.enqueue(run.id)

    def _open_channel(self, run_id: str, events: Sequence[RunEvent], *, last_seq: int) -> None:
        """The followers of a run hear what is stored already."""
        channel = Channel(run_id, events[0].seq - 1)
        channel.adopt(events, last_seq=last_seq)
        self._worker.channels[run_id] = channel

    async def _open(self, thread_id: str, run_id: str) -> ParkedRun:
        opened = await self._store.runs.open(run_id)
        if opened is None or opened.run.thread_id != thread_id:
            raise refusals.not_found("run", run_id)
        return ParkedRun(self._store.runs, opened)

    def _hand_on(self, parked: ParkedRun) -> None:
        """Followers of a run that was queued here hear how it ended."""
        channel = self._worker.channels.get(parked.run.id)
        if channel is not None:
            channel.adopt(parked.events(), last_seq=parked.run.last_seq)

    async def _stored(self, run_id: str, after: int) -> AsyncIterator[RunEvent]:
        for row in await self._store.events.after(run_id, after):
            for event in unpack(row, after):
                yield event

    async def _goes_on(self, run_id: str, channel: Channel | None) -> bool:
        """Whether more may come of a run of which nothing came just now."""
        if self._worker.channels.get(run_id) is not channel:
            return True
        if channel is not None:
            return not channel.closed
        run = await self._store.runs.find(run_id)
        if run is None or run.status in states.TERMINAL or run.status == "requires_action":
            return False
        await asyncio.sleep(_ELSEWHERE)
        return True


def _is_over(run: Run) -> bool:
    return run.expires_at is not None and time.time() >= run.expires_at
