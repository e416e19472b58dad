"""`query`: what a free query may read, and how the model is told of it."""

from __future__ import annotations

from collections.abc import Iterator

from drawbar.backends.sql.compile.author import Author
from drawbar.backends.sql.dialect import DUCKDB, MARIADB, POSTGRESQL, Dialect
from drawbar.backends.sql.free.guard import LONGEST
from drawbar.backends.sql.free.words import FUNCTIONS, WORDS
from drawbar.backends.sql.options import QuerySpec, QueryTableSpec, SqlBackendSpec, SqlFunctionSpec
from drawbar.backends.sql.parse import Found
from drawbar.backends.sql.plan import ARGUMENT, FreeQuery, FreeTable
from drawbar.compiler.kind import Parameter, Plan

TELLS_COST = (POSTGRESQL, MARIADB, DUCKDB)
HAS_LOGINS = (POSTGRESQL, MARIADB)


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
    if dialect.name not in FUNCTIONS:
        fix = "write readings, each with its `sql`"
        yield Found("DB324", f"no free query can be guarded on {dialect.title}", fix)
        return
    if backend.query_login is None and dialect in HAS_LOGINS and not alone:
        yield Found(
            "DB324",
            "a free query needs a login of its own, which may read what it lists and no more",
            "add `query_login: {username: ..., password: ...}` under `backend`",
        )
    if query.max_cost is not None and dialect not in TELLS_COST:
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


def _parameter(dialect: Dialect, query: QuerySpec) -> Parameter:
    functions = sorted(FUNCTIONS[dialect.name] | set(query.functions))
    description = f"One select of {dialect.title}. Functions: {', '.join(functions)}."
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
