"""Which module talks to which database; each is imported when it is the one, since drivers are optional."""

from __future__ import annotations

from drawbar.backends.sql.absent import AbsentDatabase
from drawbar.backends.sql.dialect import MARIADB, SQLITE
from drawbar.backends.sql.session import Database
from drawbar.backends.sql.url import Target


def open_database(target: Target, size: int) -> Database:
    """The dialect's own pools of `size` connections."""
    if target.dialect == SQLITE and target.path is not None:
        from drawbar.backends.sql.sqlite import SqliteDatabase  # noqa: PLC0415 -- one dialect only

        return SqliteDatabase(target.path, size)
    if target.dialect == MARIADB:
        return _pooled(target, size)
    from drawbar.backends.sql.postgresql import PostgresqlDatabase  # noqa: PLC0415 -- as above

    return PostgresqlDatabase(target, size)


def _pooled(target: Target, size: int) -> Database:
    from drawbar.backends.sql.pooled import PooledDatabase  # noqa: PLC0415 -- as above

    try:
        from drawbar.backends.sql.mariadb import MariadbServer  # noqa: PLC0415 -- imports the optional driver
    except ImportError:
        return AbsentDatabase(target.dialect)
    return PooledDatabase(MariadbServer(target), size)
