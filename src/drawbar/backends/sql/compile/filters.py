"""Optional conditions: joined into a select where the parser says its condition stands.

`:x is null or col = :x` cannot be typed on PostgreSQL and costs the index; a condition that is only there
when its parameter is does neither. The text is spliced, then parsed again and compared with the tree, so a
condition can never become anything else than one more `and`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import Token, TokenType, exp

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.parse import Found, Known, Parsed, Unreadable, parse
from drawbar.backends.sql.plan import Filters, render

_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
_AFTER_WHERE = {
    TokenType.GROUP_BY,
    TokenType.HAVING,
    TokenType.WINDOW,
    TokenType.ORDER_BY,
    TokenType.LIMIT,
    TokenType.OFFSET,
    TokenType.FETCH,
    TokenType.FOR,
    TokenType.QUALIFY,
}
_NEEDS_PLAIN = Found(
    "DB315",
    "`where` needs one plain select with a `from`; a union has no single place for a condition",
    "put the union into a `with` of SQL and select from it",
)


def join_filters(
    parsed: Parsed, conditions: Mapping[str, Parsed], dialect: Dialect
) -> Filters | Found:
    """The select in three parts, or what is in the way."""
    if not isinstance(parsed.tree, exp.Select) or not parsed.tree.args.get("from_"):
        return _NEEDS_PLAIN
    where, end = _place(parsed.tokens)
    length = len(parsed.text)
    last = max(token.end for token in parsed.tokens if token.end < end) + 1
    filters = Filters(
        before=parsed.slice(0, where.start if where else last),
        own=parsed.slice(where.end + 1, last) if where else (),
        after=parsed.slice(last, length),
        conditions={name: read.whole() for name, read in conditions.items()},
    )
    together = render(filters.pieces(tuple(filters.conditions)), dialect).named
    if _is_the_same_but_for_its_condition(together, parsed, conditions, dialect):
        return filters
    return Found("DB315", "the conditions of `where` cannot be joined into this select", None)


def _place(tokens: list[Token]) -> tuple[Token | None, int]:
    """The `where` of the outermost select, and the offset at which its condition would end."""
    depth = 0
    where: Token | None = None
    seen_from = False
    for token in tokens:
        if token.token_type in _OPENING:
            depth += 1
        elif token.token_type in _CLOSING:
            depth -= 1
        if depth:
            continue
        seen_from = seen_from or token.token_type == TokenType.FROM
        if token.token_type == TokenType.WHERE:
            where = token
        elif seen_from and token.token_type in _AFTER_WHERE:
            return where, token.start
    return where, tokens[-1].end + 1


def _is_the_same_but_for_its_condition(
    together: str, parsed: Parsed, conditions: Mapping[str, Parsed], dialect: Dialect
) -> bool:
    names = parsed.names.union(*(read.names for read in conditions.values()))
    try:
        joined = parse(together, dialect, {name: Known("any") for name in names}).tree
    except Unreadable:
        return False
    original = parsed.tree.copy()
    original.set("where", None)
    condition = joined.args.get("where")
    joined.set("where", None)
    wanted = len(conditions) + bool(parsed.tree.args.get("where"))
    found = (
        len(list(condition.this.flatten())) if condition and wanted > 1 else int(bool(condition))
    )
    return joined == original and found == wanted
