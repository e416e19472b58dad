"""Procedures and functions of MariaDB and Firebird, called by their name."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from drawbar.kernel.ports import BackendError, Call, Reply
from drawbar.kernel.values import Caller, JsonObject

from .conftest import Office, mariadb_connection

BOOK = """
book:
  effect: write
  call: book(course varchar(20), seats int, out booking_no int, inout price decimal(12,2))
"""


@pytest.fixture
async def mariadb(mariadb_routines: str, tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(mariadb_routines, tmp_path, "mariadb")
    yield office
    for backend in office.backends:
        await backend.close()


@pytest.fixture
async def firebird(firebird_routines: str, tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(firebird_routines, tmp_path, "firebird")
    yield office
    for backend in office.backends:
        await backend.close()


def run(office: Office, *statements: str) -> list[Any]:
    """Past the adapter; the rows of the last one."""
    with mariadb_connection(office.url) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall())


async def test_mariadb_answers_what_comes_out_and_undoes_what_fails(mariadb: Office) -> None:
    mariadb.open(BOOK)

    value = await mariadb.value("book", {"course": "C-1", "seats": 3, "price": 99.9})
    error = await mariadb.error("book", {"course": "C-2", "seats": 0, "price": 1})

    assert value == {"booking_no": 1, "price": "299.70"}
    assert (error.code, error.work) == ("constraint_violation", "rolled_back")
    assert error.facts["constraint"] == "seats_positive"
    assert run(mariadb, "select what from log") == [("book C-1",)]


async def test_several_result_sets_of_mariadb_are_named_lists(mariadb: Office) -> None:
    run(
        mariadb,
        "insert into bookings (course, seats, price) values ('C-1', 2, 10), ('C-1', 3, 20.5), ('C-2', 1, 5)",
    )
    report = "effect: read, call: 'report(of_course varchar(20), out how_many int)'"
    mariadb.open(
        f"""
        report: {{{report}, results: {{items: many, sums: one}}, columns: {{sums.price: number}}}}
        too_few: {{{report}, results: {{items: many}}}}
        too_many: {{{report}, results: {{items: many, sums: one, more: many}}}}
        tax_of: {{effect: read, call: "function tax_of(gross decimal(12,2), rate decimal(4,2))"}}
        """
    )

    reply = await mariadb.reply("report", {"of_course": "C-1"}, max_rows=1)
    few = await mariadb.error("too_few", {"of_course": "C-1"})
    many = await mariadb.error("too_many", {"of_course": "C-1"})

    assert reply.value == {
        "how_many": 2,
        "items": [{"booking_no": 1, "seats": 2, "price": "10.00"}],
        "sums": {"seats": 5, "price": 30.5},
    }
    assert [(each.kept, each.how_to_get_the_rest.partition(":")[0]) for each in reply.cuts] == [
        (1, "of the list `items`")
    ]
    said = "`report` does not answer what the adapter says: it answered 2 result sets, and `results` names"
    assert (few.code, few.message) == ("contract_mismatch", f"{said} items")
    assert (many.code, many.message) == ("contract_mismatch", f"{said} items, sums, more")
    assert await mariadb.value("tax_of", {"gross": 10, "rate": 0.19}) == {"tax_of": "1.90"}


async def test_the_only_result_set_of_mariadb_is_the_answer(mariadb: Office) -> None:
    run(
        mariadb,
        "create procedure numbers(n int) begin select seq as n from seq_1_to_1000 where seq <= n; end",
        "create procedure nothing() begin do 0; end",
    )
    mariadb.open(
        """
        numbers: {effect: read, rows: many, parameters: {n: {type: integer}}, call: numbers}
        first: {effect: read, rows: one, call: numbers(n int)}
        nothing: {effect: read, rows: many, call: nothing()}
        quiet: {effect: write, call: nothing}
        """
    )

    reply = await mariadb.reply("numbers", {"n": 500}, max_rows=2)
    again = await mariadb.value("first", {"n": 1})
    error = await mariadb.error("nothing")

    assert (reply.value, [each.kept for each in reply.cuts]) == ([{"n": 1}, {"n": 2}], [2])
    assert again == {"n": 1}
    assert "it answered no rows, and `rows` says that it does" in error.message
    assert await mariadb.value("quiet") == {}


async def test_values_come_out_of_mariadb_as_they_were_declared(mariadb: Office) -> None:
    run(
        mariadb,
        """create procedure exact(out a date, out b datetime(3), out c decimal(12,2), out d float, out e bit(8), out f blob,
          out g bigint unsigned, out h double, out i json, out j time, out k boolean, out l text, out m int)
        begin set a='2026-11-24', b='2026-11-24 01:02:03.5', c=1.50, d=0.1, e=b'101', f=x'00ff', g=18446744073709551615,
          h=0.1, i='{"a": [1]}', j='25:00:00', k=true, l='ä'; end""",
    )
    mariadb.open(
        """
        exact:
          effect: read
          call: exact(out a date, out b datetime(3), out c decimal(12,2), out d float, out e bit(8), out f blob,
            out g bigint unsigned, out h double, out i json, out j time, out k boolean, out l text, out m int)
          columns: {i: json, k: boolean}
        """
    )

    assert await mariadb.value("exact") == {
        "a": "2026-11-24",
        "b": "2026-11-24T01:02:03.500",
        "c": "1.50",
        "d": 0.1,
        "e": 5,
        "f": {"$bytes": 2, "base64": "AP8="},
        "g": "18446744073709551615",
        "h": 0.1,
        "i": {"a": [1]},
        "j": "25:00:00",
        "k": True,
        "l": "ä",
        "m": None,
    }


async def test_nothing_of_a_call_is_left_for_the_next(mariadb: Office) -> None:
    run(mariadb, "create procedure left_over() begin select @drawbar_3 as a, @drawbar_4 as b; end")
    mariadb.threads = 1
    mariadb.open(f"{BOOK}\nleft_over: {{effect: read, rows: one, call: left_over}}")

    await mariadb.value("book", {"course": "C-1", "seats": 1, "price": 1})

    assert await mariadb.value("left_over") == {"a": None, "b": None}


async def test_a_reading_call_of_mariadb_cannot_change_anything(mariadb: Office) -> None:
    mariadb.open(BOOK.replace("effect: write", "effect: read"))

    error = await mariadb.error("book", {"course": "C-1", "seats": 1, "price": 1})

    assert error.code == "not_allowed"
    assert run(mariadb, "select * from log") == []


OWN_TRANSACTION = """create procedure in_two(how varchar(20)) begin
  declare exit handler for sqlexception begin rollback; resignal; end;
  if how = 'early' then insert into log values ('early'); end if;
  start transaction;
  insert into log values ('first');
  if how = 'before' then signal sqlstate '45000' set message_text = 'not yet'; end if;
  commit;
  if how = 'after' then signal sqlstate '45000' set message_text = 'too late'; end if;
