"""Readings: the select, its optional conditions, the lists that belong to its row, how columns are read."""

from __future__ import annotations

from collections.abc import Mapping

from drawbar.backends.sql.compile.author import Author
from drawbar.backends.sql.compile.check import column_names
from drawbar.backends.sql.compile.conditions import conditions_of
from drawbar.backends.sql.compile.page import compile_sortings, page_of, sorted_by
from drawbar.backends.sql.options import SqlFunctionSpec
from drawbar.backends.sql.parse import Found, close
from drawbar.backends.sql.plan import Query, Reading
from drawbar.spec.source import At

_NO_ROW = "is a column of no row: the rows here have a name"
Columns = Mapping[str, tuple[str, ...] | None]
"""Names of result columns by list, "" for the row itself; None where a `*` hides them."""


def compile_reading(author: Author, spec: SqlFunctionSpec, sql: str) -> Reading | None:
    """The reading, or nothing when its own select is broken."""
    rows = spec.rows or "many"
    if spec.not_found is not None and rows != "one":
        author.add(
            ("not_found",),
            Found("DB314", "`not_found` belongs to `rows: one`; a list without rows is no failure"),
        )
    if spec.with_ and rows != "one":
        author.add(
            ("with",),
            Found("DB314", "`with` belongs to `rows: one`", "add `rows: one`"),
        )
    if spec.page is not None and rows == "one":
        author.add(("page",), Found("DB314", "`page` belongs to a list, and `rows: one` is none"))
    parsed = author.select(sql, ("sql",))
    children: dict[str, Query] = {}
    columns: dict[str, tuple[str, ...] | None] = {
        "": column_names(parsed, author.dialect) if parsed else None
    }
    for name, child in spec.with_.items():
        at: At = ("with", name)
        if name in (columns[""] or ()):
            author.add(at, Found("DB316", f"`{name}` is also a column of the row"))
        read = author.select(child, at)
        columns[name] = column_names(read, author.dialect) if read else None
        if read is not None:
            children[name] = author.query(read)
    check_column_types(author, spec, columns, "is no list under `with`")
    if parsed is None:
        return None
    conditions = conditions_of(author, spec)
    return Reading(
        conditions.query(parsed),
        rows,
        author.told,
        spec.not_found,
        children,
        spec.columns,
        compile_sortings(author, spec, parsed, conditions),
        sorted_by(spec),
        page_of(author, spec),
    )


def check_column_types(
    author: Author, spec: SqlFunctionSpec, columns: Columns, unknown: str
) -> None:
    """`columns` names result columns that are there, as far as that is known."""
    for key in spec.columns:
        inside, _, name = key.rpartition(".")
        at: At = ("columns", key)
        if inside not in columns:
            lists = {each: None for each in columns if each}
            author.add(
                at,
                Found(
                    "DB319",
                    f"`{inside}` {unknown}" if inside else f"`{name}` {_NO_ROW}",
                    close(inside, lists, f"`@.{name}`") if lists else None,
                ),
            )
            continue
        known = columns[inside]
        if known is not None and name not in known:
            author.add(
                at,
                Found(
                    "DB319",
                    f"there is no result column `{name}`",
                    close(name, dict.fromkeys(known), "`@`"),
                ),
            )
