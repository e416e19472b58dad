"""Conditions and messages of an operation: what a test may be, and what a message may name."""

from __future__ import annotations

import re

from drawbar.backends.sql.compile.author import Author
from drawbar.backends.sql.compile.check import check_inside, column_names
from drawbar.backends.sql.parse import Found, Known, close
from drawbar.backends.sql.plan import HOLE, Query, render
from drawbar.spec.source import At

_SELECT = re.compile(r"\s*(select|with)\b", re.IGNORECASE)


def compile_test(author: Author, sql: str, at: At) -> tuple[Query, tuple[str, ...] | None] | None:
    """A select, or a condition that is run as one; with the names of its columns."""
    if _SELECT.match(sql):
        parsed = author.select(sql, at)
        return (
            None if parsed is None else (author.query(parsed), column_names(parsed, author.dialect))
        )
    condition = author.parse(sql, at, condition=True)
    if condition is None:
        return None
    for found in check_inside(condition):
        author.add(at, found)
    statement = render(
        (f"select 1 as hit{author.dialect.one_row} where (", *condition.whole(), ")"),
        author.dialect,
    )
    return Query(author.dialect, statement), ()


def check_holes(author: Author, message: str, at: At, columns: tuple[str, ...] | None = ()) -> None:
    """Every hole is a parameter, a looked-up value or a column; None: the columns are not known."""
    for hole in HOLE.findall(message):
        name, _, inner = hole.partition(".")
        known = author.known.get(name)
        author.used.add(name)
        if not inner and hole in (columns or ()):
            continue
        if known is None and columns is not None:
            names = author.known | dict.fromkeys(columns, Known("any"))
            meant = close(name, names, "`{@}`")
            author.add(at, Found("DB320", f"`{{{hole}}}` names nothing that is known here", meant))
        elif inner and known is not None and known.fields is not None and inner not in known.fields:
            meant = close(inner, known.fields, f"`{{{name}.@}}`")
            author.add(at, Found("DB320", f"`{name}` has no field `{inner}`", meant))
        elif not inner and known is not None and known.type == "row":
            author.add(
                at, Found("DB320", f"`{name}` has several fields", f"write `{{{name}.FIELD}}`")
            )
