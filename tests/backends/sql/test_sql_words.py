"""The words of larger readings and operations: with, columns, let, guard, returns.from."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drawbar.backends import InstalledKinds
from drawbar.compiler.toolset import compile_adapter
from drawbar.kernel.values import JsonValue
from drawbar.spec.load import load_adapter

from .conftest import Compiler, Office

FUNCTIONS = """
get_course:
  parameters: {course_no: {type: string}}
  sql: select course_no, seats, price from courses where course_no = :course_no
  rows: one
  not_found: course not found
  with:
    enrolled: select employee_no from enrolments where course_no = :course_no order by employee_no
  columns: {price: number, enrolled.employee_no: integer}
enrol:
  effect: write
  parameters: {course_no: {type: string}, employee_no: {type: string}}
  let:
    course: select title, seats, price from courses where course_no = :course_no
    taken: select count(*) as n from enrolments where course_no = :course_no
    free: select :course.seats - :taken as n
    double: select :course.price * 2 as amount
  guard:
    - {unless: ":course.title is not null", code: no_such_course, message: "no course is called {course_no}"}
    - if: |
        select employee_no, course_no as course from enrolments
        where course_no = :course_no and employee_no = :employee_no
      code: already_enrolled
      message: "{employee_no} is enrolled for {course} already"
    - {if: ":free <= 0", code: full, message: "{course.title} has no free seat of {course.seats}, and costs {double}"}
  statements:
    - insert into enrolments (course_no, employee_no) values (:course_no, :employee_no)
    - sql: update courses set price = :double where course_no = :course_no
      expect_rows: 1
  returns: {from: get_course}
