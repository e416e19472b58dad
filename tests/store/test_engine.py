"""The writer: group commit, order, and failures that stay with whoever caused them."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from drawbar.kernel.errors import StoreError
from drawbar.kernel.ports import AuditEntry
from drawbar.store import engine
from drawbar.store.database import Store
from drawbar.store.engine import Database, Work

INSERT = sa.text("INSERT INTO t VALUES (:n)")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(sa.make_url(f"sqlite+pysqlite:///{tmp_path}/t.db"))
    await opened.execute(sa.text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
    yield opened
    await opened.close()


async def numbers(database: Database) -> list[int]:
    query = sa.text("SELECT n FROM t ORDER BY rowid")
    return await database.read(lambda c: list(c.execute(query).scalars()))


async def test_writes_happen_in_the_order_in_which_they_were_queued(database: Database) -> None:
    await asyncio.gather(*(database.execute(INSERT, {"n": n}) for n in (3, 1, 2)))

    assert await numbers(database) == [1, 2, 3]


async def test_a_write_that_fails_takes_no_other_down(database: Database) -> None:
    def odd(connection: sa.Connection) -> None:
        connection.execute(INSERT, {"n": 7})
        message = "changed its mind"
        raise KeyError(message)

    results = await asyncio.gather(
        database.execute(INSERT, {"n": 1}),
        database.execute(INSERT, {"n": 1}),
        database.write(odd),
        database.execute(INSERT, {"n": 2}),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [int, StoreError, KeyError, int]
    assert await numbers(database) == [1, 2]


async def test_an_error_of_the_driver_is_told_without_statement_or_values(
    database: Database,
) -> None:
    await database.execute(INSERT, {"n": 4711})

    with pytest.raises(StoreError) as caught:
        await database.execute(INSERT, {"n": 4711})

    assert "UNIQUE constraint failed" in str(caught.value)
    assert "4711" not in str(caught.value)
    assert "INSERT" not in str(caught.value)


async def test_writes_that_wait_share_a_commit(database: Database) -> None:
    commits: list[int] = []
    sa.event.listen(database._writer, "commit", lambda _: commits.append(1))

    await asyncio.gather(*(database.execute(INSERT, {"n": n}) for n in range(100)))

    assert len(commits) < 20
    assert len(await numbers(database)) == 100


async def test_a_reader_cannot_write_and_works_on_after_an_error(database: Database) -> None:
    with pytest.raises(StoreError, match="readonly"):
        await database.read(lambda c: c.execute(INSERT, {"n": 1}))

    assert await numbers(database) == []


async def test_close_finishes_what_is_queued_and_takes_nothing_more(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/drawbar.db"
    store = await Store.open(url)
    creating = [asyncio.ensure_future(store.threads.create()) for _ in range(20)]
    await asyncio.sleep(0)

    await store.close()

    threads = await asyncio.gather(*creating)
    with pytest.raises(RuntimeError, match="the store is closed"):
        await store.threads.create()
    again = await Store.open(url)
    assert [await again.threads.get(thread.id) for thread in threads] == threads
    await again.close()


async def test_a_waiter_that_gives_up_does_not_disturb_the_writer(database: Database) -> None:
    waiting = database.execute(INSERT, {"n": 1})
    waiting.cancel()

    await database.execute(INSERT, {"n": 2})

    assert 2 in await numbers(database)


async def test_postgresql_work_goes_on_after_the_server_dropped_the_connection(
    postgresql_url: str,
) -> None:
    store = await Store.open(postgresql_url)
    first = await store.threads.create()
    assert await store.threads.get(first.id) == first
    drop = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    engine = sa.create_engine(postgresql_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        connection.execute(drop)
    engine.dispose()

    thread = await store.threads.create()

    assert await store.threads.get(thread.id) == thread
    await store.close()


async def test_postgresql_work_goes_on_after_a_time_in_which_the_server_took_nobody(
    postgresql_url: str, postgresql: sa.Engine
) -> None:
    store = await Store.open(postgresql_url)
    first = await store.threads.create()
    name = sa.make_url(postgresql_url).database
    with postgresql.connect() as server:
        server.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        drop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        server.execute(sa.text(drop), {"name": name})
        for _ in range(2):
            async with asyncio.timeout(10):
                with pytest.raises(StoreError):
                    await store.threads.create()
                with pytest.raises(StoreError):
                    await store.threads.get(first.id)
        server.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))

    async with asyncio.timeout(10):
        thread = await store.threads.create()

        assert await store.threads.get(thread.id) == thread
    await store.close()


async def test_a_commit_that_fails_fails_each_of_its_writes_and_the_next_one_works(
    database: Database,
) -> None:
    full = [True]

    def fail(_: sa.Connection) -> None:
        if full[0]:
            message = "database or disk is full"
            raise sqlite3.OperationalError(message)

    sa.event.listen(database._writer, "commit", fail)

    results = await asyncio.gather(
        *(database.execute(INSERT, {"n": n}) for n in (1, 2)), return_exceptions=True
    )
    full[0] = False
    await database.execute(INSERT, {"n": 3})

    assert [str(result) for result in results] == [
        "the store failed: OperationalError: database or disk is full"
    ] * 2
    assert await numbers(database) == [3]


async def test_audit_lines_that_could_not_be_written_are_reported(
    sqlite: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: sa.Connection) -> None:
        message = "database or disk is full"
        raise sqlite3.OperationalError(message)

    sa.event.listen(sqlite._database._writer, "commit", fail)
    sqlite.audit.record(
        AuditEntry(1.0, "a", "cli", None, "c", "f", None, "h", "allowed", "x", None, 0)
    )

    await sqlite.audit.flush()

    assert "audit lines could not be written: the store failed" in caplog.text
    sa.event.remove(sqlite._database._writer, "commit", fail)


async def test_what_is_written_later_shares_the_commit_of_the_next_write(
    database: Database,
) -> None:
    commits: list[int] = []
    sa.event.listen(database._writer, "commit", lambda _: commits.append(1))

    def insert(number: int) -> Work[None]:
        def work(connection: sa.Connection) -> None:
            connection.execute(INSERT, {"n": number})

        return work

    later = [database.write_later(partial(insert, n)) for n in (3, 1)]
    await database.write(insert(2))

    assert [each.done() for each in later] == [True, True]
    assert len(commits) == 1
    assert await numbers(database) == [1, 2, 3]


@pytest.mark.parametrize("hurried", [True, False])
async def test_what_is_written_later_is_written_when_hurried_or_after_a_moment(
    database: Database, hurried: bool
) -> None:
    waiting = database.write_later(lambda: lambda c: c.execute(INSERT, {"n": 5}).rowcount)
    if hurried:
        database.hurry()

    assert await asyncio.wait_for(waiting, 5) == 1
    assert await numbers(database) == [5]


async def test_what_is_written_later_is_made_when_it_is_handed_over(database: Database) -> None:
    numbers_wanted = [1]

    def make() -> Work[None]:
        rows = [{"n": number} for number in numbers_wanted]

        def work(connection: sa.Connection) -> None:
            connection.execute(INSERT, rows)

        return work

    waiting = database.write_later(make)
    numbers_wanted.append(2)
    database.hurry()
    numbers_wanted.append(3)
    await waiting

    assert await numbers(database) == [1, 2]


async def test_closing_writes_what_was_to_be_written_later(tmp_path: Path) -> None:
    database = Database(sa.make_url(f"sqlite+pysqlite:///{tmp_path}/t.db"))
    await database.execute(sa.text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
    waiting = database.write_later(lambda: lambda c: c.execute(INSERT, {"n": 5}).rowcount)

    await database.close()

    assert await waiting == 1


@pytest.mark.parametrize("fails", [True, False])
async def test_who_wants_to_know_hears_that_only_the_commit_is_left(
    database: Database, fails: bool
) -> None:
    heard = threading.Event()
    told: list[str] = []

    def commit(_: sa.Connection) -> None:
        assert heard.wait(5)
        if fails:
            raise sqlite3.OperationalError("disk I/O error")

    def begun(result: str, future: asyncio.Future[str]) -> None:
        assert not future.done()
        told.append(result)
        heard.set()

    sa.event.listen(database._writer, "commit", commit)
    written = database.write(lambda _: "a result", begun=begun)
    [outcome] = await asyncio.gather(written, return_exceptions=True)
    sa.event.remove(database._writer, "commit", commit)

    assert told == ["a result"]
    assert isinstance(outcome, StoreError) if fails else outcome == "a result"


@pytest.fixture
def commits(database: Database) -> list[int]:
    made: list[int] = []
    sa.event.listen(database._writer, "commit", lambda _: made.append(1))
    return made


async def test_what_follows_from_a_write_that_lingers_shares_its_commit(
    database: Database, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_LINGER", 10.0)
    followed: list[asyncio.Future[int]] = []

    def begun(number: int, future: asyncio.Future[int]) -> None:
        assert not future.done()
        followed.append(database.execute(INSERT, {"n": number + 1}))

    first = database.write(lambda c: _inserted(c, 1), begun=begun, lingers=True)

    assert await asyncio.wait_for(first, 5) == 1
    assert await followed[0] == 1
    assert len(commits) == 1
    assert await numbers(database) == [1, 2]


@pytest.mark.parametrize("hurried", [True, False])
async def test_a_write_that_lingers_in_vain_is_committed_when_hurried_or_after_a_moment(
    database: Database, hurried: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if hurried:
        monkeypatch.setattr(engine, "_LINGER", 10.0)
    begun = asyncio.Event()
    write = database.write(lambda c: _inserted(c, 1), begun=lambda *_: begun.set(), lingers=True)
    await begun.wait()
    if hurried:
        database.hurry()

    assert await asyncio.wait_for(write, 5) == 1
    assert await numbers(database) == [1]


async def test_closing_commits_what_lingers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_LINGER", 10.0)
    database = Database(sa.make_url(f"sqlite+pysqlite:///{tmp_path}/t.db"))
    await database.execute(sa.text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
    begun = asyncio.Event()
    write = database.write(lambda c: _inserted(c, 1), begun=lambda *_: begun.set(), lingers=True)
    await begun.wait()

    await asyncio.wait_for(database.close(), 5)

    assert await write == 1


async def test_a_failure_of_what_follows_leaves_what_lingered(
    database: Database, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_LINGER", 10.0)
    calls: list[int] = []
    followed: list[asyncio.Future[int]] = []

    def work(connection: sa.Connection) -> int:
        calls.append(1)
        return _inserted(connection, 1)

    def fail(_: sa.Connection) -> int:
        message = "no"
        raise ValueError(message)

    first = database.write(
        work, begun=lambda *_: followed.append(database.write(fail)), lingers=True
    )

    assert await asyncio.wait_for(first, 5) == 1
    with pytest.raises(ValueError, match="no"):
        await followed[0]
    assert len(calls) == 2
    assert await numbers(database) == [1]


def _inserted(connection: sa.Connection, number: int) -> int:
    connection.execute(INSERT, {"n": number})
    return number
