"""POST /functions/NAME over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from drawbar.kernel.values import Caller

from .conftest import Served

Soon = Callable[[Awaitable[Any]], Awaitable[Any]]


async def test_a_call_is_answered_with_its_outcome(served: Served) -> None:
    async with served.http() as http:
        response = await http.post("/functions/shelf_find", json={"part_no": "4711"})

    assert response.status_code == 200
    assert response.json() == {
        "outcome": "succeeded",
        "value": {"part_no": "4711", "stock": 12},
        "notes": [],
    }
    assert response.headers["x-request-id"].startswith("req_")
    assert served.shelf.calls[0].caller == Caller("anna", ("staff",))


@pytest.mark.parametrize(
    ("name", "arguments", "status", "outcome", "code"),
    [
        ("shelf_find", {}, 400, "refused", "invalid_arguments"),
        ("shelf_find", {"part_no": 5}, 400, "refused", "invalid_arguments"),
        ("shelf_nothing", {}, 404, "refused", "unknown_function"),
        ("shelf_scrap", {"part_no": "4711"}, 403, "refused", "not_allowed"),
        ("shelf_find", {"part_no": "1"}, 404, "failed", "not_found"),
        ("shelf_lost", {"part_no": "4711"}, 503, "failed", "function_unavailable"),
        ("shelf_take", {"part_no": "lost"}, 504, "indeterminate", None),
    ],
)
async def test_the_status_tells_what_kind_of_no_it_is(
    served: Served,
    name: str,
    arguments: dict[str, Any],
    status: int,
    outcome: str,
    code: str | None,
) -> None:
    async with served.http() as http:
        response = await http.post(f"/functions/{name}", json=arguments)

    assert response.status_code == status
    assert response.json()["outcome"] == outcome
    assert response.json().get("code") == code


async def test_a_dry_run_shows_the_request_and_sends_nothing(served: Served) -> None:
    async with served.http() as http:
        response = await http.post(
            "/functions/shelf_take", params={"dry_run": "true"}, json={"part_no": "4711"}
        )

    assert response.json()["value"] == {"request": "change {'part_no': '4711'}"}
    assert [call.mode for call in served.shelf.calls] == ["dry_run"]


async def test_a_misspelt_dry_run_is_refused_instead_of_being_carried_out(served: Served) -> None:
    async with served.http() as http:
        response = await http.post("/functions/shelf_take?dryrun=true", json={"part_no": "4711"})

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "unknown_parameter"
    assert served.shelf.calls == []


async def test_a_repeated_idempotency_key_sends_a_change_once(served: Served) -> None:
    async with served.http(**{"idempotency-key": "order-17"}) as http:
        first = await http.post("/functions/shelf_take", json={"part_no": "4711"})
        second = await http.post("/functions/shelf_take", json={"part_no": "4711"})

    assert first.json() == second.json()
    assert first.headers["x-call-id"] == second.headers["x-call-id"]
    assert len(served.shelf.calls) == 1


async def test_functions_are_listed_with_the_reason_why_one_is_broken(served: Served) -> None:
    async with served.http() as http:
        listed = (await http.get("/functions")).json()["data"]
        one = await http.get("/functions/shelf_lost")
        unknown = await http.get("/functions/nothing")

    assert [each["name"] for each in listed] == [
        "shelf_find",
        "shelf_take",
        "shelf_scrap",
        "shelf_lost",
    ]
    assert one.json() == {
        "name": "shelf_lost",
        "description": "lost of parts",
        "effect": "read",
        "adapter": "shelf",
        "kind": "shelf",
        "callable": False,
        "parameters": listed[0]["parameters"],
        "problems": [{"code": "DB399", "message": "there is no such table", "severity": "error"}],
    }
    assert unknown.status_code == 404
    assert unknown.json()["error"]["code"] == "unknown_function"


async def test_a_reading_call_is_stopped_when_its_client_leaves(served: Served, soon: Soon) -> None:
    served.shelf.hold = asyncio.Event()
    async with served.http() as http:
        call = asyncio.create_task(http.post("/functions/shelf_find", json={"part_no": "4711"}))
        await soon(served.shelf.entered.wait())
        call.cancel()

        await soon(served.shelf.stopped.wait())


async def test_a_change_goes_on_to_its_end_when_its_client_leaves(
    served: Served, soon: Soon
) -> None:
    served.shelf.hold = asyncio.Event()
    headers = {"idempotency-key": "order-18"}
    async with served.http(**headers) as http:
        call = asyncio.create_task(http.post("/functions/shelf_take", json={"part_no": "4711"}))
        await soon(served.shelf.entered.wait())
        call.cancel()
        await asyncio.wait({call})
    served.shelf.hold.set()

    async with served.http(**headers) as http:
        later = await http.post("/functions/shelf_take", json={"part_no": "4711"})

    assert later.json()["outcome"] in {"succeeded", "indeterminate"}
    assert len(served.shelf.calls) == 1
    assert not served.shelf.stopped.is_set()
