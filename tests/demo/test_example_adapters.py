"""The example adapters: free of errors, well described, and their own tests pass on the real systems."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drawbar.app.gateway import Gateway, load
from drawbar.app.trials import run_trial
from drawbar.demo.company import open_company
from drawbar.demo.files import settings_file
from drawbar.kernel.outcome import Failed, Refused, Succeeded
from drawbar.kernel.values import Caller, JsonValue
from machine import missing

POSTGRES = os.environ.get("DRAWBAR_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")


def loaded(folder: Path, environ: dict[str, str] | None = None) -> Gateway:
    flags = {"store": f"sqlite:///{folder}/store.db"}
    return load(settings_file(), environ=environ or {}, flags=flags, cached=False)


@asynccontextmanager
async def over_company(folder: Path, postgres: str | None = None) -> AsyncIterator[Gateway]:
    async with open_company(postgres=postgres) as company:
        gateway = loaded(folder, {**os.environ, **company.environ})
        async with gateway:
            yield gateway


def test_they_compile_offline_without_an_error_and_without_any_variable(tmp_path: Path) -> None:
    gateway = loaded(tmp_path)

    errors = [str(problem) for problem in gateway.problems if problem.severity == "error"]

    assert errors == []
    assert sorted(item.name for item in gateway.adapters) == ["bookings", "harbour", "hr", "stores"]


def test_there_is_enough_to_see_and_each_function_says_when_to_use_it(tmp_path: Path) -> None:
    functions = loaded(tmp_path).functions.values()

    assert {function.kind for function in functions} == {
        "soap",
        "sql",
        "http",
        "command",
        "results",
    }
    assert sum(function.effect == "read" for function in functions) >= 12
    assert sum(function.effect == "write" for function in functions) >= 2
    assert sum(function.effect == "destroy" for function in functions) >= 2
    vague = [function.name for function in functions if len(function.description) < 40]
    assert vague == []


async def test_every_test_written_in_them_passes(tmp_path: Path) -> None:
    async with over_company(tmp_path) as gateway:
        results = [
            await run_trial(gateway, item, test, offline=False, writes=True)
            for item in gateway.adapters
            if item.adapter is not None
            for test in item.adapter.tests
        ]

    assert len(results) >= 20
    assert [result for result in results if result.verdict != "passed"] == []


@pytest.mark.parametrize("postgres", [None, POSTGRES], ids=["sqlite", "postgresql"])
async def test_a_booking_is_moved_and_cancelled_by_the_rules_of_the_house(
    tmp_path: Path, postgres: str | None
) -> None:
    if postgres is not None:
        _need_postgres(postgres)
    async with over_company(tmp_path, postgres) as gateway:

        async def call(name: str, **arguments: str) -> object:
            return await gateway.call(f"bookings_{name}", arguments)

        before = await call("get_booking", booking_no="B-20417")
        assert isinstance(before, Succeeded)
        assert isinstance(before.value, dict)
        here = str(before.value["sailing_no"])
        later = f"S-{int(here[2:]) + 1:05d}"  # the same route, the same day
        moved = await call("move_booking", booking_no="B-20417", sailing_no=later)
        other = await call(
            "move_booking", booking_no="B-20417", sailing_no=f"S-{int(here[2:]) + 4:05d}"
        )
        cancelled = await call("cancel_booking", booking_no="B-20417")
        again = await call("cancel_booking", booking_no="B-20417")

    assert isinstance(moved, Succeeded), moved
    assert isinstance(moved.value, dict)
    assert (moved.value["sailing_no"], moved.value["status"]) == (later, "confirmed")
    assert isinstance(other, Failed)
    assert (other.code, other.message) == (
        "other_route",
        f"S-{int(here[2:]) + 4:05d} sails SAL-HES, the booking is for SAL-ORM",
    )
    assert isinstance(cancelled, Succeeded)
    assert isinstance(cancelled.value, dict)
    assert cancelled.value["status"] == "cancelled"
    match cancelled.value["invoices"]:
        case [{"state": state}]:
            assert state == "credited"
        case other_invoices:
            pytest.fail(f"one invoice was expected: {other_invoices}")
    assert isinstance(again, Failed)
    assert again.code == "wrong_status"


@pytest.mark.parametrize("postgres", [None, POSTGRES], ids=["sqlite", "postgresql"])
async def test_the_lines_of_a_booking_change_with_price_places_and_invoice(
    tmp_path: Path, postgres: str | None
) -> None:
    if postgres is not None:
        _need_postgres(postgres)
    booking = {"booking_no": "B-20417"}
    async with over_company(tmp_path, postgres) as gateway:

        async def change(**lines: int) -> object:
            changed: list[JsonValue] = [{"item": item, "quantity": lines[item]} for item in lines]
            return await gateway.call(
                "bookings_change_booking_lines", {**booking, "lines": changed}
            )

        changed = await change(adult=3, dog=0)
        refusals = [await change(adult=0), await change(bicycle=1)]
        after = await gateway.call("bookings_get_booking", booking)

    assert isinstance(changed, Succeeded), changed
    assert after == changed
    assert isinstance(changed.value, dict)
    found = changed.value
    assert isinstance(found["lines"], list)
    assert isinstance(found["invoices"], list)
    assert [line["item"] for line in found["lines"] if isinstance(line, dict)] == ["adult", "car"]
    [invoice] = (each for each in found["invoices"] if isinstance(each, dict))
    amounts = [float(str(each)) for each in (found["total"], invoice["amount"])]
    assert (found["passengers"], found["cars"], amounts) == (3, 1, [49.5, 49.5])
    assert [each.code for each in refusals if isinstance(each, Failed)] == [
        "nobody_left",
        "no_such_line",
    ]


async def test_the_person_behind_the_call_reaches_the_crew_office(tmp_path: Path) -> None:
    request = {
        "emp_no": "1042",
        "kind": "training",
        "first_day": "2031-03-03",
        "last_day": "2031-03-04",
    }
    async with over_company(tmp_path) as gateway:
        entered = await gateway.call("hr_request_leave", request, caller=Caller("anna"))
        refused = await gateway.call(
            "hr_cancel_leave", {"leave_id": "L-02361"}, caller=Caller("anna")
        )

    assert isinstance(entered, Succeeded), entered
    assert isinstance(entered.value, dict)
    leave = entered.value.get("Leave", entered.value)
    assert isinstance(leave, dict)
    assert (leave["EnteredBy"], leave["State"]) == ("anna", "requested")
    assert isinstance(refused, Refused)
    assert refused.code == "not_allowed"


async def test_bank_details_that_the_office_sends_do_not_come_out(tmp_path: Path) -> None:
    async with over_company(tmp_path) as gateway:
        outcome = await gateway.call("hr_get_employee", {"emp_no": "1042"})

    assert isinstance(outcome, Succeeded), outcome
    assert "Netherby" in str(outcome.value)
    assert "SIFC" not in str(outcome.value)


def _need_postgres(url: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        missing(f"no PostgreSQL: {error}")
