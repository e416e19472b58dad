from __future__ import annotations

import asyncio
import os
import sqlite3
import textwrap
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from drawbar.backends.sql import KIND
from drawbar.backends.sql.backend import SqlBackend
from drawbar.compiler.kind import Kind, Plan
from drawbar.compiler.stored import StoredFunctions, pack_functions, packing_of
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.kernel.ports import BackendError, Call, Mode, Reply
from drawbar.kernel.values import Caller, JsonValue
from drawbar.kernel.workers import Workers
from drawbar.spec.load import parse_adapter
from drawbar.spec.model import Adapter
from machine import missing

from . import routines

POSTGRESQL = os.environ.get("DRAWBAR_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/test")
MARIADB = os.environ.get("DRAWBAR_TEST_MARIADB", "mariadb://root@127.0.0.1:3306/")

HEAD = """
adapter: courses
description: The training office.
backend:
  kind: sql
  url: "{url}"
functions:
"""

SCHEMA = """
create table courses (
    course_no varchar(20) primary key,
    title varchar(100) not null,
    price numeric(10, 2) not null constraint price_positive check (price >= 0),
    seats integer not null default 10
);
create table enrolments (
    course_no varchar(20) not null references courses (course_no),
    employee_no varchar(20) not null,
    constraint enrolments_pk primary key (course_no, employee_no)
);
insert into courses values ('C-101', 'Welding', 120.5, 10), ('C-104', 'First aid', 80, 2), ('C-200', 'Ropes', 0, 5);
"""


_MARIADB_TABLES = (
    SCHEMA.replace("create table", "create table if not exists")
    .replace(" constraint price_positive check (price >= 0)", "")
    .replace("default 10\n", "default 10,\n    constraint price_positive check (price >= 0)\n")
    .replace(
        "not null references courses (course_no)",
        "not null,\n    constraint enrolments_fk foreign key (course_no) references courses (course_no)",
    )
    .strip("; \n")
    .split(";")
)
MARIADB_SCHEMA = (
    *_MARIADB_TABLES[:-1],
    "delete from enrolments",
    "delete from courses",
    _MARIADB_TABLES[-1],
)
"""Tables are kept from test to test, since making them takes longer than the rest.

MariaDB names constraints of the table only, and forgets `references` of a column."""


class OnlySql:
    """The kinds of these tests."""

    def names(self) -> tuple[str, ...]:
        return ("sql",)

    def find(self, name: str) -> Kind:
        assert name == "sql"
        return KIND


def compile_text(text: str, url: str, folder: Path, backend: str = "") -> CompiledAdapter:
    """`text` is what stands under `functions:`, `backend` more lines under `backend:`."""
    head = HEAD.replace("{url}", url)
    if backend:
        head = head.replace("functions:", f"{textwrap.indent(backend, '  ')}\nfunctions:")
    whole = head + textwrap.indent(textwrap.dedent(text), "  ")
    kinds = OnlySql()
    compiled = compile_adapter(parse_adapter(whole, "courses.yaml", folder, kinds, {}), kinds)
    if compiled.adapter is not None:
        check_survival(compiled, compiled.adapter)
    return compiled


def check_survival(compiled: CompiledAdapter, adapter: Adapter) -> None:
    """Whatever these tests compile can be kept on disk, and is read from there as it was."""
    packing = packing_of(KIND)
    packed = pack_functions(compiled.functions, adapter, KIND, packing)
    kept = StoredFunctions(packed, adapter, compiled.file, packing)
    assert list(kept) == list(compiled.functions)


