"""Business operations of real difficulty, without code: each with its named refusals, in one transaction.

The same adapters on every database, called through the dispatcher.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from drawbar.backends.sql import KIND
from drawbar.compiler.toolset import compile_adapter, compile_toolset
from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.dispatch.invocation import Invocation
from drawbar.dispatch.ledger import MemoryLedger
from drawbar.kernel.ids import new_id
from drawbar.kernel.outcome import Failed, Outcome, Succeeded
from drawbar.kernel.ports import AuditEntry
from drawbar.kernel.values import Caller, JsonValue
from drawbar.kernel.workers import Workers
from drawbar.spec.load import load_adapter

from .conftest import Office, OnlySql, run_script

HERE = Path(__file__).parent / "business"


class NoAudit:
    def record(self, entry: AuditEntry) -> None:
        """What is audited is tested elsewhere."""


class Desk:
    """One adapter behind a dispatcher."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def call(self, function: str, arguments: Mapping[str, JsonValue]) -> Outcome:
        invocation = Invocation(function, arguments, Caller("clerk"), new_id("call_"), "python")
        return await self._dispatcher.dispatch(invocation)

    async def value(self, function: str, arguments: Mapping[str, JsonValue]) -> Any:
        outcome = await self.call(function, arguments)
        assert isinstance(outcome, Succeeded), outcome
        return outcome.value

    async def refusal(self, function: str, arguments: Mapping[str, JsonValue]) -> tuple[str, str]:
        outcome = await self.call(function, arguments)
        assert isinstance(outcome, Failed), outcome
        return outcome.code, outcome.message


@asynccontextmanager
async def desk(office: Office, name: str) -> AsyncIterator[Desk]:
    run_script(office, (HERE / "schema.sql").read_text("utf-8"))
    kinds = OnlySql()
    url = f"sqlite:///{office.folder}/courses.db" if office.dialect == "sqlite" else office.url
    compiled = compile_adapter(load_adapter(HERE / f"{name}.yaml", kinds, {"URL": url}), kinds)
    assert [str(each) for each in compiled.problems] == []
    assert compiled.adapter is not None
    backend = KIND.open(compiled.adapter, compiled.plans, Workers("sql", 4))
    try:
        yield Desk(
            Dispatcher(
                compile_toolset(compiled),
                {name: backend},
                ledger=MemoryLedger(),
                audit=NoAudit(),
            )
        )
    finally:
        await backend.close()


ORDER: dict[str, JsonValue] = {"order_no": "O-1"}
CHANGES: list[JsonValue] = [{"line_no": 1, "quantity": 7}, {"line_no": 2, "quantity": 0}]
ADDED: list[JsonValue] = [{"line_no": 3, "item_no": "rod", "quantity": 2}]


async def test_lines_of_a_document_are_changed_removed_and_added_at_once(office: Office) -> None:
    async with desk(office, "orders") as orders:
        value = await orders.value(
            "orders_change_lines", {**ORDER, "version": 1, "changed": CHANGES, "added": ADDED}
        )

    assert value == {
        "order_no": "O-1",
        "state": "open",
        "version": 2,
        "total": 470,
        "lines": [
            {"line_no": 1, "item_no": "bolt", "quantity": 7},
            {"line_no": 3, "item_no": "rod", "quantity": 2},
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        ({"order_no": "O-9"}, ("not_found", "no order is called O-9")),
        (
            {"order_no": "O-2"},
            ("wrong_status", "order O-2 is sent; only an open one can be changed"),
        ),
        (
            {"version": 7},
            ("changed_meanwhile", "order O-1 has version 1 by now; look at it again"),
        ),
        (
            {"changed": [{"line_no": 1, "quantity": 1}, {"line_no": 8, "quantity": 1}]},
            ("no_such_line", "order O-1 has no line 8"),
        ),
        (
            {"changed": [{"line_no": 1, "quantity": 8}]},
            ("not_in_stock", "line 1: 8 are not in stock"),
        ),
        (
            {"added": [{"line_no": 3, "item_no": "wheel", "quantity": 1}]},
            ("no_such_item", "no item is called wheel"),
        ),
        (
            {"added": [{"line_no": 3, "item_no": "rod", "quantity": 4}]},
            ("not_in_stock", "4 of rod are not in stock"),
        ),
        (
            {"changed": [{"line_no": 1, "quantity": 0}, {"line_no": 2, "quantity": 0}]},
            ("nothing_left", "order O-1 would have no line left; cancel it instead"),
        ),
        (
            {"order_no": "O-3", "added": [{"line_no": 2, "item_no": "rod", "quantity": 1}]},
            ("over_credit", "Dairy has a credit of 50, and the order would cost more"),
        ),
    ],
)
async def test_a_change_of_lines_is_refused_by_name_and_leaves_nothing_behind(
    office: Office, arguments: dict[str, JsonValue], refusal: tuple[str, str]
) -> None:
    async with desk(office, "orders") as orders:
        before = await orders.value("orders_get_order", ORDER)
        given = {**ORDER, "version": 1, "changed": [], **arguments}

        assert await orders.refusal("orders_change_lines", given) == refusal
        assert await orders.value("orders_get_order", ORDER) == before


async def test_a_line_number_that_is_taken_is_told_by_the_constraint(office: Office) -> None:
    twice: list[JsonValue] = [{"line_no": 2, "item_no": "bolt", "quantity": 1}]
    async with desk(office, "orders") as orders:
        outcome = await orders.call(
            "orders_change_lines", {**ORDER, "version": 1, "changed": [], "added": twice}
        )

    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.hint) == (
        "line_twice",
        "Give each new line a number of its own.",
    )


