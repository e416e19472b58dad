"""Readings: the select, its optional conditions, the lists that belong to its row, how columns are read."""

from __future__ import annotations

from collections.abc import Mapping

from drawbar.backends.sql.author import Author
from drawbar.backends.sql.check import check_inside, column_names
from drawbar.backends.sql.filters import join_filters
from drawbar.backends.sql.options import SqlFunctionSpec
from drawbar.backends.sql.parse import Found, Parsed, close
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
    return Reading(
        _filtered(author, spec, parsed),
        rows,
        author.told,
        spec.not_found,
        children,
        spec.columns,
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


def _filtered(author: Author, spec: SqlFunctionSpec, parsed: Parsed) -> Query:
    whole = author.query(parsed)
    if not spec.where:
        return whole
    conditions: dict[str, Parsed] = {}
    for name, condition in spec.where.items():
        at: At = ("where", name)
        _check_key(author, spec, name)
        read = author.parse(condition, at, condition=True)
        if read is None:
            continue
        for found in check_inside(read.tree):
            author.add(at, found)
        conditions[name] = read
    filters = join_filters(parsed, conditions, author.dialect)
    if isinstance(filters, Found):
        author.add(("where",), filters)
        return whole
    return Query(author.dialect, whole.statement, filters)


def _check_key(author: Author, spec: SqlFunctionSpec, name: str) -> None:
    at: At = ("where", name)
    if name not in spec.parameters:
        author.add(at, Found("DB315", f"`where` is keyed by parameters, and `{name}` is none"))
    elif any(each.name == name and each.required for each in author.parameters):
        author.add(
            at,
            Found(
                "DB315",
                f"`{name}` is always there, so its condition is no optional one",
                f"give `{name}` the word `optional: true`, or write the condition into `sql`",
            ),
        )
