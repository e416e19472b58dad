"""One row of PostgreSQL without a thread: the same answers, and nothing left behind."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from drawbar.backends.sql.databases.postgresql import lines as postgresql_lines
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonValue

from .conftest import POSTGRESQL, Office, run_script
from .test_sql_connections import terminate
from .test_sql_stopping import eventually

MARK = "a_line_that_waits"
FUNCTIONS = f"""
course: {{parameters: {{no: {{type: string}}}}, sql: "select * from courses where course_no = :no", rows: one}}
seats: {{parameters: {{n: {{type: integer}}}}, sql: "select course_no from courses where seats >= :n", rows: one}}
share: {{parameters: {{n: {{type: integer}}}}, sql: "select 100 / :n as share", rows: one}}
number: {{parameters: {{t: {{type: string}}}}, sql: "select :t::integer as n", rows: one}}
any_of: {{parameters: {{nos: {{type: array, items: {{type: string}}}}}},
         sql: "select max(title) as title from courses where course_no in :nos", rows: one}}
many_kinds: {{rows: one, sql: "select 1.50::numeric as a, date '2026-02-03' as b, null as c, true as d, array[1, 2] as e,
              '{{\\"x\\": 1.10}}'::jsonb as f, interval '1 month' as g, timestamptz '2026-02-03 04:05:06+01' as h,
              'x'::bytea as i, 9007199254740993 as j, 'NaN'::float8 as k, repeat('long ', 400) as l"}}
all_of_them: {{sql: "select c, c + 1 as d from generate_series(1, 500000) c", rows: one}}
twice: {{sql: "select * from (select 1 as a) x, (select 2 as a) y", rows: one}}
who: {{sql: select pg_backend_pid() as pid, rows: one}}
large: {{parameters: {{t: {{type: string}}}}, sql: "select length(:t) as n", rows: one}}
slow: {{rows: one, sql: "select count(*) as c from pg_class a, pg_class b, pg_class c, pg_class d where a.relname <> '{MARK}'"}}
"""
CALLS: list[tuple[str, dict[str, JsonValue]]] = [
    ("course", {"no": "C-101"}),
    ("course", {"no": "C-999"}),
    ("course", {"no": None}),
    ("seats", {"n": 10}),
    ("seats", {"n": 5}),
    ("seats", {"n": 0}),
    ("seats", {"n": 2**40}),
    ("share", {"n": 3}),
    ("share", {"n": 0}),
    ("number", {"t": "12"}),
    ("number", {"t": "twelve"}),
    ("any_of", {"nos": ["C-101", "C-104"]}),
    ("any_of", {"nos": []}),
    ("many_kinds", {}),
    ("all_of_them", {}),
    ("twice", {}),
    ("large", {"t": "x" * 3_000_000}),
]


def waiting(office: Office) -> Office:
    """Without just-in-time compilation, which no server interrupts."""
    office.url = office.url.replace("options=", "options=-cjit%3Doff%20")
    return office.open(FUNCTIONS)


def lines_of(office: Office) -> Any:  # Lines
    database: Any = office.backend._database
    return database._lines


async def is_asked() -> bool:
    """Whether the server works on `slow`."""
    import psycopg  # noqa: PLC0415 -- the driver is optional

    async with await psycopg.AsyncConnection.connect(POSTGRESQL) as connection:
        found = await connection.execute(
            "select 1 from pg_stat_activity where state = 'active' and query like %s and pid <> pg_backend_pid()",
            [f"%{MARK}%"],
        )
        return await found.fetchone() is not None


async def is_left() -> bool:
    return not await is_asked()


async def pid_of(office: Office) -> JsonValue:
    found = await office.value("who")
    assert isinstance(found, dict)
    return found["pid"]


async def test_every_call_is_answered_as_in_a_thread(
    postgresql: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgresql.open(FUNCTIONS)

    async def outcome(function: str, arguments: dict[str, JsonValue]) -> object:
        try:
            return await postgresql.reply(function, arguments, max_bytes=1000)
        except BackendError as error:
            return error.code, error.message, error.work, error.retryable, error.facts

    before = set(threading.enumerate())
    twice = [await outcome(*each) for each in CALLS + CALLS]  # the second time all are prepared
    workers = [each for each in set(threading.enumerate()) - before if each.name.startswith("sql_")]
    with monkeypatch.context() as patch:
        patch.setattr(postgresql.backend, "_asks", None)
        in_threads = [await outcome(*each) for each in CALLS + CALLS]

    assert workers == []
    assert twice == in_threads


async def test_a_second_row_ends_the_question_and_the_next_one_has_a_clean_line(
    postgresql: Office,
) -> None:
    postgresql.open(FUNCTIONS)

    error = await postgresql.error("all_of_them")

    assert error.code == "ambiguous"
    assert await postgresql.value("number", {"t": "7"}) == {"n": 7}


async def test_calls_of_one_moment_have_a_line_each_and_keep_them(postgresql: Office) -> None:
    postgresql.open(FUNCTIONS)

    async def one(number: int) -> JsonValue:
        return await postgresql.value("number", {"t": str(number)})

    found = await asyncio.gather(*(one(number) for number in range(40)))

    assert found == [{"n": number} for number in range(40)]
    assert len(lines_of(postgresql)._idle) == postgresql.threads
    assert len({await pid_of(postgresql) for _ in range(5)}) == 1


async def test_a_line_that_died_while_idle_is_noticed_and_replaced(postgresql: Office) -> None:
    postgresql.open(FUNCTIONS)
    first = await pid_of(postgresql)

    await terminate(first)

    async def noticed() -> bool:
        return not bool(lines_of(postgresql)._idle)

    await eventually(noticed, 5)
    assert await pid_of(postgresql) != first


async def test_a_table_that_has_changed_since_is_read_as_it_is_now(postgresql: Office) -> None:
    run_script(
        postgresql,
        "create table shapes (no integer, kind text); insert into shapes values (1, 'round')",
    )
    postgresql.open("shape: {sql: select * from shapes, rows: one}")
    assert await postgresql.value("shape") == {"no": 1, "kind": "round"}

    run_script(postgresql, "alter table shapes add column size integer default 3")

    assert await postgresql.value("shape") == {"no": 1, "kind": "round", "size": 3}
    run_script(postgresql, "drop table shapes")


async def test_more_statements_than_a_line_keeps_are_prepared_anew(
    postgresql: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_lines, "_MOST_PREPARED", 2)
    postgresql.open("\n".join(f"f{n}: {{sql: select {n} as n, rows: one}}" for n in range(5)))

    for _ in range(2):
        for number in range(5):
            assert await postgresql.value(f"f{number}") == {"n": number}


async def test_a_cancelled_question_is_stopped_at_the_server(postgresql: Office) -> None:
    waiting(postgresql)
    task = asyncio.create_task(postgresql.reply("slow", timeout=30))
    await eventually(is_asked, 5)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await eventually(is_left, 5)
    assert lines_of(postgresql)._busy == set()


async def test_the_server_itself_stops_a_question_that_takes_too_long(postgresql: Office) -> None:
    waiting(postgresql)

    error = await postgresql.error("slow", timeout=1.0)

    assert error.code == "timeout"
    await eventually(is_left, 5)


async def test_closing_stops_a_question_and_leaves_nothing(postgresql: Office) -> None:
    waiting(postgresql)
    await pid_of(postgresql)
    task = asyncio.create_task(postgresql.reply("slow", timeout=30))
    await eventually(is_asked, 5)

    await postgresql.backend.close()

    with pytest.raises(BackendError) as caught:
        await task
    assert caught.value.code == "cancelled"
    await eventually(is_left, 5)
    assert lines_of(postgresql)._idle == []
