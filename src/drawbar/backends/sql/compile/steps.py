"""The changes of a business operation: `if`, `unless`, `for_each`, `expect_rows`, `as`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from drawbar.backends.sql.compile.author import Author
from drawbar.backends.sql.compile.check import check_change, check_columns, column_names, has_rows
from drawbar.backends.sql.compile.messages import check_holes, compile_test
from drawbar.backends.sql.compile.reading import Columns
from drawbar.backends.sql.options import ManySpec, SqlFunctionSpec, StatementSpec
from drawbar.backends.sql.parse import Found, Known, Parsed, close
from drawbar.backends.sql.plan import Kept, Otherwise, Step, Test, Walk
from drawbar.spec.source import At

ANY = Known("any")
_COUNTED = {"rows", "rows_affected"}
"""What an answer holds beside the rows that have a name."""


def compile_steps(author: Author, spec: SqlFunctionSpec) -> tuple[tuple[Step, ...], Columns]:
    """In order, as each may use what the ones before it keep. Broken ones are noted and left out.

    With the columns of `returning` by their name, "" for those without.
    """
    columns: dict[str, tuple[str, ...] | None] = {}
    steps = [
        _step(author, statement, ("statements", index), columns)
        for index, statement in enumerate(spec.statements)
    ]
    return tuple(step for step in steps if step is not None), columns


def known_row(columns: tuple[str, ...]) -> Known:
    """A row of which only the fields can be used."""
    return Known("row", fields=dict.fromkeys(columns, ANY))


def known_list(columns: tuple[str, ...] | None) -> Known:
    """A list of rows; None: a `*` hides the columns."""
    element = Known("object") if columns is None else known_row(columns)
    return Known("array", items="object", element=element)


def _step(
    author: Author, spec: StatementSpec, at: At, columns: dict[str, tuple[str, ...] | None]
) -> Step | None:
    is_mapping = (*author.at, *at, "sql") in author.report.source.places
    with walking(author, spec.for_each, (*at, "for_each")) as walks:
        test = _test(author, spec, at)
        parsed = author.parse(spec.sql, (*at, "sql") if is_mapping else at)
        if parsed is not None:
            for found in (
                *check_change(parsed, author.dialect),
                *check_columns(parsed, author.dialect),
            ):
                author.add((*at, "sql") if is_mapping else at, found)
        otherwise = _otherwise(author, spec, at)
    kept = _kept(author, spec, parsed, at)
    if parsed is None:
        return None
    if has_rows(parsed.tree):
        columns[kept.name if kept else ""] = column_names(parsed, author.dialect)
    return Step(author.statement(parsed), spec.expect_rows, otherwise, test, walks, kept)


@contextmanager
def walking(author: Author, lists: Mapping[str, str], at: At) -> Iterator[tuple[Walk, ...]]:
    """The elements of these lists are known for the length of one statement or guard."""
    known, used = dict(author.known), set(author.used)
    author.used.difference_update(lists)
    for variable, name in lists.items():
        if variable in known:
            author.add(
                (*at, variable),
                Found("DB316", f"`{variable}` is known already", "give the element another name"),
            )
        author.known[variable] = _element(author, known, name, (*at, variable))
        author.used.add(name)
    yield tuple(Walk(variable, name) for variable, name in lists.items())
    _check_turns(author, lists, at)
    author.known.clear()
    author.known.update(known)
    author.used.difference_update(lists)
    author.used |= used


def _element(author: Author, known: Mapping[str, Known], name: str, at: At) -> Known:
    found = known.get(name)
    lists = {each: one for each, one in known.items() if one.type == "array"}
    if found is None:
        author.add(
            at,
            Found(
                "DB305",
                f"`{name}` is no list of this function",
                close(name, lists, "`@`") if lists else "no lists are known here",
            ),
        )
        return ANY
    if found.type not in {"array", "any"}:
        author.add(at, Found("DB308", f"`{name}` is no list; it is of type {found.type}", None))
        return ANY
    return found.element or ANY


def _check_turns(author: Author, lists: Mapping[str, str], at: At) -> None:
    """A variable that is not used was written for nothing, or is misspelt."""
    for variable in lists:
        if variable not in author.used and not author.is_broken(at[:-1]):
            author.add(
                (*at, variable),
                Found(
                    "DB306",
                    f"`{variable}` is not used here",
                    f"write `:{variable}` or `:{variable}.FIELD` where it belongs",
                ),
            )


def _test(author: Author, spec: StatementSpec, at: At) -> Test | None:
    if spec.if_ is not None and spec.unless is not None:
        author.add(at, Found("DB316", "a statement has at most one of `if` and `unless`"))
        return None
    word, sql = ("if", spec.if_) if spec.if_ is not None else ("unless", spec.unless)
    found = None if sql is None else compile_test(author, sql, (*at, word))
    return None if found is None else Test(found[0], word == "if")


def _otherwise(author: Author, spec: StatementSpec, at: At) -> Otherwise | None:
    if spec.otherwise is None:
        return None
    if spec.expect_rows is None:
        author.add(
            (*at, "otherwise"),
            Found(
                "DB314",
                "`otherwise` says what is answered when `expect_rows` does not hold, and that is missing",
                "add `expect_rows: 1`",
            ),
        )
    check_holes(author, spec.otherwise.message, (*at, "otherwise", "message"))
    return Otherwise(spec.otherwise.code, spec.otherwise.message)


def _kept(author: Author, spec: StatementSpec, parsed: Parsed | None, at: At) -> Kept | None:
    if spec.as_ is None:
        return None
    name = spec.as_.many if isinstance(spec.as_, ManySpec) else spec.as_
    is_list = isinstance(spec.as_, ManySpec) or bool(spec.for_each)
    at = (*at, "as")
    if name in author.known or name in _COUNTED:
        author.add(at, Found("DB316", f"`{name}` is taken", "give it another name"))
        return None
    author.known[name] = ANY  # later uses of a broken one are no mistakes of their own
    if parsed is None:
        return None
    columns = column_names(parsed, author.dialect)
    if not has_rows(parsed.tree):
        message = "`as` names rows, and the statement answers none"
        fix = "add `returning` with the columns that are needed"
        author.add(at, Found("DB314", message, fix))
    elif is_list:
        author.known[name] = known_list(columns)
        return Kept(name, "list")
    elif columns is None:
        message = "`*` hides the names of the fields"
        author.add(at, Found("DB312", message, "write out the columns that are needed"))
    elif len(columns) > 1:
        author.known[name] = known_row(columns)
        return Kept(name, "row")
    return Kept(name, "value")
