"""One statement of SQL: read by sqlglot in the backend's dialect, its placeholders found, its places kept.

`sqlalchemy.text()` would miss `:id::int` and find parameters in literals, comments and `$$` bodies. Here
each `:name` of the token stream is renamed and the text parsed: what comes back as a placeholder node is
one, and what is around that node says how its value is bound.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import Parser, Token, Tokenizer, TokenType, exp
from sqlglot.errors import ParseError, TokenError

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.grammars import grammar_of
from drawbar.backends.sql.plan import Form, Slot, Statement
from drawbar.kernel.values import JsonObject
from drawbar.spec.names import closest

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RUN_COMMENT = re.compile(r"\s*M?!")
_MARK = "drawbar_placeholder_"
_SCALARS = {"string", "integer", "number", "boolean"}
_FIRST_WORDS = {
    TokenType.SELECT,
    TokenType.WITH,
    TokenType.VALUES,
    TokenType.L_PAREN,
    TokenType.INSERT,
    TokenType.UPDATE,
    TokenType.DELETE,
    TokenType.MERGE,
    TokenType.DROP,
    TokenType.TRUNCATE,
}
_CALLED_ANY = {"any", "all", "some"}


class NotOneStatement(Exception):
    """`count` statements where exactly one belongs."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


class Unreadable(Exception):
    """The text is no SQL of this dialect."""


class NotAllowed(Exception):
    """A statement of a kind that no function may run; known by its first word, so it is not even parsed."""


class ForeignPlaceholder(Exception):
    """A placeholder of another style, such as `?` or `$1`."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a name that SQL may use: its JSON type, and what it holds."""

    type: str
    """string, integer, number, boolean, array, object; `row` for a looked-up row, of which only fields can
    be used; `any` where it is not known."""
    fields: Mapping[str, Known] | None = None
    """Of an object; None where they are not known."""
    items: str = "any"
    element: Known | None = None
    """Of a list; None where nothing is known of its elements."""


