from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from drawbar.demo.bookings.ledger import make_tables
from machine import missing

DAY = date(2026, 6, 15)
POSTGRES = os.environ.get("DRAWBAR_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "drawbar.demo.bookings", "--today", DAY.isoformat()]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


def test_the_same_day_gives_the_same_rows_and_another_day_moves_them() -> None:
    first, again, later = make_tables(DAY), make_tables(DAY), make_tables(date(2026, 6, 16))

    assert first == again
    assert {table: len(rows) for table, rows in first.items()} == {
        table: len(rows) for table, rows in later.items()
    }
    assert first["sailings"][0][3] == "2026-05-26"
    assert later["sailings"][0][3] == "2026-05-27"


def test_the_books_add_up(tmp_path: Path) -> None:
    made = make("--file", str(tmp_path / "bookings.db"))
    url = json.loads(made.stdout)["url"]

    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:

        def count(sql: str) -> int:
            number: int = database.execute(f"select count(*) from ({sql})").fetchone()[0]
            return number

        assert count("select * from bookings") > 1500
        assert database.execute("pragma foreign_key_check").fetchall() == []
        assert not count(
            "select b.booking_no from bookings b join booking_lines l using (booking_no) "
            "group by b.booking_no having abs(sum(l.quantity * l.unit_price) - b.total) > 0.005"
        )
        assert not count(
            "select sailing_no from sailings join bookings b using (sailing_no) "
            "where b.status <> 'cancelled' group by sailing_no, seats, car_spaces "
            "having sum(b.passengers) > seats or sum(b.cars) > car_spaces"
        )


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine.db"
    path.write_text("precious")

    made = make("--file", str(path))

    assert made.returncode == 1
    assert made.stderr == f"bookings: {path} exists already; name a new file\n"
    assert path.read_text() == "precious"


def test_postgresql_holds_the_same_rows_in_a_schema_that_goes_again() -> None:
    psycopg = pytest.importorskip("psycopg")
    try:
        connection = psycopg.connect(POSTGRES, connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        missing(f"no PostgreSQL: {error}")
    schema = f"saltmouth_test_{os.getpid()}"
    with connection:
        made = make("--postgres", POSTGRES, "--schema", schema)
        url = json.loads(made.stdout)["url"]
        with psycopg.connect(url) as other:
            counts = {
                table: other.execute(f"select count(*) from {table}").fetchone()[0]
                for table in make_tables(DAY)
            }
        dropped = make("--postgres", POSTGRES, "--schema", schema, "--drop")
        left = connection.execute(
            "select 1 from information_schema.schemata where schema_name = %s", [schema]
        ).fetchall()

    assert counts == {table: len(rows) for table, rows in make_tables(DAY).items()}
    assert (dropped.returncode, left) == (0, [])
