"""Readings on real databases: shapes, caps, lists, conditions, dry runs."""

from __future__ import annotations

import pytest

from drawbar.kernel.ports import Cut, Reply
from drawbar.kernel.values import JsonValue

from .conftest import Office

GET = """
get_course:
  parameters: {course_no: {type: string}}
  sql: select course_no, title, seats from courses where course_no = :course_no
  rows: one
"""
LIST = """
list_courses:
  sql: select course_no, seats from courses order by course_no
"""


async def test_one_row_is_answered_as_an_object(office: Office) -> None:
    office.open(GET)

    assert await office.reply("get_course", {"course_no": "C-104"}) == Reply(
        {"course_no": "C-104", "title": "First aid", "seats": 2}
    )


async def test_many_rows_are_answered_as_a_list(office: Office) -> None:
    office.open(LIST)

    assert await office.reply("list_courses") == Reply(
        [
            {"course_no": "C-101", "seats": 10},
            {"course_no": "C-104", "seats": 2},
            {"course_no": "C-200", "seats": 5},
        ]
    )


async def test_no_row_where_one_belongs_is_a_failure_that_names_the_arguments(
    office: Office,
) -> None:
    office.open(GET)

    error = await office.error("get_course", {"course_no": "C-999"})

    assert (error.code, error.message, error.retryable) == (
        "not_found",
        "no row for course_no=C-999",
        False,
    )


async def test_the_author_may_say_what_not_found_means(office: Office) -> None:
    office.open(GET + "  not_found: course not found\n")

    assert (await office.error("get_course", {"course_no": "C-999"})).message == "course not found"


async def test_a_second_row_where_one_belongs_is_ambiguous(office: Office) -> None:
    office.open("""
    get_big:
      parameters: {seats: {type: integer}}
      sql: select course_no from courses where seats >= :seats
      rows: one
    """)

    error = await office.error("get_big", {"seats": 3})

    assert (error.code, error.message) == (
        "ambiguous",
        "more than one row for seats=3, where one belongs",
    )


NUMBERS = {
    "sqlite": (
        "with recursive n(i) as (select 1 where :last > 0 union all select i + 1 from n where i < :last) "
        "select i from n"
    ),
    "postgresql": "select generate_series(1, :last) as i",
    "mariadb": "select seq as i from seq_1_to_100000000 where seq <= :last",
}


@pytest.mark.parametrize("rows", [1, 99, 100, 101, 250])
async def test_a_cap_of_rows_tells_that_there_are_more_exactly_when_there_are(
    office: Office, rows: int
) -> None:
    office.open(f"""
    count_up:
      parameters: {{last: {{type: integer}}}}
      sql: {NUMBERS[office.dialect]}
    """)
    cut = Cut(
        rows,
        None,
        "rows",
        f"an answer holds at most {rows} rows; call again with narrower arguments (last), "
        "or ask the operator to raise `limits: rows`",
    )
    found: list[JsonValue] = [{"i": number} for number in range(1, rows + 1)]

    assert await office.reply("count_up", {"last": rows - 1}, max_rows=rows) == Reply(found[:-1])
    assert await office.reply("count_up", {"last": rows}, max_rows=rows) == Reply(found)
    assert await office.reply("count_up", {"last": rows + 1}, max_rows=rows) == Reply(
        found, cuts=(cut,)
    )


async def test_a_capped_reading_does_not_fetch_the_rest(office: Office) -> None:
    """Hundred million rows would take minutes."""
    office.open(f"""
    count_up:
      parameters: {{last: {{type: integer}}}}
      sql: {NUMBERS[office.dialect]}
    """)

    reply = await office.reply("count_up", {"last": 100_000_000}, max_rows=10, timeout=20)

    assert len(reply.cuts) == 1


async def test_a_cap_of_bytes_keeps_whole_rows(office: Office) -> None:
    office.open(LIST)
    each = len('{"course_no":"C-101","seats":10},')

    reply = await office.reply("list_courses", max_bytes=each + 5)

    assert reply.value == [{"course_no": "C-101", "seats": 10}]
    assert reply.cuts[0] == Cut(
        1,
        None,
        "rows",
        f"an answer holds at most {each + 5} bytes; this function takes no argument that narrows it, "
        "or ask the operator to raise `limits: bytes`",
    )


async def test_a_row_that_is_too_large_is_cut_in_its_longest_text(office: Office) -> None:
    office.open("""
    get_text:
      sql: select 'short' as a, replace('xxxxxxxxxx', 'x', 'äääääääääää') as b
      rows: one
    """)

    reply = await office.reply("get_text", max_bytes=100)

    assert isinstance(reply.value, dict)
    assert reply.value["a"] == "short"
    assert set(str(reply.value["b"])) == {"ä"}
    (cut,) = reply.cuts
    assert (cut.total, cut.unit) == (220, "bytes")
    assert cut.kept == len(str(reply.value["b"]).encode()) < 100


async def test_a_row_that_cannot_be_cut_is_a_failure(office: Office) -> None:
    office.open("get: {sql: 'select 1000000 as a, 1000000 as b', rows: one}")

    with pytest.raises(Exception, match="the row has 25 bytes, and an answer holds at most 10"):
        await office.reply("get", max_bytes=10)


