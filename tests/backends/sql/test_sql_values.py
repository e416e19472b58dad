"""Values there and back: nothing rounded, nothing lost in silence."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drawbar.backends.sql.reply import cell, encoded_size, read_json
from drawbar.kernel.values import JsonValue

from .conftest import Office, run_script
from .installed import make_firebird

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


KEPT = {
    "mariadb": """create table kept (t text character set utf8mb4, w bigint, n decimal(30, 10), p double, d date, m datetime(6),
      b blob, f boolean)""",
    "duckdb": "create table kept (t varchar, w bigint, n decimal(30, 10), p double, d date, m timestamp, b blob, f boolean)",
    "firebird": """create table kept (t varchar(2000), w bigint, n decimal(18, 10), p double precision, d date,
      m timestamp, b blob, f boolean)""",
    "sqlite": "create table kept (t text, w integer, n text, p real, d text, m text, b blob, f integer)",
    "postgresql": "create table kept (t text, w bigint, n numeric(30, 10), p float8, d date, m timestamp, b bytea, f boolean)",
}
"""The value table as columns: text, whole number, decimal, double, day, moment, bytes, flag."""
COMPUTED = {
    "mariadb": "cast(:n as decimal(20, 4))",
    "duckdb": "cast(:n as decimal(20, 4))",
    "firebird": "cast(:n as decimal(18, 4)) + 0",
    "sqlite": None,
    "postgresql": "cast(:n as numeric(20, 4))",
}
"""A decimal that no column holds; SQLite has none."""
FRACTIONS = {"mariadb": 6, "duckdb": 6, "firebird": 4, "sqlite": 6, "postgresql": 6}
"""Digits of a second."""


def kept_function(dialect: str) -> str:
    """Put a row, take it back; a decimal, a day and a moment go in as the text that JSON has for them."""
    computed = COMPUTED[dialect]
    one_row = " from rdb$$database" if dialect == "firebird" else ""
    number = "string" if dialect == "sqlite" else "number"
    echo = f"""
exact: {{parameters: {{n: {{type: number}}}}, sql: "select {computed} as n{one_row}", rows: one}}"""
    return f"""
put:
  effect: write
  parameters:
    t: {{type: string}}
    w: {{type: integer}}
    n: {{type: {number}}}
    p: {{type: number}}
    d: {{type: string, format: date}}
    m: {{type: string}}
    f: {{type: boolean}}
  statements:
    - delete from kept
    - {{sql: "insert into kept (t, w, n, p, d, m, f) values (:t, :w, :n, :p, :d, :m, :f)", expect_rows: 1}}
  returns: {{from: take}}
take: {{sql: "select t, w, n, p, d, m, f from kept", rows: one}}
copy:
  effect: write
  let: {{old: "select t, w, n, p, d, m, f from kept"}}
  statements:
    - delete from kept
    - "insert into kept (t, w, n, p, d, m, f) values (:old.t, :old.w, :old.n, :old.p, :old.d, :old.m, :old.f)"
  returns: {{from: take}}{echo if computed else ""}
"""


@pytest.fixture(scope="module", params=KEPT)
def keeping(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Office, asyncio.Runner]]:
    """An open office on each database, with the table of values."""
    dialect, folder = request.param, tmp_path_factory.mktemp("values")
    url = make_kept(dialect, folder, request)
    office = Office(url, folder, dialect, threads=1)
    with asyncio.Runner() as runner:
        runner.run(_opened(office, kept_function(dialect)))
        yield office, runner
        runner.run(office.backend.close())
    if dialect in {"mariadb", "postgresql"}:
        run_script(office, "drop table kept")


def make_kept(dialect: str, folder: Path, request: pytest.FixtureRequest) -> str:
    if dialect == "duckdb":
        duckdb = pytest.importorskip("duckdb")
        with duckdb.connect(str(folder / "v.duckdb")) as connection:
            connection.execute(KEPT[dialect])
        return "duckdb:///./v.duckdb"
    if dialect == "firebird":
        make_firebird(folder / "v.fdb")
        import firebird.driver  # noqa: PLC0415 -- the driver is optional

        with firebird.driver.connect(str(folder / "v.fdb"), user="SYSDBA") as connection:
            connection.execute_immediate(KEPT[dialect])
            connection.commit()
        return "firebird:///./v.fdb"
    url = "sqlite:///./courses.db"
    if dialect != "sqlite":
        url = request.getfixturevalue(f"{dialect}_url")
    run_script(Office(url, folder, dialect), KEPT[dialect])
    return url


async def _opened(office: Office, text: str) -> None:
    office.open(text)


@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    row=st.fixed_dictionaries(
        {
            "t": st.text(
                st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200
            ),
            "w": st.integers(-(2**63), 2**63 - 1),
            "n": st.decimals(-(10**7), 10**7, places=4),
            "p": st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
            "d": st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)),
            "m": st.datetimes(dt.datetime(1000, 1, 1), dt.datetime(9999, 12, 31)),  # noqa: DTZ001 -- without a zone
            "f": st.booleans(),
        }
    )
)
def test_what_is_kept_comes_back_as_it_went(
    keeping: tuple[Office, asyncio.Runner], row: dict[str, Any]
) -> None:
    office, runner = keeping
    number, moment = row["n"], row["m"]
    written = moment.isoformat(sep=" ", timespec="microseconds")[: 20 + FRACTIONS[office.dialect]]
    number_in: JsonValue = str(number) if office.dialect == "sqlite" else float(number)
    arguments: dict[str, JsonValue] = {
        **row,
        "n": number_in,
        "d": row["d"].isoformat(),
        "m": written,
    }
    has_flags = office.dialect not in {"sqlite", "mariadb"}

    for value in (
        runner.run(office.value("put", arguments)),
        runner.run(office.value("copy")),
    ):
        assert isinstance(value, dict)
        assert value["t"] == row["t"]
        assert value["w"] == (row["w"] if abs(row["w"]) < 2**53 else str(row["w"]))
        assert value["n"] == (str(number) if office.dialect == "sqlite" else f"{number:.10f}")
        assert value["p"] == row["p"]
        assert value["d"] == row["d"].isoformat()
        assert dt.datetime.fromisoformat(str(value["m"])) == dt.datetime.fromisoformat(written)
        assert value["f"] == (row["f"] if has_flags else int(row["f"]))
    if COMPUTED[office.dialect] is not None:
        assert runner.run(office.value("exact", {"n": number_in})) == {"n": f"{number:.4f}"}


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
