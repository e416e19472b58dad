"""What routines a database says that it has, and how they are named."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

import pytest

from drawbar.backends.sql.databases.drivers import open_database
from drawbar.backends.sql.dialect import FIREBIRD, MARIADB, POSTGRESQL, SQLITE
from drawbar.backends.sql.live.routines import LiveRoutine, list_routines
from drawbar.backends.sql.options import SqlBackendSpec
from drawbar.backends.sql.session import Allowed, Session
from drawbar.backends.sql.signature import Argument, NoSignature, parse_signature, plain_type
from drawbar.backends.sql.stop import Stop
from drawbar.backends.sql.url import parse_url
from drawbar.kernel.values import Secret


def listed(
    url: str, folder: Path, schema: str | None = None, name: str | None = None
) -> dict[str, LiveRoutine]:
    options = SqlBackendSpec.model_validate({"kind": "sql", "url": Secret(url)})
    target = parse_url(options, folder)
    database = open_database(target, 1)
    try:
        with database.reading(Allowed(Stop(), time.monotonic() + 10), snapshot=True) as session:
            found = list_routines(session, target.dialect, schema, name)
    finally:
        database.close()
    return {str(each.signature): each for each in found}


def facts(routine: LiveRoutine) -> tuple[Any, ...]:
    return (
        routine.answers,
        routine.effect,
        routine.volatility,
        routine.returns,
        routine.defaults,
        routine.comment,
    )


def test_postgresql_tells_modes_types_defaults_volatility_and_comments(
    postgresql_routines: str, tmp_path: Path
) -> None:
    url = postgresql_routines
    schema = url.rpartition("%3D")[2]

    found = listed(url, tmp_path, schema)

    place = f"{schema}."
    table = "TABLE(booking_no integer, seats integer, price numeric)"
    assert {name: facts(each) for name, each in found.items()} == {
        f"{place}book(course text, seats integer, out booking_no integer, inout price numeric)": (
            *("row", "write", "volatile", "", 0, "Book seats."),
        ),
        f"function {place}bookings_of(of_course text)": (
            *("rows", "read", "stable", table, 0, None),
        ),
        f"function {place}tax_of(gross integer)": (
            *("value", "read", "immutable", "numeric", 0, None),
        ),
        f"function {place}tax_of(gross numeric, rate numeric)": (
            *("value", "read", "immutable", "numeric", 1, None),
        ),
    }
    assert len(listed(url, tmp_path, None, "tax_of")) == 2
    assert listed(url, tmp_path, "public", "tax_of") == {}


def test_mariadb_tells_modes_types_and_what_sql_a_routine_has(
    mariadb_routines: str, tmp_path: Path
) -> None:
    found = listed(mariadb_routines, tmp_path)

    place = mariadb_routines.rpartition("/")[2]
    assert {name: facts(each) for name, each in found.items()} == {
        f"{place}.book(course varchar(20), seats int(11), out booking_no int(11), inout price decimal(12,2))": (
            *("row", "write", "modifies sql data", "", 0, "Book seats."),
        ),
        f"{place}.report(of_course varchar(20), out how_many int(11))": (
            *("row", "read", "reads sql data", "", 0, None),
        ),
        f"function {place}.tax_of(gross decimal(12,2), rate decimal(4,2))": (
            *("value", "read", "no sql", "decimal(12,2)", 0, None),
        ),
    }
    assert list(listed(mariadb_routines, tmp_path, place, "report")) == list(found)[1:2]


def test_firebird_tells_selectable_procedures_from_others(
    firebird_routines: str, tmp_path: Path
) -> None:
    found = listed(firebird_routines, tmp_path)

    assert {name: facts(each) for name, each in found.items()} == {
        "book(course varchar(20), seats integer, price numeric(12,2), out booking_no integer, out total numeric(12,2))": (
            *("row", "write", "", "", 0, "Book seats."),
        ),
        "bookings_of(of_course varchar(20), out booking_no integer, out seats integer, out price numeric(12,2))": (
            *("rows", "write", "", "", 0, None),
        ),
        "function tax_of(gross numeric(12,2), rate numeric(4,2))": (
            *("value", "write", "", "numeric(12,2)", 1, None),
        ),
    }
    assert len(listed(firebird_routines, tmp_path, None, "TAX_OF")) == 1


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("close_month", "close_month"),
        ("Payroll.Close_Month", "Payroll.Close_Month"),
        ("book(integer, text)", "book(integer, text)"),
        ("function tax_of( gross  NUMERIC( 12, 2 ) )", "function tax_of(gross numeric( 12, 2 ))"),
        ("procedure function", "function"),
        ("function(integer)", "function(integer)"),
        ('"Pay"."Close ""it"""(out n integer)', '"Pay"."Close ""it"""(out n integer)'),
        (
            "f(double precision, x double precision, day in date)",
            "f(double precision, x double precision, day date)",
        ),
        (
            "f(at timestamp with time zone, timestamp(3) with time zone)",
            "f(at timestamp with time zone, timestamp(3) with time zone)",
        ),
        (
            "f(variadic names text[], inout c refcursor)",
            "f(variadic names text[], inout c refcursor)",
        ),
        ("f(int(10) unsigned, n bigint unsigned)", "f(int(10) unsigned, n bigint unsigned)"),
        ("f(state enum('open','a, b'))", "f(state enum('open','a, b'))"),
        ("f(note blob sub_type text, mood hr.mood)", "f(note blob sub_type text, mood hr.mood)"),
        ("f()", "f()"),
    ],
)
def test_a_signature_is_read_as_databases_show_it(written: str, read: str) -> None:
    assert str(parse_signature(written, POSTGRESQL)) == read


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "names no routine"),
        ("a.b.c", "names no routine"),
        ("a.", "names no routine"),
        ("f(integer", "did not expect `(integer` behind `f`"),
        ("f(1)", "`1` is no argument"),
        ("f(a integer; drop table t)", "is no argument"),
        ("f(a integer) returns integer", "did not expect"),
        ("f(a integer,)", "is no argument"),
        ("f(out integer)", "has no name, by which its value would be answered"),
        ("f(a integer := 1)", "is no argument"),
    ],
)
def test_what_names_no_routine_is_told(written: str, told: str) -> None:
    with pytest.raises(NoSignature) as caught:
        parse_signature(written, POSTGRESQL)

    assert told in str(caught.value)


