"""Static files under a strict policy, and one JSON route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from drawbar.kernel.errors import ClientError
from drawbar.kernel.values import Caller
from drawbar.surfaces.callers import Callers
from drawbar.surfaces.console.assets import load_assets
from drawbar.surfaces.console.config import ConsoleAssistant, config_object
from drawbar.surfaces.services import Services

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",  # kept, but asked for again: the tag decides
}


def console_routes() -> list[BaseRoute]:
    """/console/ with its files, and /console/config. A browser that asks for `/` is led there."""
    return [
        Route("/", _redirect, methods=["GET"]),
        Route("/console", _redirect, methods=["GET"]),
        Route("/console/config", _config_endpoint(), methods=["GET"]),
        Route("/console/{name:path}", _asset_endpoint(), methods=["GET"]),
    ]


async def _redirect(_request: Request) -> Response:
    """Relative, so that it holds behind a proxy with a prefix."""
    return Response(status_code=307, headers={"Location": "console/"})


def _asset_endpoint() -> Callable[[Request], Awaitable[Response]]:
    assets = load_assets()

    async def answer(request: Request) -> Response:
        name = request.path_params["name"] or "index.html"
        asset = assets.get(name)
        if asset is None:
            raise ClientError(f"The chat page has no file '{name}'.", status=404)
        headers = HEADERS | {"ETag": asset.etag}
        known = request.headers.get("if-none-match", "")
        if asset.etag in [tag.strip().removeprefix("W/") for tag in known.split(",")]:
            return Response(status_code=304, headers=headers)
        return Response(asset.content, headers=headers, media_type=asset.media_type)

    return answer


def _config_endpoint() -> Callable[[Request], Awaitable[Response]]:
    assistant = ConsoleAssistant()

    async def answer(request: Request) -> Response:
        services: Services = request.app.state.services
        caller = await _caller(request, services)
        found = await assistant.get(services)
        body = orjson.dumps(config_object(services, found, caller))
        headers = HEADERS | {"Cache-Control": "no-store"}
        return Response(body, headers=headers, media_type="application/json")

    return answer


async def _caller(request: Request, services: Services) -> Caller:
    """The files are for everybody; this route needs a caller as the API does. Raises ClientError."""
    known: Caller | None = getattr(request.state, "caller", None)
    return known or await Callers(services.settings, services.store).identify(request.scope)
