"""What a CHECK constraint says of single columns: `in` and `=` as an enumeration, comparisons as a range."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.grammars import grammar_of
from drawbar.backends.sql.live.catalog import Value, Words

FOLLOWS = "follows"
PRECEDES = "precedes"
"""Bounds that are themselves left out: `> 0` and `< 10`."""


def words_of_check(text: str, dialect: Dialect) -> Iterator[tuple[str, Words]]:
    """Columns by name, each with words; nothing for what has none."""
    try:
        tree = sqlglot.parse_one(text, dialect=grammar_of(dialect))
    except SqlglotError:
        return
    whole = _bare(tree)
    for part in whole.flatten() if isinstance(whole, exp.And) else (whole,):
        yield from _of_condition(_bare(part))


def limits_of(checks: Iterable[str], dialect: Dialect) -> dict[str, Words]:
    """What all constraints of a table say, by column."""
    found: dict[str, dict[str, Value | list[Value]]] = {}
    for check in checks:
        for column, words in words_of_check(check, dialect):
            found.setdefault(column, {}).update(words)
    return dict(found)


def literal(text: str | None, dialect: Dialect) -> Value | bool | None:
    """The value of an expression that is one, such as of a default."""
    if text is None:
        return None
    try:
        found = _bare(sqlglot.parse_one(text, dialect=grammar_of(dialect)))
    except SqlglotError:
        return None
    return bool(found.this) if isinstance(found, exp.Boolean) else _value(found)


def _of_condition(node: exp.Expr) -> Iterator[tuple[str, Words]]:
    column = _bare(node.this) if isinstance(node.this, exp.Expr) else None
    if isinstance(node, exp.Or):
        yield from _of_alternatives(node)
    elif isinstance(node, exp.Between) and isinstance(column, exp.Column):
        low, high = _value(_bare(node.args["low"])), _value(_bare(node.args["high"]))
        yield (
            column.name,
            {
                word: value
                for word, value in (("minimum", low), ("maximum", high))
                if isinstance(value, (int, float))
            },
        )
    elif isinstance(node, exp.In | exp.EQ) and isinstance(column, exp.Column):
        values = [_value(_bare(each)) for each in _alternatives(node)]
        known = [value for value in values if value is not None]
        if known and len(known) == len(values):
            yield column.name, {"enum": known}
    elif isinstance(node, exp.GTE | exp.GT | exp.LTE | exp.LT):
        yield from _of_comparison(node)


def _of_alternatives(node: exp.Or) -> Iterator[tuple[str, Words]]:
    """`kind = 'x' or kind = 'y'`, as SQL Server writes `in`."""
    found = [pair for part in node.flatten() for pair in _of_condition(_bare(part))]
    columns = {column for column, _ in found}
    lists = [each for _, words in found if isinstance(each := words.get("enum"), list)]
    if len(columns) == 1 and len(lists) == len(list(node.flatten())):
        yield columns.pop(), {"enum": [value for values in lists for value in values]}


def _alternatives(node: exp.In | exp.EQ) -> list[exp.Expr]:
    if isinstance(node, exp.In):
        return list(node.expressions)
    other = _bare(node.expression)
    if isinstance(other, exp.Any):
        held = _bare(other.this)
        return list(held.expressions) if isinstance(held, exp.Array) else []
    return [other]


def _of_comparison(node: exp.GTE | exp.GT | exp.LTE | exp.LT) -> Iterator[tuple[str, Words]]:
    column, bound = _bare(node.this), _value(_bare(node.expression))
    if not isinstance(column, exp.Column) or not isinstance(bound, (int, float)):
        return
    is_low = isinstance(node, exp.GTE | exp.GT)
    if isinstance(node, exp.GT | exp.LT):
        yield column.name, {FOLLOWS if is_low else PRECEDES: bound}
    else:
        yield column.name, {"minimum" if is_low else "maximum": bound}


def _bare(node: exp.Expr) -> exp.Expr:
    """Without the brackets and casts around it."""
    while isinstance(node, exp.Paren | exp.Cast):
        node = node.this
    return node


def _value(node: exp.Expr) -> Value | None:
    if isinstance(node, exp.Neg):
        held = _value(_bare(node.this))
        return -held if isinstance(held, (int, float)) else None
    if not isinstance(node, exp.Literal):
        return None
    if node.is_string:
        return str(node.this)
    text = str(node.this)
    return int(text) if text.isdecimal() else float(text)
