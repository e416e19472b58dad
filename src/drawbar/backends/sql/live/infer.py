"""Types of parameters and result columns, as the live database tells them.

A parameter that is compared with a column, or stored in it, takes the column's type, choices, range and comment. PostgreSQL
also describes statements, which tells what stands in expressions. What is found here can be pinned, see pins.py.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from drawbar.backends.sql.compile.check import column_name
from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.grammars import grammar_of
from drawbar.backends.sql.live.catalog import Column, Table
from drawbar.backends.sql.live.column_types import column_type
from drawbar.backends.sql.live.column_words import sentence, words_of
from drawbar.backends.sql.live.describe import Describer, describing
from drawbar.backends.sql.live.reflect import read_catalog
from drawbar.backends.sql.plan import Statement
from drawbar.backends.sql.url import Target
from drawbar.kernel.values import JsonObject

_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_KEYWORDS = {"max_length": "maxLength", "multiple_of": "multipleOf"}
Names = Mapping[str, Table]
"""What columns can be asked of: tables by what the statement calls them."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A parameter, and the column that says what it is."""

    parameter: str
    column: Column
    is_list: bool = False
    is_stored: bool = False

    def pinned(self) -> str | None:
        """Its schema as it stands in the lock; None: the column has no type that a parameter could have."""
        words = words_of(self.column, stored=self.is_stored)
        if "type" not in words:
            return None
        schema: JsonObject = {}
        for word, value in words.items():
            schema[_KEYWORDS.get(word, word)] = list(value) if isinstance(value, list) else value
        if self.is_list:
            schema = {"type": "array", "items": schema}
        example = self.column.type.example
        text = sentence(self.column.comment, f"Such as {example}" if example else "")
        return json.dumps(schema | ({"description": text} if text else {}), ensure_ascii=False)


def infer_types(
    target: Target, statements: Mapping[str, list[Statement]], readings: Collection[str]
) -> dict[str, str]:
    """By `FUNCTION.PARAMETER` and `FUNCTION -> COLUMN`. Of readings the select of their rows comes first.

    Raises OperatorError when the catalog cannot be read.
    """
    dialect = target.dialect
    parsed = {
        name: [tree for each in own if (tree := _parsed(each, dialect)) is not None]
        for name, own in statements.items()
    }
    tables = _read(target, [tree for trees in parsed.values() for tree in trees])
    found: dict[str, str] = {}
    for name, trees in parsed.items():
        for bound in (each for tree in trees for each in _bound(tree, tables)):
            if (pinned := bound.pinned()) is not None:
                found.setdefault(f"{name}.{bound.parameter}", pinned)
        if name in readings and trees and dialect.name != "postgresql":
            answered = _answered(trees[0], tables, dialect)
            found |= {f"{name} -> {column}": kind for column, kind in answered}
    with describing(target) as describer:
        if describer is not None:
            _describe(describer, dialect, statements, readings, found)
    return found


def _describe(
    describer: Describer,
    dialect: Dialect,
    statements: Mapping[str, list[Statement]],
    readings: Collection[str],
    found: dict[str, str],
) -> None:
    """Add what only the database knows, such as the types of computed columns."""
    for name, own in statements.items():
        for number, statement in enumerate(own):
            described = describer.describe(statement)
            if described is None:
                continue
            for parameter, kind in described.parameters.items():
                words = column_type(kind, dialect).words
                if words is not None:
                    found.setdefault(f"{name}.{parameter}", json.dumps(words))
            if number == 0 and name in readings:
                for column, kind in described.columns.items():
                    found.setdefault(f"{name} -> {column}", kind)


def _parsed(statement: Statement, dialect: Dialect) -> exp.Expr | None:
    try:
        return sqlglot.parse_one(statement.named, dialect=grammar_of(dialect))
    except SqlglotError:
        return None


def _read(target: Target, trees: Iterable[exp.Expr]) -> _Tables:
    """Only what the statements name is asked for."""
    nodes = [table for tree in trees for table in tree.find_all(exp.Table)]
    names = {node.name.lower() for node in nodes}
    found: dict[str, Table] = {}
    for schema in dict.fromkeys(node.db for node in nodes):
        catalog = read_catalog(
            target, (schema,) if schema else (), lambda name, _: name.lower() in names
        )
        for table in catalog.tables:
            found[f"{schema}.{table.name}".lower()] = table
    return _Tables(found)