async def test_of_two_who_change_the_same_version_one_is_told_so(office: Office) -> None:
    async with desk(office, "orders") as orders:
        outcomes = await asyncio.gather(
            *(
                orders.call(
                    "orders_change_lines",
                    {**ORDER, "version": 1, "changed": [{"line_no": 1, "quantity": quantity}]},
                )
                for quantity in (1, 3, 4)
            )
        )
        after = await orders.value("orders_get_order", ORDER)

    assert Counter(codes(outcomes)) == {"succeeded": 1, "changed_meanwhile": 2}
    assert after["version"] == 2


async def test_a_party_moves_with_a_seat_for_everybody(office: Office) -> None:
    async with desk(office, "parties") as parties:
        value = await parties.value(
            "parties_move_party", {"booking_no": "B-1", "sailing_no": "S-2"}
        )

    assert value == {
        "booking_no": "B-1",
        "sailing_no": "S-2",
        "moves": 1,
        "people": [{"name": "Ann", "seat_no": 1}, {"name": "Bo", "seat_no": 2}],
    }


@pytest.mark.parametrize(
    ("booking_no", "sailing_no", "refusal"),
    [
        ("B-9", "S-2", ("not_found", "no booking is called B-9")),
        ("B-1", "S-9", ("no_such_sailing", "no sailing is called S-9")),
        ("B-1", "S-4", ("wrong_status", "S-4 is cancelled")),
        ("B-1", "S-1", ("there_already", "booking B-1 is on S-1 already")),
        ("B-1", "S-3", ("other_route", "S-3 sails south, the booking is for north")),
    ],
)
async def test_a_party_that_cannot_move_is_told_why(
    office: Office, booking_no: str, sailing_no: str, refusal: tuple[str, str]
) -> None:
    async with desk(office, "parties") as parties:
        given: dict[str, JsonValue] = {"booking_no": booking_no, "sailing_no": sailing_no}

        assert await parties.refusal("parties_move_party", given) == refusal


async def test_two_parties_never_get_one_seat(office: Office) -> None:
    """Three seats, two parties of two: one moves, and the other is told that it is full."""
    async with desk(office, "parties") as parties:
        outcomes = await asyncio.gather(
            *(
                parties.call("parties_move_party", {"booking_no": each, "sailing_no": "S-2"})
                for each in ("B-1", "B-2")
            )
        )
        people = [
            (await parties.value("parties_get_party", {"booking_no": each}))
            for each in ("B-1", "B-2")
        ]

    assert Counter(codes(outcomes)) == {"succeeded": 1, "full": 1}
    assert sorted(each["sailing_no"] for each in people) == ["S-1", "S-2"]
    (full,) = (each for each in outcomes if isinstance(each, Failed))
    assert full.message == "S-2 has 1 free seats, 2 are needed"


PAYMENT: dict[str, JsonValue] = {"payment_no": "P-1"}


def parts(**amounts: int) -> list[JsonValue]:
    return [
        {"account_no": name.replace("_", "-"), "amount": amount} for name, amount in amounts.items()
    ]


async def test_a_payment_is_split_over_accounts(office: Office) -> None:
    async with desk(office, "payments") as payments:
        value = await payments.value(
            "payments_split_payment", {**PAYMENT, "parts": parts(A_1=60, A_2=40)}
        )

    assert value == {
        "payment_no": "P-1",
        "state": "split",
        "amount": 100,
        "rest": 0,
        "parts": [{"account_no": "A-1", "amount": 60}, {"account_no": "A-2", "amount": 40}],
    }


@pytest.mark.parametrize(
    ("payment_no", "given", "refusal"),
    [
        ("P-9", parts(A_1=1), ("not_found", "no payment is called P-9")),
        ("P-2", parts(A_1=1), ("wrong_status", "payment P-2 is split already")),
        ("P-1", parts(A_1=40, A_3=60), ("no_such_account", "no open account is called A-3")),
        (
            "P-1",
            parts(A_1=40, A_4=60),
            ("other_currency", "account A-4 is kept in USD, the payment came in EUR"),
        ),
        (
            "P-1",
            parts(A_1=20, A_2=80),
            ("more_than_due", "80 is more than is due on account A-2"),
        ),
        (
            "P-1",
            parts(A_1=60, A_2=60),
            ("more_than_paid", "the parts are more than the 100 of payment P-1"),
        ),
        (
            "P-1",
            parts(A_1=60, A_2=30),
            ("rest_left", "the parts are less than the 100 of payment P-1"),
        ),
        (
            "P-1",
            [*parts(A_1=50), *parts(A_1=20)],
            ("account_twice", "The same account is named twice."),
        ),
    ],
)
async def test_a_payment_that_cannot_be_split_so_is_left_as_it_was(
    office: Office, payment_no: str, given: list[JsonValue], refusal: tuple[str, str]
) -> None:
    async with desk(office, "payments") as payments:
        before = await payments.value("payments_get_payment", PAYMENT)
        arguments: dict[str, JsonValue] = {"payment_no": payment_no, "parts": given}

        assert await payments.refusal("payments_split_payment", arguments) == refusal
        assert await payments.value("payments_get_payment", PAYMENT) == before


async def test_a_payment_is_split_once_however_many_try(office: Office) -> None:
    async with desk(office, "payments") as payments:
        outcomes = await asyncio.gather(
            *(
                payments.call("payments_split_payment", {**PAYMENT, "parts": parts(A_1=60, A_2=40)})
                for _ in range(3)
            )
        )
        after = await payments.value("payments_get_payment", PAYMENT)

    assert Counter(codes(outcomes)) == {"succeeded": 1, "wrong_status": 2}
    assert after["rest"] == 0


def codes(outcomes: list[Outcome]) -> list[str]:
    return [each.code if isinstance(each, Failed) else each.kind for each in outcomes]
