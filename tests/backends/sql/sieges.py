"""Databases that free queries are let loose on: each with canaries, a weak login, and a way to look at all of it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from drawbar.backends.sql.databases.jdbc import JdbcServer
from drawbar.backends.sql.dialect import JDBC, spoken
from drawbar.backends.sql.url import Target

from .conftest import mariadb_connection
from .installed import jar, make_firebird
from .test_sql_contract import of_odbc_mariadb, of_odbc_postgresql

CANARY = re.compile("CANARY|43414e415259|Q0FOQVJZ|YRANAC", re.IGNORECASE)
TABLES = """
create table courses (
    course_no varchar(20) primary key, title varchar(100), price integer, first_day date, secret_note varchar(40));
create table enrolments (course_no varchar(20), employee_no varchar(20));
create table salaries (employee_no varchar(20), amount integer, iban varchar(40));
create view open_courses as select course_no, title, secret_note from courses where price > 0;
insert into courses values
    ('C-101', 'Welding', 120, '2026-03-02', 'CANARY-COLUMN'),
    ('C-104', 'First aid', 80, '2026-04-01', 'CANARY-COLUMN'),
    ('C-200', 'Ropes', 0, '2026-05-04', 'CANARY-COLUMN');
insert into enrolments values ('C-101', '1001'), ('C-101', '1002'), ('C-104', '1001');
insert into salaries values ('1001', 5000, 'CANARY-TABLE'), ('1002', 6000, 'CANARY-TABLE')
"""


def files(folder: Path) -> dict[str, object]:
    return {
        str(each): each.read_bytes() if each.suffix == ".txt" else each.stat().st_size
        for each in sorted(folder.rglob("*"))
        if each.is_file()
    }


@dataclass
class Prepared:
    dialect: str
    url: str
    options: str
    folder: Path
    state: Callable[[], object]
    database: str = ""
    kept: re.Pattern[str] = CANARY
    """What the database itself lets nobody read: DuckDB has no logins, so it keeps files only."""


def prepare_sqlite(_: pytest.FixtureRequest, folder: Path, stack: ExitStack) -> Prepared:
    watching = sqlite3.connect(folder / "siege.db")
    stack.callback(watching.close)
    watching.executescript(TABLES)

    def state() -> object:
        return (
            [*watching.iterdump()],
            watching.execute("pragma user_version").fetchall(),
            files(folder),
        )

    return Prepared("sqlite", "sqlite:///./siege.db", "", folder, state)


def prepare_postgresql(request: pytest.FixtureRequest, folder: Path, stack: ExitStack) -> Prepared:
    import psycopg  # noqa: PLC0415 -- the driver is optional

    url = request.getfixturevalue("postgresql_url")
    schema = url.rpartition("%3D")[2]
    reader = f"{schema}_reader"
    watching = stack.enter_context(psycopg.connect(url, autocommit=True))
    watching.execute(
        "drop view if exists open_courses; drop table if exists enrolments, courses cascade"
    )
    watching.execute(TABLES)
    watching.execute(f"""
        create sequence numbers;
        create function evil() returns text language sql as 'select iban from salaries limit 1';
        create function evil_rows() returns table (a text) language sql as 'select iban from salaries';
        create type evil_type as (a text);
        create role {reader} login password 'weak' nosuperuser;
        grant usage on schema {schema} to {reader};
        grant select (course_no, title, price, first_day) on courses to {reader};
        grant select on enrolments to {reader};
        grant select (course_no, title) on open_courses to {reader}
    """)  # fmt: skip

    def undo() -> None:
        watching.execute(f"drop owned by {reader}; drop role {reader}")
        watching.execute("drop view open_courses; drop table salaries, enrolments, courses cascade")
        watching.execute(
            "drop function evil(), evil_rows(); drop sequence numbers; drop type evil_type"
        )

    stack.callback(undo)

    def state() -> object:
        return watching.execute("""
            select (select json_agg(c order by course_no) from courses c),
                   (select json_agg(e order by course_no, employee_no) from enrolments e),
                   (select json_agg(s order by employee_no) from salaries s),
                   (select json_agg(array[relname::text, relkind::text, relacl::text] order by relname)
                    from pg_class where relnamespace = current_schema()::regnamespace),
                   (select array[last_value::text, is_called::text] from numbers),
                   (select json_agg(array[rolname::text, rolsuper::text, rolconfig::text] order by rolname)
                    from pg_roles where rolname like current_schema() || '%'),
                   (select count(*) from pg_largeobject_metadata),
                   (select count(*) from pg_replication_slots),
                   (select count(*) from pg_proc where pronamespace = current_schema()::regnamespace)
        """).fetchall(), files(folder)

    login = f"query_login: {{username: {reader}, password: weak}}"
    return Prepared("postgresql", url, login, folder, state)


def prepare_mariadb(request: pytest.FixtureRequest, folder: Path, stack: ExitStack) -> Prepared:
    url = request.getfixturevalue("mariadb_url")
    database = urlsplit(url).path[1:]
    reader = f"reader_{database[-20:]}"
    watching = stack.enter_context(mariadb_connection(url))
    cursor = stack.enter_context(watching.cursor())
    cursor.execute("drop table if exists enrolments, courses")
    grants = f"""
        {TABLES};
        create sequence numbers;
        create function evil() returns text reads sql data return (select max(iban) from salaries);
        create user {reader}@'%' identified by 'weak';
        grant select (course_no, title, price, first_day) on courses to {reader}@'%';
        grant select on enrolments to {reader}@'%';
        grant select (course_no, title) on open_courses to {reader}@'%'
    """
    for statement in grants.split(";"):
        cursor.execute(statement)

    def undo() -> None:
        cursor.execute(f"drop user {reader}@'%'")
        cursor.execute("drop view open_courses")
        cursor.execute("drop table salaries, enrolments, courses")
        cursor.execute("drop function evil")
        cursor.execute("drop sequence numbers")

    stack.callback(undo)

    def rows(statement: str) -> object:
        cursor.execute(statement)
        return cursor.fetchall()

    def state() -> object:
        tables = ("courses", "enrolments", "salaries", "numbers")
        return (
            [rows(f"select * from {table} order by 1, 2") for table in tables],
            rows(f"show full tables from {database}"),
            rows(f"select user, host, priv from mysql.global_priv where user = '{reader}'"),
            rows("select @@global.max_connections, @@global.sql_mode, @@global.read_only"),
            files(folder),
        )

    login = f"query_login: {{username: {reader}, password: weak}}"
    return Prepared("mariadb", url, login, folder, state, database)


def prepare_odbc_postgresql(
    request: pytest.FixtureRequest, folder: Path, stack: ExitStack
) -> Prepared:
    native = prepare_postgresql(request, folder, stack)
    return through_odbc(native, of_odbc_postgresql(request, folder))


def prepare_odbc_mariadb(
    request: pytest.FixtureRequest, folder: Path, stack: ExitStack
) -> Prepared:
    native = prepare_mariadb(request, folder, stack)
    return through_odbc(native, of_odbc_mariadb(request, folder))


def through_odbc(native: Prepared, lines: list[str]) -> Prepared:
    """The same database and login, by another driver."""
    url, *others = lines
    options = "\n".join([*others, native.options])
    return replace(
        native,
        dialect=f"odbc_{native.dialect}",
        url=url.removeprefix("url: "),
        options=options,
    )


def prepare_h2(_: pytest.FixtureRequest, folder: Path, stack: ExitStack) -> Prepared:
    """H2 keeps no columns and no sequences from a login, so those are the gateway's alone."""
    file = jar("h2").resolve()  # a database in this process has one class loader
    url = f"jdbc:h2:{folder}/siege"
    of_driver = f"jdbc: {{driver: org.h2.Driver, jars: [{file}]}}"
    server = JdbcServer(
        Target(spoken(JDBC, "h2"), None, {"jdbc": url, "driver": "org.h2.Driver", "user": "sa"}, None, (file,))
    )  # fmt: skip
    watching = server.connect()
    stack.callback(watching.close)
    script = f"""{TABLES};
        create sequence numbers;
        create alias evil for 'java.lang.System.getProperty(java.lang.String)';
        create user reader password 'weak';
        grant select on courses to reader;
        grant select on enrolments to reader;
        grant select on open_courses to reader"""
    with_changes = watching.createStatement()
    for text in script.split(";\n"):
        with_changes.execute(text)
    watching.commit()

    def state() -> object:
        found = with_changes.executeQuery("script nosettings")
        lines = []
        while found.next():
            lines.append(str(found.getString(1)))
        watching.commit()
        written = {str(each): each.read_bytes() for each in folder.rglob("*.txt")}
        return [each for each in lines if "SEQUENCE" not in each], written

    options = f"{of_driver}\nusername: sa\nquery_login: {{username: reader, password: weak}}"
    kept = re.compile("CANARY-TABLE|CANARY-FILE")
    return Prepared("h2", url, options, folder, state, "siege", kept)


