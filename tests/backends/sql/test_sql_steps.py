"""The words of statements: if, unless, for_each, expect_rows with otherwise, as."""

from __future__ import annotations

import pytest

from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonValue

from .conftest import Compiler, Office, run_script

FUNCTIONS = """
enrol:
  effect: write
  parameters:
    course_no: {type: string}
    people:
      type: array
      max_items: 5
      items: {type: object, properties: {employee_no: {type: string}, seats: {type: integer, default: 1}}}
    free_of_charge: {type: boolean, default: false}
  statements:
    - for_each: {person: people}
      sql: insert into enrolments (course_no, employee_no) values (:course_no, :person.employee_no)
      expect_rows: 1
    - for_each: {person: people}
      if: ":person.seats > 0"
      sql: update courses set seats = seats - :person.seats where course_no = :course_no and seats >= :person.seats
      expect_rows: 1
      otherwise: {code: full, message: "no seat is left for {person.employee_no} in {course_no}"}
    - unless: select course_no from courses where course_no = :course_no and price = 0
      sql: update courses set price = price + 1 where course_no = :course_no
    - if: select course_no from courses where course_no = :course_no and seats = 0
      sql: update courses set title = 'Full' where course_no = :course_no
    - {if: ":free_of_charge", sql: update courses set price = 0 where course_no = :course_no}
  returns: {from: get_course}
get_course:
  parameters: {course_no: {type: string}}
  sql: select title, seats, price from courses where course_no = :course_no
  rows: one
  columns: {price: number}
state:
  sql: select (select sum(seats) from courses) as seats, (select count(*) from enrolments) as enrolled
  rows: one
"""
UNTOUCHED = {"seats": 17, "enrolled": 0}


def people(*seats: int) -> list[JsonValue]:
    return [{"employee_no": str(number), "seats": each} for number, each in enumerate(seats, 1)]


async def test_a_statement_is_done_once_for_each_element_and_sees_the_one_before(
    office: Office,
) -> None:
    office.open(FUNCTIONS)

    value = await office.value("enrol", {"course_no": "C-104", "people": people(1, 1)})

    assert value == {"title": "Full", "seats": 0, "price": 81}
    assert await office.value("state") == {"seats": 15, "enrolled": 2}


async def test_an_element_for_which_the_rows_are_others_than_expected_is_named(
    office: Office,
) -> None:
    office.open(FUNCTIONS)

    error = await office.error("enrol", {"course_no": "C-104", "people": people(1, 2, 1)})

    assert (error.code, error.message) == ("full", "no seat is left for 2 in C-104")
    assert (error.work, error.retryable) == ("rolled_back", False)
    assert error.facts == {"statement": 2, "turn": 2, "rows": 0}
    assert await office.value("state") == UNTOUCHED


async def test_a_statement_whose_condition_has_no_row_is_skipped(office: Office) -> None:
    office.open(FUNCTIONS)

    free = await office.value("enrol", {"course_no": "C-200", "people": people(0, 0)})
    waived = await office.value(
        "enrol", {"course_no": "C-104", "people": people(0), "free_of_charge": True}
    )

    assert free == {"title": "Ropes", "seats": 5, "price": 0}
    assert waived == {"title": "First aid", "seats": 2, "price": 0}


async def test_an_empty_list_runs_nothing(office: Office) -> None:
    office.open(FUNCTIONS)

    value = await office.value("enrol", {"course_no": "C-101", "people": []})

    assert value == {"title": "Welding", "seats": 10, "price": 121.5}


WALKS = """
pair:
  effect: write
  parameters:
    numbers: {type: array, items: {type: string}}
    extra: {type: array, items: {type: integer}, optional: true}
  let:
    courses: {many: "select course_no, price from courses where price > 0 order by course_no"}
  statements:
    - for_each: {number: numbers, course: courses}
      sql: insert into enrolments (course_no, employee_no) values (:course.course_no, :number)
    - for_each: {course: courses}
      sql: update courses set price = :course.price * 2 where course_no = :course.course_no
    - for_each: {one: extra}
      sql: update courses set seats = seats + :one where course_no = 'C-200'
pairs:
  sql: select e.course_no, employee_no, price from enrolments e join courses c on c.course_no = e.course_no order by 1
  columns: {price: number}
"""


