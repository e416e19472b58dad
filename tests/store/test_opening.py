"""Opening a store: who may, with which tables, and what an operator is told."""

from __future__ import annotations

import multiprocessing
import sqlite3
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from drawbar.kernel.errors import OperatorError
from drawbar.store import schema
from drawbar.store.database import Store, migrate_store
from drawbar.store.tables import whole_metadata


async def test_a_second_gateway_is_kept_off_the_file_and_told_who_has_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/drawbar.db"
    first = await Store.open(url)

    with pytest.raises(
        OperatorError, match=r"drawbar\.db is in use by another gateway \(process \d+\)"
    ):
        await Store.open(url)

    await first.close()
    second = await Store.open(url)
    await second.close()


async def test_a_short_visit_works_beside_the_gateway(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/drawbar.db"
    gateway = await Store.open(url)
    visit = await Store.open(url, exclusive=False)

    thread = await visit.threads.create()

    assert await gateway.threads.get(thread.id) == thread
    await visit.close()
    await gateway.close()


async def test_the_file_is_found_again_and_its_folder_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/deep/drawbar.db"
    store = await Store.open(url)
    thread = await store.threads.create()
    await store.close()

    again = await Store.open(url)

    assert await again.threads.get(thread.id) == thread
    await again.close()


async def test_a_store_in_memory_leaves_nothing_behind() -> None:
    store = await Store.open("sqlite://")
    assert store._folder is not None
    folder = Path(store._folder.name)
    await store.threads.create()

    await store.close()

    assert not folder.exists()  # noqa: ASYNC240 -- nothing else runs


async def test_without_migrating_missing_tables_are_said_with_the_command(empty_url: str) -> None:
    with pytest.raises(OperatorError, match=r"revision none.*run `drawbar migrate`"):
        await Store.open(empty_url, migrate=False)

    assert migrate_store(empty_url) == (None, schema.HEAD)
    assert migrate_store(empty_url) == (schema.HEAD, schema.HEAD)
    store = await Store.open(empty_url, migrate=False)
    await store.close()


async def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/drawbar.db"
    migrate_store(url)
    with sqlite3.connect(tmp_path / "drawbar.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(OperatorError, match=r"of a newer Drawbar \(revision 9999"):
        await Store.open(url)


def test_the_migrations_make_the_tables_that_the_code_uses(empty_url: str) -> None:
    migrate_store(empty_url)
    engine = sa.create_engine(schema.parse_url(empty_url))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), whole_metadata())
    engine.dispose()

    assert differences == []


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))

    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite", ""])
async def test_other_urls_are_refused_with_those_that_work(url: str) -> None:
    with pytest.raises(OperatorError, match="must be sqlite:///PATH or postgresql://"):
        await Store.open(url)


async def test_a_missing_driver_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(OperatorError, match=r"pip install 'drawbar\[postgresql\]'"):
        await Store.open("postgresql://localhost/x")


async def test_a_server_that_is_not_there_is_one_line_without_the_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(OperatorError) as caught:
        await Store.open("postgresql://drawbar:s3cret@127.0.0.1:1/x")

    assert "cannot be opened" in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "drawbar.db").write_text("these are notes, and not a database at all" * 50)

    with pytest.raises(OperatorError, match="cannot be opened: file is not a database"):
        await Store.open(f"sqlite:///{tmp_path}/drawbar.db")


def _open_and_die(url: str, ready: multiprocessing.synchronize.Event) -> None:
    import asyncio  # noqa: PLC0415 -- runs in a process of its own
    import os  # noqa: PLC0415

    async def live() -> None:
        await Store.open(url)
        ready.set()
        os._exit(9)

    asyncio.run(live())


async def test_the_lock_of_a_dead_gateway_is_no_lock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/drawbar.db"
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_open_and_die, args=(url, ready))
    process.start()
    process.join(20)
    assert ready.is_set()

    store = await Store.open(url)
    await store.close()
