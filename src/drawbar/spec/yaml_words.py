"""What is wrong with a file that is no YAML, in words that do not need the YAML specification."""

from __future__ import annotations

import yaml

_IN_QUOTES = "put the whole text in quotes"


def in_plain_words(error: yaml.YAMLError, text: str) -> tuple[int, int, str, str | None]:
    """Line and column (from 1), message and fix."""
    if isinstance(error, yaml.reader.ReaderError):
        return _unreadable(error, text)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or error)
    context = str(getattr(error, "context", None) or "")
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    lines = text.splitlines()
    rest = lines[line][column:] if line < len(lines) else ""
    message, fix = _explain(problem, context, rest)
    return line + 1, column + 1, message, fix


def _unreadable(error: yaml.reader.ReaderError, text: str) -> tuple[int, int, str, str | None]:
    position = error.position if isinstance(error.position, int) else 0
    character = error.character if isinstance(error.character, int) else ord(str(error.character))
    found = text.find(chr(character))
    position = found if found >= 0 else position
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    return (
        line,
        column,
        f"the character U+{character:04X} cannot be part of a YAML file",
        'remove it, or write it in double quotes as an escape such as "\\x07"',
    )


def _explain(problem: str, context: str, rest: str) -> tuple[str, str | None]:
    first = rest[:1]
    if first == "\t":
        return "a tab stands where YAML wants blanks", "indent with blanks only"
    if first in ("@", "`", "%") and "cannot start any token" in problem:
        return f"a text without quotes cannot begin with {first}", _IN_QUOTES
    for words, (message, fix) in _KNOWN.items():
        if words in problem or words in context:
            return message, fix
    return f"this is not YAML: {problem}", None


_KNOWN: dict[str, tuple[str, str | None]] = {
    "mapping values are not allowed": (
        "a second colon stands in this value, or the line is indented too far",
        'put a text that holds ": " in quotes, or align the key with the keys above',
    ),
    "found unexpected end of stream": (
        "the file ends inside a text in quotes",
        "close the quotes",
    ),
    "could not find expected ':'": (
        "this line is neither `key: value` nor part of a longer text",
        "write a colon and a blank after the key, or indent the text below its key",
    ),
    "did not find expected ',' or ']'": (
        "this list in brackets is not closed, or a comma is missing",
        "separate its elements with commas and close it with ]",
    ),
    "did not find expected ',' or '}'": (
        "this mapping in braces is not closed, or a comma is missing",
        "separate its entries with commas and close it with }",
    ),
    "expected ',' or ']'": (
        "this list in brackets is not closed, or a comma is missing",
        "separate its elements with commas and close it with ]",
    ),
    "expected ',' or '}'": (
        "this mapping in braces is not closed, or a comma is missing",
        "separate its entries with commas and close it with }",
    ),
    "unknown escape character": (
        "the backslash in this text in double quotes begins no known escape",
        "write \\\\ for a backslash, or use single quotes",
    ),
    "while parsing a block mapping": (
        "this line does not belong to the keys above it",
        "indent it like the other keys, and close every quote and bracket before it",
    ),
    "while parsing a block collection": (
        "this line does not belong to the list above it",
        "begin each element with `- `, all at the same column",
    ),
    "block sequence entries are not allowed": (
        "a list cannot begin here",
        "begin it on the line after its key",
    ),
    "did not find expected <document start>": (
        "this line does not belong to what stands above it",
        "align it with the first key of the file",
    ),
    "did not find expected node content": (
        "a value is missing here",
        "write a value, or put a text that holds special characters in quotes",
    ),
    "cannot start any token": (
        "a text without quotes cannot begin like this",
        _IN_QUOTES,
    ),
    "while scanning an anchor": (
        "& begins a name that can be repeated, and no name follows",
        _IN_QUOTES,
    ),
    "while scanning an alias": (
        "* repeats something that was named with &, and no name follows",
        _IN_QUOTES,
    ),
    "while scanning a block scalar": (
        "after | or > stands something that does not belong there",
        "begin the text on the next line, indented",
    ),
}