@dataclass
class Office:
    """An adapter that was compiled and opened on a real database."""

    url: str
    folder: Path
    dialect: str
    threads: int = 4
    options: str = ""
    """More lines under `backend:`."""
    caller: Caller = Caller("tester")

    def __post_init__(self) -> None:
        self.backends: list[SqlBackend] = []
        self.plans: Mapping[str, Plan] = {}
        self.backend: SqlBackend

    def open(self, text: str) -> Office:
        compiled = compile_text(text, self.url, self.folder, self.options)
        assert [str(each) for each in compiled.problems if each.severity == "error"] == []
        assert compiled.adapter is not None
        self.plans = compiled.plans
        self.backend = KIND.open(compiled.adapter, compiled.plans, Workers("sql", self.threads))
        self.backends.append(self.backend)
        return self

    async def reply(
        self,
        function: str,
        arguments: Mapping[str, JsonValue] | None = None,
        *,
        timeout: float = 10.0,  # noqa: ASYNC109 -- the deadline of the call, not of this coroutine
        max_rows: int = 500,
        max_bytes: int = 1_000_000,
        mode: Mode = "run",
        caller: Caller | None = None,
    ) -> Reply:
        self.call = Call(
            function,
            arguments or {},
            caller or self.caller,
            time.monotonic() + timeout,
            max_rows=max_rows,
            max_bytes=max_bytes,
            mode=mode,
        )
        return await self.backend.invoke(self.plans[function].binding, self.call)

    async def value(
        self, function: str, arguments: Mapping[str, JsonValue] | None = None
    ) -> JsonValue:
        return (await self.reply(function, arguments)).value

    async def error(
        self,
        function: str,
        arguments: Mapping[str, JsonValue] | None = None,
        *,
        timeout: float = 10.0,  # noqa: ASYNC109 -- as above
    ) -> BackendError:
        with pytest.raises(BackendError) as caught:
            await self.reply(function, arguments, timeout=timeout)
        return caught.value


def run_script(office: Office, script: str) -> None:
    """Statements past the adapter, such as to make tables."""
    if office.dialect == "sqlite":
        with closing(sqlite3.connect(office.folder / "courses.db")) as connection:
            connection.executescript(script)
        return
    if office.dialect == "mariadb":
        with mariadb_connection(office.url) as connection, connection.cursor() as cursor:
            for statement in script.strip("; \n").split(";"):
                cursor.execute(statement)
        return
    import psycopg  # noqa: PLC0415 -- the driver is optional

    with psycopg.connect(office.url, autocommit=True) as server:
        server.execute(script.encode())


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A schema of its own on a server that has proved to be the one it should be."""
    psycopg = pytest.importorskip("psycopg")
    try:
        connection = psycopg.connect(POSTGRESQL, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        missing(f"no PostgreSQL at {POSTGRESQL}: {error}")
    schema = f"drawbar_{uuid.uuid4().hex}"
    token = uuid.uuid4().hex
    separator = "&" if "?" in POSTGRESQL else "?"
    url = f"{POSTGRESQL}{separator}options=-csearch_path%3D{schema}"
    with connection:
        connection.execute(f'create schema "{schema}"')
        connection.execute(f'create table "{schema}".proof (token text)')
        connection.execute(f'insert into "{schema}".proof values (%s)', [token])
        with psycopg.connect(url) as other:
            assert other.execute("select token from proof").fetchall() == [(token,)]
        yield url
        connection.execute(f'drop schema "{schema}" cascade')


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """A database of its own on a server that has proved to be the one it should be."""
    pymysql = pytest.importorskip("pymysql")
    parts = urlsplit(MARIADB)
    server = {
        "host": parts.hostname,
        "port": parts.port or 3306,
        "user": parts.username,
        "password": unquote(parts.password or ""),
    }
    try:
        connection = pymysql.connect(**server, autocommit=True, connect_timeout=3)
    except pymysql.OperationalError as error:
        missing(f"no MariaDB at {parts.hostname}: {error}")
    database = f"drawbar_{uuid.uuid4().hex}"
    token = uuid.uuid4().hex
    with connection, connection.cursor() as cursor:
        cursor.execute(f"create database {database}")
        cursor.execute(f"create table {database}.proof (token text)")
        cursor.execute(f"insert into {database}.proof values (%s)", [token])
        with pymysql.connect(**server, database=database) as other, other.cursor() as proof:
            proof.execute("select token from proof")
            assert proof.fetchall() == ((token,),)
        yield MARIADB.rstrip("/") + f"/{database}"
        cursor.execute(f"drop database {database}")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    connection = sqlite3.connect(tmp_path / "courses.db")
    connection.executescript(SCHEMA)
    connection.close()
    return "sqlite:///./courses.db"


@pytest.fixture
async def sqlite(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(sqlite_url, tmp_path, "sqlite")
    yield office
    for backend in office.backends:
        await backend.close()


@pytest.fixture
async def postgresql(postgresql_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    import psycopg  # noqa: PLC0415 -- the driver is optional

    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("drop table if exists enrolments, courses cascade")
        connection.execute(SCHEMA)
    office = Office(postgresql_url, tmp_path, "postgresql")
    yield office
    for backend in office.backends:
        await backend.close()


@pytest.fixture
def postgresql_routines(postgresql_url: str) -> Iterator[str]:
    """A schema of its own with some routines."""
    import psycopg  # noqa: PLC0415 -- the driver is optional

    schema = f"drawbar_{uuid.uuid4().hex}"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"create schema {schema}".encode())
        connection.execute(f"set search_path to {schema}".encode())
        for statement in routines.POSTGRESQL:
            connection.execute(statement.encode())
        yield postgresql_url.rpartition("%3D")[0] + f"%3D{schema}"
        connection.execute(f"drop schema {schema} cascade".encode())


@pytest.fixture
def mariadb_routines(mariadb_url: str) -> Iterator[str]:
    """A database of its own with some routines."""
    database = f"drawbar_{uuid.uuid4().hex}"
    url = mariadb_url.rpartition("/")[0] + f"/{database}"
    with mariadb_connection(mariadb_url) as server, server.cursor() as cursor:
        cursor.execute(f"create database {database}")
        cursor.execute(f"use {database}")
        for statement in routines.MARIADB:
            cursor.execute(statement)
        yield url
        cursor.execute(f"drop database {database}")


@pytest.fixture
def firebird_routines(tmp_path: Path) -> str:
    """A file with some routines."""
    driver = pytest.importorskip("firebird.driver")
    path = tmp_path / "c.fdb"
    try:
        connection = driver.create_database(str(path), user="SYSDBA", charset="UTF8")
    except Exception as error:  # noqa: BLE001 -- a library that cannot be loaded, or a database that cannot be made
        missing(f"no Firebird: {error}")
    with closing(connection):
        for statement in routines.FIREBIRD:
            connection.execute_immediate(statement)
            connection.commit()
    return "firebird:///./c.fdb"


def mariadb_connection(url: str) -> Any:  # the driver's own
    """A connection beside the backend's."""
    import pymysql  # noqa: PLC0415 -- the driver is optional

    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username,
        password=unquote(parts.password or ""),
        database=parts.path.removeprefix("/"),
        autocommit=True,
    )


