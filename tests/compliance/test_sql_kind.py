"""The kind `sql` against PostgreSQL, through a door that can be shut."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from compliance.proxy import Proxy
from drawbar.testing import KindCompliance, Peer
from machine import missing

SERVER = os.environ.get("DRAWBAR_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/test")

ADAPTER = """\
adapter: peer
backend:
  kind: sql
  url: "%(url)s"
functions:
  echo:
    description: Echo.
    parameters: {text: {type: string}}
    sql: select cast(:text as text) as text
    rows: one
  rows:
    description: Rows.
    parameters: {count: {type: integer}}
    sql: select n as row_no from generate_series(1, cast(:count as integer)) as n
  wait:
    description: Wait.
    parameters: {seconds: {type: number}}
    sql: select true as done from pg_sleep(cast(:seconds as float8))
  change:
    description: Change.
    effect: write
    parameters: {seconds: {type: number}}
    statements:
      - insert into changes values (nextval('begun'))
      - insert into changes select 0 from pg_sleep(cast(:seconds as float8))
"""


class SqlPeer(Peer):
    secret = "s3cret-of-the-database"
    undoes = True

    def __init__(self, schema: str) -> None:
        url = urlsplit(SERVER)
        self._url = url
        self._schema = schema
        self._name = f"peer_{schema[-8:]}"
        self._proxy = Proxy(url.hostname or "127.0.0.1", url.port or 5432)

    def adapter(self) -> str:
        user = self._url.username or "postgres"
        address = f"postgresql://{user}:{self.secret}@127.0.0.1:{self._proxy.port}{self._url.path}"
        options = f"options=-csearch_path%3D{self._schema}&application_name={self._name}"
        return ADAPTER % {"url": f"{address}?{options}"}

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  kind: sql", "  kind: sql\n  unheard_of: 1"),
            text.replace("  wait:", "  wait:\n    unheard_of: 1"),
        )

    def text_of(self, value: object) -> str | None:
        return value.get("text") if isinstance(value, dict) else None

    async def changes(self) -> int:
        last, called = self._ask("select last_value, is_called from begun")
        return int(last) if called else 0

    async def at_work(self) -> int:
        [count] = self._ask(
            "select count(*) from pg_stat_activity "
            f"where state <> 'idle' and application_name = '{self._name}'"
        )
        return int(count)

    async def start(self) -> None:
        await self._proxy.start()

    async def stop(self) -> None:
        await self._proxy.stop()

    def _ask(self, sql: str) -> tuple[int, ...]:
        with psycopg.connect(SERVER, options=f"-csearch_path={self._schema}") as connection:
            row = connection.execute(sql).fetchone()
        assert row is not None
        return tuple(row)


@pytest.fixture
def schema() -> Iterator[str]:
    """A schema of the test's own on a server that is there."""
    try:
        connection = psycopg.connect(SERVER, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        missing(f"no PostgreSQL at {SERVER}: {error}")
    name = f"drawbar_{uuid.uuid4().hex}"
    with connection:
        connection.execute(f'create schema "{name}"')
        connection.execute(f'create table "{name}".changes (n integer)')
        connection.execute(f'create sequence "{name}".begun')
        yield name
        connection.execute(f'drop schema "{name}" cascade')
    connection.close()


class TestPostgresql(KindCompliance):
    @pytest.fixture
    async def peer(self, schema: str) -> AsyncIterator[Peer]:
        peer = SqlPeer(schema)
        await peer.start()
        yield peer
        await peer.stop()
