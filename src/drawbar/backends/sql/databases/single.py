"""The last look at a text before it goes to a driver that would carry out several statements."""

from __future__ import annotations

from functools import lru_cache

from sqlglot import TokenType
from sqlglot.errors import TokenError

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.grammars import grammar_of
from drawbar.kernel.ports import BackendError

_READING = {
    TokenType.SELECT,
    TokenType.WITH,
    TokenType.VALUES,
    TokenType.L_PAREN,
    TokenType.SHOW,
}


@lru_cache(maxsize=1000)
def _refusal(text: str, dialect: Dialect, *, changes: bool) -> str | None:
    try:
        found = [token.token_type for token in grammar_of(dialect).tokenize(text)]
    except TokenError:
        return "a quote or comment is not closed"
    if TokenType.SEMICOLON in found[:-1]:
        return "one statement belongs here, not several"
    if not changes and found and found[0] not in _READING:
        return "only a select may stand here"
    return None


def check_single(text: str, dialect: Dialect, *, changes: bool) -> None:
    """Raises BackendError for several statements, and for something else than a select in a reading."""
    refusal = _refusal(text, dialect, changes=changes)
    if refusal is not None:
        raise BackendError(refusal, code="not_allowed", work="rolled_back")
