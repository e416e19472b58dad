"""One row through a driver that blocks (MariaDB): the gateway next to SQLAlchemy in threads."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import pymysql
from compare import Subject, compare
from deployments import make_gateway, serve, sql_adapter
from goals import Finding
from load import post
from servers import FLOORS, free_port
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

ARGUMENTS = {"item_no": 7}
ROW = b"item 7"
MARIADB = os.environ.get("DRAWBAR_BENCH_MARIADB", "mariadb://root@127.0.0.1:3306/drawbar_bench")


def subjects(folder: Path) -> Iterator[Subject]:
    body = orjson.dumps(ARGUMENTS)
    port = free_port()
    url = make_url(MARIADB).set(drivername="mysql+pymysql").render_as_string(hide_password=False)
    command = [sys.executable, str(FLOORS / "sqlalchemy_threads.py"), url, "items", str(port)]
    yield Subject("floor", "floor: SQLAlchemy in threads", command, port, post("/", body), ROW)
    port = free_port()
    command = serve(make_gateway(folder, port, {"shop": sql_adapter(MARIADB, "items")}))
    call = post("/functions/shop_get_item_0", body)
    yield Subject("rest", "drawbar, REST", command, port, call, ROW)


def run(seconds: float = 2.0) -> list[Finding]:
    what = "MariaDB, REST: CPU next to SQLAlchemy in threads"
    if not has_mariadb():
        print(f"\nno MariaDB at {MARIADB}; DRAWBAR_BENCH_MARIADB names another", file=sys.stderr)
        return [Finding(what, None, 1.6)]
    with tempfile.TemporaryDirectory() as name:
        found = compare("The same row (MariaDB)", subjects(Path(name)), seconds)
    return [Finding(what, found.cpu("rest"), 1.6)]


def has_mariadb() -> bool:
    """Whether a server is there; makes the table that is read."""
    url = make_url(MARIADB)
    try:
        pymysql.connect(
            host=url.host, port=url.port or 3306, user=url.username, password=url.password or ""
        ).cursor().execute(f"create database if not exists {url.database}")
        engine = create_engine(url.set(drivername="mysql+pymysql"))
        with engine.begin() as connection:
            connection.execute(text("drop table if exists items"))
            connection.execute(
                text("create table items (item_no int primary key, name text, stock int)")
            )
            rows = [{"n": n, "name": f"item {n}", "stock": n % 7} for n in range(1000)]
            connection.execute(text("insert into items values (:n, :name, :stock)"), rows)
        engine.dispose()
    except (pymysql.err.OperationalError, OperationalError):
        return False
    return True
