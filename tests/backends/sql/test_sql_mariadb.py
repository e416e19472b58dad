"""MariaDB where it differs: its own list of running queries, its own walls, its own values."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from drawbar.backends.sql.dialect import MARIADB
from drawbar.backends.sql.plan import Query, Reading, Statement
from drawbar.kernel.ports import BackendError, Call
from drawbar.kernel.values import Caller, JsonValue

from .conftest import Compiler, Office, mariadb_connection

LONG = "select count(*) as c from seq_1_to_1000000 a, seq_1_to_1000000 b where a.seq <> b.seq"
FUNCTIONS = f"""
slow: {{sql: "{LONG}"}}
slow_change:
  effect: write
  statements:
    - update courses set title = 'changed'
    - "update courses set seats = ({LONG.replace(" as c", "")})"
quick: {{sql: "select count(*) as n from courses where title <> 'changed'", rows: one}}
who: {{sql: "select connection_id() as id", rows: one}}
many: {{sql: "select connection_id() as id, seq from seq_1_to_1000000"}}
"""


def running(office: Office) -> list[str]:
    """What the server itself says it works on in the office's database."""
    with mariadb_connection(office.url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select info from information_schema.processlist "
            "where db = database() and id <> connection_id() and command = 'Query'"
        )
        return [str(row[0]) for row in cursor.fetchall()]


async def until_it_runs(office: Office) -> None:
    async with asyncio.timeout(5):
        while not any("seq_1_to_1000000" in text for text in running(office)):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("function", ["slow", "slow_change"])
async def test_cancelling_stops_the_work_at_the_server_within_a_second(
    mariadb: Office, function: str
) -> None:
    mariadb.open(FUNCTIONS)
    task = asyncio.create_task(mariadb.reply(function, timeout=30))
    await until_it_runs(mariadb)

    task.cancel()
    begun = time.monotonic()
    with pytest.raises((asyncio.CancelledError, BackendError)) as caught:
        await task

    assert time.monotonic() - begun < 1
    assert running(mariadb) == []
    if function == "slow_change":
        assert isinstance(caught.value, BackendError)
        assert (caught.value.code, caught.value.work) == ("cancelled", "rolled_back")
    assert await mariadb.value("quick") == {"n": 3}


async def test_the_server_itself_stops_a_query_that_takes_too_long(mariadb: Office) -> None:
    mariadb.open(FUNCTIONS)
    task = asyncio.create_task(mariadb.error("slow", timeout=1))
    await until_it_runs(mariadb)

    error = await task

    assert error.code == "timeout"
    assert running(mariadb) == []


async def test_rows_beyond_a_cap_are_not_sent_and_the_connection_stays(mariadb: Office) -> None:
    mariadb.threads = 1
    mariadb.open(FUNCTIONS)

    reply = await mariadb.reply("many", max_rows=2)
    who = await mariadb.value("who")

    assert isinstance(reply.value, list)
    assert isinstance(who, dict)
    assert reply.value == [{"id": who["id"], "seq": 1}, {"id": who["id"], "seq": 2}]
    assert running(mariadb) == []


async def test_a_connection_that_died_in_the_pool_costs_no_call(mariadb: Office) -> None:
    mariadb.open(FUNCTIONS)
    first = await mariadb.value("who")
    assert isinstance(first, dict)
    with mariadb_connection(mariadb.url) as connection, connection.cursor() as cursor:
        cursor.execute(f"kill {first['id']}")

    second = await mariadb.value("who")

    assert isinstance(second, dict)
    assert second["id"] != first["id"]


