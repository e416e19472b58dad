"""/healthz: the process answers. /readyz: it can do its work, and is not going down."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from drawbar.kernel.ports import Backend, Health
from drawbar.kernel.values import JsonObject
from drawbar.store.records import Page
from drawbar.surfaces.dependencies import Have, answer

router = APIRouter(tags=["health"])

_PATIENCE = 5.0
"""Seconds for one backend to say how it is."""


class Drain:
    """Whether the server is going down; set once."""

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun = False


@router.get("/healthz")
async def alive() -> Response:
    return answer({"status": "ok"})


@router.get("/readyz")
async def ready(have: Have, request: Request) -> Response:
    """503 while draining or without the store. A backend that is down is listed and stops nothing."""
    drain: Drain = request.app.state.drain
    if drain.begun:
        return answer({"status": "draining"}, 503)
    await have.store.assistants.list(Page(limit=1))
    names = list(have.backends)
    states = await asyncio.gather(*(_health(have.backends[name]) for name in names))
    backends: JsonObject = {
        name: {"ok": state.ok, "detail": state.detail}
        for name, state in zip(names, states, strict=True)
    }
    callable_functions = sum(function.callable for function in have.toolset.values())
    return answer(
        {
            "status": "ok",
            "model": have.model.label,
            "functions": {
                "callable": callable_functions,
                "broken": len(have.toolset) - callable_functions,
            },
            "backends": backends,
        }
    )


async def _health(backend: Backend) -> Health:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await backend.health()
    except TimeoutError:
        return Health(ok=False, detail=f"no answer within {_PATIENCE:g} seconds")
