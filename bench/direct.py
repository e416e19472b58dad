"""A direct call of one function that reads one row: the gateway next to the floor and to peers."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import psycopg
from deployments import make_database, make_gateway, sql_adapter, toolbox_file
from load import Measured, drive, post, summary
from servers import Server, free_port, npm_peer, python_peer, running

CONCURRENCY = (1, 16)
ARGUMENTS = {"item_no": 7}
POSTGRESQL = os.environ.get("DRAWBAR_BENCH_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/test")


@dataclass(frozen=True)
class Subject:
    """A server and the request that reads one row through it."""

    name: str
    command: list[str]
    port: int
    request: bytes


def mcp_call(name: str) -> bytes:
    return orjson.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": name, "arguments": ARGUMENTS},
        }
    )


MCP_HEADERS = "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-06-18\r\n"


def subjects(folder: Path) -> Iterator[Subject]:
    """The floor first: everything else is told as a ratio to it."""
    database = make_database(folder)
    body = orjson.dumps(ARGUMENTS)
    floor = str(Path(__file__).parent / "floors" / "sqlite.py")
    port = free_port()
    yield Subject(
        "floor: raw ASGI + sqlite3",
        [sys.executable, floor, str(database), str(port)],
        port,
        post("/", body),
    )
    port = free_port()
    url = f"sqlite:///{database}"
    settings = make_gateway(folder / "gateway", port, {"shop": sql_adapter(url, "items")})
    serve = [sys.executable, "-m", "drawbar", "serve", "--settings", str(settings)]
    yield Subject("drawbar, REST", serve, port, post("/functions/shop_get_item_0", body))
    yield Subject(
        "drawbar, MCP", serve, port, post("/mcp", mcp_call("shop_get_item_0"), MCP_HEADERS)
    )
    if toolbox := npm_peer("toolbox", "@toolbox-sdk/server@1.12.0", "toolbox"):
        port = free_port()
        tools = toolbox_file(folder, database)
        words = ["--tools-file", str(tools), "--port", str(port), "--disable-reload"]
        command = [
            str(toolbox),
            *words,
            "--disable-version-check",
            "--enable-api",
            "--log-level",
            "ERROR",
        ]
        yield Subject(
            "toolbox (Go), REST", command, port, post("/api/tool/get_item_0/invoke", body)
        )
        yield Subject(
            "toolbox (Go), MCP", command, port, post("/mcp", mcp_call("get_item_0"), MCP_HEADERS)
        )
    if python := python_peer("fastmcp", "fastmcp==4.*", "sqlalchemy"):
        port = free_port()
        program = str(Path(__file__).parent / "floors" / "fastmcp_sqlite.py")
        command = [str(python), program, str(database), str(port)]
        yield Subject(
            "FastMCP + SQLAlchemy", command, port, post("/mcp", mcp_call("get_item"), MCP_HEADERS)
        )


def postgresql_subjects(folder: Path) -> Iterator[Subject]:
    """The same row from a PostgreSQL server; the floor is asyncpg."""
    body = orjson.dumps(ARGUMENTS)
    if python := python_peer("asyncpg", "asyncpg", "orjson", "uvicorn", "httptools", "uvloop"):
        port = free_port()
        floor = str(Path(__file__).parent / "floors" / "postgresql.py")
        command = [str(python), floor, POSTGRESQL, str(port)]
        yield Subject("floor: raw ASGI + asyncpg", command, port, post("/", body))
    port = free_port()
    adapter = sql_adapter(POSTGRESQL, "bench_items")
    settings = make_gateway(folder / "gateway", port, {"shop": adapter})
    serve = [sys.executable, "-m", "drawbar", "serve", "--settings", str(settings)]
    yield Subject("drawbar, REST", serve, port, post("/functions/shop_get_item_0", body))


def measure(server: Server, subject: Subject, connections: int, seconds: float) -> Measured:
    asyncio.run(drive(subject.port, subject.request, connections=connections, seconds=seconds / 3))
    before = server.cpu()
    taken = asyncio.run(
        drive(subject.port, subject.request, connections=connections, seconds=seconds)
    )
    return summary(taken, seconds, server.cpu() - before)


def show(title: str, found: Iterator[Subject], seconds: float) -> None:
    print(f"\n## {title}, server on one core\n")
    print(
        "| server | p50 at 1, us | calls/s at 16 | CPU a call, us | x floor's CPU | RSS, MiB | ready, s |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|")
    floor = 0.0
    for subject in found:
        with running(subject.command, subject.port) as server:
            one, many = (measure(server, subject, count, seconds) for count in CONCURRENCY)
            floor = floor or many.cpu
            print(
                f"| {subject.name} | {one.p50:.0f} | {many.per_second:.0f} | {many.cpu:.0f} "
                f"| {many.cpu / floor:.2f} | {server.memory():.0f} | {server.ready_after:.2f} |",
                flush=True,
            )


def run(seconds: float = 3.0) -> None:
    with tempfile.TemporaryDirectory() as name:
        show("One call that reads one row (SQLite)", subjects(Path(name)), seconds)
    if not has_postgresql():
        print(
            f"\nno PostgreSQL at {POSTGRESQL}; DRAWBAR_BENCH_POSTGRESQL names another",
            file=sys.stderr,
        )
        return
    with tempfile.TemporaryDirectory() as name:
        show("The same row (PostgreSQL)", postgresql_subjects(Path(name)), seconds)


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


if __name__ == "__main__":
    run()
