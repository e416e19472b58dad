"""How a result column is read where its author says so (`columns:`), and the database does not."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from drawbar.backends.sql.options import ColumnType
from drawbar.backends.sql.reply import Cell, cell, read_json
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonValue

_TRUE = {"1", "t", "true", "y", "yes", "on"}
_FALSE = {"0", "f", "false", "n", "no", "off"}


def readers(columns: Mapping[str, ColumnType], inside: str = "") -> dict[str, Cell]:
    """Readers by column, of the row or of one of its lists."""
    found: dict[str, Cell] = {}
    for key, wanted in columns.items():
        held_by, _, name = key.rpartition(".")
        if held_by == inside:
            found[name] = partial(_read, name, wanted)
    return found


def _read(column: str, wanted: ColumnType, value: Any) -> JsonValue:  # a driver's value of any type
    if value is None:
        return None
    try:
        return _READERS[wanted](value)
    except (ValueError, TypeError, ArithmeticError):
        seen = str(cell(value))
        seen = seen if len(seen) <= 40 else f"{seen[:37]}..."  # noqa: PLR2004 -- enough to know it again
        message = f"column `{column}` holds {seen!r}, which cannot be read as {wanted}"
        raise BackendError(message, code="bad_value", work="rolled_back") from None


def _json(value: Any) -> JsonValue:  # a driver's value of any type
    return read_json(value) if isinstance(value, (str, bytes)) else cell(value)


def _boolean(value: Any) -> JsonValue:  # a driver's value of any type
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(word)
    return word in _TRUE


def _number(value: Any) -> JsonValue:  # a driver's value of any type
    if isinstance(value, int):
        return value
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(number)
    return number


def _integer(value: Any) -> JsonValue:  # a driver's value of any type
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    return int(value)


def _string(value: Any) -> JsonValue:  # a driver's value of any type
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else str(cell(value))


def _date(value: Any) -> JsonValue:  # a driver's value of any type
    return dt.date.fromisoformat(str(value)[:10]).isoformat()


def _datetime(value: Any) -> JsonValue:  # a driver's value of any type
    return dt.datetime.fromisoformat(str(value)).isoformat()


_READERS: dict[ColumnType, Callable[[Any], JsonValue]] = {
    "json": _json,
    "boolean": _boolean,
    "number": _number,
    "integer": _integer,
    "string": _string,
    "date": _date,
    "datetime": _datetime,
}
