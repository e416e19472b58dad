"""The last look at the text of a free query, word by word, before it is sent: what is not known is refused.

It knows nothing of the parser that wrote the text, and so does not share its mistakes. All names stand in quotes by
then, so every word without them is one of SQL, a type or a function.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.free.words import BEFORE_BRACKETS, FUNCTIONS, WORDS

_OPERATORS = {
    "sqlite": r"->>|->|\|\||<>|<=|>=|!=|==|[-+*/%=<>(),.]",
    "postgresql": r"->>|->|#>>|#>|@>|<@|\|\||!~\*|!~|~\*|~|<>|<=|>=|!=|::|[-+*/%=<>(),.^\[\]]",
    "mariadb": r"<=>|\|\||<>|<=|>=|!=|&&|[-+*/%=<>(),.]",
    "firebird": r"\|\||<>|<=|>=|!=|[-+*/=<>(),.]",
    "h2": r"\|\||<>|<=|>=|!=|[-+*/%=<>(),.]",
    "duckdb": r"->>|->|\|\||@>|<@|<>|<=|>=|!=|==|::|[-+*/%=<>(),.^\[\]]",
}
_NAME, _MARIADB_NAME = r'"(?:[^"]|"")+"', r"`(?:[^`]|``)+`"
_TEXT, _MARIADB_TEXT = r"'(?:[^']|'')*'", r"'(?:[^'\\]|''|\\.)*'"
_COMMENT = re.compile(r"--|/\*|\*/|#(?!>)|;")


class Word(NamedTuple):
    """A piece of a statement; `shape` is name, text, number, word or operator."""

    shape: str
    text: str


class Unknown(Exception):
    """A piece that is none of those that are known."""


@lru_cache(maxsize=16)
def _reader(dialect: str) -> re.Pattern[str]:
    name, text = (_MARIADB_NAME, _MARIADB_TEXT) if dialect == "mariadb" else (_NAME, _TEXT)
    return re.compile(
        rf"(?P<space>[ \n]+)|(?P<name>{name})|(?P<text>{text})"
        r"|(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w$]))"
        r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
        rf"|(?P<operator>{_OPERATORS[dialect]})",
        re.DOTALL,
    )


def words_of(text: str, dialect: Dialect) -> list[Word]:
    """All pieces but the spaces. Raises Unknown."""
    reader = _reader(dialect.asked_as)
    found: list[Word] = []
    at = 0
    while at < len(text):
        match = reader.match(text, at)
        if match is None or (
            match.lastgroup not in {"name", "text"} and _COMMENT.match(text, at) is not None
        ):
            raise Unknown(text[at : at + 20])
        if match.lastgroup != "space":
            found.append(Word(str(match.lastgroup), match[0]))
        at = match.end()
    return found


def unknown_words(text: str, dialect: Dialect, functions: frozenset[str]) -> Iterator[Word]:
    """Words that stand for nothing allowed: `word` for a word of SQL or a type, `operator` for a call of a function.

    `functions` are those of the adapter. Raises Unknown.
    """
    known = FUNCTIONS[dialect.asked_as] | functions
    words = words_of(text, dialect)
    for index, word in enumerate(words):
        called = words[index + 1 : index + 2] == [Word("operator", "(")]
        if word.shape == "word":
            plain = word.text.lower()
            if not (called and plain in known) and plain not in (
                BEFORE_BRACKETS if called else WORDS
            ):
                yield Word("operator" if called else "word", word.text)
        elif word.shape == "name" and called and not _names_columns(words, index):
            yield Word("operator", word.text)


def _names_columns(words: list[Word], index: int) -> bool:
    """Whether the brackets behind a name list columns, as in `as t (a, b)` and `with t (a, b) as (select`."""
    end = index + 2
    while end < len(words) and (words[end].shape == "name" or words[end].text == ","):
        end += 1
    if end == index + 2 or words[end : end + 1] != [Word("operator", ")")]:
        return False
    before = words[index - 1].text.lower() if index else ""
    if before in {"as", "with", "recursive"}:
        return True
    rest = [word.text.lower() for word in words[end + 1 : end + 5]]
    heads = {"select", "with", "values", "("}
    for start in (["as", "("], ["as", "materialized", "("], ["as", "not", "materialized", "("]):
        if rest[: len(start)] == start:
            following = words[end + 1 + len(start) : end + 2 + len(start)]
            return before == "," and bool(following) and following[0].text.lower() in heads
    return False