async def test_lists_are_walked_side_by_side(office: Office) -> None:
    office.open(WALKS)

    value = await office.value("pair", {"numbers": ["7", "8"], "extra": [1, 2]})

    assert value == {"rows_affected": 6}
    assert await office.value("pairs") == [
        {"course_no": "C-101", "employee_no": "7", "price": 241},
        {"course_no": "C-104", "employee_no": "8", "price": 160},
    ]


async def test_lists_of_unequal_length_are_a_failure(office: Office) -> None:
    office.open(WALKS)

    error = await office.error("pair", {"numbers": ["7"]})

    assert (error.code, error.work) == ("unequal_lists", "rolled_back")
    assert error.message == (
        "`numbers` has 1 and `courses` has 2 elements, and one of each belong together; "
        "everything was undone"
    )
    assert await office.value("pairs") == []


KEYS = """
add:
  effect: write
  parameters:
    title: {type: string}
    lines: {type: array, items: {type: object, properties: {item: {type: string}, amount: {type: number}}}}
  statements:
    - sql: insert into papers (title) values (:title) returning paper_no, title
      as: paper
    - for_each: {line: lines}
      sql: |
        insert into paper_lines (paper_no, item, amount) values (:paper.paper_no, :line.item, :line.amount)
        returning line_no, item, amount
      as: lines_made
    - for_each: {made: lines_made}
      sql: update paper_lines set amount = amount + :made.amount where line_no = :made.line_no
  columns: {lines_made.amount: number}
double:
  effect: write
  statements:
    - {sql: insert into papers (title) select title from papers returning paper_no, as: {many: doubled}}
    - sql: insert into papers (title) select 'x' from papers where paper_no <= 3 returning title
list_lines: {sql: "select item, amount from paper_lines order by line_no", columns: {amount: number}}
"""


@pytest.fixture
def papers(office: Office) -> Office:
    """Tables that make their keys themselves, as each dialect does it."""
    key = {
        "sqlite": "integer primary key",
        "postgresql": "integer generated always as identity primary key",
        "mariadb": "integer auto_increment primary key",
    }[office.dialect]
    run_script(
        office,
        f"""
    drop table if exists paper_lines;
    drop table if exists papers;
    create table papers (paper_no {key}, title varchar(20) not null);
    create table paper_lines (line_no {key}, paper_no integer not null, item varchar(20), amount numeric(10, 2));
    """,
    )
    return office.open(KEYS)


async def test_generated_keys_are_used_by_later_statements_and_answered(papers: Office) -> None:
    lines: list[JsonValue] = [{"item": "a", "amount": 1.5}, {"item": "b", "amount": 2.25}]

    value = await papers.value("add", {"title": "Order", "lines": lines})

    assert value == {
        "rows_affected": 5,
        "paper": {"paper_no": 1, "title": "Order"},
        "lines_made": [
            {"line_no": 1, "item": "a", "amount": 1.5},
            {"line_no": 2, "item": "b", "amount": 2.25},
        ],
    }
    assert await papers.value("list_lines") == [
        {"item": "a", "amount": 3},
        {"item": "b", "amount": 4.5},
    ]


async def test_rows_with_and_without_a_name_are_answered_side_by_side(papers: Office) -> None:
    for title in ("A", "B", "C"):
        await papers.value("add", {"title": title, "lines": []})

    reply = await papers.reply("double", max_rows=2)

    assert reply.value == {
        "rows_affected": 6,
        "doubled": [{"paper_no": 4}, {"paper_no": 5}],
        "rows": [{"title": "x"}, {"title": "x"}],
    }
    assert [cut.kept for cut in reply.cuts] == [2, 2]


