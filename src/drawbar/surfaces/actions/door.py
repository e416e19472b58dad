"""/actions/openapi.json and /.well-known/ai-plugin.json.

The document needs a key like everything else that tells about functions. The manifest needs none, since clients read
it before they have one; it names nothing but the gateway.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from drawbar.compiler.toolset import ALL, described
from drawbar.kernel.errors import ClientError
from drawbar.settings import Settings
from drawbar.surfaces.actions.document import actions_document, plugin_manifest
from drawbar.surfaces.callers import anonymous_caller
from drawbar.surfaces.exchange import Exchange, header
from drawbar.surfaces.front import Routes
from drawbar.surfaces.services import Services

if TYPE_CHECKING:
    from starlette.types import Scope

_KEPT = 20
"""Documents that are kept encoded: one for each toolset and address it is asked at."""


class Actions:
    """The documents, made when they are first asked for: functions only change with a restart."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._open = anonymous_caller(services.settings) is not None
        self._documents: dict[tuple[str, str], bytes] = {}

    def add_to(self, routes: Routes) -> None:
        routes.add("GET", "/actions/openapi.json", self.whole)
        routes.add("GET", "/actions/{}/openapi.json", self.of_toolset)

    async def whole(self, exchange: Exchange) -> None:
        await self.of_toolset(exchange, ALL)

    async def of_toolset(self, exchange: Exchange, toolset: str) -> None:
        names = self._services.toolsets.get(toolset)
        if names is None:
            known = ", ".join(self._services.toolsets)
            message = f"No toolset found with name '{toolset}'. There are: {known}."
            raise ClientError(message, status=404, code="unknown_toolset")
        key = (toolset, base_of(self._services.settings, exchange.scope))
        if key not in self._documents:
            made = await asyncio.to_thread(self._document, frozenset(names), key[1])
            while len(self._documents) >= _KEPT:
                del self._documents[next(iter(self._documents))]
            self._documents[key] = made
        await exchange.answer(self._documents[key])

    def _document(self, names: frozenset[str], base: str) -> bytes:
        functions = (each for each in described(self._services.toolset) if each.name in names)
        settings = self._services.settings.actions
        return orjson.dumps(actions_document(functions, settings, base, open_to_all=self._open))


def manifest_of(settings: Settings, scope: Scope) -> bytes:
    """The plugin manifest, encoded."""
    open_to_all = anonymous_caller(settings) is not None
    base = base_of(settings, scope)
    return orjson.dumps(plugin_manifest(settings.actions, base, open_to_all=open_to_all))


def base_of(settings: Settings, scope: Scope) -> str:
    """Where clients reach the gateway: by the settings, else as this request did."""
    if settings.actions.url is not None:
        return settings.actions.url.rstrip("/")
    host = header(scope, b"host") or f"{settings.listen.host}:{settings.listen.port}"
    return f"{scope.get('scheme', 'http')}://{host}"
