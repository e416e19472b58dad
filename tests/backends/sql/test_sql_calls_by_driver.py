"""Procedures and functions of databases that are reached through ODBC and JDBC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from drawbar.backends.sql.databases.jdbc import JdbcServer
from drawbar.backends.sql.dialect import JDBC, spoken
from drawbar.backends.sql.url import Target

from .conftest import Office, Problems, compile_text, mariadb_connection
from .installed import jar, odbc_driver
from .test_sql_contract import of_odbc_mariadb, of_odbc_postgresql

DRIVERS = {"h2": "org.h2.Driver", "hsqldb": "org.hsqldb.jdbc.JDBCDriver"}
HSQLDB = (
    """create table bookings (booking_no integer generated always as identity primary key, course varchar(20) not null,
    seats integer not null, price decimal(12,2), constraint seats_positive check (seats > 0))""",
    "create table log (what varchar(50))",
    """create procedure book(in course varchar(20), in seats integer, out booking_no integer, inout price decimal(12,2))
    modifies sql data begin atomic
      insert into log values ('book ' || course);
      insert into bookings (course, seats, price) values (course, seats, price);
      set booking_no = identity();
      set price = price * seats;
    end""",
    """create procedure report(in of_course varchar(20), out how_many integer) reads sql data dynamic result sets 2
    begin atomic
      declare items cursor with return for select booking_no, seats, price from bookings where course = of_course order by 1;
      declare sums cursor with return for select sum(seats) as seats, sum(price) as price from bookings where course = of_course;
      open items;
      open sums;
      set how_many = (select count(*) from bookings where course = of_course);
    end""",
    """create procedure exact(out a date, out b timestamp(3), out c decimal(12,2), out d double, out e bigint, out f boolean,
      out g varchar(20), out h integer) reads sql data begin atomic
      set a = date '2026-11-24'; set b = timestamp '2026-11-24 01:02:03.5'; set c = 1.50; set d = 0.1;
      set e = 9223372036854775807; set f = true; set g = 'ä';
    end""",
    """create function tax_of(gross decimal(12,2), rate decimal(4,2)) returns decimal(12,2)
    return cast(gross * rate as decimal(12,2))""",
    """create function bookings_of(of_course varchar(20)) returns table (booking_no integer, seats integer)
    reads sql data return table(select booking_no, seats from bookings where course = of_course)""",
)  # fmt: skip
BOOK = """
book:
  effect: write
  call: book(course varchar(20), seats integer, out booking_no integer, inout price decimal(12,2))
