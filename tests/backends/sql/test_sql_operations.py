"""Business operations on real databases: all or nothing, and what became of the work."""

from __future__ import annotations

import asyncio
from collections import Counter

from drawbar.kernel.ports import BackendError

from .conftest import Office

FUNCTIONS = """
enrol:
  effect: write
  parameters: {course_no: {type: string}, employee_no: {type: string}}
  statements:
    - insert into enrolments (course_no, employee_no) values (:course_no, :employee_no)
    - sql: update courses set seats = seats - 1 where course_no = :course_no and seats > 0
      expect_rows: 1
add_course:
  effect: write
  parameters: {course_no: {type: string}, price: {type: number}}
  statements:
    - insert into courses (course_no, title, price) values (:course_no, 'New', :price) returning course_no, seats
  returns: {rows: one}
remove_all:
  effect: destroy
  statements: ["delete from courses returning course_no, seats"]
clear:
  effect: destroy
  max_affected_rows: 2
  statements: [update courses set seats = 0]
remove:
  effect: destroy
  parameters: {course_no: {type: string}}
  statements: ["delete from courses where course_no = :course_no returning course_no"]
  returns: {rows: one}
  not_found: no such course
state:
  sql: select (select sum(seats) from courses) as seats, (select count(*) from enrolments) as enrolled
  rows: one
"""
UNTOUCHED = {"seats": 17, "enrolled": 0}


async def test_all_statements_are_done_and_counted(office: Office) -> None:
    office.open(FUNCTIONS)

    value = await office.value("enrol", {"course_no": "C-104", "employee_no": "7"})

    assert value == {"rows_affected": 2}
    assert office.call.progress.sent
    assert await office.value("state") == {"seats": 16, "enrolled": 1}


async def test_another_number_of_rows_than_expected_undoes_everything(office: Office) -> None:
    office.open(FUNCTIONS)
    await office.value("enrol", {"course_no": "C-104", "employee_no": "7"})
    await office.value("enrol", {"course_no": "C-104", "employee_no": "8"})

    error = await office.error("enrol", {"course_no": "C-104", "employee_no": "9"})

    assert (error.code, error.work, error.retryable) == ("unexpected_rows", "rolled_back", False)
    assert error.message == (
        "statement 2 of 2 touched 0 rows, but 1 were expected; everything was undone"
    )
    assert error.facts == {"statement": 2, "rows": 0}
    assert await office.value("state") == {"seats": 15, "enrolled": 2}


async def test_a_violated_constraint_is_named_and_undoes_everything(office: Office) -> None:
    office.open(FUNCTIONS)
    await office.value("enrol", {"course_no": "C-104", "employee_no": "7"})

    twice = await office.error("enrol", {"course_no": "C-104", "employee_no": "7"})
    absent = await office.error("enrol", {"course_no": "C-999", "employee_no": "7"})
    negative = await office.error("add_course", {"course_no": "C-300", "price": -1})

    assert {each.code for each in (twice, absent, negative)} == {"constraint_violation"}
    assert {each.work for each in (twice, absent, negative)} == {"rolled_back"}
    assert [each.facts["sqlstate"] for each in (twice, absent, negative)] == [
        "23505",
        "23503",
        "23514",
    ]
    names = [each.facts["constraint"] for each in (twice, absent, negative)]
    assert (
        names
        == {
            "sqlite": [
                "enrolments.course_no, enrolments.employee_no",
                "foreign_key",
                "price_positive",
            ],
            "postgresql": ["enrolments_pk", "enrolments_course_no_fkey", "price_positive"],
            "mariadb": ["PRIMARY", "enrolments_fk", "price_positive"],
        }[office.dialect]
    )
    assert await office.value("state") == {"seats": 16, "enrolled": 1}


async def test_rows_of_returning_are_answered(office: Office) -> None:
    office.open(FUNCTIONS)

    one = await office.value("add_course", {"course_no": "C-300", "price": 12.34})
    many = await office.reply("remove_all", max_rows=2)

    assert one == {"course_no": "C-300", "seats": 10}
    assert many.value == {
        "rows_affected": 4,
        "rows": [{"course_no": "C-101", "seats": 10}, {"course_no": "C-104", "seats": 2}],
    }
    assert many.cuts[0].kept == 2


async def test_no_row_of_returning_where_one_belongs_undoes_everything(office: Office) -> None:
    office.open(FUNCTIONS)

    error = await office.error("remove", {"course_no": "C-999"})

    assert (error.code, error.message, error.work) == (
        "not_found",
        "no such course",
        "rolled_back",
    )


async def test_more_changed_rows_than_allowed_are_undone(office: Office) -> None:
    office.open(FUNCTIONS)

    error = await office.error("clear")

    assert (error.code, error.work) == ("too_many_rows", "rolled_back")
    assert error.message == (
        "it would have changed 3 rows, but at most 2 are allowed; everything was undone"
    )
    assert await office.value("state") == UNTOUCHED


async def test_numbers_are_exact_where_the_database_is(office: Office) -> None:
    office.open("""
    add:
      effect: write
      parameters: {price: {type: number}}
      statements: ["update courses set price = :price where course_no = 'C-104'"]
    get:
      parameters: {price: {type: number}}
      sql: select count(*) as found from courses where price = :price
      rows: one
    """)

    await office.value("add", {"price": 1234567.89})

    assert await office.value("get", {"price": 1234567.89}) == {"found": 1}


async def test_a_race_for_the_last_seats_never_sells_one_twice(office: Office) -> None:
    office.open(FUNCTIONS)

    async def enrol(number: int) -> str:
        try:
            await office.reply("enrol", {"course_no": "C-104", "employee_no": str(number)})
        except BackendError as error:
            return f"{error.code}, {error.work}"
        return "enrolled"

    outcomes = Counter(await asyncio.gather(*(enrol(number) for number in range(8))))

    assert outcomes["enrolled"] <= 2
    assert set(outcomes) <= {"enrolled", "unexpected_rows, rolled_back", "conflict, rolled_back"}
    assert await office.value("state") == {
        "seats": 17 - outcomes["enrolled"],
        "enrolled": outcomes["enrolled"],
    }
    if office.dialect == "sqlite":  # there the operations queue, so no conflict is left over
        assert outcomes == {"enrolled": 2, "unexpected_rows, rolled_back": 6}


async def test_a_statement_the_database_does_not_know_is_a_failure(office: Office) -> None:
    office.open("get: {sql: select a from no_such_table}")

    error = await office.error("get")

    assert error.code == "statement_failed"
    assert "no_such_table" in error.message


async def test_two_operations_that_conflict_are_repeated_until_both_are_done(
    postgresql: Office,
) -> None:
    """Each reads what the other changes, so one of them has to be repeated."""
    postgresql.open("""
    swap:
      effect: write
      parameters: {to: {type: string}, from: {type: string}}
      statements:
        - sql: |
            update courses set seats = 1 + (select seats from courses where course_no = :from)
            where course_no = :to and pg_sleep(0.05) is not null
          expect_rows: 1
    state: {sql: 'select course_no, seats from courses order by course_no'}
    """)

    await asyncio.gather(
        postgresql.reply("swap", {"to": "C-101", "from": "C-104"}),
        postgresql.reply("swap", {"to": "C-104", "from": "C-101"}),
    )

    state = await postgresql.value("state")
    assert isinstance(state, list)
    seats = [row["seats"] for row in state if isinstance(row, dict)]
    assert seats[:2] in ([3, 4], [12, 11])  # one after the other, in either order
