"""The type of a column as ODBC and JDBC tell it: a name of the database's own, a number of the standard, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.live.catalog import ColumnType
from drawbar.backends.sql.live.column_types import column_type

_ARRAY = 2003
_TEXTS = frozenset({1, 12, -8, -9, -15})
"""Texts with a length. JDBC and ODBC number most types alike, and none of them differently."""
_EXACT = frozenset({2, 3})
_UNLIMITED = 1_000_000
"""From this length on a database means that there is none."""
_NAMES: Mapping[int, str] = {
    **dict.fromkeys((*_TEXTS, -1, -10, -16, 2005, 2011), "text"),
    **dict.fromkeys((-6, 5, 4), "integer"),
    **dict.fromkeys(_EXACT, "numeric"),
    **dict.fromkeys((6, 7, 8), "double precision"),
    **dict.fromkeys((-7, 16), "boolean"),
    -5: "bigint",
    -11: "uuid",
    91: "date",
    92: "time",
    93: "timestamp",
    2014: "timestamp with time zone",
}
"""What a number stands for where the name is not known."""


def standard_type(
    name: str, number: int, size: int | None, decimals: int | None, dialect: Dialect
) -> ColumnType:
    """`size` is the length of a text, and how many digits a number has."""
    written = name.lower()
    if number == _ARRAY:
        return ColumnType(written)
    if "(" not in written and size is not None and 0 < size < _UNLIMITED:
        if number in _TEXTS and _takes_size(written):
            written = f"{written}({size})"
        elif number in _EXACT and written in {"numeric", "decimal", "number", "dec"}:
            written = f"{written}({size},{max(decimals or 0, 0)})"
    found = column_type(written, dialect)
    if found.words is not None or number not in _NAMES or found.is_binary:
        return found
    return replace(column_type(_NAMES[number], dialect), name=written, stored=None)


def _takes_size(name: str) -> bool:
    return any(word in name for word in ("char", "graphic")) and "large" not in name
