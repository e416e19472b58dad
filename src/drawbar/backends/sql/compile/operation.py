"""Business operations: look up (`let`), check (`guard`), do (`statements`), tell (`returns`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from drawbar.backends.sql.compile.author import Author
from drawbar.backends.sql.compile.call import compile_routine
from drawbar.backends.sql.compile.check import column_names
from drawbar.backends.sql.compile.messages import check_holes, compile_test
from drawbar.backends.sql.compile.reading import check_column_types
from drawbar.backends.sql.compile.steps import ANY, compile_steps, known_list, known_row, walking
from drawbar.backends.sql.execute.affected import TELLS_CHANGES
from drawbar.backends.sql.execute.once import once_in
from drawbar.backends.sql.options import GuardSpec, LetSpec, SqlBackendSpec, SqlFunctionSpec
from drawbar.backends.sql.parse import Found, close
from drawbar.backends.sql.plan import Answer, Guard, Let, Operation, Reading
from drawbar.backends.sql.signature import Signature
from drawbar.compiler.kind import Plan
from drawbar.spec.source import At


def compile_operation(
    author: Author,
    spec: SqlFunctionSpec,
    backend: SqlBackendSpec,
    readings: Mapping[str, Plan],
    broken: Iterable[str],
) -> Operation:
    """The operation; `readings` are those of the adapter, `broken` readings have problems of their own."""
    lets, guards = _before(author, spec)
    steps, columns = compile_steps(author, spec)
    rows = spec.returns.rows or spec.rows
    if rows is not None and "" not in columns:
        author.add(
            ("returns", "rows") if spec.returns.rows else ("rows",),
            Found(
                "DB314",
                "`rows` has no meaning here, since no statement has `returning` without `as`",
            ),
        )
    check_column_types(author, spec, columns, "is no name under `as`")
    return Operation(
        steps=steps,
        rows=rows or "many",
        told=author.told,
        not_found=spec.not_found,
        max_affected_rows=spec.max_affected_rows or backend.max_affected_rows,
        lets=lets,
        guards=guards,
        answer=_answer(author, spec, readings, broken),
        columns=spec.columns,
        once=once_in(author.dialect, spec.once) if spec.once else None,
        undone=spec.dry_run == "rollback",
    )


def compile_called(
    author: Author,
    spec: SqlFunctionSpec,
    signature: Signature,
    backend: SqlBackendSpec,
    readings: Mapping[str, Plan],
    broken: Iterable[str],
) -> Operation | None:
    """An operation that calls a routine in place of statements."""
    lets, guards = _before(author, spec)
    counts = author.dialect.name in TELLS_CHANGES and spec.effect != "read"
    most = spec.max_affected_rows or (backend.max_affected_rows if counts else None)
    routine = compile_routine(author, spec, signature)
    answer = _answer(author, spec, readings, broken)
    if routine is None:
        return None
    transaction: Literal["changing", "reading", "none"] = "changing"
    if spec.effect == "read":
        transaction = "reading"
    elif spec.transaction == "none":
        transaction = "none"
    return Operation(
        steps=(),
        told=author.told,
        not_found=spec.not_found,
        max_affected_rows=None if transaction == "none" else most,
        expected=spec.expect_rows,
        lets=lets,
        guards=guards,
        answer=answer,
        columns=spec.columns,
        once=once_in(author.dialect, spec.once) if spec.once else None,
        undone=spec.dry_run == "rollback",
        routine=routine,
        transaction=transaction,
    )


def _before(author: Author, spec: SqlFunctionSpec) -> tuple[tuple[Let, ...], tuple[Guard, ...]]:
    """What is looked up and checked first."""
    lets = [let for name in spec.let if (let := _let(author, spec, name)) is not None]
    guards = [_guard(author, guard, index) for index, guard in enumerate(spec.guard)]
    return tuple(lets), tuple(guard for guard in guards if guard is not None)


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
    author.known[name] = ANY  # later uses of a broken one are no mistakes of their own
    if parsed is None:
        return None
    columns = column_names(parsed, author.dialect)
    if is_list:
        author.known[name] = known_list(columns)
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
    author.known[name] = known_row(columns)
    return Let(name, author.query(parsed), "row")


def _guard(author: Author, guard: GuardSpec, index: int) -> Guard | None:
    at: At = ("guard", index)
    if (guard.if_ is None) == (guard.unless is None):
        author.add(at, Found("DB316", "a guard has exactly one of `if` and `unless`"))
        return None
    word, sql = ("if", guard.if_) if guard.if_ is not None else ("unless", guard.unless or "")
    with walking(author, guard.for_each, (*at, "for_each")) as walks:
        found = compile_test(author, sql or "", (*at, word))
        if found is None:
            return None
        query, columns = found
        check_holes(author, guard.message, (*at, "message"), columns if word == "if" else ())
    return Guard(query, word == "if", guard.code, guard.message, walks)


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
