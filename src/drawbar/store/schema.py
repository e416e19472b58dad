"""Brings a store to the tables of this version, and says clearly when it cannot."""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from drawbar.kernel.errors import OperatorError
from drawbar.store.prepared import dumps

HEAD = "0002"
"""The newest revision; a test compares it with the migrations."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x6472_6D69  # of PostgreSQL: one migration at a time


def parse_url(text: str) -> sa.URL:
    """`sqlite:///PATH` or `postgresql://...` with the driver that is used. Raises OperatorError."""
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        url = None
    name = "" if url is None else url.get_backend_name()
    if url is None or name not in {"sqlite", "postgresql", "postgres"}:
        message = "the store must be sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"
        raise OperatorError(message)
    if name == "sqlite":
        return url.set(drivername="sqlite+pysqlite")
    try:
        import psycopg  # noqa: F401, PLC0415 -- optional, and only looked for when it is needed
    except ImportError as error:
        message = (
            "a PostgreSQL store needs the driver of the extra: pip install 'drawbar[postgresql]' "
            f"({error})"
        )
        raise OperatorError(message) from None
    return url.set(drivername="postgresql+psycopg")


def prepare_schema(url: sa.URL, *, migrate: bool) -> tuple[str | None, str]:
    """Upgrade if wanted. Revisions before (None: no tables yet) and after.

    Raises OperatorError when the store cannot be opened, or is not of this version in the end.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool, json_serializer=dumps)
    shown = url.render_as_string(hide_password=True)
    try:
        with engine.connect() as connection:
            before = _revision(connection)
            _check_revision(before, shown, migrate=migrate)
            if before != HEAD:
                _upgrade(connection)
            return before, HEAD
    except DBAPIError as error:
        message = f"the store {shown} cannot be opened: {error.orig}"
        raise OperatorError(message) from error
    finally:
        engine.dispose()


def _check_revision(revision: str | None, shown: str, *, migrate: bool) -> None:
    if revision is not None and revision > HEAD:
        message = (
            f"the store {shown} is of a newer Drawbar (revision {revision}, this one knows "
            f"{HEAD}). Install that version again, or restore the backup made before it."
        )
        raise OperatorError(message)
    if revision != HEAD and not migrate:
        message = (
            f"the store {shown} has the tables of revision {revision or 'none'}, this version "
            f"needs {HEAD}: run `drawbar migrate`"
        )
        raise OperatorError(message)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command  # noqa: PLC0415 -- 150 ms that a store in order does not need
    from alembic.config import Config  # noqa: PLC0415

    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    logging.getLogger("alembic").setLevel(logging.WARNING)
    command.upgrade(config, "head")
    connection.commit()
