"""Databases that no test reaches compile all the same; drivers and words that are missing are named."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import get_args

import pytest

from drawbar.backends.sql.contract.checks import compiled_contract
from drawbar.backends.sql.dialect import DUCKDB, Speech
from drawbar.backends.sql.plan import Query, Reading, Statement
from drawbar.kernel.ports import BackendError, Call
from drawbar.kernel.values import Caller
from drawbar.spec.load import parse_adapter

from .conftest import Office, OnlySql, Problems, compile_text
from .installed import make_firebird

JDBC = "jdbc: {driver: some.Driver, jars: [some.jar]}"


@pytest.mark.parametrize("speech", get_args(Speech))
def test_each_dialect_compiles_the_contract_offline(speech: str, tmp_path: Path) -> None:
    text = f"""
adapter: peer
backend: {{kind: sql, url: "odbc:DSN=company", dialect: {speech}}}
functions:
  f: {{sql: select a from t}}
"""
    adapter = parse_adapter(text, "peer.yaml", tmp_path, OnlySql(), {}).adapter
    assert adapter is not None

    plans, problems = compiled_contract(adapter)

    assert problems == []
    assert plans["get"].binding.query.statement.text.endswith("where item_no = ?")
    assert plans["copy"].binding.guards


@pytest.mark.parametrize(
    ("url", "guard"),
    [
        ("jdbc:oracle:thin:@db:1521/x", "select 1 as hit from dual where (? > 1)"),
        ("jdbc:db2://db:50000/x", "select 1 as hit from sysibm.sysdummy1 where (? > 1)"),
        ("jdbc:sap://db:30015", "select 1 as hit from dummy where (? > 1)"),
        ("jdbc:sqlserver://db", "select 1 as hit where (? > 1)"),
        ("firebird://db/company.fdb", "select 1 as hit from rdb$database where (? > 1)"),
    ],
)
def test_a_condition_is_asked_as_each_dialect_wants_it(
    url: str, guard: str, tmp_path: Path
) -> None:
    compiled = compile_text(
        """
        f:
          effect: write
          parameters: {n: {type: integer}}
          guard: [{if: ":n > 1", code: too_many, message: no}]
          statements: [delete from t]
        """,
        url,
        tmp_path,
        JDBC if url.startswith("jdbc") else "",
    )

    assert [each for each in compiled.problems if each.severity == "error"] == []
    assert compiled.plans["f"].binding.guards[0].query.statement.text == guard


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("odbc:DSN=company", "what the database speaks is not known from its `url`"),
        ("jdbc:h2:mem:x", "needs `jdbc: {driver: ..., jars: [...]}`"),
        ("jdbc:unheard:x", "what the database speaks is not known"),
        ("duckdb://", "`url` names no file"),
    ],
)
def test_a_url_without_what_it_needs_is_a_mistake(
    compile_functions: Problems, url: str, told: str
) -> None:
    (problem,) = compile_functions("f: {sql: select a from t}", url)

    assert "DB301" in problem
    assert told in problem


@pytest.mark.parametrize(
    ("url", "options", "module", "extra"),
    [
        ("duckdb:///./x.duckdb", "", "duckdb", "duckdb"),
        ("firebird://db/x", "", "firebird.driver", "firebird"),
        ("odbc:DSN=x", "dialect: oracle", "pyodbc", "odbc"),
        ("jdbc:h2:mem:x", JDBC, "jpype", "jdbc"),
    ],
)
async def test_a_missing_driver_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, options: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"drawbar.backends.sql.databases.{extra}", raising=False)
    office = Office(url, tmp_path, extra, options=options).open("f: {sql: select a from t}")

    error = await office.error("f")
    await office.backend.close()

    assert (error.code, error.work) == ("backend_unavailable", "not_started")
    assert error.message.endswith(f"is not installed; install drawbar[{extra}]")


async def test_a_driver_that_cannot_be_loaded_says_what_it_misses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pyodbc.py").write_text("raise ImportError('libodbc.so.2: cannot open it')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pyodbc", raising=False)
    monkeypatch.delitem(sys.modules, "drawbar.backends.sql.databases.odbc", raising=False)
    office = Office("odbc:DSN=x", tmp_path, "odbc", options="dialect: oracle")
    office.open("f: {sql: select a from t}")

    error = await office.error("f")
    await office.backend.close()

    assert (error.code, error.work) == ("backend_unavailable", "not_started")
    assert error.message.endswith("cannot be loaded: libodbc.so.2: cannot open it")


@pytest.fixture
def duck(tmp_path: Path) -> Office:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(tmp_path / "d.duckdb")) as connection:
        connection.execute("create table t as select 1 as a")
    return Office("duckdb:///./d.duckdb", tmp_path, "duckdb", threads=2)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('{file}')",
        "select * from '{file}'",
        "copy t to '{file}.out'",
        "attach '{file}' as other",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "pragma enable_profiling",
        "select 1 as a; drop table t",
        "commit; drop table t",
        "delete from t returning a",
        "export database '{file}.all'",
    ],
)
async def test_duckdb_reads_its_own_tables_and_nothing_else(
    duck: Office, tmp_path: Path, sql: str
) -> None:
    duck.open("count: {sql: select count(*) as n from t, rows: one}")
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    statement = Statement(sql.replace("{file}", str(secret)), (), sql)
    call = Call("attack", {}, Caller("eve"), time.monotonic() + 10)
    set(os.listdir(tmp_path))  # noqa: PTH208 -- a folder of this test

    with pytest.raises(BackendError) as caught:
        await duck.backend.invoke(Reading(Query(DUCKDB, statement), "many"), call)
    count = await duck.value("count")
    await duck.backend.close()

    assert caught.value.code in {"not_allowed", "statement_failed"}
    assert count == {"n": 1}
    assert set(os.listdir(tmp_path))  # noqa: PTH208 -- a folder of this test <= before | {"d.duckdb.wal"}


async def test_duckdb_says_which_column_its_driver_would_cut(duck: Office) -> None:
    duck.open("f: {sql: 'select interval 1 month as term', rows: one}")

    error = await duck.error("f")
    await duck.backend.close()

    assert (error.code, error.hint) == ("bad_value", "Write `term::varchar as term`.")


async def test_firebird_itself_says_that_a_cancelled_statement_is_gone(tmp_path: Path) -> None:
    driver = pytest.importorskip("firebird.driver")
    make_firebird(tmp_path / "f.fdb")
    office = Office("firebird:///./f.fdb", tmp_path, "firebird", threads=1).open("""
    long:
      sql: |
        select count(*) as n from rdb$$fields a cross join rdb$$fields b cross join rdb$$fields c cross join rdb$$fields d
        where a.rdb$$field_length + b.rdb$$field_length <> c.rdb$$field_length + d.rdb$$field_length + 1
      rows: one
    """)

    def running() -> int:
        with (
            driver.connect(str(tmp_path / "f.fdb"), user="SYSDBA") as other,
            other.cursor() as cursor,
        ):
            cursor.execute(
                "select count(*) from mon$statements s where s.mon$state <> 0 "
                "and s.mon$attachment_id <> current_connection and s.mon$sql_text containing 'rdb$field_length'"
            )
            return int(cursor.fetchone()[0])

    task = asyncio.create_task(office.reply("long", timeout=30))
    async with asyncio.timeout(5):
        while running() == 0:
            await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running() == 0
    await office.backend.close()
