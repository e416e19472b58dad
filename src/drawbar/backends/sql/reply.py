"""Rows as JSON that tells the truth: nothing rounded, nothing dropped in silence.

Decimals and integers above 2^53 are texts, since a reader's float would change them; NaN and infinity are
texts, since JSON has no word for them; bytes are shown up to 1 KiB, and are files above. Rows are converted where they are
fetched, in the worker thread, and counted while they are converted.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

import orjson

from drawbar.kernel.files import INLINE, Attachments
from drawbar.kernel.ports import BackendError, Cut
from drawbar.kernel.values import JsonObject, JsonValue

EXACT = 2**53 - 1
"""The largest integer that every JSON reader keeps."""
_EXACT_LENGTH = len(str(-EXACT))
_CHUNK = 100
_PLAIN = frozenset({str, float, bool, type(None)})

Cell: TypeAlias = "Callable[[Any], JsonValue]"  # a driver's value of any type


class Rows(Protocol):
    """Result rows that are fetched piece by piece."""

    columns: tuple[str, ...]
    """Known once something was fetched."""

    def fetch(self, count: int) -> Sequence[Sequence[Any]]:
        """The next rows, at most `count`; empty when there are no more."""
        ...


@dataclass(frozen=True, slots=True)
class Gathered:
    """Rows that fit the caps, and the cut if there were more."""

    rows: list[JsonObject]
    cut: Cut | None = None


def cell(value: Any, files: Attachments | None = None) -> JsonValue:  # a driver's value of any type
    """One value of a row. Without `files` more than a few bytes are only counted."""
    kind = type(value)
    if kind is int:
        return value if -EXACT <= value <= EXACT else str(value)
    if kind is float and not math.isfinite(value):
        return _not_finite(value)
    plain: JsonValue = value if kind in _PLAIN else _other(value, files)
    return plain


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _other(value: Any, files: Attachments | None) -> JsonValue:  # a driver's value of any type
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _bytes(bytes(value), files)
    if isinstance(value, (list, tuple)):
        return [cell(item, files) for item in value]
    if isinstance(value, dict):
        return {str(key): cell(item, files) for key, item in value.items()}
    if isinstance(value, decimal.Decimal):
        return f"{value:f}" if value.is_finite() else _not_finite(float(value))
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value)


def _bytes(value: bytes, files: Attachments | None) -> JsonValue:
    if len(value) <= (INLINE if files is None else files.inline):
        return {"$bytes": len(value), "base64": base64.b64encode(value).decode()}
    return {"$bytes": len(value)} if files is None else files.add(value)


def read_json(text: str | bytes) -> JsonValue:
    """JSON of a database: its numbers keep every digit, as texts where a float would lose some."""
    found: JsonValue = json.loads(text, parse_int=_whole, parse_float=_fraction, parse_constant=str)
    return found


def _whole(digits: str) -> JsonValue:
    value = int(digits) if len(digits) <= _EXACT_LENGTH else None
    return value if value is not None and -EXACT <= value <= EXACT else digits


def _fraction(digits: str) -> JsonValue:
    value = float(digits)
    if math.isfinite(value) and decimal.Decimal(repr(value)) == decimal.Decimal(digits):
        return value
    return digits


def gather(
    rows: Rows,
    *,
    max_rows: int,
    max_bytes: int,
    narrowing: Iterable[str] = (),
    readers: Mapping[str, Cell] | None = None,
    files: Attachments | None = None,
) -> Gathered:
    """Convert rows until there are no more, or a cap is hit; one row more is fetched to know which."""
    kept: list[JsonObject] = []
    size = 2
    more = True
    while more:
        wanted = min(_CHUNK, max_rows + 1 - len(kept))
        chunk = rows.fetch(wanted)
        more = len(chunk) == wanted
        read = row_reader(checked_columns(rows.columns), readers, files)
        for raw in chunk:
            if len(kept) == max_rows:
                return Gathered(kept, _cut(len(kept), "rows", max_rows, narrowing))
            row = read(raw)
            size += encoded_size(row) + 1
            if size > max_bytes:
                return Gathered(kept, _cut(len(kept), "bytes", max_bytes, narrowing))
            kept.append(row)
    return Gathered(kept)


def row_reader(
    columns: tuple[str, ...], readers: Mapping[str, Cell] | None, files: Attachments | None
) -> Callable[[Sequence[Any]], JsonObject]:
    if not readers:
        whose = itertools.repeat(files)
        return lambda raw: dict(zip(columns, map(cell, raw, whose), strict=True))
    usual = partial(cell, files=files)
    cells = [readers.get(name, usual) for name in columns]
    return lambda raw: {
        name: convert(value) for name, convert, value in zip(columns, cells, raw, strict=True)
    }


def checked_columns(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Two columns of one name would leave one of them out; `*` hides that from the compiler."""
    if len(set(columns)) != len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        message = f"two result columns are called {twice}; the author of the adapter has to name them apart"
        raise BackendError(message, code="duplicate_column", work="rolled_back")
    return columns


def encoded_size(row: JsonObject) -> int:
    """Bytes of a row as JSON. Text that is no Unicode is repaired in place first."""
    try:
        return len(orjson.dumps(row))
    except TypeError:
        for name, value in row.items():
            row[name] = _repaired(value)
        return len(orjson.dumps(row))


def _repaired(value: JsonValue) -> JsonValue:
    """Without lone surrogates, which JSON texts may escape and UTF-8 cannot hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_repaired(item) for item in value]
    if isinstance(value, dict):
        return {str(_repaired(key)): _repaired(item) for key, item in value.items()}
    return value


def _cut(kept: int, unit: str, limit: int, narrowing: Iterable[str]) -> Cut:
    names = ", ".join(narrowing)
    way = (
        f"call again with narrower arguments ({names})"
        if names
        else "this function takes no argument that narrows it"
    )
    size = "rows" if unit == "rows" else "bytes"
    return Cut(
        kept=kept,
        total=None,
        unit="rows",
        how_to_get_the_rest=f"an answer holds at most {limit} {size}; {way}, or ask the operator to raise `limits: {size}`",
    )


def fit(row: JsonObject, max_bytes: int) -> tuple[JsonObject, Cut | None]:
    """One row that must be answered whole: its longest texts are cut until it fits."""
    size = encoded_size(row)
    if size <= max_bytes:
        return row, None
    fitting = dict(row)
    names = sorted(
        (name for name, value in row.items() if isinstance(value, str)),
        key=lambda name: -len(str(row[name])),
    )
    for name in names:
        text = str(row[name])
        over = encoded_size(fitting) - max_bytes
        fitting[name] = text.encode()[: max(0, len(text.encode()) - over)].decode(errors="ignore")
        if encoded_size(fitting) <= max_bytes:
            kept = len(str(fitting[name]).encode())
            way = f"`{name}` was cut; ask the operator to raise `limits: bytes`, or for a function that reads it in parts"
            return fitting, Cut(kept, len(text.encode()), "bytes", way)
    message = f"the row has {size} bytes, and an answer holds at most {max_bytes}"
    raise BackendError(
        message,
        code="reply_too_large",
        work="rolled_back",
        hint="Use a function that reads fewer columns.",
    )
