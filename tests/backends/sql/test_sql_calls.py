"""Procedures and functions of PostgreSQL, called by their name."""

from __future__ import annotations

import asyncio
import json
import re
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonObject

from .conftest import Office

BOOK = """
book:
  effect: write
  call: book(course text, seats integer, out booking_no integer, inout price numeric)
"""


@pytest.fixture
async def office(postgresql_routines: str, tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(postgresql_routines, tmp_path, "postgresql")
    yield office
    for backend in office.backends:
        await backend.close()


def run(office: Office, *statements: str) -> list[Any]:
    """Past the adapter; the rows of the last one."""
    import psycopg  # noqa: PLC0415 -- the driver is optional

    with psycopg.connect(office.url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


async def test_what_comes_out_of_a_procedure_is_answered_by_name(office: Office) -> None:
    office.open(BOOK)

    value = await office.value("book", {"course": "C-1", "seats": 3, "price": 99.9})

    assert value == {"booking_no": 1, "price": "299.7"}
    assert run(office, "select course, seats, price::text from bookings") == [("C-1", 3, "99.90")]
    assert office.call.progress.sent


async def test_a_call_that_fails_is_undone_and_told_by_its_constraint(office: Office) -> None:
    office.open(BOOK)

    error = await office.error("book", {"course": "C-1", "seats": 0, "price": 1})

    assert (error.code, error.work) == ("constraint_violation", "rolled_back")
    assert error.facts["constraint"] == "seats_positive"
    assert run(office, "select * from log") == []


async def test_arguments_are_values_whatever_they_say(office: Office) -> None:
    office.open(BOOK)
    course = "'); drop --$1"

    await office.value("book", {"course": course, "seats": 1, "price": 1})

    assert run(office, "select course from bookings") == [(course,)]


async def test_a_function_answers_its_rows(office: Office) -> None:
    office.open(
        f"""
        {BOOK.strip().replace(chr(10), chr(10) + "        ")}
        bookings_of:
          effect: read
          call: function bookings_of(of_course text)
          columns: {{price: number}}
        first_of:
          effect: read
          rows: one
          not_found: no such booking
          call: function bookings_of(of_course text)
        """
    )
    for seats in (1, 2, 3):
        await office.value("book", {"course": "C-1", "seats": seats, "price": 1.5})

    rows = await office.value("bookings_of", {"of_course": "C-1"})
    cut = await office.reply("bookings_of", {"of_course": "C-1"}, max_rows=2)
    several = await office.error("first_of", {"of_course": "C-1"})
    none = await office.error("first_of", {"of_course": "C-9"})

    assert rows == [{"booking_no": n, "seats": n, "price": 1.5} for n in (1, 2, 3)]
    assert isinstance(rows, list)
    assert cut.value == rows[:2]
    assert [(each.kept, each.unit) for each in cut.cuts] == [(2, "rows")]
    assert (several.code, none.code, none.message) == ("ambiguous", "not_found", "no such booking")


async def test_overloads_are_told_apart_by_their_types(office: Office) -> None:
    office.open(
        """
        exact:
          effect: read
          rows: one
          parameters: {gross: {type: number}, rate: {type: number}}
          call: function tax_of(numeric, numeric)
        rough:
          effect: read
          rows: one
          call: function tax_of(gross integer)
        usual:
          effect: read
          rows: one
          call: function tax_of(gross numeric)
        """
    )

    assert await office.value("exact", {"gross": 10.5, "rate": 0.1}) == {"tax_of": "1.05"}
    assert await office.value("rough", {"gross": 10}) == {"tax_of": "5.0"}
    assert await office.value("usual", {"gross": 100}) == {"tax_of": "19.00"}


async def test_cursors_are_answered_as_named_lists(office: Office) -> None:
    run(
        office,
        "insert into bookings (course, seats, price) values ('C-1', 2, 10), ('C-1', 3, 20.5), ('C-2', 1, 5)",
        """create procedure report(of_course text, inout items refcursor, out how_many integer, inout sums refcursor,
          inout nothing refcursor) language plpgsql as $$ begin
          open items for select booking_no, seats, price from bookings where course = of_course order by 1;
          open sums for select sum(seats) as seats, sum(price) as price from bookings where course = of_course;
          select count(*) into how_many from bookings where course = of_course;
        end $$""",
        """create function two_lists() returns setof refcursor language plpgsql as $$ declare c refcursor; begin
          open c for select course from bookings order by 1; return next c;
          c := null; open c for select max(price) as highest from bookings; return next c;
        end $$""",
        """create function one_cursor(out only_one refcursor) language plpgsql as $$ begin
          open only_one for select 1 as a; end $$""",
    )
    office.open(
        """
        report:
          effect: read
          call: report(of_course text, inout items refcursor, out how_many integer, inout sums refcursor, inout nothing refcursor)
          results: {sums: one}
          columns: {sums.price: number}
        two_lists:
          effect: read
          call: function two_lists()
          results: {courses: many, highest: one}
        too_few:
          effect: read
          call: function two_lists()
          results: {courses: many}
        one_cursor:
          effect: read
          call: function one_cursor(out only_one refcursor)
        """
    )

    reply = await office.reply("report", {"of_course": "C-1"}, max_rows=1)
    error = await office.error("too_few")

    assert reply.value == {
        "how_many": 2,
        "items": [{"booking_no": 1, "seats": 2, "price": "10.00"}],
        "sums": {"seats": 5, "price": 30.5},
        "nothing": None,
    }
    assert [each.how_to_get_the_rest.partition(":")[0] for each in reply.cuts] == [
        "of the list `items`"
    ]
    assert await office.value("two_lists") == {
        "courses": [{"course": "C-1"}, {"course": "C-1"}, {"course": "C-2"}],
        "highest": {"highest": "20.50"},
    }
    assert await office.value("one_cursor") == {"only_one": [{"a": 1}]}
    assert error.code == "contract_mismatch"
    assert error.message == (
        "`two_lists` does not answer what the adapter says: it answered 2 result sets, and `results` names courses"
    )


async def test_a_reading_call_cannot_change_anything(office: Office) -> None:
    office.open(BOOK.replace("effect: write", "effect: read"))

    error = await office.error("book", {"course": "C-1", "seats": 1, "price": 1})

    assert error.code == "not_allowed"
    assert run(office, "select * from bookings") == []


async def test_values_are_looked_up_and_checked_before_and_read_after_a_call(
    office: Office,
) -> None:
    office.open(
        """
        get_booking:
          parameters: {course: {type: string}}
          sql: select course, seats, price from bookings where course = :course
          rows: one
        book:
          effect: write
          parameters: {course: {to: of_course, description: Such as C-1.}}
          let: {price: "select 12.5::numeric as price"}
          guard:
            - {if: ":seats > 3", code: too_many, message: "{seats} are too many"}
          call: book(of_course text, seats integer, out booking_no integer, inout price numeric)
          returns: {from: get_booking}
        """
    )
    parameters = {each.name: each.schema for each in office.plans["book"].parameters}

    value = await office.value("book", {"course": "C-1", "seats": 3})
    error = await office.error("book", {"course": "C-2", "seats": 4})

    assert parameters == {
        "course": {"type": "string", "description": "Such as C-1."},
        "seats": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    }
    assert value == {"course": "C-1", "seats": 3, "price": "12.50"}
    assert (error.code, error.message) == ("too_many", "4 are too many")


async def test_what_the_database_does_not_have_is_told_before_anything_is_done(
    office: Office,
) -> None:
    office.open(
        """
        no_such: {effect: write, call: bok(course text)}
        no_function: {effect: write, call: function book(course text)}
        other_type:
          effect: write
          call: book(course text, seats bigint, out booking_no integer, inout price numeric)
        other_name:
          effect: write
          call: book(course text, seats integer, out number integer, inout price numeric)
        no_out: {effect: write, parameters: {course: {type: string}}, call: book}
        other_place: {effect: write, call: elsewhere.book(course text)}
        no_overload: {effect: read, call: function tax_of(gross text)}
        """
    )
    given: JsonObject = {"course": "C-1", "seats": 1, "price": 1, "gross": "1"}

    told = {}
    for function in office.plans:
        names = [each.name for each in office.plans[function].parameters]
        error = await office.error(function, {name: given[name] for name in names})
        assert (error.code, error.work) == ("contract_mismatch", "not_started")
        told[function] = error.message.replace(office.url.rpartition("%3D")[2] + ".", "")

    book = "`book(course text, seats integer, out booking_no integer, inout price numeric)`"
    assert told == {
        "no_such": f"the database has no routine `bok` that this login can see; there is {book}",
        "no_function": (
            f"the adapter calls `function book(course text)`, and the database has {book}; it is a procedure"
        ),
        "other_type": (
            "the adapter calls `book(course text, seats bigint, out booking_no integer, inout price numeric)`, "
            f"and the database has {book}; `seats bigint` is declared where it has `seats integer`"
        ),
        "other_name": (
            "the adapter calls `book(course text, seats integer, out number integer, inout price numeric)`, "
            f"and the database has {book}; `out number integer` is declared where it has `out booking_no integer`"
        ),
        "no_out": (
            f"the adapter calls `book`, and the database has {book}; it is called with 1 value, and takes 3 arguments"
        ),
        "other_place": "the database has no routine `elsewhere.book` that this login can see",
        "no_overload": (
            "the adapter calls `function tax_of(gross text)`, and the database has `function tax_of(gross integer)` "
            "and `function tax_of(gross numeric, rate numeric)`"
        ),
    }
    assert run(office, "select * from log") == []


async def test_a_routine_that_was_put_right_is_found(office: Office) -> None:
    office.open("f: {effect: read, rows: one, call: function later(n integer)}")

    before = await office.error("f", {"n": 1})
    run(office, "create function later(n integer) returns integer language sql as 'select n + 1'")
    after = await office.value("f", {"n": 1})
    run(office, "drop function later(integer)")
    gone = await office.error("f", {"n": 1})
    told = await office.error("f", {"n": 1})

    assert (before.code, after) == ("contract_mismatch", {"later": 2})
    assert (gone.code, told.code) == ("statement_failed", "contract_mismatch")


async def test_a_dry_run_shows_the_exact_call_and_carries_nothing_out(office: Office) -> None:
    office.open(f"{BOOK}\n{BOOK.replace('book:', 'with_lock:', 1)}  dry_run: rollback\n")
    arguments: JsonObject = {"course": "C-1", "seats": 3, "price": 9.5}

    shown = await office.reply("book", arguments, mode="dry_run")
    undone = await office.reply("with_lock", arguments, mode="dry_run")

    assert shown.value == {
        "request": {
            "transaction": "one for all statements",
            "statements": [
                {
                    "sql": "call book($1::text, $2::integer, null::integer, $3::numeric)",
                    "values": ["C-1", 3, 9.5],
                    "named_sql": "call book(:course::text, :seats::integer, null::integer, :price::numeric)",
                    "named_values": {"course": "C-1", "seats": 3, "price": 9.5},
                }
            ],
        }
    }
    assert isinstance(undone.value, dict)
    assert undone.value["would_answer"] == {"booking_no": 1, "price": "28.5"}
    assert run(office, "select * from log") == []


COMMITS = """create procedure in_two(how text, out done integer) language plpgsql as $$ begin
  if how = 'at once' then raise exception 'closed already' using errcode = 'P0001'; end if;
  insert into log values ('first');
  if how = 'before' then raise exception 'not yet'; end if;
  commit;
  insert into log values ('second');
  if how = 'after' then raise exception 'too late'; end if;
  if how = 'slow' then perform pg_sleep(30); end if;
  done := 2;
end $$"""


async def test_a_procedure_may_commit_by_itself(office: Office) -> None:
    run(office, COMMITS)
    office.open(
        """
        wrong: {effect: write, call: "in_two(how text, out done integer)"}
        in_two: {effect: write, transaction: none, call: "in_two(how text, out done integer)"}
        """
    )

    wrong = await office.error("wrong", {"how": "well"})
    assert (wrong.code, wrong.work) == ("statement_failed", "rolled_back")
    assert wrong.message == (
        "invalid transaction termination: the procedure commits by itself, so `transaction: none` belongs beside its `call`"
    )
    assert run(office, "select * from log") == []
    assert await office.value("in_two", {"how": "well"}) == {"done": 2}
    assert run(office, "select * from log") == [("first",), ("second",)]


async def test_what_a_procedure_had_committed_before_it_failed_is_not_known(office: Office) -> None:
    run(office, COMMITS)
    office.open(
        'in_two: {effect: write, transaction: none, call: "in_two(how text, out done integer)"}'
    )

    at_once = await office.error("in_two", {"how": "at once"})
    before = await office.error("in_two", {"how": "before"})
    after = await office.error("in_two", {"how": "after"})
    slow = await office.error("in_two", {"how": "slow"}, timeout=1.0)

    assert (at_once.code, at_once.work, at_once.message) == (
        "raised",
        "rolled_back",
        "closed already",
    )
    assert (before.code, before.work) == ("raised", "rolled_back")
    assert (after.code, after.work) == ("raised", "unknown")
    assert after.message == "too late; what the procedure had committed before stays"
    assert (slow.code, slow.work) == ("timeout", "unknown")
    assert run(office, "select * from log") == [("first",), ("first",)]


async def test_a_call_ends_with_its_time_and_with_its_caller(office: Office) -> None:
    run(
        office,
        "create procedure slow(out n integer) language plpgsql as $$ begin "
        "insert into log values ('slow'); perform pg_sleep(30); n := 1; end $$",
    )
    office.open('slow: {effect: write, call: "slow(out n integer)"}')

    error = await office.error("slow", timeout=0.8)
    task = asyncio.create_task(office.reply("slow"))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(BackendError) as cancelled:
        await task

    assert (error.code, error.work) == ("timeout", "rolled_back")
    assert (cancelled.value.code, cancelled.value.work) == ("cancelled", "rolled_back")
    assert run(office, "select * from log") == []
    assert run(
        office,
        "select count(*) from pg_stat_activity where query like 'call slow%' and state = 'active'",
    ) == [(0,)]


async def test_values_come_out_exactly(office: Office) -> None:
    run(
        office,
        """create procedure exact(out big bigint, out small numeric, out day date, out at timestamptz, out span interval,
          out raw bytea, out many integer[], out doc jsonb, out nan double precision, out missing text) language sql as $$
          select 9007199254740993, 0.10000000000000000001, '0044-03-15 BC'::date, '2026-11-24 10:00+00'::timestamptz,
          '1 mon 2 days'::interval, '\\x00ff'::bytea, array[1, 2], '{"a": 1.10}'::jsonb, 'NaN'::float8, null $$""",
        "create function nothing() returns void language sql as ''",
    )
    office.open(
        """
        exact:
          effect: read
          call: exact(out big bigint, out small numeric, out day date, out at timestamptz, out span interval, out raw bytea,
            out many integer[], out doc jsonb, out nan double precision, out missing text)
        nothing: {effect: write, rows: one, call: function nothing()}
        """
    )

    value = await office.value("exact")

    assert value == {
        "big": "9007199254740993",
        "small": "0.10000000000000000001",
        "day": "0044-03-15 BC",
        "at": "2026-11-24T10:00:00+00:00",
        "span": "P1M2D",
        "raw": {"$bytes": 2, "base64": "AP8="},
        "many": [1, 2],
        "doc": {"a": 1.1},
        "nan": "NaN",
        "missing": None,
    }
    assert await office.value("nothing") == {"nothing": None}


async def test_lengths_of_arguments_cut_nothing(office: Office) -> None:
    run(
        office,
        "create function whole(a char(3), b varchar(2), c numeric(3,1), d bit(3)) returns text language sql as "
        "'select concat_ws(chr(32), a, b, c, d)'",
    )
    office.open(
        """
        whole:
          effect: read
          rows: one
          parameters: {a: {type: string, max_length: 9}, b: {type: string, max_length: 9}}
          call: function whole(a char(3), b varchar(2), c numeric(3,1), d bit(3))
        """
    )

    value = await office.value("whole", {"a": "abcd", "b": "efgh", "c": 1.2345, "d": "10101"})

    assert value == {"whole": "abcd efgh 1.2345 10101"}


async def test_the_page_about_procedures_is_true(office: Office) -> None:
    page = (Path(__file__).parents[3] / "docs" / "sql-procedures.md").read_text()
    blocks = dict(re.findall(r"```(\w+) file=\S+\n(.*?)```", page, re.DOTALL))
    run(office, blocks["sql"])
    office.open(textwrap.dedent(blocks["yaml"].partition("functions:\n")[2]))
    arguments: JsonObject = {"month": "2026-10-01", "budget": 10_000}

    before = await office.value("open_months")
    value = await office.value("close_month", arguments)
    again = await office.error("close_month", arguments)

    assert before == [{"month": "2026-10-01", "amount": 6100.4}]
    assert value == json.loads(blocks["json"])
    assert (again.code, again.message, again.facts["message"]) == (
        *("raised", "2026-10 is closed already", "2026-10 is closed already"),
    )
    assert await office.value("open_months") == []
