"""An MCP server: one session, opened at the first call, and again when it was lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, INVALID_PARAMS, METHOD_NOT_FOUND
from pydantic import ValidationError

from drawbar.backends.mcp.line import Line, unavailable
from drawbar.backends.mcp.options import McpBackendSpec
from drawbar.backends.mcp.reply import reply_of
from drawbar.backends.mcp.tools import Tool
from drawbar.backends.mcp.transport import BUSY, DENIED, LOST, SESSION_GONE, UNREACHABLE
from drawbar.kernel.ports import BackendError, Call, Health, Reply
from drawbar.kernel.underway import Underway
from drawbar.kernel.values import JsonValue
from drawbar.wire.held import Held

if TYPE_CHECKING:
    from drawbar.backends.mcp.compile import Binding

_log = logging.getLogger(__name__)

_HEALTH_TIME = 4.0
_NOT_SENT = frozenset({UNREACHABLE, DENIED, SESSION_GONE, BUSY})
_REFUSED = frozenset({INVALID_PARAMS, METHOD_NOT_FOUND, -32600})
"""The server's own no, before the tool was called."""


class McpBackend:
    """Fills the port `drawbar.kernel.ports.Backend`."""

    def __init__(
        self, spec: McpBackendSpec, name: str, folder: Path, promised: Mapping[str, Tool]
    ) -> None:
        self._spec = spec
        self._name = name
        self._folder = folder
        self._promised = promised
        self._line = Held(self._connected)
        self._drift: Mapping[str, str] = {}
        self._underway = Underway("the call was cut off")

    async def invoke(self, binding: Binding, call: Call) -> Reply:
        """Call the tool, or show in a dry run what would be called."""
        arguments = {binding.names[name]: value for name, value in call.arguments.items()}
        if call.mode == "dry_run":
            shown: JsonValue = {"tool": binding.tool, "arguments": arguments}
            return Reply({"request": shown})
        return await self._underway.run(self._call(binding, arguments, call))

    async def health(self) -> Health:
        """Whether a session can be had and the declared tools are what they were."""
        try:
            async with asyncio.timeout(_HEALTH_TIME):
                line = Line(self._spec, self._name, self._folder)
                try:
                    await line.connect()
                finally:
                    await line.end()
        except TimeoutError:
            return Health(ok=False, detail=f"no answer within {_HEALTH_TIME:.0f} s")
        except BackendError as error:
            return Health(ok=False, detail=error.message)
        told = "; ".join(dict(self._drifted(line.promised())).values())
        return Health(ok=True, detail=told or f"the server lists {len(line.tools)} tools")

    async def close(self) -> None:
        """End the session; a call under way fails."""
        await self._underway.close()
        await self._line.close()

    async def _call(self, binding: Binding, arguments: dict[str, JsonValue], call: Call) -> Reply:
        line = await self._line.get()
        call.progress.mark_sent()
        try:
            result = await line.client.call_tool(binding.tool, arguments)
        except MCPError as error:
            raise self._failure(line, error) from None
        except (anyio.ClosedResourceError, anyio.BrokenResourceError, OSError) as error:
            raise _lost(str(error) or "it was closed") from None
        except (ValidationError, RuntimeError) as error:
            raise BackendError(
                "The server's answer is not what the protocol or its own schema says.",
                code="bad_value",
                work="done" if binding.changes else "unknown",
            ) from error
        reply = reply_of(result, call, wraps=binding.wraps, changes=binding.changes)
        drift = self._drift.get(binding.tool)
        return Reply(reply.value, (*reply.notes, drift), reply.cuts) if drift else reply

    async def _connected(self) -> Line:
        line = Line(self._spec, self._name, self._folder)
        await line.connect()
        self._drift = dict(self._drifted(line.promised()))
        for told in self._drift.values():
            _log.warning("%s: %s", self._name, told)
        return line

    def _drifted(self, listed: Mapping[str, Tool]) -> Iterator[tuple[str, str]]:
        """What of the declared tools is not what the adapter was made from."""
        for name, tool in self._promised.items():
            now = listed.get(name)
            if now is None:
                yield name, f"The server does not list the tool `{name}` any more."
            elif now.promise != tool.promise:
                yield (
                    name,
                    f"The server's input schema of `{name}` is not the one this was made from.",
                )
            elif now.words != tool.words:
                yield (
                    name,
                    f"The server describes `{name}` differently; the model still reads the old words.",
                )

    def _failure(self, line: Line, error: MCPError) -> BackendError:
        said = line.masked(error.message).removeprefix(f"{self._name}: ")
        if error.code in (SESSION_GONE, CONNECTION_CLOSED):
            line.leave()  # the next call opens another
        if error.code in (CONNECTION_CLOSED, LOST):
            return _lost(said)
        if error.code in _NOT_SENT:
            failure = unavailable(said.rstrip("."))
            if error.code == DENIED:
                failure.code, failure.retryable = "backend_denied", False
            return failure
        return BackendError(
            said or f"The server answered with error {error.code}.",
            code="invalid_request" if error.code in _REFUSED else "backend_error",
            work="rolled_back" if error.code in _REFUSED else "unknown",
            facts={"error": error.code},
        )


def _lost(why: str) -> BackendError:
    return BackendError(
        f"The connection to the MCP server was lost: {why.rstrip('.')}.",
        code="connection_lost",
        retryable=True,
        work="unknown",
    )
