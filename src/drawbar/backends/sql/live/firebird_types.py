"""Firebird's numbers of types, as a declaration writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIELD = """
  f.rdb$field_type as kind, coalesce(f.rdb$field_sub_type, 0) as subtype, coalesce(f.rdb$field_scale, 0) as scale,
  coalesce(f.rdb$field_precision, 0) as digits, coalesce(f.rdb$character_length, 0) as letters
"""
"""What `firebird_type` needs of `rdb$fields f`."""
_TYPES = {
    7: "smallint",
    8: "integer",
    10: "float",
    12: "date",
    13: "time",
    14: "char",
    16: "bigint",
    23: "boolean",
    24: "decfloat(16)",
    25: "decfloat(34)",
    26: "int128",
    27: "double precision",
    28: "time with time zone",
    29: "timestamp with time zone",
    35: "timestamp",
    37: "varchar",
}
_BLOB = 261
_SCALED = frozenset({"smallint", "integer", "bigint", "int128", "double precision"})
_DIGITS = {"smallint": 4, "integer": 9, "bigint": 18, "int128": 38, "double precision": 15}
"""Of a number whose digits were not said."""


def firebird_type(row: Mapping[str, Any]) -> str:
    """Of a row with the columns of FIELD."""
    if row["kind"] == _BLOB:
        return "blob sub_type text" if row["subtype"] == 1 else "blob"
    name = _TYPES.get(row["kind"], f"type {row['kind']}")
    if name in _SCALED and (row["subtype"] in {1, 2} or row["scale"]):
        exact = "decimal" if row["subtype"] == 2 else "numeric"  # noqa: PLR2004 -- Firebird's number
        return f"{exact}({row['digits'] or _DIGITS[name]},{-row['scale']})"
    return f"{name}({row['letters']})" if name in {"char", "varchar"} else name
