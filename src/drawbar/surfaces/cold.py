"""All that is not a hot route, in FastAPI, which also documents the whole at /openapi.json.

It is imported and put together after the server listens (see `late`): that takes as long as all the rest of
a start. Its pages that load scripts from elsewhere are off.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from drawbar.kernel.errors import ClientError, StoreError
from drawbar.surfaces import health
from drawbar.surfaces.actions import manifest
from drawbar.surfaces.assistants import absent, assistants, files, runs, threads
from drawbar.surfaces.callers import Callers
from drawbar.surfaces.chat import models
from drawbar.surfaces.console import console_routes
from drawbar.surfaces.documents import add_hot_routes
from drawbar.surfaces.drain import Drain
from drawbar.surfaces.errors import (
    envelope,
    error_headers,
    no_such_url,
    our_bug,
    store_failed,
    wrong_method,
)
from drawbar.surfaces.front import Routes
from drawbar.surfaces.health import BackendStates
from drawbar.surfaces.services import Services
from drawbar.surfaces.validation import explain

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_ROUTERS = (
    assistants.router,
    threads.router,
    runs.router,
    models.router,
    files.router,
    absent.router,
    health.router,
    manifest.router,
)


def create_cold(services: Services, callers: Callers, drain: Drain, routes: Routes) -> ASGIApp:
    """`routes` are the hot ones, which are documented here and named where a method is wrong."""
    app = FastAPI(
        title="Drawbar",
        version=version("drawbar"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.callers = callers
    app.state.backends = BackendStates(services.backends)
    app.state.drain = drain
    for router in _ROUTERS:
        app.include_router(router)
    app.router.routes.extend(console_routes())
    _handle_errors(app, routes)
    add_hot_routes(app)
    return app


def _handle_errors(app: FastAPI, routes: Routes) -> None:
    """Everything that FastAPI says no to, in the one envelope."""

    async def client_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, ClientError)  # noqa: S101 -- registered for nothing else
        return _answer(error)

    async def store_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, StoreError)  # noqa: S101 -- registered for nothing else
        return _answer(store_failed(error, request.method, request.state.request_id))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 -- registered for nothing else
        method, path = request.method, request.url.path
        if error.status_code not in {404, 405}:
            return _answer(ClientError(str(error.detail), status=error.status_code))
        allowed = ", ".join(sorted({*routes.methods(path), *_methods(path)}))
        if allowed:
            return _answer(wrong_method(method, path, allowed), {"allow": allowed})
        return _answer(no_such_url(method, path))

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 -- registered for nothing else
        return _answer(explain(list(error.errors())))

    async def bug(request: Request, _error: Exception) -> Response:
        return _answer(our_bug(request.state.request_id))  # it is raised again and logged outside

    app.add_exception_handler(ClientError, client_error)
    app.add_exception_handler(StoreError, store_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, bug)


def _methods(path: str) -> set[str]:
    """What FastAPI answers on a path; it names only those of the first route that fits."""
    return {
        method
        for router in _ROUTERS
        for route in router.routes
        if isinstance(route, Route) and route.path_regex.fullmatch(path)
        for method in route.methods or ()
    }


def _answer(error: ClientError, headers: dict[str, str] | None = None) -> Response:
    response = Response(envelope(error), error.status, headers, "application/json")
    for name, value in error_headers(error):
        response.headers[name.decode()] = value.decode()
    return response
