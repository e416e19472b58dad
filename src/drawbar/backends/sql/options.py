"""The words of a SQL adapter, beyond those that every kind has.

A function is one of four: a reading (`sql`), a free query (`query`), a business operation (`statements`), a routine (`call`).
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from drawbar.backends.sql.dialect import Speech
from drawbar.kernel.values import JsonObject
from drawbar.spec.model import BackendSpec, FunctionSpec, ReturnsSpec, SecretText, Spec

RowsWord = Literal["one", "many"]

CODE = r"^[a-z][a-z0-9_]*$"
NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
TABLE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$"
Name = Annotated[str, Field(pattern=NAME)]
_COUNT = re.compile(r"(\d+)(?:(\.\.)(\d+)?)?")


class Expected(NamedTuple):
    """How many rows a statement may touch; `high` None: no upper end."""

    low: int
    high: int | None

    def __str__(self) -> str:
        if self.high is None:
            return f"{self.low} or more"
        return str(self.low) if self.low == self.high else f"{self.low} to {self.high}"

    def allows(self, count: int) -> bool:
        return count >= self.low and (self.high is None or count <= self.high)


def parse_expected(value: object) -> Expected:
    """`1`, `1..3`, `1..` or `any`."""
    if isinstance(value, Expected):
        return value
    if value == "any":
        return Expected(0, None)
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and (match := _COUNT.fullmatch(text)):
        low = int(match[1])
        high = int(match[3]) if match[3] else (None if match[2] else low)
        if high is None or low <= high:
            return Expected(low, high)
    message = f"{value!r} is no number of rows; write 1, 1..3, 1.. or any"
    raise ValueError(message)


ExpectedRows = Annotated[
    Expected,
    BeforeValidator(parse_expected),
    PlainSerializer(str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^(\d+(\.\.(\d+)?)?|any)$"},
            ]
        }
    ),
]


class PageSpec(Spec):
    """A list that is answered piece by piece."""

    size: int = Field(50, ge=1, le=1000, description="Rows of one answer.")
    by: Literal["keyset", "offset"] = Field(
        "keyset",
        description="keyset: goes on behind the last row, whatever was added or deleted meanwhile; offset: skips rows.",
    )


class SqlIdentitySpec(Spec):
    """How the database learns who is behind a call. The call is refused when the caller has no such claim."""

    settings: dict[str, str] = Field(
        default_factory=dict,
        description="Settings of the transaction by name, such as `app.user: caller.subject` (MariaDB: `app_user`, "
        "which SQL reads as `@app_user`).",
    )
    role: str | None = Field(
        None, description="The role that does the work, such as caller.claims.db_role (`set role`)."
    )


class QueryLoginSpec(Spec):
    """The login of free queries, which may read what they may and no more. What is left out is the backend's own."""

    url: SecretText | None = Field(None, description="Of the same kind of database.")
    username: str | None = None
    password: SecretText | None = None
    may_do_more: bool = Field(
        False, description="Serve free queries although this login may do more than they need."
    )


class JdbcSpec(Spec):
    """A driver that runs in a Java machine."""

    driver: str = Field(description="Class of the driver, such as com.ibm.db2.jcc.DB2Driver.")
    jars: tuple[str, ...] = Field(description="Its files, from the folder of the adapter.")


class SqlBackendSpec(BackendSpec):
    """A SQL database."""

    kind: Literal["sql"]
    url: SecretText = Field(
        description="sqlite:///./file.db or duckdb:///./file.duckdb, from the folder of the adapter; "
        "postgresql://user:password@host:port/database, and mariadb:// and firebird:// likewise; "
        "odbc:DSN=name or odbc:Driver={...};Server=...; jdbc:..., as its driver wants it."
    )
    username: str | None = Field(None, description="Wins over the one in `url`.")
    password: SecretText | None = Field(
        None, description="Wins over the one in `url`, and needs no percent-encoding."
    )
    max_affected_rows: int | None = Field(
        None, ge=1, description="Most rows that one call may change; more is undone."
    )
    cursor_secret: SecretText | None = Field(
        None,
        description="What cursors of pages are sealed with; derived from `url` and `password` when left out.",
    )
    identity: SqlIdentitySpec | None = None
    dialect: Speech | None = Field(
        None, description="What a database behind ODBC or JDBC speaks, where `url` does not say."
    )
    jdbc: JdbcSpec | None = None
    query_login: QueryLoginSpec | None = None
    login_check: Literal["warn", "refuse", "off"] = Field(
        "warn",
        description="What happens when the login may do more than the functions need: warn tells it in the log and in "
        "/readyz, refuse also refuses every call.",
    )


class OtherwiseSpec(Spec):
    """A named refusal in place of `unexpected_rows`."""

    code: str = Field(pattern=CODE)
    message: str = Field(
        description="What the model is told; {name} and {name.field} are filled in."
    )


class ManySpec(Spec):
    """A name for several rows."""

    many: Name = Field(description="The name of the list.")


class StatementSpec(Spec):
    """One statement of a business operation."""

    sql: str
    expect_rows: ExpectedRows | None = Field(
        None, description="n, n..m, n.. or any; another number of rows undoes the whole operation."
    )
    otherwise: OtherwiseSpec | None = Field(
        None, description="What is answered when `expect_rows` does not hold."
    )
    if_: str | None = Field(
        None,
        alias="if",
        description="Done only when this select or condition has a row.",
    )
    unless: str | None = Field(
        None, description="Done only when this select or condition has no row."
    )
    for_each: dict[Name, str] = Field(
        default_factory=dict,
        description="Done once for each element: a variable for each list; several lists are walked side by side.",
    )
    as_: Name | ManySpec | None = Field(
        None,
        alias="as",
        description="A name for what `returning` answers, here and in later statements; {many: name} for several rows.",
    )


