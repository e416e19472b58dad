"""The events of a run: live to followers at once, stored in order, replayed without gap or repeat.

Every event has its own `seq`. Deltas that follow each other within a moment are stored as one row; it
keeps where each of them ended, so whoever saw half of them gets exactly the other half.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.store.events import StoredEvent
from drawbar.store.records import RunEvent

MESSAGE_DELTA = "thread.message.delta"
STEP_DELTA = "thread.run.step.delta"
_DELTAS = frozenset({MESSAGE_DELTA, STEP_DELTA})
_MOST_KEPT = 4096
"""Events of a run that are kept in memory for its followers; older ones are read from the store."""


class Channel:
    """The newest events of one run, in memory while a worker has it.

    Followers read one shared list at their own pace; a slow one costs no memory of its own.
    """

    def __init__(self, run_id: str, last_seq: int) -> None:
        self.run_id = run_id
        self.last_seq = last_seq
        self.base = last_seq
        """The `seq` after which this channel has everything."""
        self.stored = last_seq
        """What is known to be on the disk."""
        self._log: list[RunEvent] = []
        self._changed = asyncio.Event()
        self.closed = False

    def make(self, name: str, data: JsonObject) -> RunEvent:
        """The next event. Whoever makes one publishes it before making another."""
        self.last_seq += 1
        return RunEvent(self.run_id, self.last_seq, name, data)

    def tell(self, name: str, data: JsonObject) -> RunEvent:
        """Make the next event and publish it."""
        self.last_seq += 1
        event = RunEvent(self.run_id, self.last_seq, name, data)
        self._log.append(event)
        self._wake()
        if len(self._log) > _MOST_KEPT:
            self._trim()
        return event

    def publish(self, events: Iterable[RunEvent]) -> None:
        self._log.extend(events)
        self._wake()
        if len(self._log) > _MOST_KEPT:
            self._trim()

    def adopt(self, events: Sequence[RunEvent], *, last_seq: int) -> None:
        """Publish what is new of events that were stored already; the next one follows `last_seq`."""
        new = [event for event in events if event.seq > self.last_seq]
        self.last_seq = self.stored = max(last_seq, self.last_seq)
        self.publish(new)

    def close(self) -> None:
        """Nothing more will come from this process."""
        self.closed = True
        self._wake()

    async def read(self, after: int) -> AsyncIterator[RunEvent]:
        """Events with `seq` > `after`, until the channel is closed or has dropped what comes next."""
        while True:
            if after < self.base:
                return
            for event in self.since(after):
                after = event.seq
                yield event
            if self._log and self._log[-1].seq > after:
                continue
            if self.closed:
                return
            await self._changed.wait()

    def since(self, after: int) -> Sequence[RunEvent]:
        low, high = 0, len(self._log)
        while low < high:
            middle = (low + high) // 2
            if self._log[middle].seq > after:
                high = middle
            else:
                low = middle + 1
        return self._log[low:]

    def _wake(self) -> None:
        self._changed.set()
        self._changed.clear()

    def _trim(self) -> None:
        """Drop the older half as far as it is on the disk."""
        drop = 0
        for event in self._log[: _MOST_KEPT // 2]:
            if event.seq > self.stored:
                break
            drop += 1
        if drop:
            self.base = self._log[drop - 1].seq
            del self._log[:drop]


def pack(events: Sequence[RunEvent]) -> list[StoredEvent]:
    """Events as rows: deltas of the same object that follow each other share one."""
    rows: list[StoredEvent] = []
    group: list[RunEvent] = []
    for event in events:
        if group and not _belongs(group[-1], event):
            rows.append(_row(group))
            group = []
        group.append(event)
    if group:
        rows.append(_row(group))
    return rows


def _belongs(last: RunEvent, event: RunEvent) -> bool:
    return (
        event.name in _DELTAS
        and event.name == last.name
        and event.seq == last.seq + 1
        and event.data["id"] == last.data["id"]
    )


def _row(group: Sequence[RunEvent]) -> StoredEvent:
    first, last = group[0], group[-1]
    data: JsonValue = first.data if len(group) == 1 else [event.data["delta"] for event in group]
    if len(group) > 1:
        data = {"id": first.data["id"], "deltas": data}
    return StoredEvent(first.run_id, first.seq, last.seq, first.name, data)


def unpack(row: StoredEvent, after: int = 0) -> Iterator[RunEvent]:
    """The events of a row with `seq` > `after`."""
    data = row.data
    if not isinstance(data, dict):
        message = f"event {row.seq} of {row.run_id} is no object"
        raise TypeError(message)
    deltas = data.get("deltas") if row.name in _DELTAS else None
    if not isinstance(deltas, list):
        if row.seq > after:
            yield RunEvent(row.run_id, row.seq, row.name, data)
        return
    for seq, delta in enumerate(deltas, row.first_seq):
        if seq > after:
            whole: JsonObject = {"id": data["id"], "object": row.name, "delta": delta}
            yield RunEvent(row.run_id, seq, row.name, whole)


def message_delta(message_id: str, text: str, *, first: bool) -> JsonObject:
    """A piece of text. The first piece of a message has its empty list of annotations."""
    value: JsonObject = {"value": text}
    if first:
        value = {"value": text, "annotations": []}
    part: JsonObject = {"index": 0, "type": "text", "text": value}
    return {"id": message_id, "object": MESSAGE_DELTA, "delta": {"content": [part]}}


def step_delta(step_id: str, call: JsonObject) -> JsonObject:
    """A piece of one call of a `tool_calls` step; `call` has its `index` and `type`."""
    details: JsonObject = {"type": "tool_calls", "tool_calls": [call]}
    return {"id": step_id, "object": STEP_DELTA, "delta": {"step_details": details}}
