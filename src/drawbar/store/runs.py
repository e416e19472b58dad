"""Runs, and the one way their state changes: `record`, a change with all its events in one commit.

A change is fenced: it names the epoch, the state and the newest event it expects. If a cancel, another
take-over or another gateway came first, nothing of it is written and `Fenced` is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from drawbar.kernel.values import Caller
from drawbar.store.assistants import find_assistant
from drawbar.store.engine import Database
from drawbar.store.events import StoredEvent, events_after, insert_events
from drawbar.store.ledger import Change, changes_of_run
from drawbar.store.listing import read_page
from drawbar.store.messages import insert_messages, messages_of_thread, update_messages
from drawbar.store.prepared import Prepared
from drawbar.store.records import (
    Assistant,
    Listing,
    Message,
    Page,
    Run,
    RunEvent,
    Step,
    Thread,
)
from drawbar.store.steps import (
    insert_steps,
    steps_of_run,
    steps_of_stopped_runs,
    update_steps,
)
from drawbar.store.tables import IS_ACTIVE, runs
from drawbar.store.threads import insert_thread, thread_exists

_SNAPSHOT = (
    "assistant_id",
    "model",
    "instructions",
    "tools",
    "functions",
    "temperature",
    "top_p",
    "max_prompt_tokens",
    "max_completion_tokens",
    "truncation_strategy",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
)
_STATE = (
    "required_action",
    "last_error",
    "incomplete_details",
    "started_at",
    "cancelled_at",
    "failed_at",
    "completed_at",
    "usage",
)
_INSERT = Prepared(
    # Only the index that locks the thread can be in the way: ids are new.
    sa.insert(runs),
    (
        "id",
        "thread_id",
        "created_at",
        "status",
        "epoch",
        "owner",
        "cancel_requested",
        "expires_at",
        "last_seq",
        "metadata",
        "snapshot",
        "state",
    ),
    tail=" ON CONFLICT DO NOTHING",
)
_WITH_ID = sa.select(runs).where(runs.c.id == sa.bindparam("key"))
_BY_ID = Prepared(_WITH_ID)
_LOCKED = Prepared(_WITH_ID.with_for_update())
_WHERE_OURS = sa.update(runs).where(
    runs.c.id == sa.bindparam("key"),
    runs.c.epoch == sa.bindparam("old_epoch"),
    runs.c.last_seq == sa.bindparam("old_seq"),
    runs.c.status == sa.bindparam("old_status"),
)
_SEQ = Prepared(_WHERE_OURS, ("last_seq",))
_STATUS = Prepared(
    _WHERE_OURS,
    (
        "last_seq",
        "epoch",
        "status",
        "state",
        "expires_at",
        "cancel_requested",
        "events_until",
    ),
)
_OWN = Prepared(sa.update(runs).where(runs.c.id == sa.bindparam("key")), ("owner",))
_ACTIVE_OF_THREAD = Prepared(
    sa.select(runs.c.id).where(runs.c.thread_id == sa.bindparam("thread"), IS_ACTIVE)
)


class ThreadBusy(Exception):
    """The thread has an active run."""

    def __init__(self, thread_id: str, run_id: str) -> None:
        super().__init__(f"{thread_id} has the active run {run_id}")
        self.thread_id = thread_id
        self.run_id = run_id


class NoSuch(Exception):
    """What a change needs is not there; `kind` is a word of the API."""

    def __init__(self, kind: str, id: str) -> None:  # noqa: A002 -- the word of the API
        super().__init__(f"no {kind} {id}")
        self.kind = kind
        self.id = id


class Fenced(Exception):
    """The run is no longer in the state that this change was made for."""


@dataclass(frozen=True, slots=True)
class RunChange:
    """A run before and after, and everything that changes with it."""

    before: Run
    after: Run
    events: Sequence[StoredEvent] = ()
    new_messages: Sequence[Message] = ()
    changed_messages: Sequence[Message] = ()
    new_steps: Sequence[Step] = ()
    changed_steps: Sequence[Step] = ()
    events_until: int | None = None
    """With a terminal state: when its events may be deleted, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to store, with the messages that come before it and, maybe, its new thread."""

    run: Run
    queued: Run
    """The same as its client is told: a run that was begun with its creation was queued before."""
    rows: Sequence[StoredEvent]
    events: Sequence[RunEvent]
    """What `rows` hold, for those who listen."""
    messages: Sequence[Message] = ()
    thread: Thread | None = None
    opened: Opened | None = None
    """For its worker, when it is begun; filled in by the store."""


@dataclass(frozen=True, slots=True)
class Opened:
    """All that a worker needs to go on with a run; oldest first."""

    run: Run
    messages: Sequence[Message]
    steps: Sequence[Step]
    events: Sequence[StoredEvent] = ()
    """Of a run that was in progress before: what is stored of its stream."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Of other assistants on the thread, by id."""
    began: bool = False
    """It was queued before."""
    stopped: Sequence[Step] = ()
    """Calls of earlier runs of the thread that ended without an answer."""


