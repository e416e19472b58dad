"""The caller reaches the database, row-level security decides, and nothing of it stays in the pool."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import Caller

from .conftest import Compiler, Office, compile_text, mariadb_connection

FUNCTIONS = """
mine: {sql: select owner from notes order by owner}
first: {sql: select owner from notes, rows: one}
both:
  sql: select min(owner) as owner from notes
  rows: one
  with: {all: select owner from notes}
add:
  effect: write
  parameters: {owner: {type: string}}
  statements: ["insert into notes values (:owner)"]
  returns: {from: mine}
who: {sql: "select current_user as login, current_setting('app.user', true) as told", rows: one}
"""
OPTIONS = "identity: {settings: {app.user: caller.subject, app.unit: caller.claims.unit}}"
ADA = Caller("ada", claims={"unit": 7})
BOB = Caller("bob'; drop table notes; --", claims={"unit": "it's"})


@pytest.fixture
def guarded(postgresql: Office) -> Iterator[Office]:
    """A table whose rows belong to somebody, and a login that is no superuser."""
    import psycopg  # noqa: PLC0415 -- the driver is optional

    login = f"drawbar_{uuid.uuid4().hex}"
    schema = postgresql.url.rpartition("%3D")[2]
    with psycopg.connect(postgresql.url, autocommit=True) as connection:
        connection.execute(
            f"""
            drop table if exists notes;
            create table notes (owner text not null);
            insert into notes values ('ada'), ('{BOB.subject.replace("'", "''")}');
            alter table notes enable row level security;
            create policy own on notes using (owner = current_setting('app.user'));
            create role {login} login;
            create role {login}_clerk;
            grant {login}_clerk to {login};
            grant usage on schema {schema} to {login}, {login}_clerk;
            grant select, insert on notes to {login};
            grant select on notes to {login}_clerk;
            """.encode()
        )
        postgresql.url = postgresql.url.replace("postgres@", f"{login}@")
        postgresql.options = OPTIONS
        yield postgresql
        connection.execute(
            f"drop owned by {login}, {login}_clerk; drop role {login}, {login}_clerk".encode()
        )


async def test_each_caller_sees_only_his_rows_however_many_call_at_a_time(guarded: Office) -> None:
    guarded.threads = 3
    guarded.open(FUNCTIONS)

    async def seen(function: str, caller: Caller) -> object:
        return (await guarded.reply(function, caller=caller)).value

    for caller in (ADA, BOB):
        own = {"owner": caller.subject}
        other = BOB if caller is ADA else ADA
        answers = await asyncio.gather(
            *(
                seen(name, each)
                for name in ("mine", "first", "both")
                for each in (caller, other) * 8
            )
        )
        assert answers[:48:2] == [[own]] * 8 + [own] * 8 + [{**own, "all": [own]}] * 8


async def test_the_policy_holds_for_changes(guarded: Office) -> None:
    guarded.open(FUNCTIONS)

    done = await guarded.reply("add", {"owner": "ada"}, caller=ADA)
    with pytest.raises(BackendError) as caught:
        await guarded.reply("add", {"owner": "ada"}, caller=BOB)

    assert done.value == [{"owner": "ada"}, {"owner": "ada"}]
    assert (caught.value.code, caught.value.work) == ("not_allowed", "rolled_back")


async def test_nothing_of_a_caller_stays_in_the_pool(guarded: Office) -> None:
    """The next user of the connection is a backend without an identity, on the same pool."""
    guarded.threads = 1
    guarded.open(FUNCTIONS)
    await guarded.reply("mine", caller=ADA)
    with pytest.raises(BackendError):
        await guarded.reply("add", {"owner": "eve"}, caller=ADA)
    guarded.backend._identity = None

    found = await guarded.value("who")

    assert isinstance(found, dict)
    assert not found["told"]


async def test_a_role_does_the_work_and_is_put_down_again(guarded: Office) -> None:
    login = guarded.url.partition("://")[2].partition("@")[0]
    guarded.threads = 1
    guarded.options = "identity: {settings: {app.user: caller.subject}, role: caller.claims.role}"
    guarded.open(FUNCTIONS)
    clerk = Caller("ada", claims={"role": f"{login}_clerk"})
    stranger = Caller("ada", claims={"role": "postgres"})

    who = (await guarded.reply("who", caller=clerk)).value
    with pytest.raises(BackendError) as no_insert:
        await guarded.reply("add", {"owner": "ada"}, caller=clerk)
    with pytest.raises(BackendError) as no_member:
        await guarded.reply("mine", caller=stranger)
    guarded.backend._identity = None
    afterwards = await guarded.value("who")

    assert who == {"login": f"{login}_clerk", "told": "ada"}
    assert no_insert.value.code == no_member.value.code == "not_allowed"
    assert no_member.value.work == "rolled_back"
    assert isinstance(afterwards, dict)
    assert afterwards["login"] == login
    assert not afterwards["told"]


async def test_a_caller_who_lacks_the_claim_is_not_let_in_as_somebody_else(guarded: Office) -> None:
    guarded.open(FUNCTIONS)

    with pytest.raises(BackendError) as caught:
        await guarded.reply("mine", caller=Caller("ada"))
    health = await guarded.backend.health()

    assert (caught.value.code, caught.value.work) == ("identity_missing", "not_started")
    assert "caller.claims.unit" in caught.value.message
    assert health.ok


async def test_mariadb_is_told_by_a_variable_of_the_session(mariadb: Office) -> None:
    with closing(mariadb_connection(mariadb.url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "create or replace function app_user() returns varchar(100) not deterministic "
            "reads sql data return @app_user"
        )
    mariadb.threads = 2
    mariadb.options = "identity: {settings: {app_user: caller.subject}}"
    mariadb.open(
        "told: {sql: select app_user() as told, rows: one}\n"
        "change: {effect: write, statements: [delete from enrolments], returns: {from: told}}"
    )

    answers = await asyncio.gather(
        *(
            mariadb.reply(name, caller=each)
            for name in ("told", "change")
            for each in (ADA, BOB) * 5
        )
    )
    mariadb.backend._identity = None
    afterwards = [await mariadb.value("told") for _ in range(2)]

    assert [each.value for each in answers] == [
        {"told": ADA.subject},
        {"told": BOB.subject},
    ] * 10
    assert afterwards == [{"told": None}] * 2


@pytest.mark.parametrize(
    ("url", "identity", "told"),
    [
        (
            "sqlite:///./x.db",
            "{settings: {app.user: caller.subject}}",
            "a session of SQLite cannot be told who is calling",
        ),
        (
            "postgresql://db/x",
            "{settings: {user: caller.subject}}",
            "`user` cannot be the name of a setting in PostgreSQL",
        ),
        (
            "mariadb://db/x",
            "{settings: {app.user: caller.subject}}",
            "`app.user` cannot be the name of a setting in MariaDB",
        ),
        ("postgresql://db/x", "{role: caller.name}", "`caller.name` is nothing that is known"),
    ],
)
def test_an_identity_that_cannot_be_told_is_a_mistake(
    compiler: Compiler, url: str, identity: str, told: str
) -> None:
    found = compile_text("f: {sql: select 1 as a}", url, compiler.folder, f"identity: {identity}")

    (problem,) = (each for each in found.problems if each.severity == "error")
    assert problem.code == "DB330"
    assert told in problem.message
