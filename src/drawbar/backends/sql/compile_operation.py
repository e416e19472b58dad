"""Business operations: look up (`let`), check (`guard`), do (`statements`), tell (`returns`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from drawbar.backends.sql.author import Author
from drawbar.backends.sql.check import (
    check_change,
    check_columns,
    check_inside,
    column_names,
)
from drawbar.backends.sql.options import GuardSpec, LetSpec, SqlBackendSpec, SqlFunctionSpec
from drawbar.backends.sql.parse import Found, Known, close
from drawbar.backends.sql.plan import (
    HOLE,
    Answer,
    Guard,
    Let,
    Operation,
    Query,
    Reading,
    Step,
    render,
)
from drawbar.compiler.kind import Plan
from drawbar.spec.source import At

_SELECT = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
_ANY = Known("any")


def compile_operation(
    author: Author,
    spec: SqlFunctionSpec,
    backend: SqlBackendSpec,
    readings: Mapping[str, Plan],
    broken: Iterable[str],
) -> Operation:
    """The operation; `readings` are those of the adapter, `broken` readings have problems of their own."""
    lets = [let for name in spec.let if (let := _let(author, spec, name)) is not None]
    guards = [_guard(author, guard, index) for index, guard in enumerate(spec.guard)]
    steps = _steps(author, spec)
    rows = spec.returns.rows or spec.rows
    if rows is not None and not any(step.statement.answers for step in steps):
        author.add(
            ("returns", "rows") if spec.returns.rows else ("rows",),
            Found("DB314", "`rows` has no meaning here, since no statement has `returning`"),
        )
    return Operation(
        steps=steps,
        rows=rows or "many",
        told=author.told,
        not_found=spec.not_found,
        max_affected_rows=spec.max_affected_rows or backend.max_affected_rows,
        lets=tuple(lets),
        guards=tuple(guard for guard in guards if guard is not None),
        answer=_answer(author, spec, readings, broken),
    )


def _steps(author: Author, spec: SqlFunctionSpec) -> tuple[Step, ...]:
    steps: list[Step] = []
    for index, statement in enumerate(spec.statements):
        at: At = ("statements", index)
        if (*author.at, *at, "sql") in author.report.source.places:
            at = (*at, "sql")
        parsed = author.parse(statement.sql, at)
        if parsed is None:
            continue
        for found in (*check_change(parsed), *check_columns(parsed, author.dialect)):
            author.add(at, found)
        steps.append(Step(author.statement(parsed), statement.expect_rows))
    return tuple(steps)


def _let(author: Author, spec: SqlFunctionSpec, name: str) -> Let | None:
    at: At = ("let", name)
    written = spec.let[name]
    is_list = isinstance(written, LetSpec)
    if name in spec.parameters:
        author.add(
            at, Found("DB316", f"`{name}` is also a parameter", "give one of them another name")
        )
        return None
    sql = written.many if isinstance(written, LetSpec) else written
    parsed = author.select(sql, (*at, "many") if is_list else at)
    author.known[name] = _ANY  # later uses of a broken one are no mistakes of their own
    if parsed is None:
        return None
    columns = column_names(parsed, author.dialect)
    if is_list:
        author.known[name] = Known("array", items="object")
        return Let(name, author.query(parsed), "list")
    if columns is None:
        author.add(
            at,
            Found(
                "DB312",
                "`*` hides the names of the fields",
                "write out the columns that are needed",
            ),
        )
        return None
    if len(columns) == 1:
        return Let(name, author.query(parsed), "value")
    author.known[name] = Known("row", fields=dict.fromkeys(columns, _ANY))
    return Let(name, author.query(parsed), "row")


def _guard(author: Author, guard: GuardSpec, index: int) -> Guard | None:
    at: At = ("guard", index)
    if (guard.if_ is None) == (guard.unless is None):
        author.add(at, Found("DB316", "a guard has exactly one of `if` and `unless`"))
        return None
    word, sql = ("if", guard.if_) if guard.if_ is not None else ("unless", guard.unless or "")
    found = _test(author, sql or "", (*at, word))
    if found is None:
        return None
    query, columns = found
    _check_holes(author, guard.message, (*at, "message"), columns if word == "if" else ())
    return Guard(query, word == "if", guard.code, guard.message)


def _test(author: Author, sql: str, at: At) -> tuple[Query, tuple[str, ...] | None] | None:
    """A select, or a condition that is run as one; with the names of its columns."""
    if _SELECT.match(sql):
        parsed = author.select(sql, at)
        return (
            None if parsed is None else (author.query(parsed), column_names(parsed, author.dialect))
        )
    condition = author.parse(sql, at, condition=True)
    if condition is None:
        return None
    for found in check_inside(condition.tree):
        author.add(at, found)
    statement = render(
        (f"select 1 as hit{author.dialect.one_row} where (", *condition.whole(), ")"),
        author.dialect,
    )
    return Query(author.dialect, statement), ()


def _check_holes(author: Author, message: str, at: At, columns: tuple[str, ...] | None) -> None:
    """Every hole is a parameter, a looked-up value or a column; None: the columns are not known."""
    for hole in HOLE.findall(message):
        name, _, inner = hole.partition(".")
        known = author.known.get(name)
        author.used.add(name)
        if not inner and hole in (columns or ()):
            continue
        if known is None and columns is not None:
            names = author.known | dict.fromkeys(columns, _ANY)
            meant = close(name, names, "`{@}`")
            author.add(at, Found("DB320", f"`{{{hole}}}` names nothing that is known here", meant))
        elif inner and known is not None and known.fields is not None and inner not in known.fields:
            meant = close(inner, known.fields, f"`{{{name}.@}}`")
            author.add(at, Found("DB320", f"`{name}` has no field `{inner}`", meant))
        elif not inner and known is not None and known.type == "row":
            author.add(
                at, Found("DB320", f"`{name}` has several fields", f"write `{{{name}.FIELD}}`")
            )


def _answer(
    author: Author, spec: SqlFunctionSpec, readings: Mapping[str, Plan], broken: Iterable[str]
) -> Answer | None:
    name = spec.returns.from_
    if name is None or name in broken:
        return None
    at: At = ("returns", "from")
    plan = readings.get(name)
    if plan is None or not isinstance(plan.binding, Reading):
        fix = close(name, readings, "`@`") if readings else None
        author.add(at, Found("DB321", f"no reading of this adapter is called `{name}`", fix))
        return None
    constants = {each.name: each.value for each in plan.parameters if each.source == "const"}
    taken: list[str] = []
    for parameter in plan.parameters:
        known = author.known.get(parameter.name)
        if known is not None and known.type != "row":
            taken.append(parameter.name)
            author.used.add(parameter.name)
        elif parameter.name not in constants and parameter.required:
            author.add(
                at,
                Found(
                    "DB321",
                    f"`{name}` needs `{parameter.name}`, which is neither a parameter nor a value of `let` here",
                ),
            )
    return Answer(plan.binding, tuple(taken), constants)