"""
REPORT = "effect: read, call: 'report(of_course varchar(20), out how_many integer)'"


def java(
    name: str, folder: Path, statements: tuple[str, ...]
) -> tuple[Office, Callable[[str], Any]]:
    """An office on a database of its own, and the first values of what a statement answers."""
    file = jar(name).resolve()
    kept = f"file:{folder}/c" if name == "hsqldb" else f"{folder}/c"
    url = f"jdbc:{name}:{kept}"
    dialect = spoken(JDBC, "hsqldb" if name == "hsqldb" else "h2")
    words = {"jdbc": url, "driver": DRIVERS[name], "user": "SA"}
    connection = JdbcServer(Target(dialect, None, words, None, (file,))).connect()
    statement = connection.createStatement()
    for text in statements:
        statement.execute(text)
    connection.commit()

    def run(text: str) -> list[str]:
        connection.commit()
        rows = statement.executeQuery(text)
        found = []
        while rows.next():
            found.append(str(rows.getString(1)))
        connection.commit()
        return found

    options = f"username: SA\njdbc: {{driver: {DRIVERS[name]}, jars: [{file}]}}"
    return Office(url, folder, name, options=options), run


@pytest.fixture
async def hsqldb(tmp_path: Path) -> AsyncIterator[tuple[Office, Callable[[str], Any]]]:
    office, run = java("hsqldb", tmp_path, HSQLDB)
    yield office, run
    for backend in office.backends:
        await backend.close()


async def test_jdbc_answers_what_comes_out_and_undoes_what_fails(
    hsqldb: tuple[Office, Callable[[str], Any]],
) -> None:
    office, run = hsqldb
    office.open(BOOK)

    value = await office.value("book", {"course": "C-1", "seats": 3, "price": 99.9})
    error = await office.error("book", {"course": "C-2", "seats": 0, "price": 1})

    assert value == {"booking_no": 0, "price": "299.70"}
    assert (error.code, error.work) == ("constraint_violation", "rolled_back")
    assert run("select what from log") == ["book C-1"]


async def test_jdbc_answers_several_result_sets_and_then_what_came_out(
    hsqldb: tuple[Office, Callable[[str], Any]],
) -> None:
    office, _ = hsqldb
    office.open(
        f"{BOOK}\nreport: {{{REPORT}, results: {{items: many, sums: one}}, columns: {{sums.price: number}}}}"
        f"\nfew: {{{REPORT}, results: {{items: many}}}}"
    )
    for seats, price in ((2, 10), (3, 20.5)):
        await office.value("book", {"course": "C-1", "seats": seats, "price": price})

    reply = await office.reply("report", {"of_course": "C-1"}, max_rows=1)
    few = await office.error("few", {"of_course": "C-1"})

    assert reply.value == {
        "how_many": 2,
        "items": [{"booking_no": 0, "seats": 2, "price": "10.00"}],
        "sums": {"seats": 5, "price": 30.5},
    }
    assert [each.kept for each in reply.cuts] == [1]
    assert few.code == "contract_mismatch"


async def test_values_come_out_of_jdbc_as_they_were_declared(
    hsqldb: tuple[Office, Callable[[str], Any]],
) -> None:
    office, _ = hsqldb
    office.open(
        """
        exact:
          effect: read
          call: exact(out a date, out b timestamp(3), out c decimal(12,2), out d double, out e bigint, out f boolean,
            out g varchar(20), out h integer)
        """
    )

    assert await office.value("exact") == {
        "a": "2026-11-24",
        "b": "2026-11-24T01:02:03.500",
        "c": "1.50",
        "d": 0.1,
        "e": "9223372036854775807",
        "f": True,
        "g": "ä",
        "h": None,
    }


async def test_functions_of_jdbc_answer_a_value_or_rows(
    hsqldb: tuple[Office, Callable[[str], Any]],
) -> None:
    office, _ = hsqldb
    office.open(
        f"""{BOOK}
