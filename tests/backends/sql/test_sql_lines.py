"""One row of PostgreSQL without a thread: the same answers, and nothing left behind."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from drawbar.backends.sql.databases.postgresql import line as postgresql_line
from drawbar.backends.sql.databases.postgresql import lines as postgresql_lines
from drawbar.backends.sql.databases.postgresql import pipeline as postgresql_pipeline
from drawbar.backends.sql.databases.postgresql.line import Line
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
wide: {{sql: "select repeat('wide ', 200000) as w", rows: one}}
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
    ("wide", {}),
]


def waiting(office: Office) -> Office:
    """Without just-in-time compilation, which no server interrupts."""
    office.url = office.url.replace("options=", "options=-cjit%3Doff%20")
    return office.open(FUNCTIONS)


def lines_of(office: Office) -> Any:  # Lines
    database: Any = office.backend._database
    return database._lines


def idle_lines(office: Office) -> list[Any]:  # Line or Pipeline
    return [line for line in lines_of(office)._lines if line.is_idle]


async def close_lines(office: Office) -> None:
    """As if the server had ended all of them."""
    for line in idle_lines(office):
        line.close()
        lines_of(office)._lost(line)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions wait for those before them however long those take."""
    for name in ("PATIENCE", "_OVERDUE"):
        monkeypatch.setattr(postgresql_pipeline, name, 1e9)


async def asked_behind_nothing(office: Office) -> asyncio.Task[object]:
    """`slow` under way on the only line, and `number` known to be quick."""
    for _ in range(2):
        await office.value("number", {"t": "1"})
    task: asyncio.Task[object] = asyncio.create_task(office.reply("slow", timeout=30))
    await eventually(is_asked, 5)
    assert len(lines_of(office)._lines) == 1
    return task


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
    await close_lines(postgresql)
    with monkeypatch.context() as patch:
        patch.setattr(postgresql_lines, "is_plain", lambda _: False)
        by_libpq = [await outcome(*each) for each in CALLS + CALLS]

    assert workers == []
    assert twice == in_threads
    assert by_libpq == in_threads
    assert {type(line) for line in lines_of(postgresql)._lines} == {Line}


async def test_questions_of_one_moment_share_a_line_and_each_gets_its_own_answer(
    postgresql: Office, patient: None
) -> None:
    postgresql.open(FUNCTIONS)
    for _ in range(2):  # the first time nobody knows how long they take
        await postgresql.value("number", {"t": "1"})
        await postgresql.value("share", {"n": 1})
    line = lines_of(postgresql)._lines[0]

    async def one(number: int) -> JsonValue:
        if number % 3:
            return await postgresql.value("number", {"t": str(number)})
        error = await postgresql.error("share", {"n": 0})
        return error.message

    found = await asyncio.gather(*(one(number) for number in range(40)))

    expected: list[JsonValue] = [
        {"n": number} if number % 3 else "division by zero" for number in range(40)
    ]
    assert found == expected
    assert lines_of(postgresql)._lines == [line]


async def test_a_cancelled_question_takes_none_of_those_behind_it_along(
    postgresql: Office, patient: None
) -> None:
    waiting(postgresql)
    task = await asked_behind_nothing(postgresql)
    behind = [
        asyncio.create_task(postgresql.value("number", {"t": str(number)})) for number in range(3)
    ]
    await asyncio.sleep(0)

    task.cancel()

    assert await asyncio.gather(*behind) == [{"n": number} for number in range(3)]
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(is_left, 5)


async def test_nobody_waits_long_behind_a_question_that_takes_longer_than_was_thought(
    postgresql: Office, patient: None
) -> None:
    waiting(postgresql)
    task = await asked_behind_nothing(postgresql)
    line = lines_of(postgresql)._lines[0]

    behind = postgresql.value("number", {"t": "7"})

    assert await asyncio.wait_for(behind, 5) == {"n": 7}
    under_way = [asked.answer.done() for asked in line._asked if asked.answer is not None]
    assert under_way == [False, True]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_statement_that_is_wrong_is_told_so_to_all_who_ask_it_at_once(
    postgresql: Office, patient: None
) -> None:
    postgresql.open(
        "gone: {sql: select x from never_made, rows: one}\nwho: {sql: select 1 as n, rows: one}"
    )
    await postgresql.value("who")
    lines_of(postgresql)._paces.learn("select x from never_made", 0.0)

    errors = await asyncio.gather(*(postgresql.error("gone") for _ in range(4)))

    assert {error.facts["sqlstate"] for error in errors} == {"42P01"}
    assert await postgresql.value("who") == {"n": 1}


async def test_a_session_that_may_write_is_left_and_no_line_is_shared_any_more(
    postgresql: Office,
) -> None:
    run_script(
        postgresql,
        "create view sneaky as select set_config('default_transaction_read_only', 'off', false) as was",
    )
    postgresql.open(
        "sneak: {sql: select * from sneaky, rows: one}\n"
        "mode: {sql: \"select current_setting('transaction_read_only') as mode\", rows: one}"
    )
    await postgresql.value("sneak")

    found = [await postgresql.value("mode") for _ in range(2)]

    assert found == [{"mode": "on"}, {"mode": "on"}]
    assert lines_of(postgresql)._shares is False
    run_script(postgresql, "drop view sneaky")


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
    assert len(idle_lines(postgresql)) == postgresql.threads
    assert len({await pid_of(postgresql) for _ in range(5)}) == 1


async def test_a_line_that_died_while_idle_is_noticed_and_replaced(postgresql: Office) -> None:
    postgresql.open(FUNCTIONS)
    first = await pid_of(postgresql)

    await terminate(first)

    async def noticed() -> bool:
        return not idle_lines(postgresql)

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
    for module in (postgresql_line, postgresql_pipeline):
        monkeypatch.setattr(module, "MOST_PREPARED", 2)
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
    assert all(line.is_idle for line in lines_of(postgresql)._lines)


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
    assert lines_of(postgresql)._lines == []
