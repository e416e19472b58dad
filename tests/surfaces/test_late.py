"""The routes of FastAPI are put together after the server listens; nobody can tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from drawbar.surfaces import late
from drawbar.surfaces.server import bind, serve

from .conftest import Serve, Served


async def test_requests_that_come_before_all_is_there_wait_for_it(start: Serve) -> None:
    async with start() as served, served.http() as http:
        answers = await asyncio.gather(
            http.get("/v1/models"),
            http.get("/openapi.json"),
            http.get("/functions"),
            http.get("/healthz"),
        )

    assert [answer.status_code for answer in answers] == [200] * 4
    assert "/v1/assistants" in answers[1].json()["paths"]
    assert "/functions/{name}" in answers[1].json()["paths"]


def _failing(_parts: object) -> Callable[[], object]:
    def create() -> object:
        raise ImportError("no module named fastapi")

    return create


async def test_routes_that_cannot_be_made_end_the_server_with_the_reason(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "_create", _failing)
    told: list[str] = []

    with (
        bind("127.0.0.1", 0) as listening,
        pytest.raises(ImportError, match="no module named fastapi"),
    ):
        await asyncio.wait_for(
            serve(
                served.services,
                listening,
                asyncio.Event(),
                lambda: told.append("listening"),
                lambda: told.append("settled"),
            ),
            10,
        )

    assert told == ["listening"]