"""


async def test_the_lists_of_a_row_come_with_it(office: Office) -> None:
    office.open(FUNCTIONS)
    for number in ("7", "12"):
        await office.value("enrol", {"course_no": "C-200", "employee_no": number})

    reply = await office.reply("get_course", {"course_no": "C-200"}, max_rows=1)

    assert reply.value == {
        "course_no": "C-200",
        "seats": 5,
        "price": 0,
        "enrolled": [{"employee_no": 12}],
    }
    assert [(cut.kept, cut.unit) for cut in reply.cuts] == [(1, "rows")]
    assert reply.cuts[0].how_to_get_the_rest.startswith("of the list `enrolled`: ")


async def test_a_row_without_children_has_empty_lists(office: Office) -> None:
    office.open(FUNCTIONS)

    value = await office.value("get_course", {"course_no": "C-101"})

    assert value == {"course_no": "C-101", "seats": 10, "price": 120.5, "enrolled": []}


async def test_an_operation_answers_with_what_stands_there_afterwards(office: Office) -> None:
    office.open(FUNCTIONS)

    value = await office.value("enrol", {"course_no": "C-101", "employee_no": "7"})

    assert value == {
        "course_no": "C-101",
        "seats": 10,
        "price": 241,
        "enrolled": [{"employee_no": 7}],
    }


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            {"course_no": "C-999", "employee_no": "7"},
            "no_such_course",
            "no course is called C-999",
        ),
        (
            {"course_no": "C-104", "employee_no": "1"},
            "already_enrolled",
            "1 is enrolled for C-104 already",
        ),
        (
            {"course_no": "C-104", "employee_no": "3"},
            "full",
            "First aid has no free seat of 2, and costs AMOUNT",
        ),
    ],
)
async def test_a_guard_refuses_with_its_code_and_its_words(
    office: Office, arguments: dict[str, JsonValue], code: str, message: str
) -> None:
    office.open(FUNCTIONS)
    for number in ("1", "2"):
        await office.value("enrol", {"course_no": "C-104", "employee_no": number})
    before = await office.value("get_course", {"course_no": "C-104"})

    error = await office.error("enrol", arguments)

    amount = "640" if office.dialect == "sqlite" else "640.00"
    assert (error.code, error.message) == (code, message.replace("AMOUNT", amount))
    assert (error.work, error.retryable) == ("rolled_back", False)
    assert not office.call.progress.sent
    assert await office.value("get_course", {"course_no": "C-104"}) == before


async def test_the_last_seat_is_given_once(office: Office) -> None:
    """Guards read what other operations change, so they must see one order of events."""
    office.open(FUNCTIONS)

    outcomes = await asyncio.gather(
        *(
            office.reply("enrol", {"course_no": "C-104", "employee_no": str(number)})
            for number in range(8)
        ),
        return_exceptions=True,
    )

    done = [each for each in outcomes if not isinstance(each, BaseException)]
    course = await office.value("get_course", {"course_no": "C-104"})
    assert isinstance(course, dict)
    assert isinstance(course["enrolled"], list)
    assert len(course["enrolled"]) == len(done) <= 2


async def test_codes_of_guards_are_listed_for_the_model(office: Office) -> None:
    office.open(FUNCTIONS)

    assert office.plans["enrol"].answers == ("no_such_course", "already_enrolled", "full")


async def test_a_dry_run_looks_up_and_checks_for_real_and_changes_nothing(office: Office) -> None:
    office.open(FUNCTIONS)
    arguments: dict[str, JsonValue] = {"course_no": "C-101", "employee_no": "7"}

    reply = await office.reply("enrol", arguments, mode="dry_run")
    refused = {"course_no": "C-999", "employee_no": "7"}
    with pytest.raises(Exception, match="no course is called C-999"):
        await office.reply("enrol", refused, mode="dry_run")

    assert isinstance(reply.value, dict)
    request = reply.value["request"]
    assert isinstance(request, dict)
    statements = request["statements"]
    assert isinstance(statements, list)
    assert [each["named_values"] for each in statements if isinstance(each, dict)] == [
        {"course_no": "C-101", "employee_no": "7"},
        {"double": 241 if office.dialect == "sqlite" else "241.00", "course_no": "C-101"},
    ]
    course = await office.value("get_course", {"course_no": "C-101"})
    assert isinstance(course, dict)
    assert course["enrolled"] == []


async def test_a_dry_run_without_the_database_shows_what_it_can(tmp_path: Path) -> None:
    office = Office("sqlite:///./absent.db", tmp_path, "sqlite").open(FUNCTIONS)
    arguments: dict[str, JsonValue] = {"course_no": "C-101", "employee_no": "7"}

    reply = await office.reply("enrol", arguments, mode="dry_run")
    await office.backend.close()

    assert reply.notes == (
        "nothing was looked up or checked: there is no database file absent.db",
        "not explained: there is no database file absent.db",
    )
    assert "insert into enrolments" in str(reply.value)


async def test_a_looked_up_list_is_used_like_a_list_parameter(office: Office) -> None:
    unnest = {
        "sqlite": "select p.value ->> 'course_no', 'all' from json_each(:big) p",
        "postgresql": "select p.course_no, 'all' from jsonb_to_recordset(:big) as p(course_no text)",
        "mariadb": (
            "select p.course_no, 'all' from json_table(:big, '$$[*]' "
            "columns (course_no varchar(20) path '$$.course_no')) p"
        ),
    }[office.dialect]
    office.open(f"""
    enrol_all:
      effect: write
      let: {{big: {{many: select course_no from courses where seats >= 5}}}}
      statements: ["insert into enrolments (course_no, employee_no) {unnest}"]
    """)

    assert await office.value("enrol_all") == {"rows_affected": 2}


async def test_looked_up_values_keep_the_type_of_their_column(postgresql: Office) -> None:
    """A null, a numeric, a date: each is typed on its way back, so operators find their meaning."""
    postgresql.open("""
    f:
      effect: write
      let:
        v: select null::numeric as nothing, 1.10::numeric as price, '2026-11-24'::date as day, array[1, 2] as two
        w: select :v.nothing is null as empty, :v.price * 2 as double, :v.day + 7 as later, :v.two || 3 as three
      guard:
        - {if: "1 = 1", code: told, message: "{w.empty} {w.double} {w.later} {w.three} {v.nothing}"}
      statements: [delete from enrolments]
    """)

    assert (await postgresql.error("f")).message == "true 2.20 2026-12-01 [1,2,3] unknown"


async def test_more_than_one_row_for_one_value_is_ambiguous(office: Office) -> None:
    office.open("""
    f:
      effect: write
      let: {seats: select seats from courses}
      statements: ["update courses set seats = :seats"]
    """)

    error = await office.error("f")

    assert (error.code, error.message) == ("ambiguous", "more than 1 row for `seats`")


async def test_columns_are_read_as_their_author_says(sqlite: Office) -> None:
    sqlite.open("""
    get:
      sql: |
        select '{"a": [1]}' as j, 1 as yes, 'F' as no, '12.50' as n, 12.0 as i, 7 as s,
               '2026-11-24 05:43' as d, '2026-11-24 05:43' as m, null as nil
      rows: one
      columns: {j: json, yes: boolean, no: boolean, n: number, i: integer, s: string, d: date, m: datetime, nil: json}
    """)

    assert await sqlite.value("get") == {
        "j": {"a": [1]},
        "yes": True,
        "no": False,
        "n": 12.5,
        "i": 12,
        "s": "7",
        "d": "2026-11-24",
        "m": "2026-11-24T05:43:00",
        "nil": None,
    }


@pytest.mark.parametrize(
    ("word", "sql"),
    [
        ("json", "'{'"),
        ("boolean", "2"),
        ("number", "'many'"),
        ("number", "9e999"),
        ("integer", "1.5"),
        ("date", "'soon'"),
        ("datetime", "12"),
        ("string", "x'ff'"),
    ],
)
async def test_a_value_that_cannot_be_read_so_is_a_failure_that_names_the_column(
    sqlite: Office, word: str, sql: str
) -> None:
    sqlite.open(f"""
    list:
      sql: select {sql} as odd
      columns: {{odd: {word}}}
    """)

    error = await sqlite.error("list")

    assert error.code == "bad_value"
    assert error.message.startswith("column `odd` holds ")
    assert error.message.endswith(f", which cannot be read as {word}")


def operation(let: str = "{}", guard: str = "[]", returns: str = "{}") -> str:
    return f"""
    get: {{parameters: {{id: {{type: string}}}}, sql: "select a from t where a = :id", rows: one}}
    f:
      effect: write
      parameters: {{p: {{type: string}}}}
      let: {let}
      guard: {guard}
      statements: ["delete from t where a = :p"]
      returns: {returns}
    """


PROBLEMS = [
    (
        operation(let="{p: select a from t}"),
        "DB316 `p` is also a parameter\n    give one of them another name",
    ),
    (
        operation(let="{x: delete from t}"),
        "DB309 `delete` changes the database, and this place only reads",
    ),
    (
        operation(let="{x: select * from t}"),
        "DB312 `*` hides the names of the fields\n    write out the columns that are needed",
    ),
    (
        operation(let='{x: "select a, price from t", y: "select :x.prize as b"}'),
        "DB305 `:x` has no field `prize`\n    did you mean `:x.price`?",
    ),
    (
        operation(let='{x: "select a, b from t", y: "select :x as b"}'),
        "DB308 `:x` has several fields\n    write one of them, such as `:x.a`",
    ),
    (
        operation(let='{y: "select :z as b", z: select a from t}'),
        "DB305 `:z` is no parameter of this function\n    there are: p",
    ),
    (
        operation(guard="[{code: no, message: no}]"),
        "DB316 a guard has exactly one of `if` and `unless`",
    ),
    (
        operation(guard='[{if: "1 = 1", unless: "1 = 1", code: no, message: no}]'),
        "DB316 a guard has exactly one of `if` and `unless`",
    ),
    (
        operation(guard='[{if: ":q = 1", code: no, message: no}]'),
        "DB305 `:q` is no parameter of this function\n    there are: p",
    ),
    (
        operation(guard='[{if: "1 = 1) or (1 = 1", code: no, message: no}]'),
        "DB303 line 1, column 6 of the SQL: did not expect `)` here",
    ),
    (
        operation(guard='[{if: "1 = 1", code: no, message: "{q}"}]'),
        "DB320 `{q}` names nothing that is known here\n    there are: p",
    ),
    (
        operation(
            let='{x: "select a, price from t"}',
            guard='[{if: "1 = 1", code: no, message: "{x.prise}"}]',
        ),
        "DB320 `x` has no field `prise`\n    did you mean `{x.price}`?",
    ),
    (
        operation(
            let='{x: "select a, b from t"}', guard='[{if: "1 = 1", code: no, message: "{x}"}]'
        ),
        "DB320 `x` has several fields\n    write `{x.FIELD}`",
    ),
    (
        operation(returns="{from: got}"),
        "DB321 no reading of this adapter is called `got`\n    did you mean `get`?",
    ),
    (
        operation(returns="{from: get}"),
        "DB321 `get` needs `id`, which is neither a parameter nor a value of `let` here",
    ),
    (
        "f: {sql: select a from t, with: {x: select b from t}}",
        "DB314 `with` belongs to `rows: one`\n    add `rows: one`",
    ),
    (
        "f: {sql: select a from t, rows: one, with: {a: select b from t}}",
        "DB316 `a` is also a column of the row",
    ),
    (
        "f: {sql: select a from t, rows: one, with: {x: delete from t}}",
        "DB309 `delete` changes the database, and this place only reads",
    ),
    (
        "f: {sql: select price from t, columns: {prize: number}}",
        "DB319 there is no result column `prize`\n    did you mean `price`?",
    ),
    (
        "f: {sql: select price from t, rows: one, with: {lines: select a from u}, columns: {line.a: number}}",
        "DB319 `line` is no list under `with`\n    did you mean `lines.a`?",
    ),
    (
        "f: {sql: select a from t, let: {x: select 1 as b}}",
        "DB314 `let` has no meaning here, since the function reads",
    ),
    (
        "f: {sql: select a from t, returns: {from: f}}",
        "DB314 `from` has no meaning here, since the function reads",
    ),
    (
        "f: {effect: write, statements: [delete from t], with: {x: select a from t}}",
        "DB314 `with` has no meaning here, since the function is an operation",
    ),
]


@pytest.mark.parametrize(("text", "told"), PROBLEMS)
def test_an_author_is_told_what_is_wrong(compiler: Compiler, text: str, told: str) -> None:
    problems = compiler.problems(text)

    assert any(told in problem for problem in problems), problems
    assert len(problems) == 1


def test_a_broken_reading_is_no_mistake_of_the_operation_that_answers_with_it(
    compiler: Compiler,
) -> None:
    problems = compiler.problems("""
    get: {sql: select from where}
    f: {effect: write, statements: [delete from t], returns: {from: get}}
    """)

    assert [problem.split()[1] for problem in problems] == ["DB303"]


def test_the_example_adapter_of_the_bookings_has_no_problem() -> None:

    kinds = InstalledKinds()
    path = Path(__file__).parents[3] / "adapters" / "bookings.yaml"
    for url in ("sqlite:///x.db", "postgresql://db/x"):
        loaded = load_adapter(path, kinds, {"DEMO_BOOKINGS_URL": url})
        assert [str(each) for each in compile_adapter(loaded, kinds).problems] == []