def test_names_are_folded_as_the_database_does() -> None:
    in_firebird = parse_signature('pay.Close_Month("No" integer, Day date)', FIREBIRD)
    in_postgresql = parse_signature('Pay."Close"(Day date)', POSTGRESQL)
    in_mariadb = parse_signature('Pay."Close"(Day date)', MARIADB)

    assert in_firebird.schema is not None
    assert (in_firebird.schema.name, in_firebird.name.name) == ("PAY", "CLOSE_MONTH")
    assert in_firebird.arguments == (Argument("No", "in", "integer"), Argument("day", "in", "date"))
    assert in_postgresql.called == 'Pay."Close"'
    assert in_postgresql.schema is not None
    assert in_postgresql.schema.name == "pay"
    assert in_mariadb.called == "Pay.`Close`"


def test_types_of_several_names_are_the_same() -> None:
    same = [
        (POSTGRESQL, "INT4", "integer"),
        (POSTGRESQL, "character varying(20)", "varchar"),
        (POSTGRESQL, "timestamp with time zone", "timestamptz"),
        (POSTGRESQL, "float", "double precision"),
        (POSTGRESQL, "decimal(12, 2)", "numeric"),
        (MARIADB, "int(11)", "integer"),
        (MARIADB, "bool", "tinyint(1)"),
        (MARIADB, "int(10) unsigned", "integer unsigned"),
        (MARIADB, "dec(12,2)", "numeric"),
        (FIREBIRD, "varchar(20) character set utf8", "varchar(20)"),
    ]

    assert [
        each for each in same if plain_type(each[1], each[0]) != plain_type(each[2], each[0])
    ] == []
    assert plain_type("bigint", MARIADB) != plain_type("bigint unsigned", MARIADB)


def test_a_database_without_routines_is_told(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="the routines of SQLite cannot be listed"):
        list_routines(cast("Session", None), SQLITE)  # it is not even asked
