"""Reads the catalog of a DuckDB file, by its own functions `duckdb_tables()`, `duckdb_columns()` and so on."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from drawbar.backends.sql.dialect import DUCKDB
from drawbar.backends.sql.live.catalog import Catalog, Column, Pointer, Table, Wants, Words, label
from drawbar.backends.sql.live.column_types import column_type
from drawbar.backends.sql.live.constraints import limits_of
from drawbar.backends.sql.url import Target
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.extras import import_extra
from drawbar.kernel.ports import BackendError

_HOME = "main"
_MINE = "database_name = current_database() and not internal"
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_KEYWORDS = "select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'"
_TABLES = f"""
select schema_name, table_name, comment, false from duckdb_tables() where {_MINE}
union all
select schema_name, view_name, comment, true from duckdb_views() where {_MINE}
order by 1, 4, 2
"""  # noqa: S608 -- texts of this module
_COLUMNS = f"""
select schema_name, table_name, column_name, data_type, is_nullable, column_default, comment, is_generated
from duckdb_columns() where {_MINE} order by table_oid, column_index
"""  # noqa: S608 -- as above
_CONSTRAINTS = """
select schema_name, table_name, constraint_type, constraint_column_names, expression, referenced_table,
       referenced_column_names
from duckdb_constraints() where database_name = current_database()
"""
_INDEXES = """
select schema_name, table_name, expressions from duckdb_indexes() where database_name = current_database()
"""
Key = tuple[str, str]
Rows = list[tuple[Any, ...]]  # values of a driver


def read_duckdb(target: Target, schemas: tuple[str, ...], wants: Wants) -> Catalog:
    """Raises OperatorError."""
    duckdb = import_extra("duckdb", "duckdb")
    from drawbar.backends.sql.databases.duckdb import DuckdbServer  # noqa: PLC0415 -- optional driver

    # A file that this process has open for changes can only be opened so once more.
    for changes in (False, True):
        server = DuckdbServer(target, changes=changes)
        try:
            connection = server.connect()
            asked = [
                connection.execute(query).fetchall()
                for query in (_KEYWORDS, _TABLES, _COLUMNS, _CONSTRAINTS, _INDEXES)
            ]
            break
        except (duckdb.Error, BackendError) as error:
            if changes or not isinstance(error, duckdb.ConnectionException):
                raise OperatorError(f"the database cannot be read: {error}") from None
        finally:
            server.close()
    words, tables, *facts = asked
    known = dict.fromkeys([_HOME, *(row[0] for row in tables)])
    for schema in schemas:
        if schema not in known:
            raise OperatorError(f"there is no schema `{schema}`; there are: {', '.join(known)}")
    reader = _Reader(*facts)
    found = [
        reader.table((schema, name), comment or "", is_view=is_view)
        for schema, name, comment, is_view in tables
        if schema in (schemas or (_HOME,)) and wants(name, label(_named(schema), name))
    ]
    reserved = frozenset(word for (word,) in words)
    return Catalog(DUCKDB, tuple(found), lambda name: _quoted(name, reserved))


def _quoted(name: str, reserved: frozenset[str]) -> str:
    is_plain = _PLAIN.fullmatch(name) is not None and name not in reserved
    return name if is_plain else '"' + name.replace('"', '""') + '"'


def _named(schema: str) -> str | None:
    return None if schema == _HOME else schema


class _Reader:
    """The facts of all tables, by schema and name."""

    def __init__(self, columns: Rows, constraints: Rows, indexes: Rows) -> None:
        self._columns = _by_table(columns)
        self._constraints = _by_table(constraints)
        self._indexes = _by_table(indexes)

    def table(self, at: Key, comment: str, *, is_view: bool) -> Table:
        kept = self._constraints[at]
        key = next((tuple(names) for kind, names, *_ in kept if kind == "PRIMARY KEY"), ())
        unique = [tuple(names) for kind, names, *_ in kept if kind == "UNIQUE"]
        limits = limits_of((each[2] for each in kept if each[0] == "CHECK"), DUCKDB)
        pointers = {
            names[0]: Pointer(label(_named(at[0]), table), theirs[0])
            for kind, names, _, table, theirs in kept
            if kind == "FOREIGN KEY" and len(names) == 1
        }
        columns = tuple(_column(row, key, limits, pointers) for row in self._columns[at])
        names = {column.name for column in columns}
        parts = [_parts(row[0]) for row in self._indexes[at]]
        plain = (tuple(takewhile(names.__contains__, each)) for each in parts)
        indexes = dict.fromkeys(filter(None, (key, *unique, *plain)))
        return Table(_named(at[0]), at[1], columns, key, tuple(indexes), comment.strip(), is_view)


def _parts(written: str) -> list[str]:
    """`[a, '"b c"']` as its columns; an expression is none."""
    return [part.strip().strip("'\"") for part in written.strip("[]").split(",")]


def _column(
    row: tuple[Any, ...],
    key: tuple[str, ...],
    limits: Mapping[str, Words],
    pointers: Mapping[str, Pointer],
) -> Column:
    name, kind, nullable, default, comment, is_generated = row
    return Column(
        name,
        column_type(kind, DUCKDB),
        limits.get(name, {}),
        nullable=nullable and name not in key,
        default=default,
        is_made=is_generated,
        comment=(comment or "").strip(),
        points_to=pointers.get(name),
    )


def _by_table(rows: Rows) -> dict[Key, Rows]:
    found: dict[Key, Rows] = defaultdict(list)
    for schema, table, *rest in rows:
        found[schema, table].append(tuple(rest))
    return found
