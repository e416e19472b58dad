"""Each test runs on a new SQLite file and on a new PostgreSQL database."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from drawbar.store.database import Store

SERVER = os.environ.get("DRAWBAR_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="session")
def postgresql() -> sa.URL:
    """A server, or the reason why there is none."""
    pytest.importorskip("psycopg")
    url = sa.make_url(SERVER).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, connect_args={"connect_timeout": 3}, poolclass=sa.NullPool)
    try:
        with engine.connect():
            return url
    except sa.exc.OperationalError as error:
        message = f"no PostgreSQL at {SERVER} (DRAWBAR_TEST_POSTGRESQL): {error.orig}"
        if os.environ.get("DRAWBAR_TEST_REQUIRE_SERVICES") == "1":
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture
def postgresql_url(postgresql: sa.URL) -> Iterator[str]:
    """The URL of an empty database that is dropped afterwards."""
    name = f"drawbar_test_{secrets.token_hex(8)}"
    engine = sa.create_engine(postgresql, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        url = postgresql.set(database=name, drivername="postgresql")
        yield url.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/drawbar.db"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Store]:
    """For what does not depend on the database."""
    opened = await Store.open(f"sqlite:///{tmp_path}/drawbar.db")
    yield opened
    await opened.close()
