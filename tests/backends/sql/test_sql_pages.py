"""order_by and page: every row exactly once, whatever is null, and a cursor that fits one call only."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import math
import uuid
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drawbar.backends.sql.compile.author import Author
from drawbar.backends.sql.compile.reading import compile_reading
from drawbar.backends.sql.compile.texts import Texts
from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.execute.cursor import NotOpened, Seal, decode_keys, encode_keys
from drawbar.backends.sql.execute.keyset import KEYS
from drawbar.backends.sql.execute.page import statement_of
from drawbar.backends.sql.options import SqlFunctionSpec
from drawbar.kernel.values import JsonValue
from drawbar.spec.source import Report, Source

from .conftest import Compiler, Office, run_script

SORTINGS = {
    "plain": "a, id",
    "mixed": "a desc, b, c desc, id",
    "down": "b desc, a desc, id desc",
    "first": "a nulls first, b desc nulls first, id",
    "last": "c desc nulls last, b nulls last, id desc",
    "computed": "coalesce(a, 0) + 1 desc, t.b, id",
    "hidden": "hidden, id desc",
}
_LIST = "\n".join(f"    {key}: '{text}'" for key, text in SORTINGS.items())
_SELECT = f"""
  parameters:
    below: {{type: integer, optional: true}}
    sort: {{type: string, enum: [{", ".join(SORTINGS)}], default: plain}}
  sql: select id, a, b, c from things t -- all of them
  where: {{below: id < :below}}
  order_by:
    param: sort
{_LIST}
"""
PAGES = f"""
all: {_SELECT}
by_key: {_SELECT}
  page: {{size: 40}}
by_number: {_SELECT}
  page: {{size: 40, by: offset}}
"""
TABLE = """
drop table if exists things;
create table things (id integer primary key, a integer, b varchar(9), c real, hidden varchar(9));
"""

ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-2, 2),
        st.none() | st.sampled_from(["", "a", "B", "ä", "b'"]),
        st.none() | st.sampled_from([0.1, -1.5, 2.0, 1e30]),
        st.none() | st.sampled_from(["x", "y"]),
    ),
    max_size=25,
)


@pytest.mark.parametrize(
    "opened",
    [("sqlite", PAGES), ("postgresql", PAGES)],
    indirect=True,
    ids=["sqlite", "postgresql"],
)
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=ROWS,
    sort=st.sampled_from(list(SORTINGS)),
    size=st.integers(1, 7),
    below=st.none() | st.integers(0, 25),
    function=st.sampled_from(["by_key", "by_number"]),
)
def test_every_row_comes_exactly_once_and_in_order(
    opened: tuple[Office, asyncio.Runner],
    rows: list[tuple[int | None, str | None, float | None, str | None]],
    sort: str,
    size: int,
    below: int | None,
    function: str,
) -> None:
    office, runner = opened
    _fill(office, rows)
    arguments: dict[str, JsonValue] = {"sort": sort}
    if below is not None:
        arguments["below"] = below

    everything = runner.run(office.value("all", arguments))
    pages = runner.run(_walk(office, function, arguments, size))

    assert [row for page in pages for row in page] == everything
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)


def _fill(office: Office, rows: list[Any]) -> None:
    def text(value: object) -> str:
        if value is None:
            return "null"
        return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)

    script = TABLE
    for number, row in enumerate(rows):
        script += f"insert into things values ({number}, {', '.join(map(text, row))});\n"
    run_script(office, script)


async def _walk(
    office: Office, function: str, arguments: dict[str, JsonValue], size: int
) -> list[list[JsonValue]]:
    pages: list[list[JsonValue]] = []
    cursor: JsonValue = None
    while True:
        given = arguments if cursor is None else {**arguments, "cursor": cursor}
        reply = await office.reply(function, given, max_rows=size)
        assert isinstance(reply.value, dict)
        rows, cursor = reply.value["rows"], reply.value["next"]
        assert isinstance(rows, list)
        assert list(reply.value) == ["rows", "next"]
        pages.append(rows)
        if cursor is None:
            return pages


LIST = """
list:
  parameters: {kind: {type: string, optional: true}, who: {from: caller.subject}}
  sql: select course_no, title from courses where title <> :who
  where: {kind: title = :kind}
  order_by: price desc, course_no
  page: {size: 2}
other:
  parameters: {who: {from: caller.subject}}
  sql: select course_no, title from courses where title <> :who
  order_by: price desc, course_no
  page: {size: 2}
