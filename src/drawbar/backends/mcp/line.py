"""A session with an MCP server, held open by a task of its own.

The SDK's client has to be left in the task that entered it, and calls come from many.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import Implementation

from drawbar.backends.mcp.options import McpBackendSpec
from drawbar.backends.mcp.tools import Tool, as_tool, tools_of
from drawbar.backends.mcp.transport import http_client, logged
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonObject
from drawbar.spec.tls import TlsSpec

_CONNECT_TIME = 10.0
"""Seconds for the server to start, to agree on a version and to list its tools."""
_MOST_PAGES = 100
_LARGEST_EVENT = 64 * 2**20
_ENDING_TIME = 0.8
"""Seconds for a session to be ended politely, before it is cut."""


class Line:
    """Opened by `open_line`; `tools` are what the server listed then."""

    def __init__(self, spec: McpBackendSpec, name: str, folder: Path) -> None:
        self._spec = spec
        self._name = name
        self._folder = folder
        self._stop = asyncio.Event()
        self._ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.ensure_future(self._keep())
        self.tools: Mapping[str, JsonObject] = {}

    @property
    def stands(self) -> bool:
        return not self._keeper.done() and not self._stop.is_set()

    @property
    def client(self) -> Client:
        """Of a line that is connected."""
        return self._ready.result()

    async def connect(self) -> None:
        """Raises BackendError when the server cannot be talked to."""
        try:
            async with asyncio.timeout(_CONNECT_TIME):
                client = await self._entered()
                self.tools = tools_of(await _listed(client))
        except TimeoutError:
            await self.end()
            raise unavailable(f"it did not answer within {_CONNECT_TIME:.0f} s") from None
        except MCPError as error:
            await self.end()
            raise unavailable(error.message) from None
        except BaseException:
            await self.end()
            raise

    async def _entered(self) -> Client:
        either: set[asyncio.Future[Any]] = {self._ready, self._keeper}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.done():
            raise unavailable(_why(self._keeper))
        return self._ready.result()

    def promised(self) -> Mapping[str, Tool]:
        """What the server lists, by name."""
        return {name: as_tool(kept) for name, kept in self.tools.items()}

    def leave(self) -> None:
        """It is of no use any more; `end` waits until it is gone."""
        self._stop.set()

    async def end(self) -> None:
        """Leave the session; cut it when the server takes long.

        A program is never cut while the SDK stops it, which takes some seconds at most: cancelled there, it
        would leave the program running.
        """
        self._stop.set()
        is_stopping_program = self._spec.url is None and self._ready.done()
        patience = None if is_stopping_program else _ENDING_TIME
        done, _ = await asyncio.wait({self._keeper}, timeout=patience)
        if not done:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        if not self._keeper.cancelled():
            self._keeper.exception()  # told to whoever waited; here only so that it counts as seen
        self._ready.cancel()

    async def _keep(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            transport = await self._transport(stack)
            client = Client(
                transport, cache=None, client_info=Implementation(name="drawbar", version="1")
            )
            await stack.enter_async_context(client)
            self._ready.set_result(client)
            await self._stop.wait()

    async def _transport(self, stack: contextlib.AsyncExitStack) -> Any:
        """One of the SDK's transports, which have no public type."""
        spec = self._spec
        if spec.url is not None:
            context = (spec.tls or TlsSpec.model_validate({})).context(self._folder)
            headers = {name: value.reveal() for name, value in spec.headers.items()}
            client = await stack.enter_async_context(http_client(headers, context))
            return streamable_http_client(
                spec.url, http_client=client, max_sse_event_size=_LARGEST_EVENT
            )
        program, *arguments = (self._placed(part) for part in spec.command)
        parameters = StdioServerParameters(
            command=program,
            args=arguments,
            env={name: value.reveal() for name, value in spec.env.items()},
            cwd=self._folder.resolve(),
        )
        errors = await stack.enter_async_context(logged(self.masked))
        return stdio_client(parameters, errors)

    def _placed(self, part: str) -> str:
        if part.startswith(("./", "../")):
            return os.path.normpath(self._folder.resolve() / part)
        return part

    def masked(self, text: str) -> str:
        """What the server said, without what it must not tell."""
        for value in (*self._spec.env.values(), *self._spec.headers.values()):
            for secret in (value.reveal(), value.reveal().rpartition(" ")[2]):
                if len(secret) > 3:  # noqa: PLR2004 -- shorter is no secret, and would mask words
                    text = text.replace(secret, "***")
        return f"{self._name}: {text}"


async def _listed(client: Client) -> list[Any]:
    """All tools of the server, from all pages. Raises MCPError."""
    found: list[Any] = []
    cursor = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def unavailable(why: str) -> BackendError:
    return BackendError(
        f"The MCP server cannot be asked: {why}.",
        code="backend_unavailable",
        retryable=True,
        work="not_started",
    )


def _why(keeper: asyncio.Future[None]) -> str:
    if keeper.cancelled():
        return "the session was ended"
    error: BaseException | None = keeper.exception()
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, BackendError | MCPError):
        return error.message.rstrip(".")
    return str(error) or type(error).__name__
