"""Connections that are refused, denied, lost; and that no error shows a password."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from drawbar.kernel.ports import BackendError

from .conftest import POSTGRESQL, Office

PASSWORD = "s3cr3t-password"  # a text that must not be seen again
FUNCTIONS = """
who: {sql: select pg_backend_pid() as pid, rows: one}
slow: {sql: "select count(*) as c from pg_class a, pg_class b, pg_class c, pg_class d"}
change:
  effect: write
  statements: ["update courses set title = 'changed'", select pg_sleep(30) as s]
state: {sql: "select count(*) as n from courses where title = 'changed'", rows: one}
"""


def office_at(url: str, folder: Path) -> Office:
    return Office(url, folder, "postgresql").open(FUNCTIONS)


@asynccontextmanager
async def closing(office: Office) -> AsyncIterator[Office]:
    yield office
    await office.backend.close()


@contextmanager
def server_that_says(answer: bytes) -> Iterator[int]:
    """A port that answers the start of a session with these bytes, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    line, _ = listening.accept()
                except OSError:
                    return
                with line:
                    if line.recv(1024)[4:8] == b"\x04\xd2\x16\x2f":  # may we speak TLS? No.
                        line.sendall(b"N")
                        line.recv(1024)
                    line.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def refusal(state: str, text: str) -> bytes:
    """PostgreSQL's ErrorResponse."""
    fields = b"".join(
        key + value.encode() + b"\0"
        for key, value in ((b"S", "FATAL"), (b"V", "FATAL"), (b"C", state), (b"M", text))
    )
    return b"E" + (len(fields) + 5).to_bytes(4) + fields + b"\0"


