"""Free queries under attack: hundreds of statements on real databases, through the guard and past it.

Nothing is taken on trust from a refusal: what must not be read carries a canary, what must not be changed is looked at
again, and what must not be touched is a file. `attacks/*.txt` holds a statement a line, grouped by technique; one that is
marked `harmless:` may pass, since it reads only what is allowed, and one that is marked `endless:` has to be
stopped. Past the guard the same statements meet what the database itself promises.

`DRAWBAR_WRITE_PAGES=1` writes the counts into the page; without it the page has to say them already.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from drawbar.backends.sql.plan import FreeQuery, Statement
from drawbar.backends.sql.session import Allowed
from drawbar.backends.sql.stop import Stop
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonValue

from .conftest import Office, mariadb_connection

FOLDER = Path(__file__).parent / "attacks"
PAGE = Path(__file__).parents[3] / "docs" / "free-query.md"
CANARY = re.compile("CANARY|43414e415259|Q0FOQVJZ|YRANAC", re.IGNORECASE)
ASK = """
ask:
  description: Ask about courses.
  query:
    tables:
      courses: {columns: [course_no, title, price, first_day]}
      enrolments: {columns: [course_no, employee_no]}
      open_courses: {columns: [course_no, title]}
"""
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
TRIED, REFUSED = "attacks tried", "refused before anything was sent"
STOPPED, HARMLESS = (
    "refused or stopped by the database",
    "answered, since they read what is allowed",
)
THROUGH, ANSWERED = "got through", "ordinary queries that are answered rightly"
ROWS = (TRIED, REFUSED, STOPPED, HARMLESS, THROUGH, ANSWERED)
COLUMNS = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB", "duckdb": "DuckDB"}
HEAD = f"|  | {' | '.join(COLUMNS.values())} |"
ENOUGH_ATTACKS, ENOUGH_QUERIES = 150, 40
WALL_WITHIN = 0.15
"""Seconds that a statement has past the guard, where some only stop when they are stopped."""


@dataclass(frozen=True)
class Attack:
    technique: str
    text: str
    mark: str = ""
    """`harmless`, `endless` or nothing: it has to be refused."""


@dataclass
class Besieged:
    """A database with canaries, an open adapter for its weak login, and how to look at all of it."""

    office: Office
    state: Callable[[], object]
    """Everything that an attack could have changed."""
    words: dict[str, str]
    """What stands for {file}, {canary} and {database}."""
    kept: re.Pattern[str]

    @property
    def dialect(self) -> str:
        return self.office.dialect

    @property
    def query(self) -> FreeQuery:
        binding = self.office.plans["ask"].binding
        assert isinstance(binding, FreeQuery)
        return binding

    async def ask(self, text: str, *, timeout: float = 5.0) -> JsonValue:  # noqa: ASYNC109 -- the call's own
        return (await self.office.reply("ask", {"sql": text}, timeout=timeout)).value

    def past_the_guard(self, text: str, within: float = WALL_WITHIN) -> object:
        """Send it as it is, as if the guard had let it pass."""
        database = self.office.backend.queries.database(self.query)
        allowed = Allowed(Stop(), time.monotonic() + within)
        with database.reading(allowed, snapshot=False) as session:
            return [tuple(row) for row in session.select(Statement(text, (), text), {}).fetch(50)]


def attacks(name: str) -> Iterator[Attack]:
    """Those of all databases and those of this one."""
    for file in ("common", name):
        technique = ""
        for line in (FOLDER / f"{file}.txt").read_text().splitlines():
            if line.startswith("## "):
                technique = line.removeprefix("## ")
            elif line:
                mark, colon, text = line.partition(": ")
                marked = bool(colon) and mark in {"harmless", "endless"}
                yield Attack(technique, text if marked else line, mark if marked else "")


def spelled(text: str, words: dict[str, str]) -> str:
    """With its control characters, repetitions, and the names of this run."""
    text = text.replace("{NL}", "\n").replace("{NUL}", "\0")
    text = re.sub(r"\{U\+([0-9A-F]+)\}", lambda found: chr(int(found[1], 16)), text)
    text = re.sub(r"\{(\d+) \* (.+?)\}", lambda found: int(found[1]) * found[2], text)
    return re.sub(r"\{(file|canary|database)\}", lambda found: words[found[1]], text)


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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("siege")
    folder.chmod(0o777)
    (folder / "secret.txt").write_text("CANARY-FILE")
    return folder


@pytest.fixture(scope="module")
def prepared(request: pytest.FixtureRequest, folder: Path) -> Iterator[Prepared]:
    with ExitStack() as stack:
        yield PREPARE[request.param](request, folder, stack)


@pytest.fixture
async def besieged(prepared: Prepared) -> AsyncIterator[Besieged]:
    office = Office(prepared.url, prepared.folder, prepared.dialect, 2, prepared.options).open(ASK)
    words = {
        "file": str(prepared.folder / "written.txt"),
        "canary": str(prepared.folder / "secret.txt"),
        "database": prepared.database,
    }
    yield Besieged(office, prepared.state, words, prepared.kept)
    await office.backend.close()


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


PREPARE: dict[str, Callable[[pytest.FixtureRequest, Path, ExitStack], Prepared]] = {
    "sqlite": prepare_sqlite,
    "postgresql": prepare_postgresql,
    "mariadb": prepare_mariadb,
    "duckdb": prepare_duckdb,
}
everywhere = pytest.mark.parametrize("prepared", PREPARE, indirect=True)


@everywhere
async def test_no_attack_gets_through_the_guard(besieged: Besieged) -> None:
    before = besieged.state()
    wrong: list[str] = []
    counts = Counter({TRIED: 0, REFUSED: 0, STOPPED: 0, HARMLESS: 0, THROUGH: 0})

    for attack in attacks(besieged.dialect):
        counts[TRIED] += 1
        text = spelled(attack.text, besieged.words)
        try:
            answer = await besieged.ask(text, timeout=0.4 if attack.mark == "endless" else 5.0)
        except BackendError as error:
            told = f"{error.code}: {error.message}"
            judged = REFUSED if error.code == "query_refused" else STOPPED
            fits = {"": {REFUSED, STOPPED}, "endless": {STOPPED}, "harmless": set()}
            if judged not in fits[attack.mark] or error.work not in {"not_started", "rolled_back"}:
                wrong.append(f"{attack.text}\n    {told}")
            counts[judged] += 1
        else:
            counts[HARMLESS] += 1
            told = str(answer)
            if attack.mark != "harmless":
                wrong.append(f"{attack.text}\n    was answered: {told[:200]}")
        if CANARY.search(told) and "CANARY" not in text:
            wrong.append(f"{attack.text}\n    told a canary: {told[:200]}")

    assert not wrong, "\n".join(wrong)
    assert besieged.state() == before
    assert counts[TRIED] >= ENOUGH_ATTACKS
    check_page(besieged.dialect, counts)


@everywhere
async def test_no_attack_gets_through_the_wall_of_the_database(besieged: Besieged) -> None:
    first = besieged.past_the_guard("select title from courses where price = 0", 5.0)
    assert first == [("Ropes",)]
    before = besieged.state()
    wrong: list[str] = []

    for attack in attacks(besieged.dialect):
        text = spelled(attack.text, besieged.words)
        try:
            told = str(besieged.past_the_guard(text))
        except BackendError as error:
            told = error.message
        except (UnicodeError, ValueError, sqlite3.Error) as error:
            told = f"{type(error).__name__}: {error}"
        if besieged.kept.search(told) and "CANARY" not in text:
            wrong.append(f"{attack.text}\n    told a canary: {told[:200]}")
        if besieged.state() != before:
            wrong.append(f"{attack.text}\n    changed something")
            before = besieged.state()

    assert not wrong, "\n".join(wrong)


def queries(name: str) -> list[dict[str, Any]]:  # as YAML holds them
    found = yaml.safe_load((FOLDER / "queries.yaml").read_text())
    return [*found["common"], *found[name]]


@everywhere
async def test_ordinary_queries_are_answered_rightly(besieged: Besieged) -> None:
    wrong: list[str] = []
    counts = Counter({ANSWERED: len(queries(besieged.dialect))})

    for query in queries(besieged.dialect):
        try:
            rows = await besieged.ask(query["sql"])
        except BackendError as error:
            wrong.append(f"{query['sql']}\n    {error.code}: {error.message}")
            continue
        if plain(rows, query) != plain(query["rows"], query):
            wrong.append(f"{query['sql']}\n    answered {rows}")

    assert not wrong, "\n".join(wrong)
    assert counts[ANSWERED] >= ENOUGH_QUERIES
    check_page(besieged.dialect, counts)


def plain(rows: Any, query: dict[str, Any]) -> object:
    """`any_case`: names are answered as they were written; `loose`: numbers may be decimals."""
    if query.get("any_case"):
        return [{name.lower(): value for name, value in row.items()} for row in rows]
    if query.get("loose"):
        return [
            {name: str(value).removesuffix(".0") for name, value in row.items()} for row in rows
        ]
    return rows


def check_page(dialect: str, counts: Counter[str]) -> None:
    """The page says these counts; they are written there when that was asked for."""
    title = COLUMNS[dialect]
    if os.environ.get("DRAWBAR_WRITE_PAGES") == "1":
        write(title, counts)
    rows = table()
    assert {row: int(rows[row][title]) for row in counts} == dict(counts)


def table() -> dict[str, dict[str, str]]:
    """The cells of the page's table, by row and database."""
    text = PAGE.read_text()
    lines = [line for line in text[text.index(HEAD) :].splitlines() if line.startswith("| ")]
    head, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def write(title: str, counts: Counter[str]) -> None:
    rows = table()
    lines = [HEAD, "|---" * (len(COLUMNS) + 1) + "|"]
    for row in ROWS:
        cells = rows.get(row, {}) | ({title: str(counts[row])} if row in counts else {})
        lines.append(
            f"| {' | '.join([row, *(cells.get(each, '0') for each in COLUMNS.values())])} |"
        )
    text = PAGE.read_text()
    start, end = text.index(HEAD), text.rindex(" |\n") + len(" |\n")
    PAGE.write_text(text[:start] + "\n".join(lines) + "\n" + text[end:])