def run_record(row: Any) -> Run:  # a row of `runs`
    snapshot = dict(row.snapshot)
    caller = Caller.from_json(snapshot.pop("caller"))
    functions = tuple(snapshot.pop("functions"))
    return Run(
        id=row.id,
        created_at=row.created_at,
        thread_id=row.thread_id,
        caller=caller,
        status=row.status,
        functions=functions,
        expires_at=row.expires_at,
        epoch=row.epoch,
        metadata=row.metadata,
        cancel_requested=bool(row.cancel_requested),
        last_seq=row.last_seq,
        **snapshot,
        **row.state,
    )


def _state(run: Run) -> dict[str, object]:
    return {name: getattr(run, name) for name in _STATE}


def find_run(connection: sa.Connection, run_id: str, *, lock: bool = False) -> Run | None:
    row = (_LOCKED if lock else _BY_ID).first(connection, {"key": run_id})
    return None if row is None else run_record(row)


def active_run(connection: sa.Connection, thread_id: str) -> str | None:
    """The id of the run that locks the thread."""
    row = _ACTIVE_OF_THREAD.first(connection, {"thread": thread_id})
    return None if row is None else str(row.id)


def _insert_run(connection: sa.Connection, run: Run, owner: str) -> None:
    snapshot = {name: getattr(run, name) for name in _SNAPSHOT}
    row = {
        "id": run.id,
        "thread_id": run.thread_id,
        "created_at": run.created_at,
        "status": run.status,
        "epoch": run.epoch,
        "owner": owner,
        "cancel_requested": False,
        "expires_at": run.expires_at,
        "last_seq": run.last_seq,
        "metadata": run.metadata,
        "snapshot": {**snapshot, "caller": run.caller.as_json()},
        "state": _state(run),
    }
    if _INSERT.run(connection, row) != 1:
        # Another gateway was quicker between our check and this insert; the index decides.
        raise ThreadBusy(run.thread_id, "")


def apply_change(connection: sa.Connection, change: RunChange) -> None:
    before, after = change.before, change.after
    values: dict[str, object] = {
        "key": before.id,
        "old_epoch": before.epoch,
        "old_seq": before.last_seq,
        "old_status": before.status,
        "last_seq": after.last_seq,
    }
    statement = _SEQ
    if after.status != before.status or after.epoch != before.epoch:
        statement = _STATUS
        values |= {
            "epoch": after.epoch,
            "status": after.status,
            "state": _state(after),
            "expires_at": after.expires_at,
            "cancel_requested": after.cancel_requested,
            "events_until": change.events_until,
        }
    if statement.run(connection, values) != 1:
        raise Fenced(before.id)
    insert_messages(connection, change.new_messages)
    update_messages(connection, change.changed_messages)
    insert_steps(connection, change.new_steps)
    update_steps(connection, change.changed_steps)
    insert_events(connection, change.events)


def _other_assistants(
    connection: sa.Connection, messages: Sequence[Message], run: Run
) -> dict[str, str]:
    """Names by id of the assistants, other than the run's, that have spoken on the thread."""
    spoke = {message.assistant_id for message in messages} - {None, run.assistant_id}
    if not spoke:
        return {}
    found = [
        find_assistant(connection, str(assistant_id)) for assistant_id in sorted(map(str, spoke))
    ]
    return {assistant.id: assistant.name or assistant.id for assistant in found if assistant}


def _opened(connection: sa.Connection, new: NewRun) -> NewRun:
    if new.thread is not None:
        return replace(new, opened=Opened(new.run, new.messages, (), began=True))
    messages = messages_of_thread(connection, new.run.thread_id)
    names = _other_assistants(connection, messages, new.run)
    stopped = steps_of_stopped_runs(connection, new.run.thread_id)
    opened = Opened(new.run, messages, (), names=names, began=True, stopped=stopped)
    return replace(new, opened=opened)


