"""What of a run is on the disk when: few commits, and no promise given up for it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from drawbar.kernel.errors import StoreError
from drawbar.llm.scripted import invoke, say
from drawbar.runs.events import Channel, unpack
from drawbar.runs.journal import Journal
from drawbar.store import engine
from drawbar.store import runs as runs_module
from drawbar.store.runs import RunChange, apply_change
from runs.bench import RunBench, run_bench


@contextmanager
def at_commit(bench: RunBench, what: Callable[[], None]) -> Iterator[None]:
    """Done by the writer's thread before each commit."""
    engine = bench.store._database._writer

    def listen(_: sa.Connection) -> None:
        what()

    sa.event.listen(engine, "commit", listen)
    try:
        yield
    finally:
        sa.event.remove(engine, "commit", listen)


def until_asked(bench: RunBench) -> None:
    """Keeps the writer's thread until the model was asked for the first time."""
    ends = time.monotonic() + 5
    while not bench.model.requests:
        assert time.monotonic() < ends
        time.sleep(0.001)


async def test_a_run_of_two_turns_and_a_reading_waits_for_two_commits(url: str) -> None:
    async with run_bench(url, invoke("hr_get", {"q": "12"}), say("It is 12")) as bench:
        commits: list[int] = []
        with at_commit(bench, lambda: commits.append(1)):
            run = await bench.create()
            await bench.events(run)

        assert len(commits) == 2


async def test_what_follows_within_a_moment_is_written_as_one_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes: list[RunChange] = []

    def counted(connection: sa.Connection, change: RunChange) -> None:
        changes.append(change)
        apply_change(connection, change)

    monkeypatch.setattr(runs_module, "apply_change", counted)
    monkeypatch.setattr(engine, "_PATIENCE", 5.0)  # a busy machine is no reason for a second one
    async with run_bench("sqlite://", invoke("hr_get", {"q": "12"}), say("It is 12")) as bench:
        run = await bench.create()
        events = await bench.events(run)
        stored = await bench.store.events.after(run.id, 0)

    [change] = changes
    assert (change.before.status, change.after.status) == ("in_progress", "completed")
    assert [step.status for step in change.new_steps] == ["completed", "completed"]
    assert change.changed_steps == ()
    told = [event for row in stored for event in unpack(row)]
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    assert told[-len(events) :] == events


async def test_the_model_is_asked_while_the_run_is_on_its_way_to_the_disk(url: str) -> None:
    async with run_bench(url, say("Hello there")) as bench:
        with at_commit(bench, lambda: until_asked(bench)):
            run = await bench.create()
            ended = await bench.ended(run)

        assert ended.status == "completed"


async def test_nothing_is_told_as_stored_once_the_store_is_closed(url: str) -> None:
    async with run_bench(url, say("Hello there")) as bench:
        run = await bench.ended(await bench.create())
        journal = Journal(bench.store.runs, Channel(run.id, run.last_seq), run)
        await bench.store.close()

        journal.save()

        with pytest.raises(RuntimeError, match="the store is closed"):
            await journal.stored()


@pytest.mark.parametrize("functions", [["hr_set"], ["hr_set", "hr_set"]])
async def test_a_run_that_cannot_be_stored_changes_nothing_and_leaves_nothing(
    url: str, functions: list[str]
) -> None:
    def fail() -> None:
        until_asked(bench)
        raise sqlite3.OperationalError("disk I/O error")

    calls = [invoke(name, {"q": "12"}) for name in functions]
    async with run_bench(url, sum(calls[1:], calls[0]), say("Done")) as bench:
        with at_commit(bench, fail), pytest.raises(StoreError):
            await bench.create()
        async with asyncio.timeout(5):
            while bench.runs._worker.active:
                await asyncio.sleep(0.01)

        assert bench.company.calls == []
        assert bench.runs._worker.channels == {}
        run = await bench.create()  # the thread is free
        assert (await bench.ended(run)).status == "completed"
