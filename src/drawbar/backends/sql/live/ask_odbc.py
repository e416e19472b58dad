"""Asks an ODBC driver for its catalog: SQLTables, SQLColumns, SQLPrimaryKeys, SQLForeignKeys, SQLStatistics."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyodbc

from drawbar.backends.sql.databases.odbc import OdbcServer
from drawbar.backends.sql.live.described import Described, marks
from drawbar.backends.sql.live.standard import Place, Row
from drawbar.backends.sql.plan import Statement

_FOR_NO_ROW = "select * from ({}) drawbar_described where 1 = 0"
_SECONDS = 30.0
_KINDS: Mapping[type, str] = {
    bool: "boolean",
    bytearray: "binary",
    bytes: "binary",
    date: "date",
    datetime: "timestamp",
    float: "double precision",
    int: "integer",
    str: "text",
    time: "time",
}
"""By what pyodbc makes of a column."""


def _kind(made: type, *sizes: int) -> str:
    _, _, digits, decimals, _ = sizes
    return f"numeric({digits},{decimals})" if made is Decimal else _KINDS.get(made, made.__name__)


class OdbcAsks:
    """One connection, on which nothing is changed. Raises what the driver raises."""

    def __init__(self, connection: Any, server: OdbcServer) -> None:
        self._connection = connection
        self._server = server
        about = connection.getinfo
        self.product: str = about(pyodbc.SQL_DBMS_NAME)
        self.quote: str = about(pyodbc.SQL_IDENTIFIER_QUOTE_CHAR)
        self.keywords: Collection[str] = about(pyodbc.SQL_KEYWORDS).split(",")
        self.catalog: str | None = about(pyodbc.SQL_DATABASE_NAME) or None
        self.schema: str | None = None  # ODBC has no word for it
        self.has_schemas = bool(about(pyodbc.SQL_SCHEMA_TERM))

    def schemas(self) -> list[str]:
        word = "TABLE_SCHEM" if self.has_schemas else "TABLE_CAT"
        return list(dict.fromkeys(str(row[word]) for row in self.tables((None, None)) if row[word]))

    def tables(self, place: Place) -> list[Row]:
        return self._told(self._cursor().tables(None, *place))

    def columns(self, place: Place, table: str) -> list[Row]:
        return self._told(self._cursor().columns(table, *place))

    def key(self, place: Place, table: str) -> list[Row]:
        return self._told(self._cursor().primaryKeys(table, *place))

    def references(self, place: Place, table: str) -> list[Row]:
        catalog, schema = place
        return self._told(
            self._cursor().foreignKeys(
                foreignTable=table, foreignCatalog=catalog, foreignSchema=schema
            )
        )

    def indexes(self, place: Place, table: str) -> list[Row]:
        return self._told(self._cursor().statistics(table, *place, False, True))

    def rows(self, sql: str, *values: str) -> list[Row]:
        return self._told(self._cursor().execute(sql, *values))

    def describe(self, statement: Statement) -> Described | None:
        """Its columns: pyodbc prepares nothing that it does not carry out, so it is carried out for no row.

        None: it changes something, or the database does not take it so.
        """
        if statement.changes or not statement.answers:
            return None
        text, slots = marks(statement)
        try:
            with self._cursor() as cursor:
                cursor.execute(_FOR_NO_ROW.format(text), [None] * len(slots))
                answered = cursor.description
        except pyodbc.Error:
            self._connection.rollback()
            self._server.begin(self._connection, {}, "snapshot", _SECONDS)
            return None
        column = self._server.dialect.column
        return Described({}, {column(name): _kind(*about) for name, *about in answered})

    def _cursor(self) -> Any:  # the driver's own
        return self._connection.cursor()

    def _told(self, cursor: Any) -> list[Row]:
        with cursor:
            names = [each[0].upper() for each in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
