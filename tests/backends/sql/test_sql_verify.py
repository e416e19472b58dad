"""Declared statements, shown to live servers of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from drawbar.backends.sql import KIND
from drawbar.compiler.diagnosis import Verified
from drawbar.kernel.ports import BackendError
from drawbar.spec.load import parse_adapter

from .conftest import HEAD, Office, OnlySql, run_script

FUNCTIONS = """
  get_course:
    parameters: {course_no: {type: string}}
    sql: select course_no, title, price from courses where course_no = :course_no
    rows: one
    with: {people: select employee_no from enrolments where course_no = :course_no order by 1}
  find_courses:
    parameters:
      title: {type: string, optional: true}
      most: {type: number, optional: true}
      numbers: {type: array, items: {type: string}, optional: true}
    sql: select course_no, price from courses
    where: {title: title = :title, most: price <= :most, numbers: "course_no in :numbers"}
    order_by: {param: sort, cheap: "price, course_no", number: course_no}
    page: {size: 10}
  enrol:
    effect: write
    parameters: {course_no: {type: string}, people: {type: array, items: {type: string}}}
    let: {seats: select seats from courses where course_no = :course_no}
    guard:
      - {unless: ":seats > 0", code: full, message: full}
    statements:
      - for_each: {one: people}
        sql: insert into enrolments (course_no, employee_no) values (:course_no, :one)
      - if: ":seats > 1"
        sql: update courses set seats = seats - 1 where course_no = :course_no
"""


async def verified(office: Office, functions: str = FUNCTIONS) -> Verified:
    office.options = "login_check: off"  # the logins of these servers may do everything
    office.open(functions)
    text = HEAD.replace("{url}", office.url) + functions
    adapter = parse_adapter(text, "courses.yaml", office.folder, OnlySql(), {}).adapter
    assert adapter is not None
    return await KIND.verify(adapter, office.plans, office.backend)


async def test_statements_that_can_be_carried_out_are_counted_and_not_carried_out(
    office: Office,
) -> None:
    found = await verified(office)

    assert found.findings == ()
    assert found.checked.endswith("can carry out all 9 statements")
    assert await office.value("find_courses", {}) == {
        "rows": [
            {"course_no": "C-200", "price": await _price(office, "C-200")},
            {"course_no": "C-104", "price": await _price(office, "C-104")},
            {"course_no": "C-101", "price": await _price(office, "C-101")},
        ],
        "next": None,
    }


async def _price(office: Office, course_no: str) -> object:
    found = await office.value("get_course", {"course_no": course_no})
    assert isinstance(found, dict)
    assert found["people"] == []
    return found["price"]


async def test_what_has_gone_is_found_in_conditions_lists_and_steps(office: Office) -> None:
    run_script(office, "create table d_old (a integer, b integer); insert into d_old values (1, 2)")
    functions = """
  by_condition: {parameters: {x: {type: integer, optional: true}}, sql: select a from d_old, where: {x: b = :x}}
  by_list: {sql: select a from d_old, rows: one, with: {all: select b from d_old}}
  by_step: {effect: write, statements: [delete from d_old where b = 1]}
  fine: {sql: select a from d_old}
"""
    try:
        assert (await verified(office, functions)).findings == ()
        run_script(office, "drop table d_old; create table d_old (a integer)")

        findings = (await verified(office, functions)).findings
    finally:
        run_script(office, "drop table d_old")

    assert [(each.hop, each.function, each.code) for each in findings] == [
        ("query", "by_condition", "DB391"),
        ("query", "by_list", "DB391"),
        ("query", "by_step", "DB391"),
    ]
    assert all("b" in each.message for each in findings)


async def test_a_server_that_cannot_tell_a_type_by_itself_is_no_drift(postgresql: Office) -> None:
    found = await verified(
        postgresql,
        """
  guess:
    parameters: {a: {type: string}, b: {type: string}}
    sql: select coalesce(:a, :b) as c, :a || :b as d, jsonb_build_object('x', :a) as e
""",
    )

    assert found.findings == ()


async def test_a_database_that_is_away_is_no_drift(sqlite: Office, tmp_path: Path) -> None:
    (tmp_path / "courses.db").unlink()

    with pytest.raises(BackendError, match="there is no database file"):
        await verified(sqlite)


async def test_a_routine_that_differs_from_what_was_declared_is_found(
    postgresql_routines: str, tmp_path: Path
) -> None:
    office = Office(postgresql_routines, tmp_path, "postgresql")
    book = "book(course text, seats integer, out booking_no integer, inout price numeric)"

    found = await verified(
        office,
        f"""
  as_it_is: {{effect: write, call: "{book}"}}
  other: {{effect: write, call: "{book.replace("text", "integer")}"}}
""",
    )
    await office.backend.close()

    assert found.checked == "PostgreSQL can carry out all 2 statements"
    assert [(each.function, each.code) for each in found.findings] == [("other", "DB391")]
    assert found.findings[0].message.endswith(
        "`course integer` is declared where it has `course text`"
    )
