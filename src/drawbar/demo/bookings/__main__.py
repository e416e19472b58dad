"""`python -m drawbar.demo.bookings --file bookings.db`: make the database, print its address as one JSON line.

With `--postgres URL` the same tables go into a schema of their own there, `--drop` takes them away again.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import quote

from drawbar.demo.bookings.ledger import Tables, make_tables

SCHEMA = (Path(__file__).parent / "schema.sql").read_text("utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bookings", description="Booking office, SQL, 1998.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--file", type=Path, help="SQLite file to make; it must not exist")
    where.add_argument("--postgres", help="postgresql://user@host:port/database")
    parser.add_argument("--schema", default="saltmouth", help="of the PostgreSQL database")
    parser.add_argument("--drop", action="store_true", help="take the schema away instead")
    parser.add_argument("--today", type=date.fromisoformat, default=datetime.now(UTC).date())
    options = parser.parse_args()
    if options.postgres and options.drop:
        _drop(options.postgres, options.schema)
        return 0
    tables = make_tables(options.today)
    url = (
        _fill_postgres(options.postgres, options.schema, tables)
        if options.postgres
        else _fill_sqlite(options.file, tables)
    )
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    return 0


def _insert(table: str, width: int, mark: str) -> str:
    return f"insert into {table} values ({', '.join([mark] * width)})"  # noqa: S608 -- our own table names


def _fill_sqlite(path: Path, tables: Tables) -> str:
    if path.exists():
        raise SystemExit(f"bookings: {path} exists already; name a new file")
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(f"pragma foreign_keys = on;{SCHEMA}")
        for table, rows in tables.items():
            database.executemany(_insert(table, len(rows[0]), "?"), rows)
    return f"sqlite:///{path.resolve()}"


def _fill_postgres(url: str, schema: str, tables: Tables) -> str:
    import psycopg  # noqa: PLC0415 -- an extra, needed here only

    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        name = psycopg.sql.Identifier(schema)
        cursor.execute(psycopg.sql.SQL("drop schema if exists {} cascade").format(name))
        cursor.execute(psycopg.sql.SQL("create schema {}").format(name))
        cursor.execute(psycopg.sql.SQL("set local search_path to {}").format(name))
        cursor.execute(SCHEMA.encode())
        for table, rows in tables.items():
            cursor.executemany(_insert(table, len(rows[0]), "%s").encode(), rows)
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}options={quote(f'-csearch_path={schema}')}"


def _drop(url: str, schema: str) -> None:
    import psycopg  # noqa: PLC0415 -- an extra, needed here only

    with psycopg.connect(url) as connection:
        name = psycopg.sql.Identifier(schema)
        connection.execute(psycopg.sql.SQL("drop schema if exists {} cascade").format(name))


if __name__ == "__main__":
    sys.exit(main())