@pytest.mark.parametrize(
    ("function", "work"), [("slow", "rolled_back"), ("slow_change", "rolled_back")]
)
async def test_a_lost_connection_undoes_what_was_begun(
    mariadb: Office, function: str, work: str
) -> None:
    mariadb.open(FUNCTIONS)
    task = asyncio.create_task(mariadb.error(function, timeout=20))
    await until_it_runs(mariadb)
    with mariadb_connection(mariadb.url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select id from information_schema.processlist "
            "where db = database() and info like '%seq_1_to_1000000%' and id <> connection_id()"
        )
        for (number,) in cursor.fetchall():
            cursor.execute(f"kill {number}")

    error = await task

    assert (error.code, error.retryable, error.work) == ("backend_unavailable", True, work)
    assert await mariadb.value("quick") == {"n": 3}


@pytest.mark.parametrize(
    "sql",
    [
        "create table evil (a int)",
        "create temporary table evil (a int)",
        "drop table enrolments",
        "select * from courses for update; delete from enrolments",
        "set session transaction read write",
        "replace into courses values ('X', 'X', 1, 1)",
        "load data infile '/etc/passwd' into table courses",
        "truncate courses",
    ],
)
async def test_a_reading_cannot_change_anything_whatever_it_says(mariadb: Office, sql: str) -> None:
    mariadb.threads = 1
    mariadb.open(FUNCTIONS)
    statement = Statement(sql, (), sql)
    call = Call("attack", {}, Caller("eve"), time.monotonic() + 10)

    with pytest.raises(BackendError) as caught:
        await mariadb.backend.invoke(Reading(Query(MARIADB, statement), "many"), call)

    assert caught.value.code in {"not_allowed", "statement_failed"}
    assert await mariadb.value("quick") == {"n": 3}


VALUES: list[tuple[str, JsonValue]] = [
    ("cast(12.50 as decimal(10,2))", "12.50"),
    ("cast('12345678901234567890.123456789' as decimal(38,9))", "12345678901234567890.123456789"),
    ("cast(9223372036854775807 as signed)", "9223372036854775807"),
    ("cast(18446744073709551615 as unsigned)", "18446744073709551615"),
    ("(select sum(seats) from courses)", 17),
    ("1e-3", 0.001),
    ("date '2026-11-24'", "2026-11-24"),
    ("cast('0000-00-00' as date)", "0000-00-00"),
    ("timestamp '2026-11-24 05:43:20.5'", "2026-11-24T05:43:20.5"),
    ("cast('-838:59:59' as time)", "-838:59:59"),
    ("x'00ff'", {"$bytes": 2, "base64": "AP8="}),
    ("b'101'", {"$bytes": 1, "base64": "BQ=="}),
    ("'ä\U0001f6df % ''it'' \\\\ ?'", "ä\U0001f6df % 'it' \\ ?"),
    ("true", 1),
    ("null", None),
    ("json_object('a', 1)", '{"a": 1}'),
]


@pytest.mark.parametrize(("sql", "value"), VALUES)
async def test_a_value_is_answered_as_json_that_says_the_same(
    mariadb: Office, sql: str, value: JsonValue
) -> None:
    escaped = sql.replace("'", "''")
    mariadb.open(f"get: {{sql: 'select {escaped} as v', rows: one}}")

    assert await mariadb.value("get") == {"v": value}


async def test_a_day_that_is_none_is_the_servers_own_text(mariadb: Office) -> None:
    with mariadb_connection(mariadb.url) as connection, connection.cursor() as cursor:
        cursor.execute("create or replace table odd (day date, flags bit(3), at datetime(3))")
        cursor.execute("insert into odd values ('0000-00-00', b'101', '2026-11-24 05:43:20.125')")
    mariadb.open("get: {sql: 'select day, flags, at from odd', rows: one}")

    assert await mariadb.value("get") == {
        "day": "0000-00-00",
        "flags": 5,
        "at": "2026-11-24T05:43:20.125",
    }


async def test_looked_up_values_go_back_as_they_came(mariadb: Office) -> None:
    mariadb.open("""
    f:
      effect: write
      let:
        v: select price, timestamp '2026-11-24 05:43:20' as at, null as nothing from courses where course_no = 'C-101'
        w: select :v.price + 0.01 as more, date_add(:v.at, interval 1 day) as later, :v.nothing is null as empty
      guard:
        - {if: "1 = 1", code: told, message: "{v.price} {w.more} {w.later} {w.empty}"}
      statements: [delete from enrolments]
    """)

    error = await mariadb.error("f")

    assert error.message == "120.50 120.51 2026-11-25 05:43:20 1"