LISTS = {
    "sqlite": "course_no in :numbers",
    "postgresql": "course_no in :numbers and course_no = any(:numbers)",
    "mariadb": "course_no in :numbers",
}


@pytest.mark.parametrize(
    ("numbers", "found"),
    [(["C-101", "C-200", "it's"], ["C-101", "C-200"]), (["C-104"], ["C-104"]), ([], [])],
)
async def test_a_list_is_bound_after_in(
    office: Office, numbers: list[JsonValue], found: list[str]
) -> None:
    office.open(f"""
    some:
      parameters: {{numbers: {{type: array, items: {{type: string}}}}}}
      sql: select course_no from courses where {LISTS[office.dialect]} order by course_no
    """)

    assert await office.value("some", {"numbers": numbers}) == [{"course_no": no} for no in found]


async def test_an_empty_list_after_not_in_excludes_nothing(office: Office) -> None:
    office.open("""
    others:
      parameters: {seats: {type: array, items: {type: integer}}}
      sql: select course_no from courses where seats not in :seats order by course_no
    """)

    assert await office.value("others", {"seats": []}) == [
        {"course_no": "C-101"},
        {"course_no": "C-104"},
        {"course_no": "C-200"},
    ]
    assert await office.value("others", {"seats": [2, 5]}) == [{"course_no": "C-101"}]


UNNESTED = {
    "sqlite": "select p.value ->> 'no' as no, p.value ->> 'meal' as meal from json_each(:people) p",
    "postgresql": "select p.no, p.meal from jsonb_to_recordset(:people) as p(no text, meal text)",
    "mariadb": (
        "select p.no, p.meal from json_table(:people, '$$[*]' "
        "columns (no text path '$$.no', meal text path '$$.meal')) p"
    ),
}


async def test_a_list_of_objects_is_one_value_of_json(office: Office) -> None:
    office.open(f"""
    unnest:
      parameters:
        people:
          type: array
          items:
            type: object
            properties: {{no: {{type: string}}, meal: {{type: string, optional: true}}}}
      sql: {UNNESTED[office.dialect]}
    """)

    value = await office.value("unnest", {"people": [{"no": "7", "meal": "m'eat"}, {"no": "8"}]})

    assert value == [{"no": "7", "meal": "m'eat"}, {"no": "8", "meal": None}]


async def test_conditions_hold_only_when_their_parameter_is_there(office: Office) -> None:
    office.open("""
    find:
      parameters:
        seats: {type: integer, optional: true}
        numbers: {type: array, items: {type: string}, optional: true}
      sql: select course_no from courses where price >= 0 or 1 = 0 order by course_no
      where:
        seats: seats >= :seats or seats is null -- or unknown
        numbers: course_no in :numbers
    """)

    async def found(**arguments: JsonValue) -> list[JsonValue]:
        rows = await office.value("find", arguments)
        assert isinstance(rows, list)
        return [row["course_no"] for row in rows if isinstance(row, dict)]

    assert await found() == ["C-101", "C-104", "C-200"]
    assert await found(seats=5) == ["C-101", "C-200"]
    assert await found(seats=None) == ["C-101", "C-104", "C-200"]
    assert await found(numbers=["C-101", "C-104"]) == ["C-101", "C-104"]
    assert await found(seats=5, numbers=["C-101", "C-104"]) == ["C-101"]
    assert await found(numbers=[]) == []


async def test_two_columns_of_one_name_behind_a_star_are_a_failure(office: Office) -> None:
    office.open("both: {sql: 'select * from courses c join enrolments e on true'}")

    assert (await office.error("both")).code == "duplicate_column"


async def test_a_dry_run_shows_the_statement_its_values_and_its_plan(office: Office) -> None:
    office.open(GET)
    mark = {"sqlite": "?1", "postgresql": "$1"}.get(office.dialect, "?")
    sql = "select course_no, title, seats from courses where course_no = "

    reply = await office.reply("get_course", {"course_no": "C-104"}, mode="dry_run")

    assert isinstance(reply.value, dict)
    request = reply.value["request"]
    assert isinstance(request, dict)
    statements = request["statements"]
    assert isinstance(statements, list)
    (statement,) = statements
    assert isinstance(statement, dict)
    plan = statement.pop("plan")
    assert statement == {
        "sql": sql + mark,
        "values": ["C-104"],
        "named_sql": sql + ":course_no",
        "named_values": {"course_no": "C-104"},
    }
    assert isinstance(plan, list)
    assert "courses" in str(plan[0])
    assert reply.notes == ()


async def test_a_dry_run_of_an_operation_changes_nothing(office: Office) -> None:
    office.open("""
    clear:
      effect: destroy
      statements: [delete from enrolments, "update courses set seats = 0"]
    list: {sql: select sum(seats) as seats from courses, rows: one}
    """)

    reply = await office.reply("clear", mode="dry_run")

    assert isinstance(reply.value, dict)
    assert "delete from enrolments" in str(reply.value["request"])
    assert not office.call.progress.sent
    assert await office.value("list") == {"seats": 17}
