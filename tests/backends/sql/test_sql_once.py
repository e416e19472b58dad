"""Calls that are done once, and dry runs that are carried out and undone."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from drawbar.kernel.ports import BackendError, Call, Reply
from drawbar.kernel.values import Caller, JsonObject

from .conftest import POSTGRESQL, Compiler, Office, run_script

FUNCTIONS = """
enrol:
  effect: write
  once: drawbar_calls
  parameters: {course_no: {type: string}}
  guard: [{if: "select 1 as n from courses where course_no = :course_no and seats = 0", code: full, message: no seat}]
  statements:
    - sql: update courses set seats = seats - 1 where course_no = :course_no
      expect_rows: 1
  returns: {from: get}
get: {parameters: {course_no: {type: string}}, sql: "select seats from courses where course_no = :course_no", rows: one}
close:
  effect: write
  dry_run: rollback
  statements:
    - {sql: "update courses set seats = 0 where seats < 9", expect_rows: 1..2}
  returns: {from: list}
list: {sql: "select course_no, seats from courses order by course_no"}
"""
TABLE = """
drop table if exists drawbar_calls;
create table drawbar_calls (
    call_key varchar(64) primary key,
    function varchar(100) not null,
    answer text not null,
    made_at timestamp not null default current_timestamp
);
"""
COURSE: JsonObject = {"course_no": "C-104"}


async def enrol(office: Office, key: str, within: float = 10.0) -> Reply:
    call = Call("courses_enrol", COURSE, Caller("tester"), time.monotonic() + within)
    return await office.backend.invoke(
        office.plans["enrol"].binding, replace(call, idempotency_key=key)
    )


async def test_the_same_call_is_done_once_and_answers_the_same(office: Office) -> None:
    run_script(office, TABLE)
    office.open(FUNCTIONS)

    first, again, other = [await enrol(office, key) for key in ("a", "a", "b")]

    assert (first.value, first.notes) == ({"seats": 1}, ())
    assert again.value == {"seats": 1}
    assert again.notes == (
        "This call had been carried out before; this is its answer of then. Nothing was changed now.",
    )
    assert (other.value, other.notes) == ({"seats": 0}, ())


async def test_calls_with_one_key_at_the_same_time_are_done_once(office: Office) -> None:
    run_script(office, TABLE)
    office.open(FUNCTIONS)

    replies = await asyncio.gather(*(enrol(office, "a") for _ in range(2)))

    assert [reply.value for reply in replies] == [{"seats": 1}] * 2
    assert sorted(len(reply.notes) for reply in replies) == [0, 1]


async def test_a_call_that_was_refused_leaves_no_key(office: Office) -> None:
    run_script(office, TABLE)
    office.open(FUNCTIONS)
    run_script(office, "update courses set seats = 0 where course_no = 'C-104'")

    with pytest.raises(BackendError, match="no seat"):
        await enrol(office, "a")
    run_script(office, "update courses set seats = 3 where course_no = 'C-104'")
    reply = await enrol(office, "a")

    assert (reply.value, reply.notes) == ({"seats": 2}, ())


async def test_without_its_table_the_call_fails_and_the_table_is_not_made(office: Office) -> None:
    run_script(office, "drop table if exists drawbar_calls")
    office.open(FUNCTIONS)

    with pytest.raises(BackendError, match="drawbar_calls"):
        await enrol(office, "a")

    assert await office.value("get", COURSE) == {"seats": 2}


async def test_a_commit_that_was_not_answered_is_cleared_up(postgresql: Office) -> None:
    """A deferred trigger holds the commit until its connection is cut; the next attempt is let through."""
    import psycopg  # noqa: PLC0415 -- the driver is optional

    run_script(postgresql, TABLE)
    run_script(
        postgresql,
        """
        drop table if exists slow; create table slow (yes boolean); insert into slow values (true);
        create or replace function wait_once() returns trigger language plpgsql as
        $$ begin if (select yes from slow) then perform pg_sleep(30); end if; return null; end $$;
        create constraint trigger waits after update on courses
        initially deferred for each row execute function wait_once();
        """,
    )
    postgresql.url += "&application_name=drawbar_once"
    postgresql.open(FUNCTIONS)
    task = asyncio.create_task(enrol(postgresql, "a", 20.0))

    async with asyncio.timeout(5):
        async with await psycopg.AsyncConnection.connect(POSTGRESQL, autocommit=True) as server:
            while True:
                found = await server.execute(
                    "select pid from pg_stat_activity where application_name = 'drawbar_once' "
                    "and state = 'active' and query = 'commit'"
                )
                if row := await found.fetchone():
                    break
                await asyncio.sleep(0.02)
            run_script(postgresql, "update slow set yes = false")
            await server.execute("select pg_terminate_backend(%s, 5000)", [row[0]])
    reply = await task

    assert reply.value == {"seats": 1}
    assert await postgresql.value("get", COURSE) == {"seats": 1}


async def test_a_dry_run_may_carry_it_out_and_undo_it(office: Office) -> None:
    office.open(FUNCTIONS)

    reply = await office.reply("close", mode="dry_run")

    assert isinstance(reply.value, dict)
    assert reply.value["would_answer"] == [
        {"course_no": "C-101", "seats": 10},
        {"course_no": "C-104", "seats": 0},
        {"course_no": "C-200", "seats": 0},
    ]
    assert reply.notes == (
        "It was carried out and undone; sequences have moved on, and what triggers did elsewhere has stayed.",
    )
    assert not office.call.progress.sent
    assert await office.value("get", COURSE) == {"seats": 2}


async def test_a_dry_run_that_is_carried_out_meets_the_same_refusals(office: Office) -> None:
    office.open(FUNCTIONS)
    run_script(office, "update courses set seats = 10")

    with pytest.raises(BackendError, match="touched 0 rows"):
        await office.reply("close", mode="dry_run")


@pytest.mark.parametrize("word", ["once: calls", "dry_run: rollback"])
def test_these_words_belong_to_operations(compiler: Compiler, word: str) -> None:
    problems = compiler.problems(f"f: {{sql: select a from t, {word}}}")

    assert len(problems) == 1
    assert f"DB314 `{word.partition(':')[0]}` has no meaning here" in problems[0]
