"""Deployments of the gateway and of its peers, written to a folder, for the benchmarks."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

ITEMS = 1000


def make_database(folder: Path) -> Path:
    path = folder / "bench.db"
    with sqlite3.connect(path) as database:
        database.execute(
            "create table items (item_no integer primary key, name text, stock integer)"
        )
        rows = [(number, f"item {number}", number % 7) for number in range(ITEMS)]
        database.executemany("insert into items values (?, ?, ?)", rows)
    database.close()
    return path


def make_gateway(folder: Path, port: int, adapters: dict[str, str], more: str = "") -> Path:
    """Settings of a gateway with these adapter texts."""
    (folder / "adapters").mkdir(parents=True, exist_ok=True)
    for name, text in adapters.items():
        (folder / "adapters" / f"{name}.yaml").write_text(text)
    settings = folder / "drawbar.yaml"
    settings.write_text(
        f"adapters: [adapters]\nstore: sqlite:///store.db\nlisten: {{port: {port}}}\n"
        f"anonymous: {{subject: bench}}\n{more}"
    )
    return settings


def serve(settings: Path) -> list[str]:
    """The command that serves it."""
    return [sys.executable, "-m", "drawbar", "serve", "--settings", str(settings)]


def sql_adapter(url: str, table: str, functions: int = 1) -> str:
    """An adapter with so many readings of one row."""
    lines = [
        f'adapter: shop\nbackend: {{kind: sql, url: "{url}"}}\nlimits: {{concurrency: 16}}\nfunctions:'
    ]
    lines += [
        f"  get_item_{number}:\n    description: Show item kind {number} by its number.\n"
        "    parameters: {item_no: {type: integer, description: Number on the label.}}\n"
        f"    sql: select item_no, name, stock from {table} where item_no = :item_no\n    rows: one"
        for number in range(functions)
    ]
    return "\n".join(lines) + "\n"


def toolbox_file(folder: Path, database: Path, functions: int = 1) -> Path:
    """The same for mcp-toolbox."""
    source = f"    kind: sqlite\n    database: {database}"
    return _tools(folder, source, "sqlite-sql", "items where item_no = ?", functions)


def toolbox_postgresql(folder: Path, url: str, table: str) -> Path:
    """The same on a PostgreSQL server."""
    where = urlsplit(url)
    user, password = (unquote(text or "") for text in (where.username, where.password))
    source = (
        f"    kind: postgres\n    host: {where.hostname}\n    port: {where.port or 5432}\n"
        f"    database: {where.path[1:]}\n    user: {user or 'postgres'}\n    password: {password or 'none'}"
    )
    return _tools(folder, source, "postgres-sql", f"{table} where item_no = $1", 1)


def _tools(folder: Path, source: str, kind: str, rest: str, functions: int) -> Path:
    lines = [f"sources:\n  shop:\n{source}\ntools:"]
    lines += [
        f"  get_item_{number}:\n    kind: {kind}\n    source: shop\n"
        f"    description: Show item kind {number} by its number.\n"
        f"    statement: select item_no, name, stock from {rest}\n"
        "    parameters:\n      - {name: item_no, type: integer, description: Number on the label.}"
        for number in range(functions)
    ]
    path = folder / "tools.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def toolbox_command(program: Path, tools: Path, port: int) -> list[str]:
    words = ["--tools-file", str(tools), "--port", str(port), "--enable-api"]
    quiet = ["--disable-reload", "--disable-version-check", "--log-level", "ERROR"]
    return [str(program), *words, *quiet]
