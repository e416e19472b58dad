"""`query`: what a free query may read, and how the model is told of it."""

from __future__ import annotations

from collections.abc import Iterator

from drawbar.backends.sql.compile.author import Author
from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.free.guard import LONGEST
from drawbar.backends.sql.free.words import FUNCTIONS, WORDS
from drawbar.backends.sql.options import QuerySpec, QueryTableSpec, SqlBackendSpec, SqlFunctionSpec
from drawbar.backends.sql.parse import Found
from drawbar.backends.sql.plan import ARGUMENT, FreeQuery, FreeTable
from drawbar.compiler.kind import Parameter, Plan

TELLS_COST = {"postgresql", "mariadb", "duckdb"}
HAS_LOGINS = {"postgresql", "mariadb", "firebird", "h2"}


_FORMS = {
    "firebird": "First rows by `fetch first 10 rows only`, days by `dateadd(day, 1, x)`. ",
}
"""Of several that the database knows, those that are read here."""


def compile_query(
    author: Author, spec: SqlFunctionSpec, query: QuerySpec, backend: SqlBackendSpec, *, alone: bool
) -> Plan | None:
    """`alone`: the adapter has free queries only, so the backend's login is theirs."""
    for found in _problems(author.dialect, spec, query, backend, alone=alone):
        author.add(("query",), found)
    if author.is_broken():
        return None
    tables = tuple(
        FreeTable(*_split(name), tuple(table.columns)) for name, table in query.tables.items()
    )
    binding = FreeQuery(author.dialect, tables, query.functions, query.max_cost)
    return Plan((_parameter(author.dialect, query),), binding, told=_told(author.dialect, query))


def _split(name: str) -> tuple[str | None, str]:
    schema, _, table = name.rpartition(".")
    return schema or None, table


def _problems(
    dialect: Dialect,
    spec: SqlFunctionSpec,
    query: QuerySpec,
    backend: SqlBackendSpec,
    *,
    alone: bool,
) -> Iterator[Found]:
    if not dialect.asked_as:
        message = f"no free query can be guarded on {dialect.title}{_unproved(dialect)}"
        yield Found("DB324", message, "write readings, each with its `sql`")
        return
    if backend.query_login is None and dialect.asked_as in HAS_LOGINS and not alone:
        yield Found(
            "DB324",
            "a free query needs a login of its own, which may read what it lists and no more",
            "add `query_login: {username: ..., password: ...}` under `backend`",
        )
    if query.max_cost is not None and dialect.asked_as not in TELLS_COST:
        fix = "leave `max_cost` out; `limits: {timeout: ...}` holds"
        yield Found("DB324", f"{dialect.title} does not tell what a query would cost", fix)
    if spec.effect != "read":
        message = f"`query` only reads, but the function says `effect: {spec.effect}`"
        yield Found("DB311", message, "leave `effect` out")
    if spec.parameters:
        message = f"`query` has one parameter, `{ARGUMENT}`, which comes by itself"
        yield Found("DB314", message, "leave `parameters` out; a view can hold what is fixed")
    for name in query.functions:
        if name in WORDS:
            yield Found("DB324", f"`{name}` is a word of SQL, and no function")


def _unproved(dialect: Dialect) -> str:
    """Why not, where the same database could be asked another way."""
    if dialect.grammar in {"postgres", "mysql", "firebird"} and dialect.name in {"odbc", "jdbc"}:
        return ": what its driver makes of a statement was not tried; its own kind of `url` can be asked"
    return ": nothing behind the gateway is known to hold there what a model writes"


def _parameter(dialect: Dialect, query: QuerySpec) -> Parameter:
    functions = sorted(FUNCTIONS[dialect.asked_as] | set(query.functions))
    forms = _FORMS.get(dialect.asked_as, "")
    description = f"One select of {dialect.title}. {forms}Functions: {', '.join(functions)}."
    return Parameter(
        ARGUMENT,
        {"type": "string", "minLength": 1, "maxLength": LONGEST, "description": description},
    )


def _told(dialect: Dialect, query: QuerySpec) -> str:
    lines = [
        f"`{ARGUMENT}` is one select in the SQL of {dialect.title} over these tables and columns only:",
        *(_line(name, table) for name, table in query.tables.items()),
    ]
    return "\n".join(lines)


def _line(name: str, table: QueryTableSpec) -> str:
    columns = ", ".join(
        column if text is None else f"{column} ({text})" for column, text in table.columns.items()
    )
    return f"- {name}: {columns}" + (f" -- {table.description}" if table.description else "")
