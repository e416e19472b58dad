"""What a free query says otherwise in one database than in others, before it is judged and before it is written.

sqlglot writes no Firebird, so its forms are put together here from what was understood; the text is judged word
by word afterwards, as every other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sqlglot import exp

from drawbar.backends.sql.grammars import FIREBIRD_CALL

ONE_ROW = "RDB$DATABASE"
"""Firebird's table with one row, which a select without a table needs; nothing of it can be read."""
_UNITS = {"year", "month", "week", "day", "hour", "minute", "second", "millisecond"}
Write = Callable[[exp.Expr], str]


def understand(tree: exp.Expr, asked_as: str) -> None:
    """Words that sqlglot took for columns."""
    if asked_as != "firebird":
        return
    for node in tree.find_all(exp.Anonymous):
        if isinstance(node.this, str) and node.this.lower().startswith(FIREBIRD_CALL):
            node.set("this", node.this[len(FIREBIRD_CALL) :].upper())
            unit = node.expressions[0] if node.expressions else None
            if isinstance(unit, exp.Column) and unit.sql().lower() in _UNITS:
                unit.replace(exp.var(unit.name.upper()))


def speak(tree: exp.Expr, asked_as: str, write: Write) -> None:
    """Forms that this database has instead of those that sqlglot would write."""
    if asked_as == "mariadb":
        _mariadb(tree)
    elif asked_as == "firebird":
        _firebird(tree, write)


def _mariadb(tree: exp.Expr) -> None:
    """`regexp` would be written as a function that only MySQL has."""
    for node in tree.find_all(exp.RegexpLike):
        found = exp.Anonymous(this="REGEXP_INSTR", expressions=[node.this, node.expression])
        node.replace(exp.Paren(this=exp.GT(this=found, expression=exp.Literal.number(0))))


def _firebird(tree: exp.Expr, write: Write) -> None:
    for node in _innermost_first(tree):
        if isinstance(node, exp.Select) and node.args.get("from_") is None:
            table = exp.Table(this=exp.to_identifier(ONE_ROW, quoted=True))
            node.set("from_", exp.From(this=table))
        if isinstance(node, exp.Query):
            _first_rows(node)
        form = _FORMS.get(type(node))
        if form is not None and node.parent is not None:
            node.replace(form(node, write))


def _innermost_first(tree: exp.Expr) -> Iterator[exp.Expr]:
    """A form is made of the text of its parts, which have to have theirs before."""
    yield from reversed(list(tree.walk(bfs=True)))


def _first_rows(node: exp.Query) -> None:
    """`offset 2 rows fetch first 3 rows only`"""
    limit, offset = node.args.get("limit"), node.args.get("offset")
    if isinstance(limit, exp.Limit):
        node.set("limit", exp.Fetch(direction="FIRST", count=limit.expression))
        if skipped := limit.args.get("offset"):
            offset = exp.Offset(expression=skipped)
    if isinstance(offset, exp.Offset):
        node.set("offset", exp.Offset(expression=exp.var(f"{offset.expression.sql()} ROWS")))


def _call(name: str, *arguments: exp.Expr | None) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[each for each in arguments if each is not None])


def _substring(node: exp.Expr, write: Write) -> exp.Expr:
    start, length = node.args.get("start"), node.args.get("length")
    text = f"{write(node.this)} FROM {write(start) if start else 1}"
    return _call("SUBSTRING", exp.var(f"{text} FOR {write(length)}" if length else text))


def _trim(node: exp.Expr, write: Write) -> exp.Expr:
    """The only form that version 3 has."""
    letters = f"{write(node.expression)} " if node.args.get("expression") else ""
    side = node.args.get("position") or "BOTH"
    return _call("TRIM", exp.var(f"{side} {letters}FROM {write(node.this)}"))


def _type(node: exp.Expr, _: Write) -> exp.Expr:
    name = {exp.DType.DOUBLE: "DOUBLE PRECISION", exp.DType.TINYINT: "SMALLINT"}.get(node.this)
    return exp.DataType(this=exp.DType.USERDEFINED, kind=name) if name else node


_FORMS: Mapping[type[exp.Expr], Callable[[exp.Expr, Write], exp.Expr]] = {
    exp.DataType: _type,
    exp.Length: lambda node, _: _call("CHAR_LENGTH", node.this),
    exp.Mod: lambda node, _: _call("MOD", node.this, node.expression),
    exp.StrPosition: lambda node, _: _call(
        "POSITION", node.args.get("substr"), node.this, node.args.get("position")
    ),
    exp.Substring: _substring,
    exp.Trim: _trim,
    exp.Variance: lambda node, _: _call("VAR_SAMP", node.this),
    exp.VariancePop: lambda node, _: _call("VAR_POP", node.this),
}
