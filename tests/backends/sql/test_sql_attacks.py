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

import pytest
import yaml

from drawbar.backends.sql.plan import FreeQuery, Statement
from drawbar.backends.sql.session import Allowed
from drawbar.backends.sql.stop import Stop
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonValue

from .conftest import Office
from .sieges import CANARY, PREPARE, Prepared

FOLDER = Path(__file__).parent / "attacks"
PAGE = Path(__file__).parents[3] / "docs" / "free-query.md"
ASK = """
ask:
  description: Ask about courses.
  query:
    tables:
      courses: {columns: [course_no, title, price, first_day]}
      enrolments: {columns: [course_no, employee_no]}
      open_courses: {columns: [course_no, title]}
"""
TRIED, REFUSED = "attacks tried", "refused before anything was sent"
STOPPED, HARMLESS = (
    "refused or stopped by the database",
    "answered, since they read what is allowed",
)
THROUGH, ANSWERED = "got through", "ordinary queries that are answered rightly"
ROWS = (TRIED, REFUSED, STOPPED, HARMLESS, THROUGH, ANSWERED)
COLUMNS = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "mariadb": "MariaDB",
    "duckdb": "DuckDB",
    "firebird": "Firebird",
    "odbc_postgresql": "PostgreSQL by ODBC",
    "odbc_mariadb": "MariaDB by ODBC",
    "h2": "H2 by JDBC",
}
ATTACKED = {"odbc_postgresql": "postgresql", "odbc_mariadb": "mariadb"}
"""Whose statements they are attacked with."""
HEAD = f"|  | {' | '.join(COLUMNS.values())} |"
LOOSE = {"True": "1", "False": "0"}
ENDLESS_TO_H2 = re.compile(r"[^\S \n\r\t]")
"""H2 2.1 never ends to read such a space; the guard lets none pass."""
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
    for file in ("common", ATTACKED.get(name, name)):
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


@pytest.mark.filterwarnings("ignore:SQL warning code")  # Firebird's, of a part that is not used
@everywhere
async def test_no_attack_gets_through_the_wall_of_the_database(besieged: Besieged) -> None:
    first = besieged.past_the_guard("select title from courses where price = 0", 5.0)
    assert first == [("Ropes",)]
    before = besieged.state()
    wrong: list[str] = []

    for attack in attacks(besieged.dialect):
        text = spelled(attack.text, besieged.words)
        if besieged.dialect == "h2" and ENDLESS_TO_H2.search(text):
            continue
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
    by = ATTACKED.get(name, name)
    ours = [each for each in found["common"] if by not in each.get("not_on", ())] + found[by]
    return [each for each in ours if by == name or not each.get("own_driver")]


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
        if besieged.dialect in ATTACKED:
            query["loose"] = True
        if plain(rows, query) != plain(query["rows"], query):
            wrong.append(f"{query['sql']}\n    answered {rows}")

    assert not wrong, "\n".join(wrong)
    assert counts[ANSWERED] >= ENOUGH_QUERIES
    check_page(besieged.dialect, counts)


@pytest.mark.parametrize("prepared", ["h2", "firebird"], indirect=True)
async def test_a_dry_run_shows_the_plan_of_a_query(besieged: Besieged) -> None:
    reply = await besieged.office.reply("ask", {"sql": "select title from courses"}, mode="dry_run")

    value: Any = reply.value
    (statement,) = value["request"]["statements"]
    assert statement["sql"].startswith('SELECT "TITLE" FROM (SELECT')
    scan = "COURSES.tableScan" if besieged.dialect == "h2" else "Full Scan"
    assert any(scan in line for line in statement["plan"])


@pytest.mark.parametrize("prepared", ["h2", "firebird", "odbc_mariadb"], indirect=True)
async def test_a_query_is_refused_to_a_login_that_may_read_more(prepared: Prepared) -> None:
    admin = {"h2": "username: sa", "firebird": "username: SYSDBA", "odbc_mariadb": "username: root"}
    words = "\n".join(
        line for line in prepared.options.splitlines() if not line.startswith("query_login")
    )
    words += f"\nquery_login: {{{admin[prepared.dialect]}}}"
    office = Office(prepared.url, prepared.folder, prepared.dialect, 2, words).open(ASK)

    error = await office.error("ask", {"sql": "select title from courses"})
    await office.backend.close()

    assert (error.code, error.work) == ("login_too_wide", "not_started")


def plain(rows: Any, query: dict[str, Any]) -> object:
    """`any_case`: names are answered as they were written; `loose`: numbers may be decimals, as those of ODBC
    are; `padded`: spaces may follow."""
    if query.get("padded"):
        return [{name: value.rstrip() for name, value in row.items()} for row in rows]
    if query.get("any_case"):
        return [{name.lower(): value for name, value in row.items()} for row in rows]
    if query.get("loose"):
        return [
            {
                name: LOOSE.get(str(value), str(value)).removesuffix(".0")
                for name, value in row.items()
            }
            for row in rows
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
