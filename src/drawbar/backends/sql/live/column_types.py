"""The type of a column, in the database's words, as the words of a parameter."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp
from sqlglot.errors import SqlglotError

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.grammars import grammar_of
from drawbar.backends.sql.live.catalog import ColumnType, Words

_T = exp.DType
_TEXTS = exp.DataType.TEXT_TYPES | {_T.NAME, _T.LONGTEXT, _T.MEDIUMTEXT, _T.TINYTEXT}
_INTEGERS = exp.DataType.INTEGER_TYPES | exp.DataType.SIGNED_INTEGER_TYPES
_UNSIGNED = exp.DataType.UNSIGNED_INTEGER_TYPES | {_T.UMEDIUMINT}
_DECIMALS = {_T.DECIMAL, _T.DECIMAL32, _T.DECIMAL64, _T.DECIMAL128}
_BITS: Mapping[exp.DType, int] = {
    _T.TINYINT: 8,
    _T.SMALLINT: 16,
    _T.MEDIUMINT: 24,
    _T.INT: 32,
}
_FORMATS: Mapping[exp.DType, str] = {_T.DATE: "date", _T.UUID: "uuid"}
_ZONED = {_T.TIMESTAMPTZ, _T.TIMESTAMPLTZ}
_MOMENTS = _ZONED | {
    _T.DATETIME,
    _T.DATETIME2,
    _T.SMALLDATETIME,
    _T.TIMESTAMP,
    _T.TIMESTAMPNTZ,
    _T.TIMESTAMP_S,
    _T.TIMESTAMP_MS,
    _T.TIMESTAMP_NS,
}
_READ_FROM_TEXT = frozenset({"citext", "cidr", "inet", "interval", "ltree", "macaddr", "name"})
"""Types of PostgreSQL without a word of JSON Schema, which it reads from a text."""


def column_type(name: str, dialect: Dialect) -> ColumnType:
    """`name` as the database writes it, such as `numeric(10,2)`."""
    if dialect.name == "postgresql" and name.lower().partition("(")[0] in _READ_FROM_TEXT:
        return ColumnType(name, {"type": "string"})
    try:
        kind = exp.DataType.build(_plain(name), dialect=grammar_of(dialect))
    except (SqlglotError, ValueError):
        return ColumnType(name)
    words = _words(kind, dialect)
    example = _example(kind, dialect)
    is_ranged = words is not None and (
        words["type"] == "number" or words.get("format") in {"date", "date-time"} or bool(example)
    )
    return ColumnType(name, words, _stored(kind, dialect), example, is_ranged)


def _plain(name: str) -> str:
    """Firebird's long text in a word that the parser knows."""
    return "text" if name.lower().startswith("blob sub_type text") else name


def _words(kind: exp.DataType, dialect: Dialect) -> Words | None:
    found = kind.this
    if found in _UNSIGNED:
        return {"type": "integer", "minimum": 0}
    if found in _INTEGERS or (found in _DECIMALS and _sizes(kind) and not any(_sizes(kind)[1:])):
        return {"type": "integer"}
    if found in _DECIMALS or found in exp.DataType.FLOAT_TYPES:
        return {"type": "number"}
    if found == _T.BOOLEAN:
        # SQLite has none, and keeps what its drivers make of it.
        is_number = dialect.name == "sqlite"
        return {"type": "integer", "enum": [0, 1]} if is_number else {"type": "boolean"}
    return _text_words(kind, dialect)


def _text_words(kind: exp.DataType, dialect: Dialect) -> Words | None:
    if kind.this in {_T.ENUM, _T.ENUM8, _T.ENUM16}:
        return {"type": "string", "enum": [each.name for each in kind.expressions]}
    if form := "date-time" if _has_zone(kind, dialect) else _FORMATS.get(kind.this):
        return {"type": "string", "format": form}
    is_text = kind.this in _TEXTS or bool(_example(kind, dialect))
    return {"type": "string"} if is_text else None


def _has_zone(kind: exp.DataType, dialect: Dialect) -> bool:
    """MariaDB's `timestamp` has none, whatever the parser calls it."""
    return kind.this in _ZONED and dialect.name != "mariadb"


def _example(kind: exp.DataType, dialect: Dialect) -> str:
    if kind.this in _MOMENTS and not _has_zone(kind, dialect):
        return f"2026-01-31{' ' if _wants_blank(dialect) else 'T'}12:30:00"
    return "12:30:00" if kind.this in {_T.TIME, _T.TIMETZ} else ""


def _wants_blank(dialect: Dialect) -> bool:
    """Between day and time; SQLite compares texts, and the others do not read a `T`."""
    return dialect.grammar in {"", "firebird", "oracle", "sqlite"}


def _stored(kind: exp.DataType, dialect: Dialect) -> Words:
    """Lengths, ranges and decimals, none of which SQLite keeps to."""
    if dialect.name == "sqlite":
        return {}
    if kind.this in _TEXTS:
        return {"max_length": _sizes(kind)[0]} if _sizes(kind) else {}
    if bits := _BITS.get(kind.this):
        return {"minimum": -(2 ** (bits - 1)), "maximum": 2 ** (bits - 1) - 1}
    sizes = _sizes(kind)
    if kind.this not in _DECIMALS or not sizes:
        return {}
    digits, decimals = sizes[0], (sizes[1:] or [0])[0]
    if decimals == 0:
        most = 10**digits - 1
        return {"minimum": -most, "maximum": most}
    largest = float(f"{10 ** (digits - decimals) - 1}.{'9' * decimals}")
    return {"minimum": -largest, "maximum": largest, "multiple_of": float(f"1e-{decimals}")}


def _sizes(kind: exp.DataType) -> list[int]:
    """`10, 2` of decimal(10, 2)."""
    return [int(each.name) for each in kind.expressions if each.name.isdecimal()]