def known_from_schema(schema: JsonObject) -> Known:
    """What a parameter's JSON Schema says of its value."""
    named = schema.get("type")
    if isinstance(named, list):
        named = next((word for word in named if word != "null"), "any")
    properties = schema.get("properties")
    items = schema.get("items")
    element = known_from_schema(items) if isinstance(items, dict) else None
    return Known(
        type=named if isinstance(named, str) else "any",
        fields={
            name: known_from_schema(part if isinstance(part, dict) else {})
            for name, part in properties.items()
        }
        if isinstance(properties, dict)
        else None,
        items=element.type if element else "any",
        element=element,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """A `:name` or `:name.field` that is not known, or cannot be used so."""

    code: str
    message: str
    fix: str | None = None


@dataclass(slots=True)
class Parsed:
    """A statement with its tree. `pieces` joined give its text; `names` are the parameters it uses."""

    text: str
    tree: exp.Expr
    tokens: list[Token]
    pieces: list[tuple[int, int, str | Slot]]
    """Start and end in `text`, and what stands there; texts fill the gaps."""
    names: set[str]
    problems: list[Found]
    noted: tuple[exp.Expr, ...] = ()
    """The nodes that rules ask for, in the order of the tree; see NOTED."""
    rendered: Statement | None = None
    """All of it, once it was rendered."""
    columns: tuple[str | None, ...] | None = None
    """Names of its result columns, once they were asked for."""
    unfit: tuple[Found, ...] | None = None
    """What keeps it from being a reading, likewise."""

    def whole(self) -> tuple[str | Slot, ...]:
        """All of it."""
        return self.slice(0, len(self.text))

    def slice(self, start: int, end: int) -> tuple[str | Slot, ...]:
        """The pieces between two offsets of `text`, neither of them inside a placeholder."""
        parts: list[str | Slot] = []
        at = start
        for begin, stop, piece in self.pieces:
            if start <= begin and stop <= end:
                parts += [self.text[at:begin], piece]
                at = stop
        parts.append(self.text[at:end])
        return tuple(part for part in parts if part != "")


def _with_heirs(kinds: Iterable[type]) -> Iterator[type]:
    for kind in kinds:
        yield kind
        yield from _with_heirs(kind.__subclasses__())


NOTED = frozenset(
    _with_heirs(
        (
            *(exp.Placeholder, exp.Anonymous, exp.NextValueFor),
            *(exp.Into, exp.Lock, exp.WithTableHint),
            *(exp.Insert, exp.Update, exp.Delete, exp.Merge),
        )
    )
)
"""Found in one walk over each tree: a walk takes a fifth of the time that parsing does."""


class _Grammar(threading.local):
    """sqlglot's readers of each dialect. Making one takes as long as reading a statement; each thread has its own."""

    def __init__(self) -> None:
        self._readers: dict[str, tuple[Tokenizer, Parser]] = {}
        self._sqlite: sqlite3.Connection | None = None

    def _of(self, dialect: Dialect) -> tuple[Tokenizer, Parser]:
        found = self._readers.get(dialect.grammar)
        if found is None:
            reader = grammar_of(dialect)
            found = self._readers[dialect.grammar] = (reader.tokenizer(), reader.parser())
        return found

    def tokens(self, text: str, dialect: Dialect) -> list[Token]:
        """Raises TokenError."""
        return list(self._of(dialect)[0].tokenize(text))

    def tree(
        self, tokens: list[Token], text: str, dialect: Dialect, *, condition: bool
    ) -> exp.Expr | None:
        """Raises ParseError."""
        parser = self._of(dialect)[1]
        trees: list[exp.Expr | None] = (
            parser.parse_into(exp.Condition, tokens, text)
            if condition
            else parser.parse(tokens, text)
        )
        return trees[0]

    def sqlite(self) -> sqlite3.Connection:
        """An empty database, for SQLite's own opinion of a text."""
        if self._sqlite is None:
            self._sqlite = sqlite3.connect(":memory:")
        return self._sqlite


_grammar = _Grammar()


def parse(
    sql: str, dialect: Dialect, known: Mapping[str, Known], *, condition: bool = False
) -> Parsed:
    """Parse exactly one statement, or one condition.

    Raises NotOneStatement, NotAllowed, Unreadable or ForeignPlaceholder; wrong names are in `problems`.
    """
    text, tokens = _only_statement(sql, dialect)
    if not condition and tokens[0].token_type not in _FIRST_WORDS:
        raise NotAllowed(tokens[0].text.lower())
    _refuse_foreign(tokens, dialect)
    candidates = _candidates(text, tokens)
    try:
        tree = _grammar.tree(_marked(tokens, candidates), text, dialect, condition=condition)
    except (ParseError, TokenError):
        _explain(text, dialect, condition=condition)
        raise Unreadable("it cannot be read as SQL") from None
    if tree is None:
        raise Unreadable("it cannot be read as SQL")
    noted = tuple([node for node in tree.walk() if type(node) in NOTED])
    parsed = Parsed(text, tree, tokens, [], set(), [], noted)
    nodes = _placeholders(noted)
    place = _Placer(parsed, dialect, known)
    for index, candidate in enumerate(candidates):
        if index in nodes:
            place(candidate, nodes[index])
            nodes[index].set("this", candidate[2])  # the tree is shown in messages
    return parsed


_Candidate = tuple[int, int, str, int]
"""Start, end of the name, name, position of the colon in the tokens."""


def _only_statement(sql: str, dialect: Dialect) -> tuple[str, list[Token]]:
    sql = sql.lstrip()
    tokens = tokens_of(sql, dialect)
    if dialect.grammar == "mysql" and any(map(_RUN_COMMENT.match, _comments(tokens))):
        raise Unreadable("a comment that begins with `/*!` or `/*M!` is run by the server")
    groups: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            groups.append([])
        else:
            groups[-1].append(token)
    groups = [group for group in groups if group]
    if len(groups) != 1:
        raise NotOneStatement(len(groups))
    start, end = groups[0][0].start, groups[0][-1].end + 1
    text = sql[start:end]
    if start == 0 and sql[end:].rstrip() in {"", ";"}:
        return text, groups[0]
    return text, tokens_of(text, dialect)


def _comments(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        yield from token.comments


def tokens_of(sql: str, dialect: Dialect) -> list[Token]:
    """The words of a part of a statement. Raises Unreadable."""
    try:
        return _grammar.tokens(sql, dialect)
    except TokenError:
        message = "a quote, comment or `$$` body is not closed"
        raise Unreadable(message) from None


def _refuse_foreign(tokens: list[Token], dialect: Dialect) -> None:
    has_names = dialect.grammar == "sqlite"
    foreign = {TokenType.PARAMETER}
    if not dialect.has_question_operator:
        foreign.add(TokenType.PLACEHOLDER)
    for token in tokens:
        kind = token.token_type
        if kind in foreign or (has_names and kind == TokenType.VAR and token.text[:1] in "$@"):
            raise ForeignPlaceholder(token.text)


def _candidates(text: str, tokens: list[Token]) -> list[_Candidate]:
    found: list[_Candidate] = []
    for index, token in enumerate(tokens[:-1]):
        following = tokens[index + 1]
        if token.token_type != TokenType.COLON or following.start != token.end + 1:
            continue
        word = text[following.start : following.end + 1]
        if _WORD.fullmatch(word):
            found.append((token.start, following.end + 1, word, index))
    return found


def _marked(tokens: list[Token], candidates: list[_Candidate]) -> list[Token]:
    """The tokens with each candidate under a name of ours, by which its node is found again."""
    marked = list(tokens)
    for number, (_, _, _, colon) in enumerate(candidates):
        name = tokens[colon + 1]
        marked[colon + 1] = Token(
            TokenType.VAR,
            f"{_MARK}{number}",
            name.line,
            name.col,
            name.start,
            name.end,
            name.comments,
        )
    return marked


def _placeholders(noted: tuple[exp.Expr, ...]) -> dict[int, exp.Expr]:
    """Nodes by the number of their candidate. Raises ForeignPlaceholder."""
    found: dict[int, exp.Expr] = {}
    for node in noted:
        if isinstance(node, exp.Placeholder):
            if not node.name.startswith(_MARK):
                raise ForeignPlaceholder(node.sql())
            found[int(node.name.removeprefix(_MARK))] = node
    return found


def _explain(text: str, dialect: Dialect, *, condition: bool) -> None:
    """Raise Unreadable with the parser's own place, in plain words."""
    head = "select 1 where " if condition else ""
    try:
        _grammar.tree(tokens_of(head + text, dialect), head + text, dialect, condition=False)
    except ParseError as error:
        if not error.errors:
            return
        first = error.errors[0]
        raise Unreadable(_in_words(first, len(head))) from None


def _in_words(error: Mapping[str, object], head: int) -> str:
    seen = str(error.get("highlight") or "")
    line = int(str(error.get("line") or 1))
    column = int(str(error.get("col") or 1)) - len(seen) + 1 - (head if line == 1 else 0)
    said = str(error.get("description") or "")
    where = f"line {line}, column {max(1, column)} of the SQL"
    if said.startswith("Expecting "):
        return f"{where}: expected {said.removeprefix('Expecting ')} before `{seen}`"
    if said.startswith(("Required keyword", "Expected table name")):
        return f"{where}: something is missing at `{seen}`"
    return f"{where}: did not expect `{seen}` here"


class _Placer:
    """Turns each confirmed placeholder into a slot, with what its surroundings ask for."""

    def __init__(self, parsed: Parsed, dialect: Dialect, known: Mapping[str, Known]) -> None:
        self._parsed = parsed
        self._dialect = dialect
        self._known = known

    def __call__(self, candidate: _Candidate, node: exp.Expr) -> None:
        start, end, name, index = candidate
        field = None
        parent = node.parent
        if isinstance(parent, exp.Dot) and parent.this is node:
            field = parent.expression.name
            end = self._parsed.tokens[index + 3].end + 1
            node = parent
        self._parsed.names.add(name)
        known = self._resolve(name, field)
        if known is None:
            return
        if isinstance(node.parent, exp.In) and self._is_list_of_in(node, known):
            self._place_in(start, end, Slot(name, field, "array"), known, node)
            return
        slot = Slot(name, field, self._form(node, known, f":{name}"), _cast(node))
        self._parsed.pieces.append((start, end, slot))

    def _resolve(self, name: str, field: str | None) -> Known | None:
        found = self._known.get(name)
        if found is None:
            self._say(
                "DB305",
                f"`:{name}` is no parameter of this function",
                close(name, self._known, "`:@`"),
            )
            return None
        if field is None:
            if found.type != "row":
                return found
            self._say(
                "DB308",
                f"`:{name}` has several fields",
                f"write one of them, such as `:{name}.{next(iter(found.fields or {}), 'field')}`",
            )
            return None
        if found.type not in {"object", "row", "any"}:
            self._say(
                "DB308", f"`:{name}` is of type {found.type} and has no field `{field}`", None
            )
            return None
        if found.fields is None:
            return Known("any")
        inner = found.fields.get(field)
        if inner is None:
            self._say(
                "DB305",
                f"`:{name}` has no field `{field}`",
                close(field, found.fields, f"`:{name}.@`"),
            )
        return inner

    def _is_list_of_in(self, node: exp.Expr, known: Known) -> bool:
        """Whether the value is the whole list of an `in`, not one element among others."""
        into = node.parent
        if into is None or node.arg_key == "this":
            return False
        if node.arg_key == "field":
            return True
        return known.type == "array" and len(into.expressions) == 1

    def _place_in(self, start: int, end: int, slot: Slot, known: Known, node: exp.Expr) -> None:
        label = f":{slot.label}"
        if known.type not in {"array", "any"}:
            self._say(
                "DB308",
                f"`in {label}` needs a list; {label} is of type {known.type}",
                f"write `= {label}`",
            )
            return
        if known.items not in _SCALARS | {"any"}:
            self._say(
                "DB308",
                f"`in {label}` needs a list of texts, numbers or booleans; it holds {known.items}s",
                None,
            )
            return
        if node.arg_key == "expressions":  # `in (:ids)`: the brackets belong to it
            start, end = (
                self._parsed.text.rindex("(", 0, start),
                self._parsed.text.index(")", end) + 1,
            )
        pieces = self._parsed.pieces
        if self._dialect.lists == "expanded":
            pieces.append((start, end, slot))
            return
        if self._dialect.lists == "json":
            pieces.append((start, start, "(select value from json_each("))
            pieces.append((start, end, Slot(slot.name, slot.field)))
            pieces.append((end, end, "))"))
            return
        before = [token for token in self._parsed.tokens if token.end < start][-2:]
        negated = before[0].token_type == TokenType.NOT
        first = before[0].start if negated else before[1].start
        pieces.append((first, start, "<> all(" if negated else "= any("))
        pieces.append((start, end, slot))
        pieces.append((end, end, ")"))

    def _form(self, node: exp.Expr, known: Known, label: str) -> Form:
        if known.type == "number":
            return "number"
        if known.type != "array":
            return "auto"
        outer = node.parent
        cast_to_list = False
        while isinstance(outer, exp.Paren | exp.Cast):
            cast_to_list = cast_to_list or (isinstance(outer, exp.Cast) and _is_list(outer))
            outer = outer.parent
        asks = isinstance(outer, (exp.Any, exp.Unnest)) or (
            isinstance(outer, exp.Anonymous) and outer.name.lower() in _CALLED_ANY
        )
        if asks and not self._dialect.has_arrays:
            other = f" or `json_each({label})`" if self._dialect.lists == "json" else ""
            self._say(
                "DB308",
                f"{self._dialect.title} has no any() or unnest(), so {label} cannot go there",
                f"write `in {label}`{other}",
            )
        return "array" if (asks or cast_to_list) and self._dialect.has_arrays else "auto"

    def _say(self, code: str, message: str, fix: str | None) -> None:
        found = Found(code, message, fix)
        if found not in self._parsed.problems:
            self._parsed.problems.append(found)


def _is_list(cast: exp.Cast) -> bool:
    return cast.to.is_type(exp.DataType.Type.ARRAY)


def _cast(node: exp.Expr) -> str | None:
    outer = node.parent
    return outer.to.sql("postgres").lower() if isinstance(outer, exp.Cast) else None


def close(word: str, known: Mapping[str, object], shape: str) -> str:
    """A "did you mean", where `@` in `shape` stands for the word; or the list of what there is."""
    if meant := closest(word, known):
        return f"did you mean {shape.replace('@', meant)}?"
    return f"there are: {', '.join(known)}" if known else "no parameters are declared"


def sqlite_syntax_error(text: str) -> str | None:
    """What SQLite's own parser says of a statement, tables unknown; None when it reads well."""
    try:
        _grammar.sqlite().execute(f"explain {text}").close()
    except sqlite3.OperationalError as error:
        said = str(error)
        return said if "syntax error" in said or "incomplete input" in said else None
    except sqlite3.Error:
        return None  # such as values that are missing: the text was read
    return None
