"""The contract on every database that is at hand, and the page that says how it went.

`DRAWBAR_WRITE_PAGES=1` writes what was found into the page; without it the page has to say it already.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

from drawbar.backends.sql.contract.checks import CHECKS, check_contract
from drawbar.compiler.contract import Verdict
from drawbar.spec.load import parse_adapter

from .conftest import POSTGRESQL, REQUIRED, OnlySql

PAGE = Path(__file__).parents[3] / "docs" / "sql-dialects.md"
JARS = Path("/usr/share/java")
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


def missing(what: str) -> NoReturn:
    """Skip where it is not installed, unless it has to be."""
    if REQUIRED:
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed")


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


def make_firebird(path: Path) -> None:
    driver = pytest.importorskip("firebird.driver")
    try:
        driver.create_database(str(path), user="SYSDBA", charset="UTF8").close()
    except Exception as error:  # noqa: BLE001 -- a library that is not there is told in many ways
        missing(f"Firebird ({error})")


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


def odbc_driver(name: str) -> str:
    try:
        import pyodbc  # noqa: PLC0415 -- the driver is optional, and so is the manager it is linked to
    except ImportError as error:
        missing(f"ODBC ({error})")
    if name not in pyodbc.drivers():
        missing(f"the ODBC driver {name}")
    return f"{{{name}}}"


def of_h2(_: pytest.FixtureRequest, folder: Path) -> list[str]:
    url = f"jdbc:h2:{folder}/c"
    return [f"url: {url}", "username: sa", f"jdbc: {{driver: org.h2.Driver, jars: [{jar('h2')}]}}"]


def jar(name: str) -> Path:
    pytest.importorskip("jpype")
    path = JARS / f"{name}.jar"
    if not path.exists():
        missing(str(path))
    return path


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

    assert {feature: row[title] for feature, row in table().items()} == said, found


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
    assert set(found) == set(CHECKS)
    return found


def write(title: str, said: dict[str, str]) -> None:
    rows = table()
    lines = ["| " + " | ".join(["", *COLUMNS]) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for feature in CHECKS:
        cells = {**rows[feature], title: said[feature]}
        lines.append("| " + " | ".join([feature, *(cells[each] for each in COLUMNS)]) + " |")
    text = PAGE.read_text()
    start = text.index("| ")
    end = text.rindex(" |\n") + len(" |\n")
    PAGE.write_text(text[:start] + "\n".join(lines) + "\n" + text[end:])
