"""Asks a JDBC driver for its catalog, by its DatabaseMetaData."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import jpype

from drawbar.backends.sql.databases.jdbc import JdbcError, plain_error
from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.live.described import Described, by_name, marks
from drawbar.backends.sql.live.standard import Place, Row
from drawbar.backends.sql.live.standard_types import standard_type
from drawbar.backends.sql.plan import Statement


class JdbcAsks:
    """One connection, on which nothing is changed. Raises JdbcError."""

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect
        self._about = connection.getMetaData()
        about = self._about
        self.product = str(self._asked(about.getDatabaseProductName))
        self.quote = str(self._asked(about.getIdentifierQuoteString))
        self.keywords: Collection[str] = str(self._asked(about.getSQLKeywords)).split(",")
        self.catalog = _text(self._asked(self._connection.getCatalog))
        self.schema = _text(self._asked(self._connection.getSchema))
        self.has_schemas = bool(self._asked(about.supportsSchemasInDataManipulation))

    def schemas(self) -> list[str]:
        if self.has_schemas:
            return [str(row["TABLE_SCHEM"]) for row in self._told(self._about.getSchemas)]
        return [str(row["TABLE_CAT"]) for row in self._told(self._about.getCatalogs)]

    def tables(self, place: Place) -> list[Row]:
        return self._told(self._about.getTables, *place, "%", None)

    def columns(self, place: Place, table: str) -> list[Row]:
        return self._told(self._about.getColumns, *place, table, "%")

    def key(self, place: Place, table: str) -> list[Row]:
        return self._told(self._about.getPrimaryKeys, *place, table)

    def references(self, place: Place, table: str) -> list[Row]:
        return self._told(self._about.getImportedKeys, *place, table)

    def indexes(self, place: Place, table: str) -> list[Row]:
        return self._told(self._about.getIndexInfo, *place, table, False, True)

    def rows(self, sql: str, *values: str) -> list[Row]:
        prepared = self._asked(self._connection.prepareStatement, sql)
        for number, value in enumerate(values, 1):
            prepared.setString(number, value)
        try:
            return self._told(prepared.executeQuery)
        finally:
            prepared.close()

    def describe(self, statement: Statement) -> Described | None:
        """None: the driver cannot prepare it by itself."""
        text, slots = marks(statement)
        try:
            prepared = self._asked(self._connection.prepareStatement, text)
        except JdbcError:
            return None
        try:
            about = self._asked(prepared.getParameterMetaData)
            answered = self._asked(prepared.getMetaData)
            # MariaDB does not know, and its driver calls each a text.
            count = 0 if self._dialect.grammar == "mysql" else about.getParameterCount()
            kinds = [self._parameter(about, at) for at in range(1, count + 1)]
            number = 0 if answered is None else int(answered.getColumnCount())
            return Described(
                by_name(slots, kinds),
                dict(self._column(answered, at) for at in range(1, number + 1)),
            )
        except JdbcError:
            return None  # the database tells it when the statement is carried out, and not before
        finally:
            prepared.close()

    def _parameter(self, about: Any, at: int) -> str:
        return self._type(
            about.getParameterTypeName,
            about.getParameterType,
            about.getPrecision,
            about.getScale,
            at,
        )

    def _column(self, about: Any, at: int) -> tuple[str, str]:
        kind = self._type(
            about.getColumnTypeName, about.getColumnType, about.getPrecision, about.getScale, at
        )
        return self._dialect.column(str(self._asked(about.getColumnLabel, at))), kind

    def _type(self, *asked: Any) -> str:
        """A name with its sizes, by the words of the driver for it and the position that is asked about."""
        *words, at = asked
        name, number, size, scale = (self._asked(word, at) for word in words)
        return standard_type(str(name), int(number), int(size), int(scale), self._dialect).name

    def _asked(self, what: Callable[..., Any], *values: object) -> Any:
        try:
            return what(*values)
        except jpype.JException as error:
            raise plain_error(error) from None

    def _told(self, what: Callable[..., Any], *values: object) -> list[Row]:
        rows = self._asked(what, *values)
        found: list[Row] = []
        try:
            about = rows.getMetaData()
            names = [str(about.getColumnLabel(at + 1)) for at in range(about.getColumnCount())]
            while rows.next():
                cells = (_text(rows.getString(at)) for at, _ in enumerate(names, 1))
                found.append(dict(zip((name.upper() for name in names), cells, strict=True)))
        except jpype.JException as error:
            raise plain_error(error) from None
        else:
            return found
        finally:
            rows.close()


def _text(found: Any) -> str | None:  # a text of Java
    return None if found is None else str(found)