async def test_a_dry_run_shows_each_turn_and_what_its_condition_says(office: Office) -> None:
    office.open(FUNCTIONS)
    arguments: dict[str, JsonValue] = {
        "course_no": "C-104",
        "people": people(1, 0),
        "free_of_charge": False,
    }

    reply = await office.reply("enrol", arguments, mode="dry_run")

    assert isinstance(reply.value, dict)
    request = reply.value["request"]
    assert isinstance(request, dict)
    statements = request["statements"]
    assert isinstance(statements, list)
    shown = [
        (each.get("turn"), each.get("done"), each["named_values"], "plan" in each)
        for each in statements
        if isinstance(each, dict)
    ]
    one, two, course = (
        {"person.employee_no": "1"},
        {"person.employee_no": "2"},
        {"course_no": "C-104"},
    )
    assert shown == [
        ("1 of 2", None, course | one, True),
        ("2 of 2", None, course | two, False),
        ("1 of 2", True, {"person.seats": 1} | course, True),
        ("2 of 2", False, {"person.seats": 0} | course, False),
        (None, True, course, True),
        (None, False, course, False),
        (None, False, course, False),
    ]
    assert reply.notes == ()
    assert await office.value("state") == UNTOUCHED


async def test_a_dry_run_says_what_only_the_real_run_knows(papers: Office) -> None:
    arguments: dict[str, JsonValue] = {"title": "A", "lines": [{"item": "a", "amount": 1}]}

    reply = await papers.reply("add", arguments, mode="dry_run")

    assert isinstance(reply.value, dict)
    request = reply.value["request"]
    assert isinstance(request, dict)
    statements = request["statements"]
    assert isinstance(statements, list)
    first, second, third = (each for each in statements if isinstance(each, dict))
    assert first["named_values"] == {"title": "A"}
    assert second["named_values"] == {
        "paper.paper_no": "(paper_no of paper)",
        "line.item": "a",
        "line.amount": 1,
    }
    assert third["turn"] == "once for each element, which are not known yet"
    assert third["named_values"] == {
        "made.amount": "(amount of lines_made)",
        "made.line_no": "(line_no of lines_made)",
    }
    assert await papers.value("list_lines") == []


async def test_a_value_that_was_looked_up_in_a_list_keeps_its_type(postgresql: Office) -> None:
    postgresql.open("""
    f:
      effect: write
      let:
        days: {many: "select '2026-11-24'::date as day, 1.10::numeric as price, null::int as nothing"}
      statements:
        - for_each: {day: days}
          sql: insert into enrolments select 'C-101', (:day.day + 7) || ' ' || :day.price * 2 where :day.nothing is null
    get: {sql: select employee_no from enrolments}
    """)

    await postgresql.value("f")

    assert await postgresql.value("get") == [{"employee_no": "2026-12-01 2.20"}]


def function(statement: str, let: str = "{}") -> str:
    return f"""
    f:
      effect: write
      parameters: {{p: {{type: string}}, ids: {{type: array, items: {{type: string}}}}}}
      let: {let}
      statements:
        - "delete from t where a = :p and b in :ids"
        - {statement}
    """


