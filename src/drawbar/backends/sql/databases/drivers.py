"""Which module talks to which database; each is imported when it is the one, since drivers are optional."""

from __future__ import annotations

from drawbar.backends.sql.databases.absent import AbsentDatabase
from drawbar.backends.sql.databases.pooled import PooledDatabase, Server
from drawbar.backends.sql.dialect import POSTGRESQL, SQLITE
from drawbar.backends.sql.plan import FreeQuery
from drawbar.backends.sql.session import Database
from drawbar.backends.sql.url import Target


def open_database(
    target: Target, size: int, *, changes: bool = True, query: FreeQuery | None = None
) -> Database:
    """The dialect's own pools of `size` connections; `changes`: some function changes something.

    `query`: they serve this free query, which the database itself is told where it can be.
    """
    if target.dialect == SQLITE and target.path is not None:
        from drawbar.backends.sql.databases.sqlite import SqliteDatabase  # noqa: PLC0415 -- one dialect only

        return SqliteDatabase(target.path, size, query)
    if target.dialect == POSTGRESQL:
        from drawbar.backends.sql.databases.postgresql.database import PostgresqlDatabase  # noqa: PLC0415 -- as above

        return PostgresqlDatabase(target, size)
    try:
        return PooledDatabase(
            _server(target, changes=changes, asked_freely=query is not None), size
        )
    except ModuleNotFoundError:
        return AbsentDatabase(target.dialect)
    except ImportError as error:  # it is there, and something of the system that it needs is not
        return AbsentDatabase(target.dialect, str(error))


def _server(target: Target, *, changes: bool, asked_freely: bool) -> Server:
    """Raises ImportError when its driver is not installed."""
    match target.dialect.name:
        case "duckdb":
            from drawbar.backends.sql.databases.duckdb import DuckdbServer  # noqa: PLC0415 -- optional driver

            return DuckdbServer(target, changes=changes)
        case "firebird":
            from drawbar.backends.sql.databases.firebird import FirebirdServer  # noqa: PLC0415 -- as above

            return FirebirdServer(target, asked_freely=asked_freely)
        case "odbc":
            from drawbar.backends.sql.databases.odbc import OdbcServer  # noqa: PLC0415 -- as above

            return OdbcServer(target, asked_freely=asked_freely)
        case "jdbc":
            from drawbar.backends.sql.databases.jdbc import JdbcServer  # noqa: PLC0415 -- as above

            return JdbcServer(target)
    from drawbar.backends.sql.databases.mariadb.database import MariadbServer  # noqa: PLC0415 -- as above

    return MariadbServer(target, asked_freely=asked_freely)
