"""Whether the process is alive, and whether it can do its work."""

from __future__ import annotations

import asyncio

import pytest
from starlette.testclient import TestClient

from drawbar.kernel.errors import StoreError
from drawbar.store.engine import Database
from drawbar.surfaces.drain import Drain
from drawbar.surfaces.web import Web

from .conftest import Serve, Served


async def test_a_living_process_says_so_to_anybody(served: Served) -> None:
    async with served.http(key="") as http:
        response = await http.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_load_balancer_may_ask_with_head(served: Served, path: str) -> None:
    async with served.http(key="") as http:
        response = await http.head(path)

    assert (response.status_code, response.content) == (200, b"")


async def test_a_caller_is_told_how_each_backend_is(served: Served) -> None:
    served.shelf.ok = False
    async with served.http() as http:
        response = await http.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "model": "scripted, not a model",
        "functions": {"callable": 3, "broken": 1},
        "backends": {"shelf": {"ok": False, "detail": "the shelf fell"}},
    }


async def test_a_stranger_is_not_told_what_a_backend_said(served: Served) -> None:
    async with served.http(key="") as http:
        response = await http.get("/readyz")
    async with served.http(key="dbk_wrong") as http:
        wrong = await http.get("/readyz")

    assert response.json()["backends"] == {"shelf": {"ok": True}}
    assert response.json()["model"] is None
    assert wrong.status_code == 401


async def test_probes_do_not_all_reach_the_backends(served: Served) -> None:
    async with served.http() as http:
        first = await http.get("/readyz")
        served.shelf.ok = False
        second = await http.get("/readyz")

    assert first.json() == second.json()


@pytest.mark.parametrize(
    ("method", "path", "retry"),
    [
        ("GET", "/v1/assistants", None),
        ("POST", "/v1/threads", "false"),
        ("POST", "/v1/chat/completions", "false"),
    ],
)
async def test_a_store_that_fails_is_no_bug(
    served: Served, monkeypatch: pytest.MonkeyPatch, method: str, path: str, retry: str | None
) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise StoreError("the store failed: OperationalError: database or disk is full")

    monkeypatch.setattr(Database, "_read", broken)
    monkeypatch.setattr(Database, "write", broken)
    async with served.http() as http:
        body = {"model": "asst_1", "messages": [{"role": "user", "content": "x"}]}
        response = await http.request(
            method, path, json=body if path.endswith("completions") else None
        )
    async with served.http(key="") as http:
        ready = await http.get("/readyz")

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "store_failed"
    assert "disk" not in response.text
    assert response.headers.get("x-should-retry") == retry
    assert (ready.status_code, ready.json()) == (503, {"status": "the store does not answer"})


async def test_a_server_that_goes_down_is_not_ready(served: Served) -> None:
    drain = Drain()
    drain.begun = True
    app = Web(served.services, drain)

    response = await asyncio.to_thread(TestClient(app).get, "/readyz")

    assert (response.status_code, response.json()) == (503, {"status": "draining"})


async def test_a_call_under_way_ends_before_the_server_does(start: Serve) -> None:
    async with start() as served:
        served.shelf.hold = asyncio.Event()
        async with served.http() as http:
            call = asyncio.create_task(http.post("/functions/shelf_take", json={"part_no": "4711"}))
            await asyncio.wait_for(served.shelf.entered.wait(), 5)
            served.stop.set()
            asyncio.get_running_loop().call_later(0.3, served.shelf.hold.set)
            response = await call

    assert response.json()["outcome"] == "succeeded"


async def test_a_call_that_outlasts_the_drain_is_cut_off(start: Serve) -> None:
    async with start(listen={"drain": "1s"}) as served:
        served.shelf.hold = asyncio.Event()
        async with served.http() as http:
            call = asyncio.create_task(http.post("/functions/shelf_find", json={"part_no": "4711"}))
            await asyncio.wait_for(served.shelf.entered.wait(), 5)
            served.stop.set()
            await asyncio.wait_for(served.shelf.stopped.wait(), 5)
            response = await call

    assert response.status_code == 503
    assert response.headers["x-should-retry"] == "false"
    assert response.json()["error"]["code"] == "server_stopped"
