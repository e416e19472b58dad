"""A direct call of one function that reads one row: the gateway next to the floor and to peers."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import psycopg
from compare import Comparison, Subject, compare
from deployments import (
    make_database,
    make_gateway,
    serve,
    sql_adapter,
    toolbox_command,
    toolbox_file,
    toolbox_postgresql,
)
from goals import Finding
from load import MCP_HEADERS, mcp_call, post
from servers import FLOORS, free_port, npm_peer, python_peer

ARGUMENTS = {"item_no": 7}
ROW = b"item 7"
POSTGRESQL = os.environ.get("DRAWBAR_BENCH_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/test")


def subjects(folder: Path) -> Iterator[Subject]:
    database = make_database(folder)
    body = orjson.dumps(ARGUMENTS)
    port = free_port()
    command = [sys.executable, str(FLOORS / "sqlite.py"), str(database), str(port)]
    yield Subject("floor", "floor: raw ASGI + sqlite3", command, port, post("/", body), ROW)
    port = free_port()
    adapter = sql_adapter(f"sqlite:///{database}", "items")
    command = serve(make_gateway(folder / "gateway", port, {"shop": adapter}))
    name = "shop_get_item_0"
    yield Subject("rest", "drawbar, REST", command, port, post(f"/functions/{name}", body), ROW)
    call = post("/mcp", mcp_call(name, ARGUMENTS), MCP_HEADERS)
    yield Subject("mcp", "drawbar, MCP", command, port, call, ROW)
    if toolbox := npm_peer("toolbox", "@toolbox-sdk/server@1.12.0", "toolbox"):
        port = free_port()
        command = toolbox_command(toolbox, toolbox_file(folder, database), port)
        call = post("/api/tool/get_item_0/invoke", body)
        yield Subject("toolbox", "toolbox (Go), REST", command, port, call, ROW)
        call = post("/mcp", mcp_call("get_item_0", ARGUMENTS), MCP_HEADERS)
        yield Subject("toolbox-mcp", "toolbox (Go), MCP", command, port, call, ROW)
    if python := python_peer("fastmcp", "fastmcp==4.*", "sqlalchemy"):
        port = free_port()
        command = [
            str(python),
            str(FLOORS / "fastmcp_sql.py"),
            f"sqlite:///{database}",
            "items",
            str(port),
        ]
        call = post("/mcp", mcp_call("get_item", ARGUMENTS), MCP_HEADERS)
        yield Subject("fastmcp", "FastMCP + SQLAlchemy", command, port, call, ROW)


def postgresql_subjects(folder: Path) -> Iterator[Subject]:
    """The same row from a PostgreSQL server; the floor is asyncpg."""
    body = orjson.dumps(ARGUMENTS)
    if python := python_peer("asyncpg", "asyncpg", "orjson", "uvicorn", "httptools", "uvloop"):
        port = free_port()
        command = [str(python), str(FLOORS / "postgresql.py"), POSTGRESQL, str(port)]
        yield Subject("floor", "floor: raw ASGI + asyncpg", command, port, post("/", body), ROW)
    port = free_port()
    adapter = sql_adapter(POSTGRESQL, "bench_items")
    command = serve(make_gateway(folder / "gateway", port, {"shop": adapter}))
    name = "shop_get_item_0"
    yield Subject("rest", "drawbar, REST", command, port, post(f"/functions/{name}", body), ROW)
    call = post("/mcp", mcp_call(name, ARGUMENTS), MCP_HEADERS)
    yield Subject("mcp", "drawbar, MCP", command, port, call, ROW)
    if toolbox := npm_peer("toolbox", "@toolbox-sdk/server@1.12.0", "toolbox"):
        port = free_port()
        tools = toolbox_postgresql(folder, POSTGRESQL, "bench_items")
        command = toolbox_command(toolbox, tools, port)
        call = post("/api/tool/get_item_0/invoke", body)
        yield Subject("toolbox", "toolbox (Go), REST", command, port, call, ROW)
    if python := python_peer("fastmcp-postgresql", "fastmcp==4.*", "sqlalchemy", "psycopg[binary]"):
        port = free_port()
        url = POSTGRESQL.replace("postgresql:", "postgresql+psycopg:", 1)
        command = [str(python), str(FLOORS / "fastmcp_sql.py"), url, "bench_items", str(port)]
        call = post("/mcp", mcp_call("get_item", ARGUMENTS), MCP_HEADERS)
        yield Subject("fastmcp", "FastMCP + SQLAlchemy", command, port, call, ROW)


def run(seconds: float = 2.0) -> list[Finding]:
    with tempfile.TemporaryDirectory() as name:
        found = compare("One call that reads one row (SQLite)", subjects(Path(name)), seconds)
    findings = [
        Finding("SQLite, REST: CPU next to the floor", found.cpu("rest"), 3, 2),
        Finding(
            "SQLite, REST: calls/s next to toolbox",
            found.calls("rest", "toolbox"),
            0.6,
            1,
            better="more",
        ),
        Finding(
            "SQLite, REST: calls/s next to FastMCP",
            found.calls("rest", "fastmcp"),
            10,
            better="more",
        ),
        Finding(
            "SQLite, MCP: calls/s next to toolbox's MCP",
            found.calls("mcp", "toolbox-mcp"),
            0.6,
            0.9,
            better="more",
        ),
        Finding(
            "SQLite, MCP: calls/s next to FastMCP", found.calls("mcp", "fastmcp"), 7, better="more"
        ),
        Finding("SQLite, MCP: CPU above REST", found.more_cpu("mcp", "rest"), 30, unit=" us"),
    ]
    return findings + _on_postgresql(seconds)


def _on_postgresql(seconds: float) -> list[Finding]:
    found: Comparison | None = None
    if not has_postgresql():
        print(
            f"\nno PostgreSQL at {POSTGRESQL}; DRAWBAR_BENCH_POSTGRESQL names another",
            file=sys.stderr,
        )
    else:
        with tempfile.TemporaryDirectory() as name:
            found = compare("The same row (PostgreSQL)", postgresql_subjects(Path(name)), seconds)
    what = "PostgreSQL, REST"
    return [
        Finding(f"{what}: CPU next to asyncpg", found.cpu("rest") if found else None, 1.6, 1.3),
        Finding(
            f"{what}: calls/s next to toolbox",
            found.calls("rest", "toolbox") if found else None,
            0.45,
            0.55,
            better="more",
        ),
        Finding(
            f"{what}: calls/s next to FastMCP",
            found.calls("rest", "fastmcp") if found else None,
            13,
            better="more",
        ),
    ]


def has_postgresql() -> bool:
    """Whether a server is there; makes the table that is read."""
    try:
        with psycopg.connect(POSTGRESQL, connect_timeout=3) as connection:
            connection.execute("drop table if exists bench_items")
            connection.execute(
                "create table bench_items as select n as item_no, 'item ' || n as name, n % 7 as stock "
                "from generate_series(0, 999) n"
            )
            connection.execute("alter table bench_items add primary key (item_no)")
    except psycopg.OperationalError:
        return False
    return True
