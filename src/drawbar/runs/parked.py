"""Runs that no worker has: what a client or the clock does to them, in one fenced commit."""

from __future__ import annotations

import time
from collections.abc import Sequence

from drawbar.runs import refusals, states
from drawbar.runs.closing import end_run
from drawbar.runs.events import Channel
from drawbar.runs.journal import Journal
from drawbar.runs.order import ToolOutput
from drawbar.runs.pending import open_calls, with_outputs
from drawbar.store.records import Run, RunEvent, Step, changed
from drawbar.store.runs import Fenced, Opened, RunRows


class ParkedRun:
    """A journal for one change; its events are heard only by whom they are handed on to."""

    def __init__(self, rows: RunRows, opened: Opened) -> None:
        run = opened.run
        own = [message for message in opened.messages if message.run_id == run.id]
        self._channel = Channel(run.id, run.last_seq)
        self._journal = Journal(rows, self._channel, run, steps=opened.steps, messages=own)
        self._from = run.last_seq

    @property
    def run(self) -> Run:
        return changed(self._journal.run, last_seq=self._channel.last_seq, stream_from=self._from)

    def events(self) -> Sequence[RunEvent]:
        """What happened here."""
        return self._channel.since(self._from)

    async def cancel(self, *, keep_events: float) -> Run:
        """Cancelled at once; returns the run as `cancelling`. Raises Fenced."""
        self._journal.change_run(states.cancel(self._journal.run))
        cancelling = self.run
        self._journal.save()
        await end_run(self._journal, "stop", keep_events=keep_events)
        return cancelling

    async def expire(self, *, keep_events: float) -> None:
        """Raises Fenced."""
        await end_run(self._journal, "expire", keep_events=keep_events)

    async def answer(self, outputs: Sequence[ToolOutput]) -> None:
        """Record all outputs and queue the run. Raises ClientError, or Fenced."""
        step = self._waiting_step()
        expected = [item.call.id for item in open_calls(step)]
        got = [output.tool_call_id for output in outputs]
        if sorted(expected) != sorted(got):
            raise refusals.wrong_outputs(expected, got)
        by_id = {output.tool_call_id: output.output for output in outputs}
        done = changed(
            with_outputs(step, by_id),
            status="completed",
            completed_at=int(time.time()),
            usage=step.usage or states.no_usage(),
        )
        self._journal.close_step(done)
        self._journal.change_run(states.answer(self._journal.run))
        self._journal.save()
        await self._journal.stored()

    def _waiting_step(self) -> Step:
        for step in self._journal.open_steps():
            if step.type == "tool_calls":
                return step
        raise Fenced(self._journal.run.id)  # the run was read just before somebody answered