class RunRows:
    """Stored runs. `owner` is the gateway that this store belongs to."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def get(self, thread_id: str, run_id: str) -> Run | None:
        run = await self._database.read(lambda c: find_run(c, run_id))
        return run if run is not None and run.thread_id == thread_id else None

    async def find(self, run_id: str) -> Run | None:
        """By its id alone, for those who own it."""
        return await self._database.read(lambda c: find_run(c, run_id))

    async def list(self, thread_id: str, page: Page) -> Listing[Run]:
        query = sa.select(runs).where(runs.c.thread_id == thread_id)
        return await self._database.read(lambda c: read_page(c, query, runs.c.id, page, run_record))

    async def update(self, thread_id: str, run_id: str, *, metadata: dict[str, str]) -> Run | None:
        """Only the metadata of a run is for clients to change."""

        def work(connection: sa.Connection) -> Run | None:
            run = find_run(connection, run_id, lock=True)
            if run is None or run.thread_id != thread_id:
                return None
            statement = sa.update(runs).where(runs.c.id == run_id).values(metadata=metadata)
            connection.execute(statement)
            return replace(run, metadata=metadata)

        return await self._database.write(work)

    async def append_message(self, thread_id: str, message: Message) -> Message:
        """Raises NoSuch, or ThreadBusy while a run of the thread is active."""
        stored = replace(message, thread_id=thread_id)

        def work(connection: sa.Connection) -> None:
            if not thread_exists(connection, thread_id):
                raise NoSuch("thread", thread_id)
            if (run_id := active_run(connection, thread_id)) is not None:
                raise ThreadBusy(thread_id, run_id)
            insert_messages(connection, [stored])

        await self._database.write(work)
        return stored

    async def create(
        self,
        assistant_id: str,
        thread_id: str | None,
        make: Callable[[Assistant], NewRun],
        begun: Callable[[NewRun, asyncio.Future[NewRun]], object] | None = None,
        *,
        lingers: bool = False,
    ) -> NewRun:
        """Store what `make` makes of the assistant. Raises NoSuch, ThreadBusy, and what `make` raises.

        `thread_id` None: `make` brings the new thread. `begun` and `lingers` are those of `Database.write`.
        """
        made: NewRun | None = None

        def work(connection: sa.Connection) -> NewRun:
            nonlocal made
            assistant = find_assistant(connection, assistant_id)
            if assistant is None:
                raise NoSuch("assistant", assistant_id)
            if thread_id is not None:
                if not thread_exists(connection, thread_id):
                    raise NoSuch("thread", thread_id)
                if (busy := active_run(connection, thread_id)) is not None:
                    raise ThreadBusy(thread_id, busy)
            # The same again on a second call: others may have been told of it.
            new = made = made or make(assistant)
            if new.thread is not None:
                insert_thread(connection, new.thread)
            _insert_run(connection, new.run, self._owner)
            insert_messages(connection, new.messages)
            insert_events(connection, new.rows)
            return _opened(connection, new) if new.run.status == "in_progress" else new

        try:
            # Shielded: whoever has heard that it has begun still wants to know how it ended.
            return await asyncio.shield(self._database.write(work, begun=begun, lingers=lingers))
        except ThreadBusy as busy:
            if busy.run_id or thread_id is None:
                raise
            found = await self._database.read(lambda c: active_run(c, thread_id))
            raise ThreadBusy(thread_id, found or "") from None

    async def take_over(
        self, run_id: str, begin: Callable[[Run], RunChange | None]
    ) -> Opened | None:
        """Apply what `begin` makes of the run; None when it makes nothing, or there is no such run."""

        def work(connection: sa.Connection) -> Opened | None:
            run = find_run(connection, run_id, lock=True)
            change = None if run is None else begin(run)
            if run is None or change is None:
                return None
            apply_change(connection, change)
            _OWN.run(connection, {"key": run_id, "owner": self._owner})
            messages = messages_of_thread(connection, run.thread_id)
            fresh = run.status == "queued" and run.started_at is None
            return Opened(
                run=change.after,
                messages=messages,
                steps=[] if fresh else steps_of_run(connection, run_id),
                events=[] if run.status == "queued" else events_after(connection, run_id, 0),
                names=_other_assistants(connection, messages, run),
                began=run.status == "queued",
                stopped=steps_of_stopped_runs(connection, run.thread_id),
            )

        return await self._database.write(work)

    async def open(self, run_id: str) -> Opened | None:
        """What is stored of a run, changing nothing."""

        def work(connection: sa.Connection) -> Opened | None:
            run = find_run(connection, run_id)
            if run is None:
                return None
            return Opened(
                run, messages_of_thread(connection, run.thread_id), steps_of_run(connection, run_id)
            )

        return await self._database.read(work)

    async def changes(self, run_id: str) -> Sequence[Change]:
        """What a run has begun to change, as the journal of changes knows it."""
        return await self._database.read(lambda c: changes_of_run(c, run_id))

    def record(self, make: Callable[[], RunChange]) -> asyncio.Future[None]:
        """Queue a change, in the order of calls; done when on the disk. Fails with Fenced.

        `make` is called when it is handed over to be written, at the latest by `hurry`, for those who wait.
        """

        def work() -> Callable[[sa.Connection], None]:
            change = make()
            return lambda c: apply_change(c, change)

        return self._database.write_later(work)

    def hurry(self) -> None:
        self._database.hurry()
