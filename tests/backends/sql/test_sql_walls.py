"""What holds when the compiler's checks are passed by: statements are built here without them."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from drawbar.backends.sql.databases.drivers import open_database
from drawbar.backends.sql.dialect import POSTGRESQL, SQLITE
from drawbar.backends.sql.options import RowsWord
from drawbar.backends.sql.plan import Operation, Query, Reading, Statement, Step
from drawbar.backends.sql.request import describe
from drawbar.backends.sql.url import Target
from drawbar.kernel.ports import BackendError, Call
from drawbar.kernel.values import Caller

from .conftest import Office

COUNT = """
count: {sql: select count(*) as n from courses, rows: one}
"""


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def attack(office: Office, sql: str, rows: RowsWord = "many") -> BackendError:
    """Run it as a reading, as if the compiler had let it pass."""
    statement = Statement(sql, (), sql)
    call = Call("attack", {}, Caller("eve"), time.monotonic() + 10)
    with pytest.raises(BackendError) as caught:
        await office.backend.invoke(Reading(Query(SQLITE, statement), rows), call)
    return caught.value


@pytest.mark.parametrize(
    "sql",
    [
        "commit; insert into courses values ('X', 'X', 1, 1)",
        "rollback; insert into courses values ('X', 'X', 1, 1)",
        "select 1; insert into courses values ('X', 'X', 1, 1)",
        "insert into courses values ('X', 'X', 1, 1) returning course_no",
        "delete from courses returning course_no",
        "with gone as (delete from courses returning course_no) select * from gone",
        "drop table enrolments",
        "commit",
    ],
)
@pytest.mark.parametrize("rows", ["one", "many"])
async def test_a_reading_cannot_change_the_database_whatever_it_says(
    office: Office, sql: str, rows: RowsWord
) -> None:
    office.open(COUNT)

    error = await attack(office, sql, rows)

    assert error.code in {"not_allowed", "statement_failed", "not_found"}
    assert await office.value("count") == {"n": 3}


@pytest.mark.parametrize(
    "sql",
    [
        "attach database '{file}' as other",
        "pragma writable_schema = 1",
        "select load_extension('evil')",
        "vacuum into '{file}'",
        "create temp table t (a)",
        "select * from pragma_database_list",
    ],
)
async def test_sqlite_refuses_everything_but_reading(
    sqlite: Office, sql: str, tmp_path: Path
) -> None:
    sqlite.open(COUNT)
    file = tmp_path / "other.db"

    error = await attack(sqlite, sql.replace("{file}", str(file)))

    assert error.code in {"not_allowed", "statement_failed"}
    assert not file.exists()


@pytest.mark.parametrize(
    "sql", ["attach database 'other.db' as other", "pragma foreign_keys = off", "detach main"]
)
async def test_sqlite_changes_cannot_leave_their_database(sqlite: Office, sql: str) -> None:
    sqlite.open(COUNT)
    step = Step(Statement(sql, (), sql, changes=True, answers=False))
    call = Call("attack", {}, Caller("eve"), time.monotonic() + 10)

    with pytest.raises(BackendError, match="not authorized"):
        await sqlite.backend.invoke(Operation((step,)), call)


@pytest.mark.parametrize(
    "sql",
    [
        "select set_config('transaction_read_only', 'off', true)",
        "set transaction read write",
        "select nextval('numbers')",
        "copy courses to program 'true'",
    ],
)
async def test_postgresql_refuses_what_is_no_reading(postgresql: Office, sql: str) -> None:
    postgresql.open(COUNT)

    error = await attack(postgresql, sql)

    assert error.code in {"not_allowed", "statement_failed"}
    assert await postgresql.value("count") == {"n": 3}


async def test_a_session_that_was_made_writable_is_not_trusted(postgresql: Office) -> None:
    """A function of the database may change the session's default; the server reports it."""
    postgresql.threads = 1
    postgresql.open(COUNT)
    loosening = "select set_config('default_transaction_read_only', 'off', false) as a"
    call = Call("attack", {}, Caller("eve"), time.monotonic() + 10)
    statement = Statement(loosening, (), loosening)
    await postgresql.backend.invoke(Reading(Query(POSTGRESQL, statement), "one"), call)

    error = await attack(postgresql, "delete from courses returning course_no", "one")

    assert error.code == "not_allowed"
    assert await postgresql.value("count") == {"n": 3}


async def test_values_are_never_read_as_sql(office: Office) -> None:
    office.open("""
    find:
      parameters: {title: {type: string}}
      sql: select course_no from courses where title = :title
    count: {sql: select count(*) as n from courses, rows: one}
    """)

    for title in (
        "x' or '1'='1",
        "x'; delete from courses; --",
        "%s %(a)s $1 :b ?",
        "\\' or 1=1 --",
    ):
        assert await office.value("find", {"title": title}) == []
    assert await office.value("count") == {"n": 3}


def test_a_missing_driver_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sys  # noqa: PLC0415 -- only this test reaches into the modules

    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(
        sys.modules, "drawbar.backends.sql.databases.postgresql.types", raising=False
    )
    import drawbar.backends.sql.databases.postgresql as package  # noqa: PLC0415 -- as above

    monkeypatch.delattr(package, "types", raising=False)
    database = open_database(Target(POSTGRESQL), 1)

    from drawbar.backends.sql.session import Allowed  # noqa: PLC0415 -- as above
    from drawbar.backends.sql.stop import Stop  # noqa: PLC0415 -- as above

    with (
        pytest.raises(BackendError, match=r"install drawbar\[postgresql\]") as caught,
        database.reading(Allowed(Stop(), time.monotonic() + 1), snapshot=False),
    ):
        pass
    database.close()

    assert (caught.value.code, caught.value.work) == ("backend_unavailable", "not_started")


def test_a_description_keeps_the_drivers_form_and_the_named_form() -> None:
    statement = Statement("select ?1", (), "select :a")

    assert describe(statement, {"a": 1})["named_sql"] == "select :a"


async def test_sqlite_files_are_not_created(tmp_path: Path) -> None:
    office = Office("sqlite:///./absent.db", tmp_path, "sqlite").open(
        "f: {sql: select 1 as a}\ng: {effect: write, statements: [delete from t]}"
    )

    reading, change = await office.error("f"), await office.error("g")
    health = await office.backend.health()
    await office.backend.close()

    assert {each.message for each in (reading, change)} == {"there is no database file absent.db"}
    assert {each.work for each in (reading, change)} == {"not_started"}
    assert not health.ok
    assert names(tmp_path) == []


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database, however long the text is\n" * 100)
    office = Office("sqlite:///./text.db", tmp_path, "sqlite").open("f: {sql: select a from t}")

    error = await office.error("f")
    await office.backend.close()

    assert (error.code, error.message) == ("backend_unavailable", "file is not a database")


async def test_a_trigger_that_refuses_is_told_in_its_own_words(sqlite: Office) -> None:
    with sqlite3.connect(sqlite.folder / "courses.db") as connection:
        connection.execute("""
            create trigger full before insert on enrolments
            begin select raise(abort, 'the course is full'); end
        """)
    connection.close()
    sqlite.open(
        "enrol: {effect: write, statements: [\"insert into enrolments values ('C-101', '7')\"]}"
    )

    error = await sqlite.error("enrol")

    assert (error.code, error.message) == ("raised", "the course is full")
    assert error.facts == {"message": "the course is full"}
