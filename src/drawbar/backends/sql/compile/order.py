"""`order_by`: the terms of a sorting in the author's own words, and the columns a page needs for them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import Token, TokenType, exp

from drawbar.backends.sql.compile.author import Author
from drawbar.backends.sql.compile.check import check_inside, column_name, column_names
from drawbar.backends.sql.parse import Found, Parsed, tokens_of
from drawbar.backends.sql.plan import Term
from drawbar.spec.source import At

_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
_HIDDEN = "drawbar_key_"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One term as it was written: an expression, its direction, and where its nulls go if that was said."""

    expression: str
    descending: bool
    nulls: str | None
    column: str | None = None
    """The result column that it names, if it is a bare name."""

    def words(self, *, says_nulls: bool) -> str:
        """What stands behind the expression."""
        nulls = self.nulls or (("last" if self.descending else "first") if says_nulls else None)
        return f"{' desc' if self.descending else ''}{f' nulls {nulls}' if nulls else ''}"


def read_order(author: Author, text: str, at: At) -> tuple[Wanted, ...]:
    """The terms; none when one of them cannot be used."""
    tokens = tokens_of(text, author.dialect)
    wanted: list[Wanted] = []
    for term in _split(tokens):
        found = _term(text, term)
        if found is None:
            author.add(at, Found("DB322", "between two commas of the order there is nothing", None))
            return ()
        if found.expression.isdigit():
            message = f"`{found.expression}` sorts by a position"
            author.add(at, Found("DB322", message, "write the name of the column"))
            return ()
        parsed = author.parse(found.expression, at, condition=True)
        if parsed is None:
            return ()
        for problem in check_inside(parsed):
            author.add(at, problem)
        tree = parsed.tree
        if isinstance(tree, exp.Column) and not tree.args.get("table"):
            found = replace(found, column=column_name(tree, author.dialect))
        wanted.append(found)
    return () if author.is_broken(at) else tuple(wanted)


def _split(tokens: list[Token]) -> list[list[Token]]:
    """At the commas that are in no brackets."""
    depth = 0
    terms: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type in _OPENING:
            depth += 1
        elif token.token_type in _CLOSING:
            depth -= 1
        if token.token_type == TokenType.COMMA and depth == 0:
            terms.append([])
        else:
            terms[-1].append(token)
    return terms


def _term(text: str, tokens: list[Token]) -> Wanted | None:
    nulls = None
    words = [token.text.lower() for token in tokens]
    if len(words) > 2 and words[-2] == "nulls" and words[-1] in {"first", "last"}:  # noqa: PLR2004 -- an expression and two words
        nulls = words[-1]
        tokens, words = tokens[:-2], words[:-2]
    descending = bool(words) and tokens[-1].token_type == TokenType.DESC
    if words and tokens[-1].token_type in {TokenType.ASC, TokenType.DESC}:
        tokens = tokens[:-1]
    if not tokens:
        return None
    return Wanted(text[tokens[0].start : tokens[-1].end + 1], descending, nulls)


def check_sortable(author: Author, parsed: Parsed, at: At, *, paged: bool) -> bool:
    """Whether the select leaves its order, and for a page its size, to the words of the adapter."""
    words = {"order": "order by", "limit": "limit", "offset": "offset", "fetch": "fetch"}
    for key, word in words.items():
        if parsed.tree.args.get(key) and (paged or key == "order"):
            author.add(
                at,
                Found(
                    "DB322",
                    f"the select has its own `{word}`",
                    "write the order under `order_by`"
                    if key == "order"
                    else "the size of a page is `page: {size: ...}`",
                ),
            )
            return False
    return True


def with_keys(
    author: Author, parsed: Parsed, wanted: tuple[Wanted, ...], at: At
) -> tuple[Parsed, tuple[Term, ...], int] | None:
    """The select with hidden columns for what it is sorted by and does not answer; the terms; how many are hidden."""
    columns = column_names(parsed, author.dialect) or ()
    hidden = [each for each in wanted if each.column not in columns]
    terms: list[Term] = []
    for each in wanted:
        if each.column in columns:
            column, index = each.expression, columns.index(each.column)
        else:
            number = hidden.index(each)
            column, index = f"{_HIDDEN}{number + 1}", number - len(hidden)
        terms.append(Term(column, index, each.descending, _nulls_first(author, each)))
    if not hidden:
        return parsed, tuple(terms), 0
    end = _end_of_columns(parsed)
    if end is None:
        shown = hidden[0].expression
        message = f"`{shown}` is no result column, and it cannot be added to this select"
        author.add(at, Found("DB322", message, "sort by result columns, by their names"))
        return None
    added = "".join(
        f", {each.expression} as {_HIDDEN}{number}" for number, each in enumerate(hidden, 1)
    )
    spliced = author.parse(f"{parsed.text[:end]}{added} {parsed.text[end:]}", at)
    if spliced is None or not _is_the_same_but_for_keys(parsed, spliced, len(hidden)):
        return None
    return spliced, tuple(terms), len(hidden)


def _nulls_first(author: Author, wanted: Wanted) -> bool:
    if wanted.nulls is not None:
        return wanted.nulls == "first"
    rule = author.dialect.nulls
    return rule != "last" and (rule != "high") is not wanted.descending


def _end_of_columns(parsed: Parsed) -> int | None:
    """Where one more column can be written; None where that would change what is selected."""
    tree = parsed.tree
    if not isinstance(tree, exp.Select) or tree.args.get("distinct"):
        return None
    depth = 0
    seen = False
    for token in parsed.tokens:
        if token.token_type in _OPENING:
            depth += 1
        elif token.token_type in _CLOSING:
            depth -= 1
        seen = seen or (depth == 0 and token.token_type == TokenType.SELECT)
        if seen and depth == 0 and token.token_type == TokenType.FROM:
            return token.start
    return None


def _is_the_same_but_for_keys(parsed: Parsed, spliced: Parsed, count: int) -> bool:
    tree = spliced.tree.copy()
    tree.set("expressions", tree.expressions[:-count])
    return tree == parsed.tree