class _Tables:
    """The tables of the catalog, by schema and name."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables

    def find(self, node: exp.Table) -> Table | None:
        return self._tables.get(f"{node.db}.{node.name}".lower())

    def read_by(self, tree: exp.Expr) -> Iterator[tuple[exp.Expr, Names]]:
        """Each select of a statement, the inner ones first, and each change, with the tables that it names."""
        if isinstance(tree, exp.Query):
            for scope in traverse_scope(tree):
                sources = {
                    alias.lower(): self.find(node)
                    for alias, node in scope.sources.items()
                    if isinstance(node, exp.Table)
                }
                yield scope.expression, {k: table for k, table in sources.items() if table}
        else:
            nodes = [*tree.find_all(exp.Table)]
            found = {each.alias_or_name.lower(): self.find(each) for each in nodes}
            yield tree, {k: table for k, table in found.items() if table}


def _column(node: object, names: Names) -> Column | None:
    """The column of a table that is meant, if it is one and it is clear whose."""
    if not isinstance(node, exp.Column):
        return None
    tables = list(names.values())
    if node.table:
        tables = [names[node.table.lower()]] if node.table.lower() in names else []
    found = [
        column
        for table in tables
        for column in table.columns
        if column.name.lower() == node.name.lower()
    ]
    return found[0] if len(found) == 1 else None


def _bound(tree: exp.Expr, tables: _Tables) -> Iterator[Bound]:
    for node, names in tables.read_by(tree):
        if isinstance(node, exp.Insert):
            yield from _inserted(node, names)
        if isinstance(node, exp.Update):
            yield from _updated(node, names)
        for each in node.find_all(*_COMPARED):
            for one, other in ((each.this, each.expression), (each.expression, each.this)):
                column = _column(one, names)
                if column is not None:
                    yield from _parameters(other, column)
        for inside in (*node.find_all(exp.In), *node.find_all(exp.Between)):
            column = _column(inside.this, names)
            if column is not None:
                yield from _of_several(inside, column)


def _of_several(node: exp.Predicate, column: Column) -> Iterator[Bound]:
    for value in (*node.expressions, node.args.get("low"), node.args.get("high")):
        yield from _parameters(value, column)
    lists = [node.args.get("field")]
    query = node.args.get("query")
    if query is not None and "json_each" in query.sql().lower():  # how SQLite is given a list
        lists += query.find_all(exp.Placeholder)
    for each in lists:
        for bound in _parameters(each, column):
            yield replace(bound, is_list=True)


def _inserted(node: exp.Insert, names: Names) -> Iterator[Bound]:
    into = node.this
    if isinstance(into, exp.Schema) and isinstance(node.expression, exp.Values):
        for row in node.expression.expressions:
            for name, value in zip(into.expressions, row.expressions, strict=False):
                column = _column(exp.column(name.name), names)
                if column is not None:
                    yield from _parameters(value, column, is_stored=True)


def _updated(node: exp.Update, names: Names) -> Iterator[Bound]:
    for each in node.expressions:
        column = _column(each.this, names) if isinstance(each, exp.EQ) else None
        if column is not None:
            yield from _parameters(each.expression, column, is_stored=True)


def _parameters(value: Any, column: Column, *, is_stored: bool = False) -> Iterator[Bound]:
    """The placeholder that stands here alone, or first in `coalesce`; in `any` it is a list."""
    is_list = False
    while isinstance(value, exp.Paren | exp.Cast | exp.Coalesce | exp.Any):
        is_list = is_list or isinstance(value, exp.Any)
        value = value.this
    if isinstance(value, exp.Placeholder) and isinstance(value.this, str):
        yield Bound(value.this, column, is_list, is_stored)


def _paged(tree: exp.Expr) -> exp.Expr | None:
    """What stands in the brackets of `select * from (...)`, as pages are asked for."""
    if not isinstance(tree, exp.Select) or not tree.is_star or tree.args.get("joins"):
        return None
    found = tree.args.get("from_")
    inner = found.this if isinstance(found, exp.From) else None
    return inner.this if isinstance(inner, exp.Subquery) else None


def _answered(tree: exp.Expr, tables: _Tables, dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Result columns that are columns of tables, with their types."""
    while (inner := _paged(tree)) is not None:
        tree = inner
    if not isinstance(tree, exp.Select):
        return
    *_, (_, names) = tables.read_by(tree)
    for each in tree.selects:
        column = _column(each.unalias(), names)
        label = column_name(each, dialect)
        if column is not None and label:
            yield label, column.type.name.lower()
