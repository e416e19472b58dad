"""sqlglot's readers by name, and the one that it does not bring."""

from __future__ import annotations

from functools import lru_cache

from sqlglot import Dialect as SqlglotDialect
from sqlglot import tokens

from drawbar.backends.sql.dialect import Dialect


class Firebird(SqlglotDialect):
    """Names may hold a `$`, as those of its system tables do."""

    class Tokenizer(tokens.Tokenizer):
        VAR_SINGLE_TOKENS = {"$"}  # noqa: RUF012 -- sqlglot's own form


@lru_cache(maxsize=16)
def grammar_of(dialect: Dialect) -> SqlglotDialect:
    if dialect.grammar == "firebird":
        return Firebird()
    return SqlglotDialect.get_or_raise(dialect.grammar)
