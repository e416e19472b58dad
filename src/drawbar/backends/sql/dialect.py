"""What differs from database to database and is known before one is reached: words and marks.

A dialect is plain data, so that plans can be kept and compared. How a database is talked to is behind the port
`Database` in session.py, one module each; `open_database` in backend.py picks it by the dialect's name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Lists = Literal["any", "json", "expanded"]
"""How `in :list` is written: `= any($1)`, `in (select value from json_each(?1))`, or one mark for each element."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One database's way of writing SQL, and of taking values."""

    name: str
    title: str
    """As people call it."""
    schemes: tuple[str, ...]
    """How a `url` begins."""
    grammar: str
    """sqlglot's name of it."""
    mark: str = "?"
    """A placeholder of the driver."""
    is_numbered: bool = False
    """Whether a mark is followed by its number, so that one value can stand in several places."""
    lists: Lists = "expanded"
    has_arrays: bool = False
    """Whether the driver takes a list as one value of its own, for `any(...)` and `unnest(...)`."""
    folds_to: Literal["lower", "upper"] | None = None
    """What the database makes of a name without quotes; None: it keeps what was written."""
    has_question_operator: bool = False
    """Whether `?` is an operator (PostgreSQL's JSON) and never a mark."""
    nulls: Literal["said", "low", "high", "last"] = "said"
    """Where nulls are sorted: as the smallest, as the largest, or always at the end, unless a statement says;
    said: a page always says it (`nulls first`), since the database's own rule is a setting or not known."""
    limit: str = "offset {skip} rows fetch next {count} rows only"
    """How a select is told which of its rows are wanted."""
    one_row: str = ""
    """What a select without a table needs behind its columns, such as ` from dual`."""
    no_element: str = "(select null where 1 = 0)"
    """A list without elements: nothing is in it, and everything is not in it."""
    definitions_commit: bool = False
    """Whether `drop` and `truncate` commit what stands before them, so that nothing could be undone."""
    asked_as: str = ""
    """The name under which free queries know its words; empty: none can be guarded there."""
    called_as: str = ""
    """How routines are called: as PostgreSQL, MariaDB or Firebird has it, or as ODBC or JDBC has it for all;
    empty: there are none."""
    extra: str | None = None
    """The extra of Drawbar that brings its driver."""

    def column(self, name: str, *, quoted: bool = True) -> str:
        """A result column as it is answered; `quoted`: the name is the database's own or stands in quotes.

        A name that the database folds is answered in lower case, as people write it.
        """
        if self.folds_to is None or (quoted and self.folds_to == "lower"):
            return name
        return name.lower() if not quoted or name.upper() == name else name


_LIMIT = "limit {count} offset {skip}"
SQLITE = Dialect(
    "sqlite",
    "SQLite",
    ("sqlite",),
    "sqlite",
    is_numbered=True,
    lists="json",
    nulls="low",
    limit=_LIMIT,
    asked_as="sqlite",
)
POSTGRESQL = Dialect(
    "postgresql",
    "PostgreSQL",
    ("postgresql", "postgres", "postgresql+psycopg"),
    "postgres",
    mark="$",
    is_numbered=True,
    lists="any",
    nulls="high",
    limit=_LIMIT,
    has_arrays=True,
    folds_to="lower",
    has_question_operator=True,
    asked_as="postgresql",
    called_as="postgresql",
    extra="postgresql",
)
MARIADB = Dialect(
    "mariadb",
    "MariaDB",
    ("mariadb", "mysql", "mariadb+pymysql", "mysql+pymysql"),
    "mysql",
    nulls="low",
    limit=_LIMIT,
    one_row=" from dual",
    no_element="(select null from dual where 1 = 0)",
    definitions_commit=True,
    asked_as="mariadb",
    called_as="mariadb",
    extra="mariadb",
)
DUCKDB = Dialect(
    "duckdb",
    "DuckDB",
    ("duckdb",),
    "duckdb",
    has_arrays=True,
    asked_as="duckdb",
    extra="duckdb",
)
FIREBIRD = Dialect(
    "firebird",
    "Firebird",
    ("firebird",),
    "firebird",
    folds_to="upper",
    one_row=" from rdb$database",
    no_element="(select null from rdb$database where 1 = 0)",
    asked_as="firebird",
    called_as="firebird",
    extra="firebird",
)
ODBC = Dialect("odbc", "ODBC", ("odbc",), "", extra="odbc")
JDBC = Dialect("jdbc", "JDBC", ("jdbc",), "", extra="jdbc")
DIALECTS = (SQLITE, POSTGRESQL, MARIADB, DUCKDB, FIREBIRD, ODBC, JDBC)

Speech = Literal[
    "ansi",
    "db2",
    "derby",
    "firebird",
    "h2",
    "hana",
    "hsqldb",
    "mariadb",
    "oracle",
    "postgresql",
    "sqlite",
    "sqlserver",
]
"""What a database behind ODBC or JDBC speaks."""
_SPOKEN: dict[Speech, Dialect] = {
    "ansi": Dialect("", "the database", (), ""),
    "db2": Dialect("", "Db2", (), "", folds_to="upper", one_row=" from sysibm.sysdummy1"),
    "derby": Dialect("", "Derby", (), "", folds_to="upper", one_row=" from sysibm.sysdummy1"),
    "firebird": FIREBIRD,
    "h2": Dialect("", "H2", (), "postgres", folds_to="upper"),
    "hana": Dialect("", "SAP HANA", (), "", folds_to="upper", one_row=" from dummy"),
    "hsqldb": Dialect("", "HSQLDB", (), "", folds_to="upper", one_row=" from (values (0))"),
    "mariadb": MARIADB,
    "oracle": Dialect(
        "", "Oracle", (), "oracle", folds_to="upper", one_row=" from dual", definitions_commit=True
    ),
    "postgresql": Dialect("", "PostgreSQL", (), "postgres", folds_to="lower"),
    "sqlite": Dialect("", "SQLite", (), "sqlite"),
    "sqlserver": Dialect("", "SQL Server", (), "tsql"),
}


_ASKED: dict[tuple[str, Speech], str] = {
    ("odbc", "postgresql"): "postgresql",
    ("odbc", "mariadb"): "mariadb",
    ("jdbc", "h2"): "h2",
}
"""Where free queries were attacked by the tests, and held."""


_CALLED: dict[tuple[str, Speech], str] = {
    ("odbc", "postgresql"): "postgresql",
    ("odbc", "mariadb"): "mariadb",
}
"""ODBC for Python hands out no values of arguments; these two answer them in other ways."""


def spoken(way: Dialect, speech: Speech) -> Dialect:
    """The dialect of a database that is reached by ODBC or JDBC."""
    found = _SPOKEN[speech]
    return replace(
        found,
        name=way.name,
        title=f"{found.title} ({way.title})",
        schemes=(),
        no_element=f"(select null{found.one_row} where 1 = 0)",
        asked_as=_ASKED.get((way.name, speech), ""),
        called_as=_CALLED.get((way.name, speech), way.name),
        extra=way.extra,
    )