def _statement(value: object) -> object:
    return {"sql": value} if isinstance(value, str) else value


def _names(value: object) -> object:
    """A list of names stands for columns without a description."""
    return dict.fromkeys(value) if isinstance(value, list) else value


_COLUMNS: JsonObject = {
    "anyOf": [
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
    ]
}


class QueryTableSpec(Spec):
    """A table, or a view, that free queries may read."""

    description: str | None = Field(None, description="What a row is; the model reads it.")
    columns: Annotated[
        dict[Name, str | None], BeforeValidator(_names), WithJsonSchema(_COLUMNS)
    ] = Field(
        description="The columns that may be read: a list, or each with a description.",
        min_length=1,
    )


class QuerySpec(Spec):
    """A function whose select is written by the model. It reads what is listed here and nothing else."""

    tables: dict[Annotated[str, Field(pattern=TABLE)], QueryTableSpec] = Field(
        description="By name; `schema.table` where it is not found without.", min_length=1
    )
    functions: tuple[Annotated[str, Field(pattern=CODE)], ...] = Field(
        (), description="Functions of the database that may be used beside the usual ones."
    )
    max_cost: float | None = Field(
        None,
        gt=0,
        description="What the database may expect a query to cost: PostgreSQL in the units of its planner, "
        "MariaDB and DuckDB in rows that are looked at.",
    )


class GuardSpec(Spec):
    """A named refusal of the business; the first that hits ends the operation before it changes anything."""

    if_: str | None = Field(
        None, alias="if", description="Stops when this select or condition has a row."
    )
    unless: str | None = Field(None, description="Stops when this select or condition has no row.")
    for_each: dict[Name, str] = Field(
        default_factory=dict,
        description="Checked once for each element: a variable for each list; several lists are walked side by side.",
    )
    code: str = Field(pattern=CODE)
    message: str = Field(
        description="What the model is told; {name} and {let.field} are filled in."
    )


class LetSpec(Spec):
    """A list of objects that is looked up once."""

    many: str = Field(description="A select whose rows become a list of objects.")


ColumnType = Literal["json", "boolean", "number", "integer", "string", "date", "datetime"]


class SqlReturnsSpec(ReturnsSpec):
    """What of the reply reaches the model, and where the reply of a business operation comes from."""

    from_: str | None = Field(
        None,
        alias="from",
        description="A reading of this adapter that runs after the statements, before commit; its answer is the answer.",
    )
    rows: RowsWord | None = Field(None, description="Shape of the rows of `returning`.")


class SqlFunctionSpec(FunctionSpec):
    """A reading (`sql`), a free query (`query`), a business operation (`let`, `guard`, `statements`, `returns`), or a
    routine (`call`).
    """

    sql: str | None = Field(None, description="One select; placeholders are `:name`.")
    query: QuerySpec | None = Field(
        None, description="The model writes the select, over these tables and columns only."
    )
    rows: RowsWord | None = Field(
        None,
        description="one: an object, and no row is a failure; many: a list, which is the rule.",
    )
    not_found: str | None = Field(None, description="What is said when `rows: one` finds none.")
    where: dict[str, str] = Field(
        default_factory=dict,
        description="Conditions by parameter; each holds only when its parameter is there.",
    )
    with_: dict[str, str] = Field(
        default_factory=dict,
        alias="with",
        description="Lists that belong to the one row, read in the same snapshot.",
    )
    columns: dict[str, ColumnType] = Field(
        default_factory=dict,
        description="How a result column is read; `list.column` inside `with`.",
    )
    let: dict[Name, str | LetSpec] = Field(
        default_factory=dict, description="Values looked up once, before anything is changed."
    )
    guard: tuple[GuardSpec, ...] = Field((), description="Named refusals, checked in order.")
    statements: tuple[Annotated[StatementSpec, BeforeValidator(_statement)], ...] = Field(
        (), description="The changes, in order, in one transaction."
    )
    call: str | None = Field(
        None,
        description="A procedure, `payroll.close_month`, or a function, `function payroll.tax_of`; with its arguments as the "
        "database shows them, `(month date, out run_no integer)`, which also tell overloads apart.",
    )
    results: dict[Name, RowsWord] = Field(
        default_factory=dict,
        description="Result sets of a procedure by the names that they are answered under, in order; on PostgreSQL its "
        "cursors. many: a list; one: an object, or null.",
    )
    transaction: Literal["one", "none"] = Field(
        "one",
        description="none: the procedure commits by itself, so that nothing of it can be undone from outside.",
    )
    max_affected_rows: int | None = Field(
        None, ge=1, description="Wins over the adapter's own `max_affected_rows`."
    )
    expect_rows: ExpectedRows | None = Field(
        None,
        description="Of a `call`: n, n..m, n.. or any; a routine that changes another number of rows is undone, where "
        "the database counts them.",
    )
    once: Name | None = Field(
        None,
        description="A table of the database that keeps the key and the answer of each call, in the transaction of the changes.",
    )
    dry_run: Literal["explain", "rollback"] = Field(
        "explain",
        description="rollback: a dry run also carries the statements out, shows the answer, and undoes everything.",
    )
    order_by: str | dict[str, str] | None = Field(
        None,
        description="How rows are sorted; or `param: NAME` and one sorting for each of its values.",
    )
    page: PageSpec | None = Field(
        None, description="Answers `rows` and `next`, which a parameter `cursor` takes."
    )
    returns: SqlReturnsSpec = SqlReturnsSpec()
