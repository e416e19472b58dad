"""SQLite's own wall around a free query: each table, column and function is asked for by the database itself.

Its authorizer hears of every column that a statement would read before the statement runs, whatever the
text looked like.
"""

from __future__ import annotations

import sqlite3

from drawbar.backends.sql.free.words import FUNCTIONS, ROWS_OF
from drawbar.backends.sql.plan import FreeQuery, FreeTable

LONGEST_VALUE = 50_000_000
"""Bytes; a text that doubles itself in each turn of a recursion ends here."""
_OPERATORS = frozenset({"->", "->>", "like", "glob"})
"""Functions to the authorizer."""

Read = tuple[str, str]
"""A table and a column, in lower case; the column is empty where rows are only counted."""


def guard_connection(connection: sqlite3.Connection, query: FreeQuery) -> None:
    """From here on the connection reads what the query may, and nothing else."""
    for rows in ROWS_OF[
        "sqlite"
    ]:  # their first use declares columns, which would look like a change
        connection.execute(f"select 1 from {rows}('[]')").close()  # noqa: S608 -- words of this program
    inside = _read_by_views(connection, query)
    allowed = {read for table in query.tables for read in _reads(table)}
    functions = FUNCTIONS["sqlite"] | set(query.functions) | _OPERATORS

    def authorize(
        action: int, first: str | None, second: str | None, _: str | None, view: str | None
    ) -> int:
        if action in {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE}:
            return sqlite3.SQLITE_OK
        name, column = (first or "").lower(), (second or "").lower()
        if action == sqlite3.SQLITE_READ:
            is_rows = name in ROWS_OF["sqlite"]
            may = is_rows or (name, column) in allowed | inside.get((view or "").lower(), set())
        elif action == sqlite3.SQLITE_FUNCTION:
            may = column in functions
        else:
            may = action == sqlite3.SQLITE_TRANSACTION
        return sqlite3.SQLITE_OK if may else sqlite3.SQLITE_DENY

    connection.set_authorizer(authorize)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)


def _reads(table: FreeTable) -> list[Read]:
    name = table.name.lower()
    return [(name, ""), *((name, column.lower()) for column in table.columns)]


def _read_by_views(connection: sqlite3.Connection, query: FreeQuery) -> dict[str, set[Read]]:
    """What each listed view reads of other tables, as the database tells when it is asked to prepare that."""
    found: dict[str, set[Read]] = {}

    def note(
        action: int, table: str | None, column: str | None, _: str | None, by: str | None
    ) -> int:
        if action == sqlite3.SQLITE_READ and by is not None:
            found.setdefault(by.lower(), set()).add(((table or "").lower(), (column or "").lower()))
        return sqlite3.SQLITE_OK

    views = "select name from sqlite_schema where type = 'view'"
    names = {str(row[0]).lower() for row in connection.execute(views)}
    connection.set_authorizer(note)
    for table in query.tables:
        if table.name.lower() in names:
            # The name is one word of the adapter; see options.TABLE.
            connection.execute(f"explain select * from {table.name}").close()  # noqa: S608
    connection.set_authorizer(None)
    return {view: reads for view, reads in found.items() if view in names}