async def test_a_refused_connection_is_unavailable_and_worth_another_try(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with closing(
        office_at(f"postgresql://someone:{PASSWORD}@127.0.0.1:{port}/x", tmp_path)
    ) as office:
        errors = [await office.error("who"), await office.error("change")]
        health = await office.backend.health()

    for error in errors:
        assert (error.code, error.retryable, error.work) == (
            "backend_unavailable",
            True,
            "not_started",
        )
        assert "refused" in error.message
        assert PASSWORD not in error.message
    assert not health.ok
    assert health.detail.startswith("select 1: the database cannot be reached")


@pytest.mark.parametrize(
    ("state", "text", "code", "retryable"),
    [
        ("28P01", 'password authentication failed for user "x"', "backend_denied", False),
        ("28000", 'no pg_hba.conf entry for host "1.2.3.4"', "backend_denied", False),
        ("28000", 'role "x" does not exist', "backend_denied", False),
        ("3D000", 'database "x" does not exist', "backend_unavailable", False),
        ("53300", "sorry, too many clients already", "backend_busy", True),
        ("57P03", "the database system is starting up", "backend_unavailable", True),
        ("XX000", f"strange: {PASSWORD}", "backend_unavailable", True),
    ],
)
async def test_a_refused_login_is_told_apart_from_an_absent_server(
    tmp_path: Path, state: str, text: str, code: str, retryable: bool
) -> None:
    with server_that_says(refusal(state, text)) as port:
        url = f"postgresql://x:{PASSWORD}@127.0.0.1:{port}/x?sslmode=disable"
        async with closing(office_at(url, tmp_path)) as office:
            error = await office.error("who")

    assert (error.code, error.retryable, error.work) == (code, retryable, "not_started")
    assert PASSWORD not in error.message


async def test_an_unknown_word_in_the_url_is_no_bug(tmp_path: Path) -> None:
    url = f"postgresql://x:{PASSWORD}@127.0.0.1/x?colour=red"
    async with closing(office_at(url, tmp_path)) as office:
        error = await office.error("who")

    assert error.code == "backend_unavailable"
    assert "colour" in error.message
    assert PASSWORD not in str(error)


async def terminate(pid: object) -> None:
    import psycopg  # noqa: PLC0415 -- the driver is optional

    async with await psycopg.AsyncConnection.connect(POSTGRESQL, autocommit=True) as connection:
        await connection.execute("select pg_terminate_backend(%s, 5000)", [pid])


async def pid_of(name: str) -> int:
    """The server's process that works for the backend of this name."""
    import psycopg  # noqa: PLC0415 -- the driver is optional

    async with asyncio.timeout(5):
        async with await psycopg.AsyncConnection.connect(POSTGRESQL, autocommit=True) as connection:
            while True:
                found = await connection.execute(
                    "select pid from pg_stat_activity where application_name = %s and state = 'active' "
                    "and (query like 'fetch%%' or query like '%%pg_sleep%%')",
                    [name],
                )
                if row := await found.fetchone():
                    return int(row[0])
                await asyncio.sleep(0.02)


async def test_a_connection_that_died_in_the_pool_costs_no_call(postgresql: Office) -> None:
    postgresql.open(FUNCTIONS)
    first = await postgresql.value("who")
    assert isinstance(first, dict)

    await terminate(first["pid"])
    second = await postgresql.value("who")

    assert isinstance(second, dict)
    assert second["pid"] != first["pid"]


async def test_a_reading_whose_connection_is_lost_may_be_tried_again(postgresql: Office) -> None:
    postgresql.url += "&application_name=drawbar_lost_reading"
    postgresql.open(FUNCTIONS)
    task = asyncio.create_task(postgresql.error("slow", timeout=20))

    await terminate(await pid_of("drawbar_lost_reading"))
    error = await task

    assert (error.code, error.retryable) == ("backend_unavailable", True)
    assert error.message == "the connection to the database was lost"
    assert isinstance(await postgresql.value("who"), dict)


async def test_a_change_whose_connection_is_lost_before_commit_is_undone(
    postgresql: Office,
) -> None:
    postgresql.url += "&application_name=drawbar_lost_change"
    postgresql.open(FUNCTIONS)
    task = asyncio.create_task(postgresql.error("change", timeout=20))

    await terminate(await pid_of("drawbar_lost_change"))
    error = await task

    assert (error.code, error.work) == ("backend_unavailable", "rolled_back")
    assert await postgresql.value("state") == {"n": 0}


async def test_a_connection_lost_during_commit_leaves_the_work_unknown(
    postgresql: Office,
) -> None:
    """A deferred trigger holds the commit long enough for its connection to be cut."""
    import psycopg  # noqa: PLC0415 -- the driver is optional

    async with await psycopg.AsyncConnection.connect(postgresql.url, autocommit=True) as connection:
        await connection.execute("""
            create or replace function wait() returns trigger language plpgsql as
            $$ begin perform pg_sleep(30); return null; end $$
        """)
        await connection.execute("""
            create constraint trigger waits after update on courses
            initially deferred for each row execute function wait()
        """)
    postgresql.url += "&application_name=drawbar_lost_commit"
    postgresql.open(
        FUNCTIONS + "quick: {effect: write, statements: [update courses set seats = 0]}"
    )
    task = asyncio.create_task(postgresql.error("quick", timeout=20))

    async with asyncio.timeout(5):
        async with await psycopg.AsyncConnection.connect(POSTGRESQL, autocommit=True) as connection:
            while True:
                found = await connection.execute(
                    "select pid from pg_stat_activity where application_name = 'drawbar_lost_commit' "
                    "and state = 'active' and query = 'commit'"
                )
                if row := await found.fetchone():
                    break
                await asyncio.sleep(0.02)
    await terminate(row[0])
    error = await task

    assert (error.code, error.work) == ("backend_unavailable", "unknown")


async def test_a_constraint_checked_at_commit_is_a_violation_and_not_unknown(
    postgresql: Office,
) -> None:
    import psycopg  # noqa: PLC0415 -- the driver is optional

    async with await psycopg.AsyncConnection.connect(postgresql.url, autocommit=True) as connection:
        await connection.execute("""
            alter table enrolments add constraint later foreign key (course_no)
            references courses (course_no) deferrable initially deferred
        """)
        await connection.execute("alter table enrolments drop constraint enrolments_course_no_fkey")
    postgresql.open(
        "enrol: {effect: write, statements: [\"insert into enrolments values ('X', '7')\"]}"
    )

    error = await postgresql.error("enrol")

    assert (error.code, error.work) == ("constraint_violation", "rolled_back")
    assert error.facts["constraint"] == "later"


async def test_health_says_what_was_tried(office: Office) -> None:
    office.open("f: {sql: select 1 as a}")

    health = await office.backend.health()

    table = {"mariadb": " from dual"}.get(office.dialect, "")
    assert (health.ok, health.detail) == (True, f"select 1{table} was answered")


async def test_a_server_that_hangs_up_does_not_stay_in_the_pool(tmp_path: Path) -> None:
    with server_that_says(b"") as port:
        url = f"postgresql://x@127.0.0.1:{port}/x?sslmode=disable"
        async with closing(office_at(url, tmp_path)) as office:
            with pytest.raises(BackendError, match="the database cannot be reached"):
                await office.reply("who")
