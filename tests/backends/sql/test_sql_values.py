"""Values there and back: nothing rounded, nothing lost in silence."""

from __future__ import annotations

import asyncio
import math
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drawbar.backends.sql.reply import cell, encoded_size, read_json
from drawbar.kernel.values import JsonValue

from .conftest import Office

VALUES = [
    ("sqlite", "9007199254740991", 9007199254740991),
    ("sqlite", "9007199254740992", "9007199254740992"),
    ("sqlite", "-9007199254740992", "-9007199254740992"),
    ("sqlite", "x'00ff'", {"$bytes": 2, "base64": "AP8="}),
    ("sqlite", "9e999", "Infinity"),
    ("sqlite", "-9e999", "-Infinity"),
    ("sqlite", "null", None),
    ("sqlite", "'ä\U0001f6df'", "ä\U0001f6df"),
    ("postgresql", "true", True),
    ("postgresql", "9007199254740991::bigint", 9007199254740991),
    ("postgresql", "9223372036854775807", "9223372036854775807"),
    ("postgresql", "12.50::numeric(10,2)", "12.50"),
    ("postgresql", "123456789012345678901234567890.12345", "123456789012345678901234567890.12345"),
    ("postgresql", "'NaN'::numeric", "NaN"),
    ("postgresql", "'NaN'::float8", "NaN"),
    ("postgresql", "'-infinity'::float8", "-Infinity"),
    ("postgresql", "0.1::float8", 0.1),
    ("postgresql", "'\\x00ff'::bytea", {"$bytes": 2, "base64": "AP8="}),
    ("postgresql", "'2026-11-24'::date", "2026-11-24"),
    ("postgresql", "'infinity'::date", "infinity"),
    ("postgresql", "'0044-03-15 BC'::date", "0044-03-15 BC"),
    ("postgresql", "'24:00'::time", "24:00:00"),
    ("postgresql", "'2026-11-24 05:43:20.5'::timestamp", "2026-11-24T05:43:20.5"),
    ("postgresql", "'infinity'::timestamp", "infinity"),
    ("postgresql", "'-infinity'::timestamptz", "-infinity"),
    ("postgresql", "'1 year 2 months 3 days 04:05:06'::interval", "P1Y2M3DT4H5M6S"),
    (
        "postgresql",
        "'6F9619FF-8B86-D011-B42D-00C04FC964FF'::uuid",
        "6f9619ff-8b86-d011-b42d-00c04fc964ff",
    ),
    (
        "postgresql",
        """'{"a": [1, null, "x"], "b": 12345678901234567890}'::jsonb""",
        {"a": [1, None, "x"], "b": "12345678901234567890"},
    ),
    ("postgresql", """'[0.1, 1.00000000000000000001]'::json""", [0.1, "1.00000000000000000001"]),
    ("postgresql", "array['a', null, 'b']", ["a", None, "b"]),
    ("postgresql", "array[[1.5, 2], [3, 4]]::numeric[]", [["1.5", "2"], ["3", "4"]]),
    ("postgresql", "'10.0.0.1'::inet", "10.0.0.1"),
    ("postgresql", "'[1,5)'::int4range", "[1,5)"),
    ("postgresql", "row(1, 'a')", ["1", "a"]),
    ("postgresql", "null::int", None),
]


@pytest.mark.parametrize(("office", "sql", "value"), VALUES, indirect=["office"])
async def test_a_value_is_answered_as_json_that_says_the_same(
    office: Office, sql: str, value: JsonValue
) -> None:
    indented = sql.replace("'", "''")
    office.open(f"get: {{sql: 'select {indented} as v', rows: one}}")

    assert await office.value("get") == {"v": value}


LARGE = {
    "sqlite": "select 1 as no, cast(''%PDF-'' || hex(zeroblob(600)) as blob) as scan",
    "postgresql": "select 1 as no, convert_to(''%PDF-'' || repeat(''0'', 1200), ''UTF8'') as scan",
}


@pytest.mark.parametrize("shape", ["rows: one", "rows: many", "order_by: no, page: {size: 2}"])
@pytest.mark.parametrize(("office", "sql"), LARGE.items(), indirect=["office"])
async def test_bytes_that_are_many_become_a_file(office: Office, sql: str, shape: str) -> None:
    office.open(f"get: {{sql: 'select * from ({sql}) as t', {shape}}}")

    value = await office.value("get")

    rows = value["rows"] if isinstance(value, dict) and "rows" in value else value
    row = rows[0] if isinstance(rows, list) else rows
    [scan] = office.call.files.made
    assert row == {"no": 1, "scan": scan.reference()}
    assert (scan.filename, scan.media_type) == ("file.pdf", "application/pdf")
    assert scan.data == b"%PDF-" + b"0" * 1200


