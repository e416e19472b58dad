"""/healthz: the process answers. /readyz: it can do its work, and is not going down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from fastapi import APIRouter, Request
from starlette.responses import Response

from drawbar.compiler.toolset import count_broken
from drawbar.kernel.errors import StoreError
from drawbar.kernel.ports import Backend, Health
from drawbar.kernel.values import JsonObject
from drawbar.store.records import Page
from drawbar.surfaces.callers import Callers
from drawbar.surfaces.dependencies import Have, answer

router = APIRouter(tags=["health"])

_PATIENCE = 5.0
"""Seconds for the store, or one backend, to say how it is."""
_FRESH = 5.0
"""Seconds for which an answer of the backends holds: a probe costs them a call, and anybody may probe."""


class BackendStates:
    """How the backends are, asked at most every few seconds."""

    def __init__(self, backends: Mapping[str, Backend]) -> None:
        self._backends = backends
        self._lock = asyncio.Lock()
        self._asked_at = float("-inf")
        self._states: dict[str, Health] = {}

    async def current(self) -> Mapping[str, Health]:
        async with self._lock:
            if time.monotonic() - self._asked_at > _FRESH:
                states = await asyncio.gather(*map(_health, self._backends.values()))
                self._states = dict(zip(self._backends, states, strict=True))
                self._asked_at = time.monotonic()
        return self._states


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def alive() -> Response:
    return answer({"status": "ok"})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz")
async def ready(have: Have, request: Request) -> Response:
    """503 while draining or without the store. A backend that is down is listed and stops nothing.

    What a backend said is only told to callers: it may name hosts of the network.
    """
    state = request.app.state
    if state.drain.begun:
        return answer({"status": "draining"}, 503)
    callers: Callers = state.callers
    trusted = callers.anonymous is not None or "authorization" in request.headers
    if trusted:
        await callers.identify(request.scope)
    try:
        async with asyncio.timeout(_PATIENCE):
            await have.store.assistants.list(Page(limit=1))
    except (TimeoutError, StoreError):
        return answer({"status": "the store does not answer"}, 503)
    states: BackendStates = state.backends
    backends: JsonObject = {
        name: {"ok": health.ok, "detail": health.detail} if trusted else {"ok": health.ok}
        for name, health in (await states.current()).items()
    }
    broken = count_broken(have.toolset)
    return answer(
        {
            "status": "ok",
            "model": have.model.label if trusted else None,
            "functions": {
                "callable": len(have.toolset) - broken,
                "broken": broken,
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