PROBLEMS = [
    (
        function("{for_each: {id: idx}, sql: 'delete from t where a = :id'}"),
        "DB305 `idx` is no list of this function\n    did you mean `ids`?",
    ),
    (
        function("{for_each: {id: p}, sql: 'delete from t where a = :id'}"),
        "DB308 `p` is no list; it is of type string",
    ),
    (
        function("{for_each: {p: ids}, sql: 'delete from t where a = :p'}"),
        "DB316 `p` is known already\n    give the element another name",
    ),
    (
        function("{for_each: {id: ids}, sql: 'delete from t where a = :p'}"),
        "DB306 `id` is not used here\n    write `:id` or `:id.FIELD` where it belongs",
    ),
    (
        function("{for_each: {id: ids}, sql: 'delete from t where a = :id.no'}"),
        "DB308 `:id` is of type string and has no field `no`",
    ),
    (
        function(
            "{for_each: {x: rows_of}, sql: 'delete from t where a = :x.prize'}",
            "{rows_of: {many: 'select price, seats from t'}}",
        ),
        "DB305 `:x` has no field `prize`\n    did you mean `:x.price`?",
    ),
    (
        function("{if: '1 = 1', unless: '1 = 1', sql: delete from t}"),
        "DB316 a statement has at most one of `if` and `unless`",
    ),
    (
        function("{if: delete from t, sql: delete from t}"),
        "DB303 line 1, column 8 of the SQL: did not expect `from` here",
    ),
    (
        function("{if: ':q = 1', sql: delete from t}"),
        "DB305 `:q` is no parameter of this function\n    there are: p, ids",
    ),
    (
        function("{sql: delete from t, otherwise: {code: no, message: no}}"),
        "DB314 `otherwise` says what is answered when `expect_rows` does not hold, and that is missing\n    add `expect_rows: 1`",
    ),
    (
        function("{sql: delete from t, expect_rows: 1, otherwise: {code: no, message: '{q}'}}"),
        "DB320 `{q}` names nothing that is known here\n    there are: p, ids",
    ),
    (
        function("{sql: delete from t, as: x}"),
        "DB314 `as` names rows, and the statement answers none\n    add `returning` with the columns that are needed",
    ),
    (
        function("{sql: delete from t returning *, as: x}"),
        "DB312 `*` hides the names of the fields\n    write out the columns that are needed",
    ),
    (
        function("{sql: delete from t returning a, as: rows}"),
        "DB316 `rows` is taken\n    give it another name",
    ),
    (
        function("{sql: delete from t returning a, as: p}"),
        "DB316 `p` is taken\n    give it another name",
    ),
]


@pytest.mark.parametrize(("text", "told"), PROBLEMS)
def test_an_author_is_told_what_is_wrong(compiler: Compiler, text: str, told: str) -> None:
    problems = compiler.problems(text)

    assert any(told in problem for problem in problems), problems
    assert len(problems) == 1


def test_columns_of_an_operation_are_those_of_returning(compiler: Compiler) -> None:
    problems = compiler.problems("""
    f:
      effect: write
      statements: [{sql: delete from t returning price, as: gone}]
      columns: {gone.prize: number, price: number, other.a: json}
    """)

    assert [problem.partition(": ")[2] for problem in problems] == [
        "DB319 there is no result column `prize`\n    did you mean `price`?",
        "DB319 `price` is a column of no row: the rows here have a name\n    there are: gone",
        "DB319 `other` is no name under `as`\n    there are: gone",
    ]


def test_codes_of_refused_statements_are_listed_for_the_model(compiler: Compiler) -> None:
    plan = compiler.plan("""
    f:
      effect: write
      guard: [{if: "1 = 0", code: closed, message: closed}]
      statements:
        - {sql: delete from t, expect_rows: 1, otherwise: {code: gone, message: gone}}
    """)

    assert plan.answers == ("closed", "gone")


async def test_without_the_database_a_dry_run_shows_the_statements_alone(
    compiler: Compiler,
) -> None:
    office = Office("postgresql://postgres@127.0.0.1:1/none", compiler.folder, "postgresql")
    office.open(FUNCTIONS)
    try:
        reply = await office.reply(
            "enrol",
            {"course_no": "C-104", "people": people(1), "free_of_charge": False},
            mode="dry_run",
        )
    except BackendError as error:  # pragma: no cover -- shows what went wrong
        pytest.fail(error.message)
    finally:
        await office.backend.close()

    assert isinstance(reply.value, dict)
    request = reply.value["request"]
    assert isinstance(request, dict)
    statements = request["statements"]
    assert isinstance(statements, list)
    assert [each.get("done") for each in statements if isinstance(each, dict)] == [
        None,
        *["not known before it is carried out"] * 4,
    ]
    assert any(note.startswith("nothing was looked up or checked") for note in reply.notes)
