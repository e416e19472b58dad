"""Deadlines, cancellation and closing: the work at the database really stops."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonValue

from .conftest import POSTGRESQL, Office

ENDLESS = {
    "sqlite": "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) as c from n",
    "postgresql": "select count(*) as c from pg_class a, pg_class b, pg_class c, pg_class d",
    "mariadb": "select count(*) as c from seq_1_to_1000000 a, seq_1_to_1000000 b where a.seq <> b.seq",
}
SLOW_CHANGE = {
    "sqlite": (
        "update courses set seats = (with recursive n(i) as (select 1 union all select i + 1 from n) "
        "select count(*) from n)"
    ),
    "postgresql": "update courses set seats = 0 where pg_sleep(30) is not null",
    "mariadb": (
        "update courses set seats = (select count(*) from seq_1_to_1000000 a, seq_1_to_1000000 b where a.seq <> b.seq)"
    ),
}


def functions(office: Office, mark: str = "") -> str:
    if mark:
        office.url += f"&application_name={mark}"
    return f"""
    slow: {{sql: "{ENDLESS[office.dialect]}"}}
    slow_change:
      effect: write
      statements:
        - update courses set title = 'changed'
        - "{SLOW_CHANGE[office.dialect]}"
    quick: {{sql: "select count(*) as n from courses where title <> 'changed'", rows: one}}
    """


async def eventually(holds: Callable[[], Awaitable[bool]], within: float) -> None:
    async with asyncio.timeout(within):
        while not await holds():
            await asyncio.sleep(0.02)


async def is_active(office: Office, mark: str) -> bool:
    """Whether the server works for the backend of this name."""
    import psycopg  # noqa: PLC0415 -- the driver is optional

    async with await psycopg.AsyncConnection.connect(POSTGRESQL) as connection:
        found = await connection.execute(
            "select 1 from pg_stat_activity where state = 'active' and application_name = %s "
            "and (query like 'fetch%%' or query like '%%pg_sleep%%')",
            [mark],
        )
        return await found.fetchone() is not None


async def test_a_query_that_takes_too_long_ends_with_a_timeout(office: Office) -> None:
    office.open(functions(office))
    begun = time.monotonic()

    error = await office.error("slow", timeout=0.5)

    assert (error.code, error.work) == ("timeout", "rolled_back")
    assert time.monotonic() - begun < 1.5
    assert await office.value("quick") == {"n": 3}


async def test_a_change_that_takes_too_long_is_undone(office: Office) -> None:
    office.open(functions(office))

    error = await office.error("slow_change", timeout=0.5)

    assert (error.code, error.work) == ("timeout", "rolled_back")
    assert await office.value("quick") == {"n": 3}


async def test_the_server_itself_stops_a_query_that_takes_too_long(postgresql: Office) -> None:
    postgresql.open(functions(postgresql, "too_long_mark"))
    task = asyncio.create_task(postgresql.error("slow", timeout=2))

    await eventually(lambda: is_active(postgresql, "too_long_mark"), 5)
    error = await task

    assert error.code == "timeout"
    assert not await is_active(postgresql, "too_long_mark")


@pytest.mark.parametrize("function", ["slow", "slow_change"])
async def test_cancelling_stops_the_work_at_the_server_within_a_second(
    postgresql: Office, function: str
) -> None:
    mark = f"cancel_mark_{function}"
    postgresql.open(functions(postgresql, mark))
    task = asyncio.create_task(postgresql.reply(function, timeout=30))
    await eventually(lambda: is_active(postgresql, mark), 5)

    task.cancel()
    begun = time.monotonic()
    with pytest.raises((asyncio.CancelledError, BackendError)) as caught:
        await task

    assert time.monotonic() - begun < 1
    assert not await is_active(postgresql, mark)
    if function == "slow_change":
        assert isinstance(caught.value, BackendError)
        assert (caught.value.code, caught.value.work) == ("cancelled", "rolled_back")
    assert await postgresql.value("quick") == {"n": 3}


@pytest.mark.parametrize("function", ["slow", "slow_change"])
async def test_cancelling_stops_sqlite_within_a_second(sqlite: Office, function: str) -> None:
    sqlite.threads = 1
    sqlite.open(functions(sqlite))
    task = asyncio.create_task(sqlite.reply(function, timeout=30))
    await asyncio.sleep(0)
    await eventually(lambda: asyncio.sleep(0, not sqlite.backend._places.is_free), 2)

    task.cancel()
    begun = time.monotonic()
    with pytest.raises((asyncio.CancelledError, BackendError)) as caught:
        await task

    assert time.monotonic() - begun < 1
    if function == "slow_change":
        assert isinstance(caught.value, BackendError)
        assert (caught.value.code, caught.value.work) == ("cancelled", "rolled_back")
    assert await sqlite.value("quick") == {"n": 3}  # the only thread is free again


async def test_too_many_calls_at_a_time_are_busy_and_not_slow(office: Office) -> None:
    office.threads = 1
    office.open(functions(office))
    slow = asyncio.create_task(office.error("slow", timeout=1.5))
    await eventually(lambda: asyncio.sleep(0, not office.backend._places.is_free), 2)

    error = await office.error("slow", timeout=0.3)

    assert (error.code, error.retryable, error.work) == ("backend_busy", True, "not_started")
    assert error.message == (
        "all 1 connections to the database were in use for the whole time of the call"
    )
    assert (await slow).code == "timeout"


async def test_a_lock_of_someone_else_is_waited_for(sqlite: Office) -> None:
    sqlite.open("fill: {effect: write, statements: [update courses set seats = 1]}")
    other = sqlite3.connect(sqlite.folder / "courses.db", isolation_level=None)
    other.execute("begin immediate")

    error = await sqlite.error("fill", timeout=0.3)
    waiting = asyncio.create_task(sqlite.value("fill"))
    await asyncio.sleep(0.05)
    other.execute("rollback")
    other.close()

    assert (error.code, error.retryable, error.work) == ("backend_busy", True, "rolled_back")
    assert await waiting == {"rows_affected": 3}


async def test_cancelling_ends_the_wait_for_a_lock(sqlite: Office) -> None:
    sqlite.threads = 1
    sqlite.open("fill: {effect: write, statements: [update courses set seats = 1]}")
    other = sqlite3.connect(sqlite.folder / "courses.db", isolation_level=None)
    other.execute("begin immediate")
    task = asyncio.create_task(sqlite.reply("fill", timeout=30))
    await eventually(lambda: asyncio.sleep(0, not sqlite.backend._places.is_free), 2)

    task.cancel()
    with pytest.raises(BackendError) as caught:
        await task
    other.execute("rollback")
    other.close()

    assert (caught.value.code, caught.value.work) == ("cancelled", "rolled_back")
    assert await sqlite.value("fill") == {"rows_affected": 3}


async def test_closing_leaves_no_thread_and_no_connection(postgresql: Office) -> None:
    import psycopg  # noqa: PLC0415 -- the driver is optional

    before = set(threading.enumerate())
    postgresql.open(functions(postgresql, "drawbar_closing"))
    await postgresql.reply("quick")
    task = asyncio.create_task(postgresql.reply("slow", timeout=30))
    await eventually(lambda: is_active(postgresql, "drawbar_closing"), 5)

    await postgresql.backend.close()

    with pytest.raises(BackendError) as caught:
        await task
    assert caught.value.code == "cancelled"
    error = await postgresql.error("quick")
    assert (error.code, error.message) == ("backend_unavailable", "the backend was closed")

    async def nothing_is_left() -> bool:
        async with await psycopg.AsyncConnection.connect(POSTGRESQL) as connection:
            found = await connection.execute(
                "select 1 from pg_stat_activity where application_name = 'drawbar_closing'"
            )
            return await found.fetchone() is None and set(threading.enumerate()) <= before

    await eventually(nothing_is_left, 5)


async def test_closing_ends_the_threads_of_sqlite(sqlite: Office, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    sqlite.open(functions(sqlite))
    await sqlite.reply("quick")

    await sqlite.backend.close()
    await eventually(lambda: asyncio.sleep(0, set(threading.enumerate()) <= before), 5)

    (tmp_path / "courses.db").unlink()


async def test_a_short_reading_of_sqlite_needs_no_thread_and_answers_the_same(
    sqlite: Office,
) -> None:
    sqlite.open("""
    one: {parameters: {no: {type: string}}, sql: "select * from courses where course_no = :no", rows: one,
          with: {all: select course_no from courses order by course_no}}
    many: {sql: select * from courses order by course_no}
    wrong: {sql: select a from no_such_table}
    """)
    calls: list[tuple[str, dict[str, JsonValue]]] = [
        ("one", {"no": "C-101"}),
        ("one", {"no": "C-999"}),
        ("many", {}),
        ("wrong", {}),
    ]

    async def outcome(function: str, arguments: dict[str, JsonValue]) -> object:
        try:
            return await sqlite.reply(function, arguments, max_rows=2)
        except BackendError as error:
            return error.code, error.message, error.work, error.facts

    before = set(threading.enumerate())
    at_once = [await outcome(*each) for each in calls]
    threads = set(threading.enumerate()) - before
    sqlite.backend.answers_at_once = False
    in_threads = [await outcome(*each) for each in calls]

    assert threads == set()
    assert at_once == in_threads


async def test_a_long_reading_of_sqlite_does_not_keep_the_loop_waiting(sqlite: Office) -> None:
    sqlite.open(functions(sqlite))
    await sqlite.reply("quick")
    gaps: list[float] = []
    task = asyncio.create_task(sqlite.error("slow", timeout=0.5))

    last = time.monotonic()
    while not task.done():
        await asyncio.sleep(0)
        now = time.monotonic()
        gaps.append(now - last)
        last = now

    assert (await task).code == "timeout"
    assert max(gaps) < 0.2  # half a second of work, on a machine that others use as well


async def test_a_locked_file_is_read_by_a_thread_that_waits(sqlite: Office) -> None:
    sqlite.open(functions(sqlite))
    await sqlite.reply("quick")
    other = sqlite3.connect(sqlite.folder / "courses.db", isolation_level=None)
    other.execute("begin exclusive")
    task = asyncio.create_task(sqlite.value("quick"))
    await asyncio.sleep(0.05)

    assert not task.done()
    other.execute("rollback")
    other.close()
    assert await task == {"n": 3}
