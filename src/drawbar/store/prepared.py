"""Statements of the hot path: built and compiled by SQLAlchemy once, then run by the driver itself.

An execution through SQLAlchemy costs three times what SQLite needs for the statement. Names, types and
dialects still come from the tables, so there is no second place that knows them.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa


def dumps(value: object) -> str:
    return orjson.dumps(value).decode()


class Prepared:
    """One statement. `keys` are the columns that an INSERT or UPDATE sets, `tail` is added to its text."""

    def __init__(
        self, statement: sa.ClauseElement, keys: Sequence[str] = (), *, tail: str = ""
    ) -> None:
        self._tail = tail
        self._statement = statement
        self._keys = list(keys)
        self._of_dialect: dict[str, _Compiled] = {}

    def run(self, connection: sa.Connection, values: Mapping[str, object]) -> int:
        """Execute once; how many rows were changed."""
        compiled = self._compiled(connection)
        cursor = _driver(connection).execute(compiled.text, compiled.values(values))
        changed: int = cursor.rowcount
        return changed

    def run_many(self, connection: sa.Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Execute for each of `rows`; nothing happens when there are none."""
        if not rows:
            return
        compiled = self._compiled(connection)
        if len(rows) == 1:
            _driver(connection).execute(compiled.text, compiled.values(rows[0]))
        else:
            cursor = _driver(connection).cursor()
            cursor.executemany(compiled.text, [compiled.values(row) for row in rows])
            cursor.close()

    def rows(
        self, connection: sa.Connection, values: Mapping[str, object]
    ) -> list[Any]:  # named tuples
        """Every row, as a tuple with the names of the columns."""
        compiled = self._compiled(connection)
        cursor = _driver(connection).execute(compiled.text, compiled.values(values))
        return compiled.read(cursor.fetchall())

    def first(
        self, connection: sa.Connection, values: Mapping[str, object]
    ) -> Any | None:  # a named tuple
        rows = self.rows(connection, values)
        return rows[0] if rows else None

    def _compiled(self, connection: sa.Connection) -> _Compiled:
        dialect = connection.dialect
        compiled = self._of_dialect.get(dialect.name)
        if compiled is None:
            compiled = _Compiled(self._statement, dialect, self._keys)
            compiled.text += self._tail
            self._of_dialect[dialect.name] = compiled
        return compiled


class _Compiled:
    """A statement as one driver takes it."""

    def __init__(self, statement: sa.ClauseElement, dialect: sa.Dialect, keys: list[str]) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=keys or None)
        self.text = str(compiled)
        binds = compiled.binds if isinstance(compiled, sa.sql.compiler.SQLCompiler) else {}
        self._json = [name for name, bind in binds.items() if isinstance(bind.type, sa.JSON)]
        # Values that stand in the statement itself, such as the states of a condition.
        self._fixed = {name: bind.value for name, bind in binds.items() if not bind.required}
        columns = list(statement.selected_columns) if isinstance(statement, sa.Select) else []
        self._row = _row_type([column.name for column in columns])
        # psycopg reads JSON by itself.
        self._json_columns = [
            place
            for place, column in enumerate(columns)
            if isinstance(column.type, sa.JSON) and dialect.name == "sqlite"
        ]

    def values(self, given: Mapping[str, object]) -> dict[str, object]:
        values = {**self._fixed, **given}
        for name in self._json:
            value = values[name]
            values[name] = None if value is None else dumps(value)
        return values

    def read(self, rows: Sequence[Sequence[object]]) -> list[Any]:  # named tuples
        if not self._json_columns:
            return [self._row(*row) for row in rows]
        read = []
        for row in rows:
            cells: list[Any] = list(row)  # of any column type
            for place in self._json_columns:
                if cells[place] is not None:
                    cells[place] = orjson.loads(cells[place])
            read.append(self._row(*cells))
        return read


def _row_type(names: Sequence[str]) -> Callable[..., Any]:  # a named tuple
    return namedtuple("row_type", names)  # noqa: PYI024 -- names come from columns


def _driver(connection: sa.Connection) -> Any:  # sqlite3.Connection or psycopg.Connection
    return connection.connection.driver_connection
