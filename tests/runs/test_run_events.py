"""Events in memory and as rows: nothing is lost, repeated or changed."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbar.kernel.values import JsonObject
from drawbar.runs import events as events_module
from drawbar.runs.events import (
    MESSAGE_DELTA,
    STEP_DELTA,
    Channel,
    message_delta,
    pack,
    step_delta,
    unpack,
)
from drawbar.store.records import RunEvent
from runs.bench import collect

kinds = st.lists(st.sampled_from(["run", "m1", "m2", "s1"]), max_size=30)


def stream(chosen: list[str]) -> list[RunEvent]:
    made = []
    for seq, kind in enumerate(chosen, 1):
        call: JsonObject = {"index": 0, "type": "function", "function": {"arguments": str(seq)}}
        told: dict[str, tuple[str, JsonObject]] = {
            "run": ("thread.run.queued", {"id": "run_1"}),
            "m1": (MESSAGE_DELTA, message_delta("m1", f"{seq} ", first=seq == 1)),
            "m2": (MESSAGE_DELTA, message_delta("m2", f"{seq} ", first=False)),
            "s1": (STEP_DELTA, step_delta("s1", call)),
        }
        name, data = told[kind]
        made.append(RunEvent("run_1", seq, name, data))
    return made


@given(kinds, st.integers(0, 31))
def test_what_was_packed_comes_out_again_from_any_place(chosen: list[str], after: int) -> None:
    told = stream(chosen)

    rows = [row for row in pack(told) if row.seq > after]
    replayed = [event for row in rows for event in unpack(row, after)]

    assert replayed == told[after:]


def test_deltas_in_a_row_share_a_row() -> None:
    rows = pack(stream(["run", "m1", "m1", "m1", "m2", "s1", "s1", "run"]))

    assert [(row.first_seq, row.seq) for row in rows] == [(1, 1), (2, 4), (5, 5), (6, 7), (8, 8)]


async def test_followers_at_any_place_hear_every_event_once() -> None:
    channel = Channel("run_1", 0)
    followers = [asyncio.create_task(collect(channel.read(after))) for after in (0, 2, 5)]
    for number in range(1, 9):
        channel.publish([channel.make("thread.run.queued", {"number": number})])
        if number % 3 == 0:
            await asyncio.sleep(0)
    late = asyncio.create_task(collect(channel.read(6)))
    await asyncio.sleep(0)
    channel.close()

    heard = [[event.seq for event in await task] for task in (*followers, late)]

    assert heard == [list(range(1, 9)), list(range(3, 9)), [6, 7, 8], [7, 8]]


async def test_a_channel_forgets_old_events_only_when_they_are_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(events_module, "_MOST_KEPT", 10)
    channel = Channel("run_1", 0)
    for number in range(20):
        channel.publish([channel.make("x", {"number": number})])
    assert channel.base == 0

    channel.stored = 18
    channel.publish([channel.make("x", {})])

    assert channel.base > 0
    channel.close()
    seqs = [event.seq for event in await collect(channel.read(channel.base))]
    assert seqs == list(range(channel.base + 1, 22))
    assert await collect(channel.read(channel.base - 1)) == []
