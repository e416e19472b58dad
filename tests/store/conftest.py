"""Each test runs on a new SQLite file and on a new PostgreSQL database."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from drawbar.store.database import Store, migrate_store
from machine import missing

SERVER = os.environ.get("DRAWBAR_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="session")
def postgresql() -> sa.Engine:
    """A server, or the reason why there is none."""
    pytest.importorskip("psycopg")
    url = sa.make_url(SERVER).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        poolclass=sa.NullPool,
        connect_args={"connect_timeout": 3},
    )
    try:
        with engine.connect():
            return engine
    except sa.exc.OperationalError as error:
        missing(f"no PostgreSQL at {SERVER} (DRAWBAR_TEST_POSTGRESQL): {error.orig}")


@contextmanager
def new_database(server: sa.Engine, template: str | None = None) -> Iterator[str]:
    """The URL of a database that is dropped afterwards."""
    name = f"drawbar_test_{secrets.token_hex(8)}"
    like = f" TEMPLATE {template}" if template else ""
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}{like}"))
    try:
        url = server.url.set(database=name, drivername="postgresql")
        yield url.render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: sa.Engine) -> Iterator[str]:
    """The name of a database with the tables: copying it is quicker than making them."""
    with new_database(postgresql) as url:
        migrate_store(url)
        yield str(sa.make_url(url).database)


@pytest.fixture
def postgresql_url(postgresql: sa.Engine, migrated_postgresql: str) -> Iterator[str]:
    with new_database(postgresql, migrated_postgresql) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "drawbar.db"
    migrate_store(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    shutil.copy(migrated_sqlite, tmp_path / "drawbar.db")
    return f"sqlite:///{tmp_path}/drawbar.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/drawbar.db"
    else:
        with new_database(request.getfixturevalue("postgresql")) as url:
            yield url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Store]:
    """For what does not depend on the database."""
    opened = await Store.open(sqlite_url)
    yield opened
    await opened.close()