async def test_a_moment_with_its_zone_is_iso_8601(postgresql: Office) -> None:
    postgresql.open("""
    get:
      sql: select '2026-11-24 05:43:20+01'::timestamptz at time zone 'UTC' as a, '2026-11-24 05:43:20+01'::timestamptz as b
      rows: one
    """)

    value = await postgresql.value("get")

    assert isinstance(value, dict)
    assert value["a"] == "2026-11-24T04:43:20"
    moment = str(value["b"])
    assert moment[10] == "T"
    assert moment[-6] in "+-"
    assert moment[-3] == ":"


ECHO = {
    "sqlite": "select :text as t, :whole as w, :part as p, :flag as f, :things as j",
    "postgresql": (
        "select :text::text as t, :whole::numeric as w, :part::float8 as p, :flag::boolean as f, "
        ":things::jsonb as j"
    ),
}
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-1e15, 1e15)
    | st.text(string.printable),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(string.printable), inner, max_size=3)
    ),
    max_leaves=8,
)


FUNCTION = """
echo:
  parameters:
    text: {type: string}
    whole: {type: integer}
    part: {type: number}
    flag: {type: boolean}
    things: {type: object, properties: {any: {type: string}}}
  sql: SQL
  rows: one
"""


@pytest.mark.parametrize(
    "opened",
    [(each, FUNCTION.replace("SQL", sql)) for each, sql in ECHO.items()],
    indirect=True,
    ids=list(ECHO),
)
@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=TEXT,
    whole=st.integers(-(2**63), 2**63 - 1),
    part=st.floats(allow_nan=False, allow_infinity=False),
    flag=st.booleans(),
    things=st.dictionaries(st.text(string.printable), JSON, max_size=3),
)
def test_values_come_back_as_they_went(
    opened: tuple[Office, asyncio.Runner],
    text: str,
    whole: int,
    part: float,
    flag: bool,
    things: dict[str, JsonValue],
) -> None:
    office, runner = opened
    arguments: dict[str, JsonValue] = {
        "text": text,
        "whole": whole,
        "part": part,
        "flag": flag,
        "things": things,
    }

    value = runner.run(office.value("echo", arguments))

    assert isinstance(value, dict)
    assert value["t"] == text
    exact = whole if abs(whole) < 2**53 and office.dialect == "sqlite" else str(whole)
    assert value["w"] == exact
    assert value["p"] == part
    assert value["f"] == (flag if office.dialect == "postgresql" else int(flag))
    found = read_json(value["j"]) if isinstance(value["j"], str) else value["j"]
    assert found == things


@pytest.mark.parametrize(
    ("office", "value"),
    [("sqlite", 2**63), ("sqlite", -(2**64)), ("postgresql", "nul \0 in a text")],
    indirect=["office"],
)
async def test_a_value_that_the_database_cannot_hold_is_a_bad_value(
    office: Office, value: JsonValue
) -> None:
    office.open(
        "get: {parameters: {v: {type: string}}, sql: 'select title from courses where title = :v'}"
    )

    error = await office.error("get", {"v": value})

    assert (error.code, error.work) == ("bad_value", "rolled_back")


async def test_a_value_the_server_cannot_read_is_a_bad_value(postgresql: Office) -> None:
    postgresql.open("get: {parameters: {v: {type: string}}, sql: 'select :v::uuid as v'}")

    error = await postgresql.error("get", {"v": "no uuid"})

    assert (error.code, error.facts) == ("bad_value", {"sqlstate": "22P02"})
    assert error.message == 'invalid input syntax for type uuid: "no uuid"'


def test_text_that_is_no_unicode_is_repaired() -> None:
    row: dict[str, JsonValue] = {"a": "x\ud800", "b": [{"\udfff": "y"}]}

    assert encoded_size(row) == len('{"a":"x?","b":[{"?":"y"}]}')
    assert row == {"a": "x?", "b": [{"?": "y"}]}


def test_values_without_a_word_in_json_are_texts() -> None:
    assert [cell(value) for value in (math.nan, math.inf, -math.inf, 1.5)] == [
        "NaN",
        "Infinity",
        "-Infinity",
        1.5,
    ]
