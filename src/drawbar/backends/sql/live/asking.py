"""Connections beside those of the backend, by which a database is asked about itself; they change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from drawbar.backends.sql.databases.pooled import Server
from drawbar.backends.sql.url import Target
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.extras import import_extra
from drawbar.kernel.ports import BackendError

_MODULES = {"firebird": "firebird.driver", "odbc": "pyodbc", "jdbc": "jpype"}
_SECONDS = 30.0
"""Within which each question is answered."""


@contextmanager
def asking(target: Target) -> Iterator[Any]:
    """A FirebirdAsks, OdbcAsks or JdbcAsks. Raises OperatorError, which never shows a password.

    That of an answer which was refused comes from the block itself, so that it may be caught there as what the driver raises.
    """
    server, ask = _way(target)
    try:
        connection = server.connect()
    except server.errors as error:
        raise OperatorError(server.connect_error(error).message) from None
    try:
        server.begin(connection, {}, "snapshot", _SECONDS)
        yield ask(connection)
        server.rollback(connection)
    except server.errors as error:
        said = server.translate(error).message
        raise OperatorError(f"the database cannot be read: {said}") from None
    finally:
        connection.close()


def _way(target: Target) -> tuple[Server, Callable[[Any], object]]:
    dialect = target.dialect
    try:
        import_extra(_MODULES[dialect.name], dialect.extra or "")
    except BackendError as error:
        raise OperatorError(error.message) from None
    match dialect.name:
        case "firebird":
            from drawbar.backends.sql.databases.firebird import FirebirdServer  # noqa: PLC0415 -- optional driver
            from drawbar.backends.sql.live.ask_firebird import FirebirdAsks  # noqa: PLC0415 -- as above

            return FirebirdServer(target), FirebirdAsks
        case "odbc":
            from drawbar.backends.sql.databases.odbc import OdbcServer  # noqa: PLC0415 -- as above
            from drawbar.backends.sql.live.ask_odbc import OdbcAsks  # noqa: PLC0415 -- as above

            server = OdbcServer(target)
            return server, lambda connection: OdbcAsks(connection, server)
        case _:
            from drawbar.backends.sql.databases.jdbc import JdbcServer  # noqa: PLC0415 -- as above
            from drawbar.backends.sql.live.ask_jdbc import JdbcAsks  # noqa: PLC0415 -- as above

            return JdbcServer(target), lambda connection: JdbcAsks(connection, dialect)
