"""sqlglot's readers by name, and the one that it does not bring."""

from __future__ import annotations

from functools import lru_cache

from sqlglot import Dialect as SqlglotDialect
from sqlglot import Token, TokenType, tokens

from drawbar.backends.sql.dialect import Dialect

FIREBIRD_CALL = "firebird_"
"""Stands before the name of a function that sqlglot would take for another database's, with other arguments."""
_OF_ITS_OWN = {"dateadd", "datediff"}


class Firebird(SqlglotDialect):
    """Names may hold a `$`, as those of its system tables do; `first 3` stands before the columns."""

    class Tokenizer(tokens.Tokenizer):
        VAR_SINGLE_TOKENS = {"$"}  # noqa: RUF012 -- sqlglot's own form

        def tokenize(self, sql: str) -> list[Token]:
            found = super().tokenize(sql)
            return [
                _as_firebird(token, found[index - 1 : index], found[index + 1 : index + 2])
                for index, token in enumerate(found)
            ]


def _as_firebird(token: Token, before: list[Token], behind: list[Token]) -> Token:
    """The word as sqlglot's parser knows it, at its own place."""
    kind, text = token.token_type, token.text
    follows = behind[0].token_type if behind else None
    if text.lower() in _OF_ITS_OWN and follows == TokenType.L_PAREN:
        text = FIREBIRD_CALL + text
    elif (
        kind == TokenType.FIRST
        and follows == TokenType.NUMBER
        and before
        and before[0].token_type == TokenType.SELECT
    ):
        kind = TokenType.TOP
    else:
        return token
    return Token(kind, text, token.line, token.col, token.start, token.end, token.comments)


@lru_cache(maxsize=16)
def grammar_of(dialect: Dialect) -> SqlglotDialect:
    if dialect.grammar == "firebird":
        return Firebird()
    return SqlglotDialect.get_or_raise(dialect.grammar)
