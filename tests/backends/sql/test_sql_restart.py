"""A PostgreSQL server that is stopped and started again, in the middle of things."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from drawbar.kernel.ports import BackendError
from machine import missing

from .conftest import Office

FUNCTIONS = """
one: {sql: select pg_backend_pid() as pid, rows: one}
many: {sql: select pg_backend_pid() as pid}
add:
  effect: write
  parameters: {what: {type: string}}
  statements: ["insert into log values (:what)", select pg_sleep(60) as s]
commit_slowly:
  effect: write
  statements: [insert into slowly_committed values (1)]
in_two: {effect: write, transaction: none, call: in_two()}
log: {sql: select what from log order by 1}
"""
TABLES = """
create table log (what text);
create table slowly_committed (a integer);
create function wait() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return null; end $$;
create constraint trigger wait after insert on slowly_committed deferrable initially deferred
  for each row execute function wait();
create procedure in_two() language plpgsql as $$ begin
  insert into log values ('first half'); commit; insert into log values ('second half'); perform pg_sleep(60);
end $$;
"""


class Cluster:
    """A server of its own, which listens on loopback only."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._data = folder / "data"
        self._programs = programs
        self._port = free_port()
        self.url = f"postgresql://owner@127.0.0.1:{self._port}/postgres"
        # The server refuses to run as root; whoever owns the folder runs it.
        self._who = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        words = ["--auth=trust", "--username=owner", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self._run("initdb", *words)

    def _run(self, program: str, *words: str) -> None:
        command = [*self._who, str(self._programs / program), "-D", str(self._data), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr + done.stdout

    def start(self) -> None:
        words = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "start", "-w", "-l", str(self._data.parent / "log"), "-o", words)

    def stop(self, how: str = "fast") -> None:
        """`immediate`: as if the machine had lost its power."""
        self._run("pg_ctl", "stop", "-w", "-m", how)

    def ask(self, text: str) -> list[tuple[object, ...]]:
        """Past the backend."""
        import psycopg  # noqa: PLC0415 -- the driver is optional

        with psycopg.connect(self.url, autocommit=True) as connection:
            [(place,)] = connection.execute("show data_directory").fetchall()
            assert place == str(self._data)
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []


def free_port() -> int:
    """Below those that the system gives to clients; others who look at the same time begin elsewhere."""
    first = 24000 + os.getpid() % 4000
    for port in range(first, first + 4000):
        with socket.socket() as trying:
            try:
                trying.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    pytest.importorskip("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [
        Path(each) for each in [shutil.which("initdb")] if each
    ]
    if not found:
        missing("a PostgreSQL server is not installed")
    folder = Path(tempfile.mkdtemp(prefix="drawbar-cluster-"))
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        cluster = Cluster(folder, found[-1].parent)
        cluster.start()
        try:
            cluster.ask(TABLES)
            yield cluster
        finally:
            cluster.stop("immediate")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
async def office(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Office]:
    cluster.ask("truncate log")
    office = Office(cluster.url, tmp_path, "postgresql").open(FUNCTIONS)
    yield office
    await office.backend.close()


async def runs(cluster: Cluster, query: str) -> None:
    """Until the server carries it out."""
    text = f"select 1 from pg_stat_activity where wait_event = 'PgSleep' and query ilike '{query}%'"
    until = time.monotonic() + 10
    while not await asyncio.to_thread(cluster.ask, text):
        assert time.monotonic() < until
        await asyncio.sleep(0.02)


async def broken_off(office: Office, cluster: Cluster, function: str, query: str) -> BackendError:
    """What a call says whose server dies while it runs; the server is there again afterwards."""
    arguments = {"what": "lost"} if function == "add" else {}
    task = asyncio.create_task(office.error(function, arguments))
    await runs(cluster, query)
    await asyncio.to_thread(cluster.stop, "immediate")
    error = await task
    await asyncio.to_thread(cluster.start)
    return error


async def test_a_restart_of_the_server_costs_no_reading(office: Office, cluster: Cluster) -> None:
    before = [await office.value(function) for function in ("one", "many", "many")]

    await asyncio.to_thread(cluster.stop)
    await asyncio.to_thread(cluster.start)
    after = [await office.value(function) for function in ("one", "many", "many")]

    assert before[0] != after[0]
    assert before[1] == before[2] != after[1] == after[2]


async def test_without_the_server_a_call_says_so_and_the_next_one_works(
    office: Office, cluster: Cluster
) -> None:
    await office.value("one")
    await asyncio.to_thread(cluster.stop)

    errors = [await office.error("one"), await office.error("add", {"what": "never"})]
    await asyncio.to_thread(cluster.start)

    assert [(each.code, each.work, each.retryable) for each in errors] == [
        ("backend_unavailable", "not_started", True)
    ] * 2
    assert await office.value("log") == []


async def test_a_change_that_was_under_way_was_undone(office: Office, cluster: Cluster) -> None:
    error = await broken_off(office, cluster, "add", "select pg_sleep")

    assert (error.code, error.work) == ("backend_unavailable", "rolled_back")
    assert await office.value("log") == []


async def test_a_change_whose_commit_was_not_answered_is_not_known(
    office: Office, cluster: Cluster
) -> None:
    error = await broken_off(office, cluster, "commit_slowly", "commit")

    assert (error.code, error.work) == ("backend_unavailable", "unknown")


async def test_a_procedure_that_had_committed_once_is_not_known(
    office: Office, cluster: Cluster
) -> None:
    error = await broken_off(office, cluster, "in_two", "call in_two")

    assert (error.code, error.work) == ("backend_unavailable", "unknown")
    assert await office.value("log") == [{"what": "first half"}]
