"""The contract on every database that is at hand, and the page that says how it went.

`DRAWBAR_WRITE_PAGES=1` writes what was found into the page; without it the page has to say it already.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from drawbar.backends.sql.contract.checks import CHECKS, check_contract
from drawbar.cli import main
from drawbar.compiler.contract import Verdict
from drawbar.compiler.diagnosis import PINNED
from drawbar.spec.load import parse_adapter
from drawbar.spec.lock import read_lock

from .conftest import POSTGRESQL, OnlySql
from .installed import jar, make_firebird, odbc_driver
from .trips import source_of

PAGE = Path(__file__).parents[3] / "docs" / "sql-dialects.md"
COLUMNS = {
    "SQLite": "sqlite",
    "PostgreSQL": "postgresql",
    "MariaDB": "mariadb",
    "DuckDB": "duckdb",
    "Firebird": "firebird",
    "PostgreSQL by ODBC": "odbc_postgresql",
    "MariaDB by ODBC": "odbc_mariadb",
    "H2 by JDBC": "h2",
}


@pytest.fixture
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Lines under `backend:` of a database of its own."""
    lines = globals()[f"of_{request.param}"](request, tmp_path)
    return "".join(f"  {line}\n" for line in lines)


def of_sqlite(_: pytest.FixtureRequest, folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "c.db")) as connection:
        connection.execute("create table t (a)")
    return ["url: sqlite:///./c.db"]


def of_postgresql(request: pytest.FixtureRequest, _: Path) -> list[str]:
    return [f"url: {request.getfixturevalue('postgresql_url')}"]


def of_mariadb(request: pytest.FixtureRequest, _: Path) -> list[str]:
    return [f"url: {request.getfixturevalue('mariadb_url')}"]


def of_duckdb(_: pytest.FixtureRequest, folder: Path) -> list[str]:
    duckdb = pytest.importorskip("duckdb")
    duckdb.connect(str(folder / "c.duckdb")).close()
    return ["url: duckdb:///./c.duckdb"]


def of_firebird(_: pytest.FixtureRequest, folder: Path) -> list[str]:
    make_firebird(folder / "c.fdb")
    return ["url: firebird:///./c.fdb"]


def of_odbc_postgresql(request: pytest.FixtureRequest, _: Path) -> list[str]:
    parts = urlsplit(POSTGRESQL)
    schema = request.getfixturevalue("postgresql_url").rpartition("%3D")[2]
    words = (
        f"Driver={odbc_driver('PostgreSQL Unicode')};Server={parts.hostname};Port={parts.port};"
        f"Database={parts.path[1:]};ConnSettings=set search_path to {schema}"
    )
    return [f"url: odbc:{words}", f"username: {parts.username}", "dialect: postgresql"]


def of_odbc_mariadb(request: pytest.FixtureRequest, _: Path) -> list[str]:
    parts = urlsplit(request.getfixturevalue("mariadb_url"))
    words = (
        f"Driver={odbc_driver('MariaDB Unicode')};Server={parts.hostname};Port={parts.port};"
        f"Database={parts.path[1:]}"
    )
    return [f"url: odbc:{words}", f"username: {parts.username}", "dialect: mariadb"]


def of_h2(_: pytest.FixtureRequest, folder: Path) -> list[str]:
    url = f"jdbc:h2:{folder}/c"
    return [f"url: {url}", "username: sa", f"jdbc: {{driver: org.h2.Driver, jars: [{jar('h2')}]}}"]


@pytest.mark.parametrize(
    ("title", "backend"), COLUMNS.items(), indirect=["backend"], ids=COLUMNS.values()
)
async def test_the_page_says_what_each_database_does(
    title: str, backend: str, tmp_path: Path
) -> None:
    found = {each.feature: each for each in await verdicts(backend, tmp_path)}
    said = dict.fromkeys(CHECKS, "no")  # also what is not even tried
    said |= {feature: "no" if verdict.why else "yes" for feature, verdict in found.items()}
    if os.environ.get("DRAWBAR_WRITE_PAGES") == "1":
        write(title, said)

    rows = table()
    assert {feature: rows[feature][title] for feature in CHECKS} == said, found


DRAFTED: dict[str, Callable[[Any], bool]] = {
    "`drawbar new sql` drafts its tables": lambda functions: (
        {"get_d_clients", "search_d_trips"} <= set(functions)
    ),
    "its comments are in the draft": lambda functions: (
        "People who sail." in functions["list_d_clients"]["description"]
    ),
    "its ranges and choices are in the draft": lambda functions: (
        words_of(functions, "kind").get("enum") == ["private", "trade"]
        and words_of(functions, "rating").get("maximum") == 5
    ),
    "its lengths are in the draft": lambda functions: (
        words_of(functions, "name").get("max_length") == 100
    ),
}
PINS = "types of a statement are told, and can be pinned"
FEATURES = (*CHECKS, *DRAFTED, PINS)


def words_of(functions: Any, parameter: str) -> Any:
    return functions["insert_d_clients"]["parameters"][parameter]


@pytest.mark.parametrize(("title", "name"), COLUMNS.items(), ids=COLUMNS.values())
def test_the_page_says_what_a_draft_of_each_database_has(
    title: str,
    name: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for source in source_of(name, request, tmp_path):
        wish = ["--name", "trips", "--only", "d_*", "--option", "writes=insert"]
        assert main(["new", "sql", source.address, *source.options, *wish]) == 0
    functions = yaml.safe_load(Path("adapters/trips.yaml").read_text())["functions"]
    pins = read_lock(Path("adapters"))["trips"][PINNED]
    said = {feature: "yes" if holds(functions) else "no" for feature, holds in DRAFTED.items()}
    is_told = {"get_d_clients.client_no", "list_d_clients -> born"} <= set(pins)
    said[PINS] = "yes" if is_told else "no"
    if os.environ.get("DRAWBAR_WRITE_PAGES") == "1":
        write(title, said)

    rows = table()
    assert {feature: rows[feature][title] for feature in said} == said


async def verdicts(backend: str, folder: Path) -> list[Verdict]:
    text = (
        f"adapter: peer\nbackend:\n  kind: sql\n{backend}functions:\n  f: {{sql: select 1 as a}}\n"
    )
    loaded = parse_adapter(text, "peer.yaml", folder, OnlySql(), {})
    assert loaded.adapter is not None, [str(each) for each in loaded.problems]
    async with asyncio.timeout(50):
        return [each async for each in check_contract(loaded.adapter)]


def table() -> dict[str, dict[str, str]]:
    """The cells of the page's table, by feature and database."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    head, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert set(head[1:]) == set(COLUMNS)
    found = {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}
    assert set(found) == set(FEATURES) or os.environ.get("DRAWBAR_WRITE_PAGES") == "1"
    return found


def write(title: str, said: dict[str, str]) -> None:
    rows = table()
    lines = ["| " + " | ".join(["", *COLUMNS]) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for feature in FEATURES:
        known = rows.get(feature, dict.fromkeys(COLUMNS, "no"))
        cells = {**known, title: said.get(feature, known[title])}
        lines.append("| " + " | ".join([feature, *(cells[each] for each in COLUMNS)]) + " |")
    text = PAGE.read_text()
    start = text.index("| ")
    end = text.rindex(" |\n") + len(" |\n")
    PAGE.write_text(text[:start] + "\n".join(lines) + "\n" + text[end:])