def prepare_duckdb(_: pytest.FixtureRequest, folder: Path, stack: ExitStack) -> Prepared:
    duckdb = pytest.importorskip("duckdb")
    path = folder / "siege.duckdb"
    with duckdb.connect(str(path)) as making:
        making.execute(TABLES + "; create sequence numbers")

    def state() -> (
        object
    ):  # nobody else may look while the file is open, so it is compared as a whole
        return path.read_bytes(), files(folder)

    return Prepared(
        "duckdb", "duckdb:///./siege.duckdb", "", folder, state, kept=re.compile("CANARY-FILE")
    )


def prepare_firebird(_: pytest.FixtureRequest, folder: Path, stack: ExitStack) -> Prepared:
    path = folder / "siege.fdb"
    make_firebird(path)
    import firebird.driver  # noqa: PLC0415 -- the driver is optional

    watching = stack.enter_context(firebird.driver.connect(str(path), user="SYSDBA"))
    for statement in FIREBIRD:
        watching.execute_immediate(statement)
        watching.commit()

    def state() -> object:
        watching.begin()  # what others have committed is seen
        with watching.cursor() as cursor:
            found = [cursor.execute(text).fetchall() for text in FIREBIRD_STATE]
        watching.rollback()
        written = {str(each): each.read_bytes() for each in folder.rglob("*.txt")}
        return found, written, [str(each) for each in sorted(folder.rglob("*"))]

    return Prepared(
        "firebird",
        "firebird:///./siege.fdb",
        "query_login: {username: READER}",
        folder,
        state,
        str(path),
        kept=re.compile("CANARY-TABLE|CANARY-FILE"),
    )


