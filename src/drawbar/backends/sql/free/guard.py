"""From the text of a model to a statement that reads nothing but what its adapter lists.

The text is parsed, judged node by node, rewritten so that only the listed columns are in reach, written anew from what
was understood (comments and quirks of the original are gone), and that new text is judged once more word by
word. What is executed is the new text. Behind all of this stands the database's own wall.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import ErrorLevel, exp
from sqlglot.errors import UnsupportedError

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.free.scope import Denied, place_of, rewrite
from drawbar.backends.sql.free.speak import speak, understand
from drawbar.backends.sql.free.text import Unknown, unknown_words
from drawbar.backends.sql.free.words import FUNCTIONS, NODES
from drawbar.backends.sql.grammars import grammar_of
from drawbar.backends.sql.parse import (
    ForeignPlaceholder,
    NotAllowed,
    NotOneStatement,
    Parsed,
    Unreadable,
    parse,
)
from drawbar.backends.sql.plan import ARGUMENT, FreeQuery, Statement
from drawbar.kernel.ports import BackendError
from drawbar.spec.names import closest

LONGEST = 10_000
"""Characters of a text."""
_MOST_WORDS = 3000
_DEEPEST = 40
_SHOWN = 8
_NAMES = {
    "Into": "`select into`, which makes a table,",
    "Lock": "locking rows (`for update`, `for share`)",
    "Parameter": "a variable",
    "SessionParameter": "a setting of the server",
    "Placeholder": "a placeholder",
    "Dot": "a name with a dot",
    "TableSample": "`tablesample`",
    "Hint": "a hint",
    "Introducer": "a text with a character set",
    "RawString": "a text between dollar signs",
    "HexString": "a hexadecimal text",
    "BitString": "a text of bits",
    "ByteString": "a text with escapes",
    "UnicodeString": "a text with escapes",
    "National": "a national text",
    "ObjectIdentifier": "a name of the catalogue as a type",
    "Insert": "`insert`",
    "Update": "`update`",
    "Delete": "`delete`",
    "Merge": "`merge`",
}


def guard(text: str, query: FreeQuery) -> Statement:
    """The statement to be executed. Raises BackendError with everything that is not allowed, before anything is sent."""
    try:
        return Statement(written := _judged(text, query), (), written, parts=(written,))
    except RecursionError:
        raise _refused(text, [Denied("it is nested too deeply", "write it simpler")]) from None


def _judged(text: str, query: FreeQuery) -> str:
    parsed = _parsed(text, query.dialect)
    tree = parsed.tree
    denied = [Denied(each.message, "write values as they are") for each in parsed.problems]
    if not isinstance(tree, exp.Query):
        raise _refused(text, [Denied(f"`{tree.key}` is no select", "write one select")])
    understand(tree, query.dialect.asked_as)
    denied += _foreign_nodes(tree)
    denied += _odd_calls(tree)
    denied += rewrite(tree, query) if not denied else ()
    if denied:
        raise _refused(parsed.text, [*denied, *_foreign_functions(parsed.text, query)])
    try:
        speak(tree, query.dialect.asked_as, lambda node: _text_of(node, query.dialect))
        written = _text_of(tree, query.dialect)
    except UnsupportedError as error:
        raise _refused(
            parsed.text, [Denied(f"{query.dialect.title} cannot do this: {error}")]
        ) from None
    denied = list(_unknown(written, parsed.text, query))
    if denied:
        raise _refused(parsed.text, denied)
    return written


def _text_of(node: exp.Expr, dialect: Dialect) -> str:
    """Raises UnsupportedError."""
    return str(
        grammar_of(dialect).generate(
            node, copy=False, comments=False, identify=True, unsupported_level=ErrorLevel.RAISE
        )
    )


def _parsed(text: str, dialect: Dialect) -> Parsed:
    if strange := re.search(r"[^\S \n\r\t]|[\x00-\x08\x0e-\x1f\x7f]", text):
        message = f"it holds the character U+{ord(strange[0]):04X}"
        raise _refused(text, [Denied(message, "write plain spaces and line ends", strange.start())])
    deepest = depth = 0
    for sign in text:
        depth += (sign in "([") - (sign in ")]")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST or len(text) > LONGEST:
        message = f"it is too long or nested too deeply; {LONGEST} characters and {_DEEPEST} levels are allowed"
        raise _refused(text, [Denied(message, "write it simpler")])
    try:
        parsed = parse(text, dialect, {})
    except NotOneStatement as error:
        message = f"one select belongs here, and there are {error.count} statements"
        raise _refused(text, [Denied(message)]) from None
    except NotAllowed as error:
        message = f"a statement that begins with `{error}` is not allowed"
        raise _refused(text, [Denied(message, "write one select")]) from None
    except ForeignPlaceholder as error:
        message = f"`{error}` is a placeholder or a variable"
        raise _refused(text, [Denied(message, "write values as they are")]) from None
    except Unreadable as error:
        raise _refused(text, [Denied(f"it cannot be read: {error}")]) from None
    if len(parsed.tokens) > _MOST_WORDS:
        message = f"it has {len(parsed.tokens)} words; {_MOST_WORDS} are allowed"
        raise _refused(text, [Denied(message)])
    return parsed


def _foreign_nodes(tree: exp.Expr) -> Iterator[Denied]:
    """Whatever is not known to be harmless."""
    seen: set[str] = set()
    for node in tree.walk():
        name = type(node).__name__
        if isinstance(node, exp.DataType) and node.this == exp.DType.USERDEFINED:
            message = f"the type `{node.sql(comments=False)}` is not allowed"
            yield Denied(message, None, place_of(node))
        if name in NODES or isinstance(node, exp.Func) or name in seen:
            continue
        seen.add(name)
        yield Denied(f"{_NAMES.get(name, f'`{name}`')} is not allowed", None, place_of(node))


def _odd_calls(tree: exp.Expr) -> Iterator[Denied]:
    """Functions whose name is more than a word."""
    for node in tree.find_all(exp.Anonymous):
        if not isinstance(node.this, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", node.this):
            yield Denied(f"the function `{node.name}` is not allowed", None, place_of(node))


def _foreign_functions(text: str, query: FreeQuery) -> Iterator[Denied]:
    """So that a refusal for another reason names these at once; what is executed is judged by `_unknown`."""
    known = FUNCTIONS[query.dialect.asked_as] | frozenset(query.functions)
    for name in dict.fromkeys(re.findall(r"\b([a-z_]+(?:_[a-z0-9]+)+)\s*\(", text.lower())):
        if name not in known:
            yield _no_function(name, text, query)


def _unknown(written: str, text: str, query: FreeQuery) -> Iterator[Denied]:
    try:
        found = dict.fromkeys(unknown_words(written, query.dialect, frozenset(query.functions)))
    except Unknown as error:
        yield Denied(f"`{error}` is not allowed", None)
        return
    for shape, word in found:
        if shape == "operator":
            yield _no_function(word, text, query)
        else:
            yield Denied(f"`{word.lower()}` is not allowed", None, _offset(word, text))


def _no_function(name: str, text: str, query: FreeQuery) -> Denied:
    known = FUNCTIONS[query.dialect.asked_as] | frozenset(query.functions)
    plain = name.strip('"`').lower()
    near = closest(plain, known)
    fix = f"did you mean `{near}`?" if near else "the parameter's description lists the functions"
    return Denied(f"the function `{plain}` is not allowed", fix, _offset(plain, text))


def _offset(word: str, text: str) -> int | None:
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE)
    return found.start() if found else None


def _refused(text: str, denied: list[Denied]) -> BackendError:
    """All of it in one text: what, where, and what is allowed."""
    lines = [_line(each, text) for each in dict.fromkeys(denied)]
    more = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return BackendError(
        "; ".join(lines[:_SHOWN]) + more,
        code="query_refused",
        work="not_started",
        argument=ARGUMENT,
    )


def _line(denied: Denied, text: str) -> str:
    said = denied.message if denied.fix is None else f"{denied.message} ({denied.fix})"
    if denied.at is None:
        return said
    line = text.count("\n", 0, denied.at) + 1
    column = denied.at - text.rfind("\n", 0, denied.at)
    return f"line {line}, column {column}: {said}"