tax_of: {{effect: read, call: "function tax_of(gross decimal(12,2), rate decimal(4,2))"}}
bookings_of: {{effect: read, rows: many, call: "function bookings_of(of_course varchar(20))"}}
"""
    )
    await office.value("book", {"course": "C-1", "seats": 2, "price": 1})

    assert await office.value("tax_of", {"gross": 10, "rate": 0.19}) == {"tax_of": "1.90"}
    assert await office.value("bookings_of", {"of_course": "C-1"}) == [
        {"booking_no": 0, "seats": 2}
    ]


async def test_what_the_database_does_not_have_is_its_own_word(
    hsqldb: tuple[Office, Callable[[str], Any]],
) -> None:
    office, run = hsqldb
    office.open(
        "none: {effect: write, call: no_such(course varchar(20))}\n"
        "fewer: {effect: write, call: 'book(course varchar(20), out booking_no integer)'}"
    )

    none = await office.error("none", {"course": "C"})
    fewer = await office.error("fewer", {"course": "C"})

    assert "NO_SUCH" in none.message
    assert [each.work for each in (none, fewer)] == ["rolled_back", "rolled_back"]
    assert run("select what from log") == []


async def test_aliases_of_h2_are_called(tmp_path: Path) -> None:
    office, _ = java(
        "h2",
        tmp_path,
        (
            "create alias root for 'java.lang.Math.sqrt(double)'",
            "create table t (a integer)",
            "insert into t values (1), (2)",
        ),
    )
    office.open(
        """
        root: {effect: read, call: "function root(x double precision)"}
        again: {effect: read, rows: many, call: "function root(x double precision)"}
        """
    )

    value = await office.value("root", {"x": 9})
    rows = await office.value("again", {"x": 4})
    await office.backend.close()

    assert value == {"root": 3.0}
    assert isinstance(rows, list)
    assert [list(row.values()) for row in rows if isinstance(row, dict)] == [[2.0]]


@pytest.fixture
async def odbc_mariadb(
    request: pytest.FixtureRequest, mariadb_routines: str, tmp_path: Path
) -> AsyncIterator[Office]:
    url, *others = of_odbc_mariadb(request, tmp_path)
    database = mariadb_routines.rpartition("/")[2]
    head, _, _ = url.removeprefix("url: ").partition(";Database=")
    office = Office(f"{head};Database={database}", tmp_path, "odbc", options="\n".join(others))
    yield office
    for backend in office.backends:
        await backend.close()


async def test_mariadb_behind_odbc_answers_all_of_a_procedure(
    odbc_mariadb: Office, mariadb_routines: str
) -> None:
    odbc_mariadb.open(
        f"{BOOK}\nreport: {{{REPORT}, results: {{items: many, sums: one}}, columns: {{sums.price: number}}}}\n"
        'tax_of: {effect: read, call: "function tax_of(gross decimal(12,2), rate decimal(4,2))"}'
    )

    value = await odbc_mariadb.value("book", {"course": "C-1", "seats": 3, "price": 99.9})
    error = await odbc_mariadb.error("book", {"course": "C-2", "seats": 0, "price": 1})
    report = await odbc_mariadb.value("report", {"of_course": "C-1"})
    tax = await odbc_mariadb.value("tax_of", {"gross": 10, "rate": 0.19})

    assert value == {"booking_no": 1, "price": "299.70"}
    assert (error.code, error.work) == ("constraint_violation", "rolled_back")
    assert report == {
        "how_many": 1,
        "items": [{"booking_no": 1, "seats": 3, "price": "99.90"}],
        "sums": {"seats": "3", "price": 99.9},
    }
    assert tax == {"tax_of": "1.90"}
    with mariadb_connection(mariadb_routines) as server, server.cursor() as cursor:
        cursor.execute("select what from log")
        assert list(cursor.fetchall()) == [("book C-1",)]


async def test_a_procedure_behind_odbc_that_had_committed_is_told_so(
    odbc_mariadb: Office, mariadb_routines: str
) -> None:
    with mariadb_connection(mariadb_routines) as server, server.cursor() as cursor:
        cursor.execute(
            "create procedure half() begin insert into log values ('kept'); commit; "
            "signal sqlstate '45000' set message_text = 'too late'; end"
        )
    odbc_mariadb.open("half: {effect: write, call: half()}")

    error = await odbc_mariadb.error("half")

    assert error.work == "unknown"
    assert "what the procedure had committed before stays" in error.message


async def test_a_reading_call_behind_odbc_cannot_change_anything(
    odbc_mariadb: Office, mariadb_routines: str
) -> None:
    odbc_mariadb.open(BOOK.replace("effect: write", "effect: read"))

    error = await odbc_mariadb.error("book", {"course": "C-1", "seats": 1, "price": 1})

    assert error.work == "rolled_back"
    with mariadb_connection(mariadb_routines) as server, server.cursor() as cursor:
        cursor.execute("select what from log")
        assert list(cursor.fetchall()) == []


async def test_postgresql_behind_odbc_answers_what_comes_out(
    request: pytest.FixtureRequest, postgresql_routines: str, tmp_path: Path
) -> None:
    url, *others = of_odbc_postgresql(request, tmp_path)
    schema = postgresql_routines.rpartition("%3D")[2]
    head, _, _ = url.removeprefix("url: ").rpartition(" to ")
    office = Office(f"{head} to {schema}", tmp_path, "odbc", options="\n".join(others))
    office.open(
        """
        book:
          effect: write
          call: book(course text, seats integer, out booking_no integer, inout price numeric)
        bookings_of: {effect: read, call: "function bookings_of(of_course text)"}
        tax_of: {effect: read, rows: one, call: "function tax_of(gross numeric, rate numeric)"}
        """
    )

    value = await office.value("book", {"course": "C-1", "seats": 3, "price": 99.9})
    error = await office.error("book", {"course": "C-2", "seats": 0, "price": 1})
    rows = await office.value("bookings_of", {"of_course": "C-1"})
    tax = await office.value("tax_of", {"gross": 10, "rate": 0.19})
    await office.backend.close()

    assert value == {"booking_no": 1, "price": "299.7"}
    assert (error.code, error.work) == ("constraint_violation", "rolled_back")
    assert rows == [{"booking_no": 1, "seats": 3, "price": "99.90"}]
    assert tax == {"tax_of": "1.90"}


async def test_the_escape_of_odbc_reaches_procedures_of_any_database(
    request: pytest.FixtureRequest, mariadb_routines: str, tmp_path: Path
) -> None:
    odbc_driver("MariaDB Unicode")
    url, *_ = of_odbc_mariadb(request, tmp_path)
    database = mariadb_routines.rpartition("/")[2]
    head, _, _ = url.removeprefix("url: ").partition(";Database=")
    user = next(each for each in of_odbc_mariadb(request, tmp_path) if each.startswith("username"))
    with mariadb_connection(mariadb_routines) as server, server.cursor() as cursor:
        cursor.execute("create procedure two(n int) begin select n as a; select n + 1 as b; end")
    office = Office(
        f"{head};Database={database}", tmp_path, "odbc", options=f"{user}\ndialect: ansi"
    )
    office.open(
        "two: {effect: write, call: two(n int), results: {first: one, second: many}}\n"
        'tax_of: {effect: write, call: "function tax_of(gross decimal(12,2), rate decimal(4,2))"}'
    )

    value = await office.value("two", {"n": 4})
    tax = await office.value("tax_of", {"gross": 10, "rate": 0.19})
    await office.backend.close()

    assert value == {"first": {"a": 4}, "second": [{"b": 5}]}
    assert tax == {"tax_of": "1.90"}


@pytest.mark.parametrize(
    ("url", "options", "call", "told"),
    [
        (
            "odbc:DSN=x",
            "dialect: sqlserver",
            "p(out a int)",
            "the ODBC driver of SQL Server (ODBC) gives `out` arguments nobody back",
        ),
        (
            "odbc:DSN=x",
            "dialect: postgresql",
            "p(inout rows refcursor)",
            "a cursor of PostgreSQL cannot be read through ODBC",
        ),
        (
            "jdbc:hsqldb:mem:x",
            "jdbc: {driver: some.Driver, jars: [some.jar]}",
            "p(out a geometry)",
            "how `a` is read is not known from its type `geometry`",
        ),
        (
            "odbc:DSN=x",
            "dialect: mariadb",
            "p(), transaction: none",
            "whether a procedure has committed is not told by ODBC",
        ),
    ],
)
def test_what_a_driver_cannot_do_is_a_mistake(
    url: str, options: str, call: str, told: str, tmp_path: Path
) -> None:
    words, _, rest = call.partition(", transaction")
    more = f", transaction{rest}" if rest else ""
    text = f"f: {{effect: write, call: '{words}'{more}}}"

    problems = "\n".join(map(str, compile_text(text, url, tmp_path, options).problems))

    assert told in problems


def test_a_database_without_procedures_says_so(compile_functions: Problems) -> None:
    (problem,) = compile_functions("f: {effect: write, call: p()}", "sqlite:///./c.db")

    assert "DB323 SQLite has no procedures" in problem
