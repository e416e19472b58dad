"""What a login may do although nothing needs it: told with the statement that mends it, and refused where that was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from drawbar.backends.sql import KIND
from drawbar.kernel.ports import ChecksLogin
from drawbar.spec.load import parse_adapter

from .conftest import HEAD, SCHEMA, Office, OnlySql, mariadb_connection
from .installed import make_firebird

READS = "read: {description: Read., sql: select title from courses}"
CHANGES = "remove: {description: Remove., effect: destroy, statements: [delete from courses]}"
ASKS = "ask: {description: Ask., query: {tables: {courses: {columns: [course_no, title]}}}}"


@dataclass
class Peer:
    """A server with a login that may do nothing yet."""

    office: Office
    run: Callable[[str], Any]
    """A statement of its administrator."""
    login: str
    """As it is written in `grant`."""

    def grant(self, *statements: str) -> None:
        for statement in statements:
            self.run(statement.replace("LOGIN", self.login))

    async def told(self, functions: str = READS) -> list[str]:
        self.office.open(functions)
        assert isinstance(self.office.backend, ChecksLogin)
        found = await self.office.backend.check_login()
        return [each.replace(self.login, "LOGIN") for each in found]


@pytest.fixture(scope="module")
def postgresql_peer(postgresql_url: str) -> Iterator[tuple[str, Callable[[str], Any], str]]:
    import psycopg  # noqa: PLC0415 -- the driver is optional

    schema = postgresql_url.rpartition("%3D")[2]
    login = f"{schema}_login"
    with psycopg.connect(postgresql_url, autocommit=True) as admin:
        admin.execute("drop table if exists enrolments, courses cascade")
        admin.execute(SCHEMA)
        parts = urlsplit(postgresql_url)
        url = urlunsplit(
            parts._replace(netloc=f"{login}:weak@{parts.hostname}:{parts.port or 5432}")
        )
        yield url, lambda text: admin.execute(text.encode()), login


@pytest.fixture
async def on_postgresql(
    postgresql_peer: tuple[str, Callable[[str], Any], str], tmp_path: Path
) -> AsyncIterator[Peer]:
    url, run, login = postgresql_peer
    schema = login.removesuffix("_login")
    run(f"create role {login} login password 'weak'; grant usage on schema {schema} to {login}")
    peer = Peer(Office(url, tmp_path, "postgresql"), run, login)
    yield peer
    for backend in peer.office.backends:
        await backend.close()
    run(f"alter table courses owner to current_user; drop owned by {login}; drop role {login}")


@pytest.fixture
async def on_mariadb(mariadb_url: str, tmp_path: Path) -> AsyncIterator[Peer]:
    database = urlsplit(mariadb_url).path[1:]
    login = f"login_{database[-20:]}"
    with ExitStack() as stack:
        cursor = stack.enter_context(stack.enter_context(mariadb_connection(mariadb_url)).cursor())
        drop = "drop table if exists enrolments, courses"
        cursor.execute(drop)
        stack.callback(
            lambda: cursor.execute(drop)
        )  # other tests make their own where there are none
        cursor.execute("create table courses (course_no int, title varchar(9), price int)")
        cursor.execute("create table enrolments (course_no int)")
        cursor.execute(f"create user {login}@'%' identified by 'weak'")
        stack.callback(lambda: cursor.execute(f"drop user {login}@'%'"))
        cursor.execute(f"grant select on {database}.courses to {login}@'%'")
        parts = urlsplit(mariadb_url)
        url = urlunsplit(
            parts._replace(netloc=f"{login}:weak@{parts.hostname}:{parts.port or 3306}")
        )
        peer = Peer(Office(url, tmp_path, "mariadb"), cursor.execute, f"`{login}`@`%`")
        yield peer
        for backend in peer.office.backends:
            await backend.close()


@pytest.fixture
def peer(request: pytest.FixtureRequest) -> Peer:
    found: Peer = request.getfixturevalue(f"on_{request.param}")
    return found


def without_practice(told: list[str]) -> list[str]:
    """MariaDB gives its databases for practice to everybody, unless somebody took them away."""
    return [each for each in told if "`test" not in each]


async def test_postgresql_a_login_that_only_reads_is_fine(on_postgresql: Peer) -> None:
    on_postgresql.grant("grant select on courses, enrolments to LOGIN")

    assert await on_postgresql.told() == []


async def test_postgresql_a_login_that_writes_is_told_and_mended_by_the_statement(
    on_postgresql: Peer,
) -> None:
    on_postgresql.grant(
        "grant select, insert, delete on courses to LOGIN",
        "grant update (title) on courses to LOGIN",
    )

    (told,) = await on_postgresql.told()
    message, _, mend = told.partition("; mend it with: ")
    on_postgresql.grant(mend)

    schema = on_postgresql.login.removesuffix("_login")
    assert message == f"the login may delete, insert, update (title) in {schema}.courses"
    assert mend == f"revoke delete, insert, update (title) on {schema}.courses from LOGIN"
    assert await on_postgresql.told() == []


async def test_postgresql_what_an_operation_needs_is_not_too_much(on_postgresql: Peer) -> None:
    on_postgresql.grant("grant select, insert, update, delete on courses to LOGIN")

    assert await on_postgresql.told(f"{READS}\n{CHANGES}") == []


async def test_postgresql_an_owner_and_a_superuser_are_told(on_postgresql: Peer) -> None:
    schema = on_postgresql.login.removesuffix("_login")
    on_postgresql.grant("alter table courses owner to LOGIN")
    assert await on_postgresql.told() == [
        f"the login owns {schema}.courses (as LOGIN); mend it with: alter table {schema}.courses owner to ANOTHER_ROLE"
    ]

    on_postgresql.grant("alter role LOGIN superuser createdb")
    assert await on_postgresql.told() == [
        "the login is a superuser, who may do everything; mend it with: alter role LOGIN nosuperuser",
        "the login may make databases; mend it with: alter role LOGIN nocreatedb",
    ]


async def test_postgresql_roles_schemas_and_everybody_count(on_postgresql: Peer) -> None:
    schema = on_postgresql.login.removesuffix("_login")
    on_postgresql.grant(
        "grant pg_read_server_files to LOGIN",
        f"grant create on schema {schema} to LOGIN",
        "grant insert on courses to public",
    )

    told = await on_postgresql.told()
    on_postgresql.grant("revoke insert on courses from public")

    assert told == [
        "the login has the role pg_read_server_files; mend it with: revoke pg_read_server_files from LOGIN",
        f"the login may make tables in the schema {schema}; mend it with: revoke create on schema {schema} from LOGIN",
        f"the login may insert in {schema}.courses; mend it with: revoke insert on {schema}.courses from public",
    ]


@pytest.mark.parametrize("peer", ["postgresql", "mariadb"], indirect=True)
async def test_a_free_query_is_refused_to_a_login_that_reads_other_tables(
    peer: Peer,
) -> None:
    peer.grant("grant select on courses to LOGIN", "grant select on enrolments to LOGIN")
    peer.office.open(ASKS)

    error = await peer.office.error("ask", {"sql": "select title from courses"})
    peer.office.options = "query_login: {may_do_more: true}"
    peer.office.open(ASKS)

    assert (error.code, error.work) == ("login_too_wide", "not_started")
    assert "enrolments" in error.message
    assert await peer.office.value("ask", {"sql": "select count(*) as n from courses"}) in (
        [{"n": 3}],
        [{"n": 0}],
    )


@pytest.mark.parametrize("peer", ["postgresql", "mariadb"], indirect=True)
async def test_a_free_query_is_served_to_a_login_that_reads_other_columns_and_they_are_told(
    peer: Peer,
) -> None:
    peer.grant("grant select on courses to LOGIN")

    (told,) = without_practice(await peer.told(ASKS))

    assert "of free queries may read " in told
    assert "grant select (course_no, title) on" in told
    assert isinstance(await peer.office.value("ask", {"sql": "select title from courses"}), list)


async def test_mariadb_a_login_that_writes_is_told_and_mended_by_the_statement(
    on_mariadb: Peer,
) -> None:
    on_mariadb.grant(
        "grant select, insert, update (title) on courses to LOGIN", "grant file on *.* to LOGIN"
    )

    told = without_practice(await on_mariadb.told())
    for each in told:
        on_mariadb.grant(each.partition("; mend it with: ")[2])

    database = urlsplit(on_mariadb.office.url).path[1:]
    assert [each.partition(";")[0] for each in told] == [
        "the login may file on *.*",
        f"the login may insert, update (`title`) on `{database}`.`courses`",
    ]
    assert without_practice(await on_mariadb.told()) == []
    assert without_practice(await on_mariadb.told(f"{READS}\n{CHANGES}")) == []


async def test_mariadb_all_privileges_are_told(on_mariadb: Peer) -> None:
    database = urlsplit(on_mariadb.office.url).path[1:]
    on_mariadb.grant(f"grant all privileges on {database}.* to LOGIN with grant option")

    told = without_practice(await on_mariadb.told())

    assert [each.partition(";")[0] for each in told] == [
        f"the login may give its rights on `{database}`.* away",
        f"the login may do everything on `{database}`.*",
    ]


async def test_postgresql_routines_with_the_rights_of_others_are_told_and_mended(
    on_postgresql: Peer,
) -> None:
    schema = on_postgresql.login.removesuffix("_login")
    on_postgresql.grant(
        "create function wipe(n integer) returns void language sql security definer as 'delete from courses'",
        "create function peek() returns bigint language sql stable security definer as 'select count(*) from courses'",
        "create function plain() returns void language sql as 'delete from courses'",
        "create procedure booked() language sql security definer as 'delete from courses'",
    )
    calls = "booked: {description: B., effect: write, call: booked()}"

    told = await on_postgresql.told(f"{READS}\n{calls}")
    on_postgresql.office.options = "login_check: refuse"
    error = await on_postgresql.office.open(f"{READS}\n{calls}").error("read")
    for each in told:
        on_postgresql.grant(each.partition("; mend it with: ")[2])
    mended = await on_postgresql.told(f"{READS}\n{calls}")
    on_postgresql.grant("drop function wipe(integer), peek(), plain()", "drop procedure booked()")

    wipe = "postgres, a superuser, which may change something (security definer)"
    assert [each.partition(";")[0] for each in told] == [
        f"the login may call {schema}.peek() with the rights of postgres, a superuser (security definer)",
        f"the login may call {schema}.wipe(n integer) with the rights of {wipe}",
    ]
    assert told[1].endswith(f"revoke execute on function {schema}.wipe(n integer) from public")
    assert error.code == "login_too_wide"
    assert mended == []


async def test_mariadb_routines_with_the_rights_of_others_are_told_and_mended(
    on_mariadb: Peer,
) -> None:
    database = urlsplit(on_mariadb.office.url).path[1:]
    on_mariadb.grant(
        "create procedure wipe() delete from courses",
        "create procedure peek() reads sql data select count(*) from courses",
        "create procedure own() sql security invoker delete from courses",
        *(f"grant execute on procedure {each} to LOGIN" for each in ("wipe", "peek", "own")),
    )

    told = without_practice(await on_mariadb.told())
    for each in told:
        on_mariadb.grant(each.partition("; mend it with: ")[2])
    mended = without_practice(await on_mariadb.told())
    on_mariadb.grant(*(f"drop procedure {each}" for each in ("wipe", "peek", "own")))

    assert [each.partition(" with the rights of ")[0] for each in told] == [
        f"the login may call `{database}`.`wipe`"
    ]
    assert mended == []


async def test_firebird_a_name_that_may_too_much_is_told_and_mended(tmp_path: Path) -> None:
    make_firebird(tmp_path / "l.fdb")
    import firebird.driver  # noqa: PLC0415 -- the driver is optional

    def run(*statements: str) -> None:
        with firebird.driver.connect(str(tmp_path / "l.fdb"), user="SYSDBA") as server:
            for statement in statements:
                server.execute_immediate(statement)
                server.commit()

    run(
        "create table courses (course_no integer, title varchar(9))",
        "create table other (a integer)",
        "create sequence numbers",
        "grant select, insert on courses to user reader",
        "grant select on other to user reader",
        "grant usage on sequence numbers to user reader",
    )
    office = Office("firebird:///./l.fdb", tmp_path, "firebird", options="username: READER")

    told = await office.open(ASKS).backend.check_login()
    await office.backend.close()
    run(*(each.partition("; mend it with: ")[2] for each in told))
    mended = await office.open(ASKS).backend.check_login()
    await office.backend.close()

    assert [each.partition(";")[0] for each in told] == [
        "the login of free queries may count up the sequence numbers",
        "the login of free queries may insert in courses",
        "the login of free queries may select in other",
    ]
    assert mended == ()


async def test_a_login_that_may_too_much_is_refused_where_that_was_asked(
    on_postgresql: Peer,
) -> None:
    on_postgresql.grant("grant select, insert on courses to LOGIN")
    on_postgresql.office.options = "login_check: refuse"

    on_postgresql.office.open(READS)
    error = await on_postgresql.office.error("read")
    on_postgresql.office.options = "login_check: off"

    assert error.code == "login_too_wide"
    assert await on_postgresql.told() == []
    assert await on_postgresql.office.value("read")


@pytest.mark.parametrize("dialect", ["sqlite", "duckdb"])
async def test_a_file_that_everybody_may_write_is_told(dialect: str, tmp_path: Path) -> None:
    file = tmp_path / f"c.{dialect}"
    file.touch()
    file.chmod(0o666)
    office = Office(f"{dialect}:///./{file.name}", tmp_path, dialect).open(READS)

    told = await office.backend.check_login()
    file.chmod(0o644)
    mended = Office(office.url, tmp_path, dialect).open(READS)

    told_of_file = (
        f"the login does not matter, since everybody on this machine may write the file {file.name}"
    )
    assert told == (f"{told_of_file}; mend it with: chmod o-w '{file}'",)
    assert await mended.backend.check_login() == ()
    await office.backend.close()
    await mended.backend.close()


async def test_refusing_holds_for_the_quick_way_too(sqlite: Office) -> None:
    (sqlite.folder / "courses.db").chmod(0o666)
    sqlite.options = "login_check: refuse"

    error = await sqlite.open(READS).error("read")

    assert error.code == "login_too_wide"
    assert sqlite.backend.invoke_at_once(sqlite.plans["read"].binding, sqlite.call) is None


async def test_the_doctor_and_readiness_tell_it(on_postgresql: Peer) -> None:
    on_postgresql.grant("grant select, insert on courses to LOGIN")
    office = on_postgresql.office.open(READS)
    text = f"{HEAD.replace('{url}', office.url)}  {READS}"
    adapter = parse_adapter(text, "courses.yaml", office.folder, OnlySql(), {}).adapter
    assert adapter is not None

    before = await office.backend.health()
    found = await KIND.verify(adapter, office.plans, office.backend)
    after = await office.backend.health()

    assert before.detail == "select 1 was answered"
    assert [(each.hop, each.code, each.severity) for each in found.findings] == [
        ("auth", "DB393", "warning")
    ]
    assert "may insert in" in after.detail
    assert after.ok
