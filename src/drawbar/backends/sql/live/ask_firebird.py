"""Asks Firebird about itself: its own tables, and what it prepares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from firebird.driver import DatabaseError
from firebird.driver.core import ItemMetadata, create_meta_descriptors
from firebird.driver.types import SQLDataType

from drawbar.backends.sql.dialect import FIREBIRD
from drawbar.backends.sql.live.described import Described, by_name, marks
from drawbar.backends.sql.live.firebird_types import firebird_type
from drawbar.backends.sql.plan import Statement

_KINDS: Mapping[SQLDataType, int] = {
    SQLDataType.TEXT: 14,
    SQLDataType.VARYING: 37,
    SQLDataType.SHORT: 7,
    SQLDataType.LONG: 8,
    SQLDataType.FLOAT: 10,
    SQLDataType.DOUBLE: 27,
    SQLDataType.TIMESTAMP: 35,
    SQLDataType.BLOB: 261,
    SQLDataType.TIME: 13,
    SQLDataType.DATE: 12,
    SQLDataType.INT64: 16,
    SQLDataType.BOOLEAN: 23,
    SQLDataType.DEC16: 24,
    SQLDataType.DEC34: 25,
    SQLDataType.INT128: 26,
    SQLDataType.TIME_TZ: 28,
    SQLDataType.TIMESTAMP_TZ: 29,
}
"""The numbers of its tables by those of its wire."""
_BYTES_OF_A_LETTER = 4
"""In UTF-8, which every connection speaks."""


class FirebirdAsks:
    """One connection, on which nothing is changed. Raises what the driver raises."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            names = [each[0].lower() for each in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def describe(self, statement: Statement) -> Described | None:
        """None: the server cannot prepare it by itself."""
        text, slots = marks(statement)
        with self._connection.cursor() as cursor:
            try:
                prepared = cursor.prepare(text)
            except DatabaseError:
                return None
            with prepared:
                meta = prepared._in_meta  # noqa: SLF001 -- the driver has no other word for it
                given = [] if meta is None else create_meta_descriptors(meta)
                answered = prepared._out_desc  # noqa: SLF001 -- as above
        return Described(
            by_name(slots, [_type(each) for each in given]),
            {FIREBIRD.column(each.alias or each.field): _type(each) for each in answered},
        )


def _type(found: ItemMetadata) -> str:
    return firebird_type(
        {
            "kind": _KINDS.get(found.datatype, int(found.datatype)),
            "subtype": found.subtype,
            "scale": found.scale,
            "digits": 0,
            "letters": found.length // _BYTES_OF_A_LETTER,
        }
    )