"""


async def cursor_of(office: Office, function: str = "list") -> str:
    value = await office.value(function, {"who": "anna"})
    assert isinstance(value, dict)
    assert value["rows"] == [
        {"course_no": "C-101", "title": "Welding"},
        {"course_no": "C-104", "title": "First aid"},
    ]
    return str(value["next"])


async def test_the_next_page_begins_behind_the_last_row(office: Office) -> None:
    office.open(LIST)
    cursor = await cursor_of(office)
    run_script(
        office,
        """
        insert into courses values ('C-001', 'Early', 500, 1), ('C-300', 'Late', 10, 1);
        delete from courses where course_no = 'C-104';
        """,
    )

    value = await office.value("list", {"who": "anna", "cursor": cursor})

    rest = [{"course_no": "C-300", "title": "Late"}, {"course_no": "C-200", "title": "Ropes"}]
    assert value == {"rows": rest, "next": None}


async def test_a_cursor_does_not_show_the_keys_it_holds(office: Office) -> None:
    office.open(LIST)

    cursor = await cursor_of(office)

    assert len(cursor) < 80
    assert b"104" not in base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert await cursor_of(office) == cursor  # the same place, the same text


@pytest.mark.parametrize(
    ("function", "changed"),
    [
        ("list", {"kind": "Ropes"}),
        ("list", {"who": "bert"}),
        ("other", {}),
        ("list", {"cursor": "AAAA"}),
        ("list", {"cursor": "no cursor"}),
        ("list", {"cursor": ""}),
    ],
)
async def test_a_cursor_of_another_call_is_refused(
    sqlite: Office, function: str, changed: dict[str, JsonValue]
) -> None:
    sqlite.open(LIST)
    cursor = await cursor_of(sqlite)

    error = await sqlite.error(function, {"who": "anna", "cursor": cursor, **changed})

    assert (error.code, error.work, error.retryable) == ("wrong_cursor", "not_started", False)
    assert str(error.hint).endswith("or leave `cursor` out to begin anew.")


async def test_a_cursor_that_was_changed_in_any_letter_is_refused(sqlite: Office) -> None:
    sqlite.open(LIST)
    cursor = await cursor_of(sqlite)

    for place in range(len(cursor) - 1):  # the last letter also holds bits that mean nothing
        other = "A" if cursor[place] != "A" else "B"
        text = cursor[:place] + other + cursor[place + 1 :]
        error = await sqlite.error("list", {"who": "anna", "cursor": text})
        assert error.code == "wrong_cursor", text


async def test_a_cursor_outlives_a_restart_with_the_same_secret(sqlite: Office) -> None:
    sqlite.open(LIST)
    cursor = await cursor_of(sqlite)
    sqlite.open(LIST)

    value = await sqlite.value("list", {"who": "anna", "cursor": cursor})

    assert value == {"rows": [{"course_no": "C-200", "title": "Ropes"}], "next": None}


async def test_rows_with_one_place_in_the_order_stay_on_one_page(office: Office) -> None:
    office.open("""
    list: {sql: select course_no from courses, order_by: seats, page: {size: 2}}
    """)
    run_script(office, "update courses set seats = 5 where course_no = 'C-104'")

    first = await office.value("list")
    assert isinstance(first, dict)
    second = await office.value("list", {"cursor": first["next"]})
    run_script(office, "update courses set seats = 5")
    error = await office.error("list")

    assert isinstance(first["rows"], list)
    assert len(first["rows"]) == 2
    assert second == {"rows": [{"course_no": "C-101"}], "next": None}
    assert error.code == "order_not_unique"
    assert error.message.startswith("2 rows or more have the same place in the order")


async def test_a_page_never_holds_more_than_the_model_is_shown(office: Office) -> None:
    """What the dispatcher would cut off is left for the next page, so no row is lost between two."""
    office.open("""
    list:
      sql: select course_no, title from courses
      order_by: course_no
      page: {size: 50}
      returns: {max_tokens: 50}
    """)
    run_script(
        office, "update courses set title = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"
    )

    first = await office.value("list")
    assert isinstance(first, dict)
    second = await office.value("list", {"cursor": first["next"]})

    assert isinstance(second, dict)
    assert isinstance(first["rows"], list)
    assert isinstance(second["rows"], list)
    assert [len(first["rows"]), len(second["rows"])] == [1, 2]
    assert max(len(orjson.dumps(each)) for each in (first, second)) <= 50 * 4


async def test_a_row_that_is_too_large_for_a_page_is_cut_and_says_so(office: Office) -> None:
    office.open(
        "list: {sql: 'select course_no, title from courses', order_by: course_no, page: {size: 50}}"
    )
    run_script(office, f"update courses set title = '{'x' * 100}' where course_no = 'C-104'")

    replies = []
    cursor: JsonValue = None
    for _ in range(3):
        arguments = {} if cursor is None else {"cursor": cursor}
        reply = await office.reply("list", arguments, max_bytes=120)
        assert isinstance(reply.value, dict)
        cursor = reply.value["next"]
        replies.append(reply)

    assert cursor is None
    assert [len(reply.cuts) for reply in replies] == [0, 1, 0]


def test_parameters_that_a_page_needs_appear_by_themselves(compiler: Compiler) -> None:
    plan = compiler.plan("""
    f:
      sql: select a, b from t
      order_by: {param: sort, new: b desc, old: b}
      page: {size: 10}
    """)

    assert [(each.name, each.required, each.schema) for each in plan.parameters] == [
        (
            "sort",
            False,
            {
                "type": "string",
                "enum": ["new", "old"],
                "description": "How the rows are sorted.",
                "default": "new",
            },
        ),
        (
            "cursor",
            False,
            {
                "type": "string",
                "description": "`next` of the previous answer, to get the rows after it; all other arguments stay the same.",
            },
        ),
    ]


async def test_an_order_without_pages_is_the_list_in_that_order(office: Office) -> None:
    office.open("""
    list: {sql: select course_no from courses, order_by: {param: sort, seats: "seats, 1 - price", no: course_no desc}}
    """)

    assert await office.value("list") == [{"course_no": f"C-{no}"} for no in (104, 200, 101)]
    assert await office.value("list", {"sort": "no"}) == [
        {"course_no": f"C-{no}"} for no in (200, 104, 101)
    ]


async def test_a_select_may_group_and_unite(office: Office) -> None:
    office.open("""
    groups:
      sql: select seats > 4 as many, count(*) as courses from courses group by seats > 4
      order_by: courses desc, max(price)
      page: {size: 1}
    united:
      sql: select course_no as no from courses union select title from courses
      order_by: no desc
      page: {size: 4}
    """)

    groups = await _walk(office, "groups", {}, 10)
    united = await _walk(office, "united", {}, 10)

    assert [len(page) for page in groups] == [1, 1]
    assert [row["courses"] for page in groups for row in page if isinstance(row, dict)] == [2, 1]
    names = {row["no"] for page in united for row in page if isinstance(row, dict)}
    assert [len(page) for page in united] == [4, 2]
    assert sorted(map(str, names)) == ["C-101", "C-104", "C-200", "First aid", "Ropes", "Welding"]


async def test_a_dry_run_shows_the_place_of_the_page(office: Office) -> None:
    office.open(LIST)
    cursor = await cursor_of(office)

    reply = await office.reply("list", {"who": "anna", "cursor": cursor}, mode="dry_run")

    assert isinstance(reply.value, dict)
    request = reply.value["request"]
    assert isinstance(request, dict)
    assert isinstance(request["statements"], list)
    (statement,) = request["statements"]
    assert isinstance(statement, dict)
    price = 80 if office.dialect == "sqlite" else "80.00"
    assert statement["named_values"] == {
        "who": "anna",
        "drawbar_keys.1": price,
        "drawbar_keys.2": "C-104",
    }
    assert reply.notes == ()


async def test_an_operation_answers_with_the_first_page(office: Office) -> None:
    office.open("""
    touch: {effect: write, statements: [update courses set seats = 1], returns: {from: list}}
    list: {sql: select seats from courses, order_by: course_no, page: {size: 2, by: offset}}
    """)

    reply = await office.reply("touch")

    assert reply.value == {"rows": [{"seats": 1}, {"seats": 1}], "next": None}
    assert [cut.kept for cut in reply.cuts] == [2]


PROBLEMS = [
    (
        "f: {sql: select a from t order by a, order_by: a}",
        "DB322 the select has its own `order by`\n    write the order under `order_by`",
    ),
    (
        "f: {sql: select a from t limit 3, order_by: a, page: {size: 2}}",
        "DB322 the select has its own `limit`\n    the size of a page is `page: {size: ...}`",
    ),
    (
        "f: {sql: select a from t, page: {size: 2, by: offset}}",
        "DB322 pages need an order, or rows would be told twice or never",
    ),
    (
        "f: {sql: select a from t, order_by: '1'}",
        "DB322 `1` sorts by a position\n    write the name of the column",
    ),
    (
        "f: {sql: select a from t, order_by: 'a,, b'}",
        "DB322 between two commas of the order there is nothing",
    ),
    (
        "f: {sql: select a from t, order_by: 'a; drop table t'}",
        "DB304 one statement belongs here, and there are 2",
    ),
    (
        "f: {sql: select a from t, order_by: 'load_extension(a)'}",
        "DB318 `load_extension()` reaches beyond the rows of a statement and is not allowed",
    ),
    (
        "f: {sql: select a from t, order_by: ':q'}",
        "DB305 `:q` is no parameter of this function\n    no parameters are declared",
    ),
    (
        "f: {sql: select a from t, order_by: {new: a}}",
        "DB322 nothing chooses between the sortings",
    ),
    (
        "f: {parameters: {s: {type: string}}, sql: select a from t, order_by: {param: s, new: a}}",
        "DB322 `s` chooses a sorting\n    write `enum: [new]`, or leave the parameter out: it comes by itself",
    ),
    (
        "f: {parameters: {s: {type: string, enum: [new, old]}}, sql: select a from t, order_by: {param: s, new: a}}",
        "DB322 there is no sorting for `s: old`\n    add `old: ...`",
    ),
    (
        "f: {parameters: {s: {type: string, enum: [new]}}, sql: select a from t, order_by: {param: s, new: a, nwe: a}}",
        "DB322 `s` is never `nwe`\n    did you mean `new`?",
    ),
    (
        "f: {sql: select distinct a from t, order_by: b, page: {size: 2}}",
        "DB322 `b` is no result column, and it cannot be added to this select\n    sort by result columns, by their names",
    ),
    (
        "f: {sql: select a from t union select a from u, order_by: b, page: {size: 2}}",
        "DB322 `b` is no result column, and it cannot be added to this select",
    ),
    (
        "f: {sql: select a from t, rows: one, order_by: a, page: {size: 2}}",
        "DB314 `page` belongs to a list, and `rows: one` is none",
    ),
    (
        "f: {parameters: {cursor: {type: string}}, sql: select a from t where a = :cursor, order_by: a, page: {size: 2}}",
        "DB316 `cursor` is the parameter that a page brings along\n    give yours another name",
    ),
    (
        "f: {effect: write, statements: [delete from t], order_by: a}",
        "DB314 `order_by` has no meaning here, since the function is an operation",
    ),
]


@pytest.mark.parametrize(("text", "told"), PROBLEMS)
def test_an_author_is_told_what_is_wrong(compiler: Compiler, text: str, told: str) -> None:
    problems = compiler.problems(text)

    assert any(told in problem for problem in problems), problems
    assert len(problems) == 1


ANY_KEYS = st.lists(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(dt.UTC))
    | st.times()
    | st.timedeltas()
    | st.uuids(),
    max_size=5,
)


@given(keys=ANY_KEYS)
def test_keys_come_out_of_a_cursor_as_they_went_in(keys: list[Any]) -> None:
    seal = Seal(b"secret")

    found = decode_keys(seal.open(seal.close(encode_keys(keys), "f"), "f"))

    assert found == keys
    assert [type(each) for each in found] == [type(each) for each in keys]


@given(text=st.text() | st.binary().map(lambda raw: raw.hex()), bound_to=st.text(max_size=3))
def test_no_other_text_opens(text: str, bound_to: str) -> None:
    with pytest.raises(NotOpened):
        Seal(b"secret").open(text, bound_to)


def test_what_cannot_be_sorted_by_is_no_key() -> None:
    with pytest.raises(TypeError, match="a value of type dict cannot be the key of a page"):
        encode_keys([{}])
    assert encode_keys([math.inf, Decimal("1.10"), uuid.UUID(int=1)]) == [
        {"f": "inf"},
        {"n": "1.10"},
        {"u": "00000000-0000-0000-0000-000000000001"},
    ]


def test_a_dialect_whose_rule_for_nulls_is_not_known_is_told_it() -> None:
    told = Dialect("told", "Told", (), "sqlite", is_numbered=True)
    source = Source("a.yaml", {}, {})
    author = Author(Report(source), ("functions", "f"), told, (), Texts())
    spec = SqlFunctionSpec.model_validate(
        {"sql": "select a, b from t", "order_by": "a desc, b", "page": {"size": 3}}
    )
    reading = compile_reading(author, spec, "select a, b from t")

    assert reading is not None
    assert author.report.problems == []
    assert statement_of(reading, {}).text == (
        "select * from (\nselect a, b from t\n) drawbar_page\n"
        "order by a desc nulls last, b nulls first\noffset 0 rows fetch next 4 rows only"
    )
    assert "or b is null" not in statement_of(reading, {KEYS: {"1": 1, "2": 2}}).text