end"""


async def test_a_procedure_of_mariadb_that_ends_transactions_is_told_truthfully(
    mariadb: Office,
) -> None:
    run(mariadb, OWN_TRANSACTION)
    mariadb.open(
        """
        ours: {effect: write, call: in_two(how varchar(20))}
        its_own: {effect: write, transaction: none, call: in_two(how varchar(20))}
        """
    )
    told = {}
    for function in ("ours", "its_own"):
        assert await mariadb.value(function, {"how": "well"}) == {}
        for how in ("early", "before", "after"):
            if (function, how) != ("ours", "early"):
                error = await mariadb.error(function, {"how": how})
                told[function, how] = (error.code, error.work)

    assert told == {
        ("ours", "before"): ("raised", "unknown"),  # what was done first would have been committed
        ("ours", "after"): ("raised", "unknown"),
        ("its_own", "early"): ("not_allowed", "rolled_back"),
        ("its_own", "before"): ("raised", "rolled_back"),
        ("its_own", "after"): ("raised", "unknown"),
    }
    assert run(mariadb, "select what from log") == [("first",)] * 4


async def test_a_procedure_of_mariadb_without_an_end_of_its_own_is_undone(mariadb: Office) -> None:
    run(
        mariadb,
        """create procedure fails() begin
          insert into log values ('a'); signal sqlstate '45000' set message_text = 'no'; end""",
        "create procedure makes() begin insert into log values ('b'); create table made (a int); "
        "signal sqlstate '45000' set message_text = 'no'; end",
    )
    mariadb.open("fails: {effect: write, call: fails}\nmakes: {effect: write, call: makes}")

    undone = await mariadb.error("fails")
    made = await mariadb.error("makes")

    assert (undone.code, undone.work, undone.message) == ("raised", "rolled_back", "no")
    assert (made.code, made.work) == ("raised", "unknown")
    assert run(mariadb, "select what from log") == [("b",)]


async def test_a_call_of_mariadb_ends_with_its_time_and_with_its_caller(mariadb: Office) -> None:
    run(
        mariadb,
        """create procedure slow() begin declare n int default 0;
          insert into log values ('slow'); while n < 1000000000 do set n = n + 1; end while; end""",
    )
    mariadb.open("slow: {effect: write, call: slow}")

    error = await mariadb.error("slow", timeout=0.8)
    task = asyncio.create_task(mariadb.reply("slow"))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(BackendError) as cancelled:
        await task

    assert (error.code, error.work) == ("timeout", "rolled_back")
    assert (cancelled.value.code, cancelled.value.work) == ("cancelled", "rolled_back")
    assert run(mariadb, "select * from log") == []
    busy = "select info from information_schema.processlist where db = database() and info like 'call %'"
    assert run(mariadb, busy) == []


async def test_a_procedure_of_mariadb_that_does_not_mind_interrupts_loses_its_connection(
    mariadb: Office,
) -> None:
    run(
        mariadb,
        """create procedure deaf() begin declare n int default 0;
          insert into log values ('deaf'); while n < 3000 do do sleep(0.01); set n = n + 1; end while; end""",
    )
    mariadb.open("deaf: {effect: write, call: deaf}")

    error = await mariadb.error("deaf", timeout=0.8)

    assert error.work in {"unknown", "rolled_back"}  # it may happen to listen
    assert run(mariadb, "select * from log") == []
    busy = "select info from information_schema.processlist where db = database() and info like 'call %'"
    assert run(mariadb, busy) == []


async def test_the_identity_reaches_a_procedure_that_ends_its_own_transaction(
    mariadb: Office,
) -> None:
    run(
        mariadb,
        "create procedure noted() begin start transaction; insert into log values (@app_user); commit; end",
    )
    mariadb.options = "identity: {settings: {app_user: caller.subject}}"
    mariadb.open("noted: {effect: write, transaction: none, call: noted}")

    await mariadb.reply("noted", caller=Caller("ines"))

    assert run(mariadb, "select what from log") == [("ines",)]


async def test_what_mariadb_does_not_have_is_told_before_anything_is_done(mariadb: Office) -> None:
    mariadb.open(
        """
        no_such: {effect: write, call: bok(course text)}
        other_mode: {effect: write, call: "book(course varchar(20), seats int, out booking_no int, out price decimal(12,2))"}
        shorter: {effect: write, call: "report(of_course varchar(20))"}
        """
    )
    place = mariadb.url.rpartition("/")[2]

    told = {}
    given: dict[str, JsonObject] = {
        "no_such": {"course": "C"},
        "other_mode": {"course": "C", "seats": 1},
        "shorter": {"of_course": "C"},
    }
    for function, arguments in given.items():
        error = await mariadb.error(function, arguments)
        assert (error.code, error.work) == ("contract_mismatch", "not_started")
        told[function] = error.message.replace(f"{place}.", "").partition("; ")[2]

    book = "`book(course varchar(20), seats int(11), out booking_no int(11), inout price decimal(12,2))`"
    assert told == {
        "no_such": f"there is {book}",
        "other_mode": "`out price decimal(12,2)` is declared where it has `inout price decimal(12,2)`",
        "shorter": "it is declared with 1 argument, and has 2",
    }


FIREBIRD_BOOK = "book(course varchar(20), seats integer, price numeric(12,2), out booking_no integer, out total numeric(12,2))"


@pytest.fixture
def firebird_log(firebird_routines: str, tmp_path: Path) -> Iterator[Any]:
    """Asks past the adapter."""
    driver = pytest.importorskip("firebird.driver")
    with closing(
        driver.connect(str(tmp_path / "c.fdb"), user="SYSDBA", charset="UTF8")
    ) as connection:

        def ask(text: str) -> list[Any]:
            with connection.cursor() as cursor:
                found = cursor.execute(text).fetchall()
            connection.commit()
            return list(found)

        yield ask


async def test_firebird_carries_out_and_selects(firebird: Office, firebird_log: Any) -> None:
    firebird.open(
        f"""
        book: {{effect: write, call: "{FIREBIRD_BOOK}"}}
        bookings_of:
          effect: read
          rows: many
          call: bookings_of(of_course varchar(20), out booking_no integer, out seats integer, out price numeric(12,2))
          columns: {{price: number}}
        tax_of: {{effect: read, call: "function tax_of(gross numeric(12,2))"}}
        """
    )

    value = await firebird.value("book", {"course": "C-1", "seats": 3, "price": 99.9})
    error = await firebird.error("book", {"course": "C-2", "seats": 0, "price": 1})
    rows = await firebird.value("bookings_of", {"of_course": "C-1"})

    assert value == {"booking_no": 1, "total": "299.70"}
    assert (error.code, error.work) == ("constraint_violation", "rolled_back")
    assert rows == [{"booking_no": 1, "seats": 3, "price": 99.9}]
    assert await firebird.value("tax_of", {"gross": 10}) == {"tax_of": "1.90"}
    assert firebird_log("select what from log") == [("book C-1",)]


async def test_rows_of_firebird_beyond_the_cap_are_made_only_when_that_changes_something(
    firebird: Office, firebird_log: Any, tmp_path: Path
) -> None:
    driver = pytest.importorskip("firebird.driver")
    endless = "create procedure endless returns (n integer) as begin n = 0; while (1 = 1) do begin n = n + 1; suspend; end end"
    writing = """create procedure writing returns (n integer) as begin n = 0; while (n < 2500) do begin
      n = n + 1; insert into log values (:n); suspend; end end"""
    with closing(driver.connect(str(tmp_path / "c.fdb"), user="SYSDBA")) as connection:
        for text in (endless, writing):
            connection.execute_immediate(text)
        connection.commit()
    firebird.open(
        "endless: {effect: read, rows: many, call: endless}\nwriting: {effect: write, rows: many, call: writing}"
    )

    read = await firebird.reply("endless", max_rows=2)
    written = await firebird.reply("writing", max_rows=2)

    assert read.value == written.value == [{"n": 1}, {"n": 2}]
    assert [each.kept for each in (*read.cuts, *written.cuts)] == [2, 2]
    assert firebird_log("select count(*) from log") == [(2500,)]


async def test_firebird_refuses_a_changing_routine_that_is_said_to_read(
    firebird: Office, firebird_log: Any
) -> None:
    firebird.open(f'book: {{effect: read, call: "{FIREBIRD_BOOK}"}}')

    error = await firebird.error("book", {"course": "C-1", "seats": 3, "price": 1})

    assert error.work == "rolled_back"
    assert "during read only transaction" in error.message
    assert firebird_log("select * from log") == []


async def test_what_firebird_does_not_have_is_told(firebird: Office) -> None:
    firebird.open(
        """
        no_rows: {effect: read, rows: many, call: "book(course varchar(20), seats integer, price numeric(12,2))"}
        rows: {effect: read, call: "bookings_of(of_course varchar(20), out booking_no integer)"}
        """
    )

    no_rows = await firebird.error("no_rows", {"course": "C", "seats": 1, "price": 1})
    rows = await firebird.error("rows", {"of_course": "C"})

    assert no_rows.message.endswith(
        "it has no `suspend` and so no rows, so `rows` does not belong beside `call`"
    )
    assert rows.message.endswith("so `rows: many` or `rows: one` belongs beside `call`")


async def test_a_procedure_of_firebird_ends_with_its_time(
    firebird: Office, firebird_log: Any, tmp_path: Path
) -> None:
    driver = pytest.importorskip("firebird.driver")
    with closing(driver.connect(str(tmp_path / "c.fdb"), user="SYSDBA")) as connection:
        connection.execute_immediate(
            "create procedure slow as declare n bigint = 0; begin insert into log values ('slow'); "
            "while (n < 100000000000) do n = n + 1; end"
        )
        connection.commit()
    firebird.open("slow: {effect: write, call: slow}")

    error = await firebird.error("slow", timeout=0.8)

    assert (error.code, error.work) == ("timeout", "rolled_back")
    assert firebird_log("select * from log") == []


async def test_a_login_that_may_only_execute_finds_its_procedure(mariadb: Office) -> None:
    user = f"d{uuid.uuid4().hex[:16]}"
    database = mariadb.url.rpartition("/")[2]
    run(
        mariadb,
        f"create user {user} identified by 'only'",
        f"grant execute on procedure {database}.book to {user}",
    )
    try:
        address = mariadb.url.rpartition("@")[2]
        mariadb.url = f"mariadb://{user}:only@{address}"
        mariadb.open(BOOK)
        value = await mariadb.value("book", {"course": "C-1", "seats": 3, "price": 1})
        await mariadb.backend.close()
    finally:
        mariadb.url = f"mariadb://root@{address}"
        run(mariadb, f"drop user {user}")

    assert value == {"booking_no": 1, "price": "3.00"}


CALLS = """create table calls (call_key varchar(64) primary key, function varchar(100) not null,
answer text not null, made_at timestamp not null default current_timestamp)"""


async def test_a_call_with_a_key_is_carried_out_once(mariadb: Office) -> None:
    run(mariadb, CALLS)
    mariadb.open(f"{BOOK}  once: calls")
    arguments: JsonObject = {"course": "C-1", "seats": 3, "price": 1}

    first, second = [await keyed(mariadb, "book", arguments) for _ in range(2)]

    assert first.value == second.value == {"booking_no": 1, "price": "3.00"}
    assert second.notes
    assert run(mariadb, "select count(*) from bookings") == [(1,)]


async def test_a_key_that_a_procedure_committed_before_it_failed_is_not_used_again(
    mariadb: Office,
) -> None:
    run(mariadb, CALLS, OWN_TRANSACTION)
    mariadb.open("in_two: {effect: write, once: calls, call: in_two(how varchar(20))}")

    errors = []
    for _ in range(2):
        with pytest.raises(BackendError) as caught:
            await keyed(mariadb, "in_two", {"how": "after"})
        errors.append((caught.value.code, caught.value.work))

    assert errors == [("raised", "unknown"), ("unknown_end", "unknown")]
    assert run(mariadb, "select what from log") == [("first",)]


async def keyed(office: Office, function: str, arguments: JsonObject) -> Reply:
    """With the key of one and the same call."""
    deadline = time.monotonic() + 2
    call = Call(function, arguments, Caller("tester"), deadline, idempotency_key="the same")
    return await office.backend.invoke(office.plans[function].binding, call)
