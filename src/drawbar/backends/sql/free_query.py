"""A free query carried out: judged, weighed, then read on connections that serve nothing else."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

from drawbar.backends.sql.databases.drivers import open_database
from drawbar.backends.sql.dialect import DUCKDB, SQLITE
from drawbar.backends.sql.options import SqlBackendSpec
from drawbar.backends.sql.plan import ARGUMENT, FreeQuery, Statement
from drawbar.backends.sql.reply import Gathered, Rows, gather
from drawbar.backends.sql.request import describe
from drawbar.backends.sql.session import Allowed, Database
from drawbar.backends.sql.url import Target, parse_url
from drawbar.kernel.ports import BackendError, Call, Reply
from drawbar.kernel.values import JsonObject, JsonValue

_COST = re.compile(r"cost=[\d.]+\.\.([\d.]+)")
_LOOKED_AT = re.compile(r"\bid: (\d+).*\brows: (\d+)")
_EXPECTED = re.compile(r"~([\d,]+) rows?", re.IGNORECASE)


def target_of_queries(backend: SqlBackendSpec, folder: Path) -> Target:
    """Where free queries go, and by which login. Raises ValueError as `parse_url` does."""
    own = backend.query_login
    if own is None:
        return parse_url(backend, folder)
    given = {"url": own.url, "username": own.username, "password": own.password}
    changed = {name: value for name, value in given.items() if value is not None}
    return parse_url(backend.model_copy(update=changed), folder)


class FreeQueries:
    """Databases for the free queries of one adapter: one for each where the database itself knows the query, else one."""

    def __init__(self, open_one: Callable[[FreeQuery], Database], *, each_its_own: bool) -> None:
        self._open = open_one
        self._each_its_own = each_its_own
        self._databases: dict[int, Database] = {}
        """By identity of a query, which lives as long as the adapter."""
        self._lock = threading.Lock()

    def read(self, query: FreeQuery, text: str, call: Call, allowed: Allowed) -> Reply:
        """The rows of the model's select, or what a dry run shows. Runs in a worker thread."""
        # sqlglot takes a tenth of a second, and adapters without a free query need none of it.
        from drawbar.backends.sql.free.guard import guard  # noqa: PLC0415

        statement = guard(text, query)
        database = self.database(query)
        if call.mode == "dry_run":
            shown = {**describe(statement, {}), **_plan(database, statement, allowed)}
            return Reply({"request": {"transaction": "read only", "statements": [shown]}})
        if query.max_cost is not None:
            _weigh(query, query.max_cost, database.explain(statement, {}, allowed))
        with database.reading(allowed, snapshot=False) as session:
            rows = session.select(statement, {})
            found = _gathered(rows, call)
        value: list[JsonValue] = [*found.rows]
        return Reply(value, cuts=() if found.cut is None else (found.cut,))

    def database(self, query: FreeQuery) -> Database:
        key = id(query) if self._each_its_own else 0
        with self._lock:
            if key not in self._databases:
                self._databases[key] = self._open(query)
            return self._databases[key]

    def close(self) -> None:
        with self._lock:
            for database in self._databases.values():
                database.close()
            self._databases.clear()


def _plan(database: Database, statement: Statement, allowed: Allowed) -> JsonObject:
    """How the database would go about it, where it is asked."""
    try:
        return {"plan": [*database.explain(statement, {}, allowed)]}
    except BackendError as error:
        if error.code != "not_explained":
            raise
        return {"note": f"not explained: {error.message}"}


def _gathered(rows: Rows, call: Call) -> Gathered:
    try:
        return gather(rows, max_rows=call.max_rows, max_bytes=call.max_bytes)
    except BackendError as error:
        if error.code != "duplicate_column":
            raise
        message = "two result columns have one name; name them apart with `as`"
        raise BackendError(
            message, code="query_refused", work="rolled_back", argument=ARGUMENT
        ) from None


def open_queries(backend: SqlBackendSpec, folder: Path, size: int, *, changes: bool) -> FreeQueries:
    """Nothing is opened yet."""
    target = target_of_queries(backend, folder)
    # DuckDB opens a file in one way at a time.
    writes = changes and target.dialect == DUCKDB

    def open_one(query: FreeQuery) -> Database:
        return open_database(target, size, changes=writes, query=query)

    return FreeQueries(open_one, each_its_own=target.dialect == SQLITE)


def _weigh(query: FreeQuery, most: float, plan: list[str]) -> None:
    """Raises BackendError when the database expects it to cost more."""
    cost = expected_cost(query.dialect.asked_as, plan)
    if cost > most:
        message = f"the database expects this to cost {cost:.0f}, and {most:.0f} is allowed"
        raise BackendError(
            message,
            code="query_refused",
            work="not_started",
            argument=ARGUMENT,
            hint="Ask for less: narrow it with conditions, and join on keys.",
        )


def expected_cost(dialect: str, plan: list[str]) -> float:
    """Of a plan's lines: PostgreSQL's own figure; elsewhere the rows that are looked at."""
    if dialect == "postgresql":
        found = _COST.search(plan[0])
        return float(found[1]) if found else 0.0
    if dialect == "duckdb":
        return float(sum(int(each.replace(",", "")) for each in _EXPECTED.findall("\n".join(plan))))
    selects: dict[str, float] = {}
    for line in plan:
        if found := _LOOKED_AT.search(line):
            selects[found[1]] = selects.get(found[1], 1.0) * int(found[2])
    return sum(selects.values())