@pytest.fixture
async def mariadb(mariadb_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    with mariadb_connection(mariadb_url) as connection, connection.cursor() as cursor:
        for statement in MARIADB_SCHEMA:
            cursor.execute(statement)
    office = Office(mariadb_url, tmp_path, "mariadb")
    yield office
    for backend in office.backends:
        await backend.close()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def office(request: pytest.FixtureRequest) -> Office:
    """The same tables on each dialect."""
    found: Office = request.getfixturevalue(request.param)
    return found


URLS = {
    "sqlite": "sqlite:///./courses.db",
    "postgresql": "postgresql://db.internal/courses",
    "mariadb": "mariadb://db.internal/courses",
}


@dataclass
class Compiler:
    """Compiles functions for a dialect; needs no database."""

    folder: Path

    def problems(self, text: str, dialect: str = "sqlite") -> list[str]:
        """Errors of the kind itself, as an author reads them."""
        found = compile_text(text, URLS[dialect], self.folder).problems
        return [str(each) for each in found if each.severity == "error"]

    def plan(self, text: str, dialect: str = "sqlite") -> Plan:
        """The plan of the only function."""
        compiled = compile_text(text, URLS[dialect], self.folder)
        assert [str(each) for each in compiled.problems if each.severity == "error"] == []
        (plan,) = compiled.plans.values()
        return plan

    def text(self, text: str, dialect: str = "sqlite") -> str:
        """The statement of the only function, as the driver gets it."""
        statement = self.plan(text, dialect).binding.query.statement
        return str(statement.text)


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    return Compiler(tmp_path)


Problems = Callable[[str, str], list[str]]


@pytest.fixture
def compile_functions(tmp_path: Path) -> Problems:
    """Problems of functions on a database with this url."""

    def problems(text: str, url: str) -> list[str]:
        found = compile_text(text, url, tmp_path).problems
        return [str(each) for each in found if each.severity == "error"]

    return problems


@pytest.fixture
def opened(
    request: pytest.FixtureRequest, sqlite_url: str, postgresql_url: str, tmp_path: Path
) -> Iterator[tuple[Office, asyncio.Runner]]:
    """An open office that is called from outside of a loop, such as by hypothesis."""
    dialect, echo = request.param
    office = Office(sqlite_url if dialect == "sqlite" else postgresql_url, tmp_path, dialect)
    with asyncio.Runner() as runner:
        runner.run(_opened(office, echo))
        yield office, runner
        runner.run(office.backend.close())


async def _opened(office: Office, text: str) -> None:
    office.open(text)