def firebird_statements() -> Iterator[str]:
    """One value at a time is inserted there."""
    *tables, courses, enrolments, salaries = TABLES.strip().split(";\n")
    yield from (text.strip() for text in tables)
    for text in (courses, enrolments, salaries):
        head, _, values = text.strip().partition("values")
        yield from (f"{head} values {row}" for row in re.findall(r"\([^)]*\)", values))


FIREBIRD = (
    *firebird_statements(),
    "create sequence numbers",
    "create exception evil 'evil'",
    "create procedure evil returns (a varchar(40)) as begin select max(iban) from salaries into :a; suspend; end",
    "create procedure evil_change as begin delete from courses; end",
    "create function evil_value returns varchar(40) as begin return (select max(iban) from salaries); end",
    *(f"grant select on {table} to user reader" for table in ("courses", "enrolments", "open_courses")),
)  # fmt: skip
FIREBIRD_STATE = (
    "select * from courses order by 1",
    "select * from enrolments order by 1, 2",
    "select * from salaries order by 1",
    "select rdb$relation_name from rdb$relations order by 1",
    "select rdb$user, rdb$privilege, rdb$relation_name from rdb$user_privileges order by 1, 3, 2",
    "select rdb$procedure_name from rdb$procedures order by 1",
    "select gen_id(numbers, 0) from rdb$database",
)


PREPARE: dict[str, Callable[[pytest.FixtureRequest, Path, ExitStack], Prepared]] = {
    "sqlite": prepare_sqlite,
    "postgresql": prepare_postgresql,
    "mariadb": prepare_mariadb,
    "duckdb": prepare_duckdb,
    "firebird": prepare_firebird,
    "odbc_postgresql": prepare_odbc_postgresql,
    "odbc_mariadb": prepare_odbc_mariadb,
    "h2": prepare_h2,
}