async def test_operations_that_wait_for_each_other_are_repeated_until_both_are_done(
    mariadb: Office,
) -> None:
    """Each has locked what the other wants next, so the server undoes one of them."""
    mariadb.open("""
    move:
      effect: write
      parameters: {to: {type: string}, from: {type: string}}
      statements:
        - {sql: update courses set seats = seats - 1 where course_no = :from, expect_rows: 1}
        - {sql: select sleep(0.1) as s}
        - {sql: update courses set seats = seats + 1 where course_no = :to, expect_rows: 1}
    state: {sql: "select course_no, seats from courses order by course_no"}
    """)

    await asyncio.gather(
        mariadb.reply("move", {"to": "C-101", "from": "C-104"}),
        mariadb.reply("move", {"to": "C-104", "from": "C-101"}),
    )

    state = await mariadb.value("state")
    assert isinstance(state, list)
    assert [row["seats"] for row in state if isinstance(row, dict)] == [10, 2, 5]


async def test_an_unchanged_row_counts_as_touched(mariadb: Office) -> None:
    mariadb.open("""
    same:
      effect: write
      statements: [{sql: "update courses set seats = 2 where course_no = 'C-104'", expect_rows: 1}]
    """)

    assert await mariadb.value("same") == {"rows_affected": 1}


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select /*! 1 + */ 1 as a", "is run by the server"),
        ("select 1 as a /*M!100000 union select 2 */ from dual", "is run by the server"),
        ("select a from t into outfile '/tmp/x'", "did not expect"),
        ("select load_file('/etc/passwd') as a", "`load_file()` reaches beyond the rows"),
        ("select @a as a", "`@` is no placeholder of Drawbar"),
        ("select a from t where b = ?", "`?` is no placeholder of Drawbar"),
        ("select a from t where b = any(:b)", "MariaDB has no any() or unnest()"),
    ],
)
def test_what_reaches_around_the_compiler_is_refused(
    compiler: Compiler, sql: str, told: str
) -> None:
    (problem,) = compiler.problems(
        f"f:\n  parameters: {{b: {{type: array, items: {{type: string}}}}}}\n  sql: |\n    {sql}\n"
        if ":b" in sql
        else f"f:\n  sql: |\n    {sql}\n",
        "mariadb",
    )

    assert told in problem


def test_a_definition_cannot_be_undone_and_is_refused(compiler: Compiler) -> None:
    (problem,) = compiler.problems(
        "f: {effect: destroy, statements: [truncate table t]}", "mariadb"
    )

    assert "commits what stands before it in MariaDB" in problem


async def test_a_missing_driver_is_named_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    for name in ("database", "errors"):
        monkeypatch.delitem(
            sys.modules, f"drawbar.backends.sql.databases.mariadb.{name}", raising=False
        )
    office = Office("mariadb://x@127.0.0.1/x", tmp_path, "mariadb").open("f: {sql: select 1 as a}")

    error = await office.error("f")
    await office.backend.close()

    assert (error.code, error.work) == ("backend_unavailable", "not_started")
    assert error.message == "the driver of MariaDB is not installed; install drawbar[mariadb]"


async def test_a_login_that_is_refused_is_told_without_the_password(
    mariadb_url: str, tmp_path: Path
) -> None:
    url = mariadb_url.replace("root@", "nobody:s3cr3t-password@")
    office = Office(url, tmp_path, "mariadb").open("f: {sql: select 1 as a}")

    error = await office.error("f")
    await office.backend.close()

    assert (error.code, error.retryable, error.work) == ("backend_denied", False, "not_started")
    assert "s3cr3t" not in error.message
