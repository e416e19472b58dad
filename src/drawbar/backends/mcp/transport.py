"""How bytes reach an MCP server: HTTP whose failures belong to one request, or a program's pipes.

The SDK's HTTP transport ends as a whole when one request cannot connect, and with it every other call. What
goes wrong before an answer comes is therefore told as the answer to that request, in codes of our own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TextIO

import httpx2
import orjson

_log = logging.getLogger(__name__)

UNREACHABLE, LOST, DENIED, SESSION_GONE, BUSY = -32950, -32951, -32952, -32953, -32954
"""Codes that no server sends: JSON-RPC keeps -32768 to -32000 for itself, and MCP uses none of these."""
_CONNECT_TIME = 5.0
_STATUSES: Mapping[int, int] = {
    401: DENIED,
    403: DENIED,
    429: BUSY,
    502: LOST,
    503: BUSY,
    504: LOST,
}
_SESSION = "mcp-session-id"
_LONGEST_LINE = 65_536


class FailingAlone(httpx2.AsyncBaseTransport):
    """Answers with a JSON-RPC error where the server does not answer."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._inner = httpx2.AsyncHTTPTransport(verify=context)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await self._inner.handle_async_request(request)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            return _told(request, UNREACHABLE, str(error) or "it cannot be connected to")
        except httpx2.TransportError as error:
            return _told(request, LOST, str(error) or type(error).__name__)
        status = response.status_code
        code = _STATUSES.get(status)
        if status == httpx2.codes.NOT_FOUND and _SESSION in request.headers:
            code = SESSION_GONE
        if code is None:
            return response
        await response.aclose()
        return _told(request, code, f"it answered with status {status}")

    async def aclose(self) -> None:
        await self._inner.aclose()


def _told(request: httpx2.Request, code: int, message: str) -> httpx2.Response:
    """As an error of the JSON-RPC request; the id is filled in by who reads it."""
    body = orjson.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}})
    headers = {"content-type": "application/json"}
    return httpx2.Response(502, headers=headers, content=body, request=request)


def http_client(headers: Mapping[str, str], context: ssl.SSLContext) -> httpx2.AsyncClient:
    """How long an answer may take is the call's business."""
    return httpx2.AsyncClient(
        headers=dict(headers),
        transport=FailingAlone(context),
        timeout=httpx2.Timeout(None, connect=_CONNECT_TIME),
        trust_env=False,
    )


class _Lines(asyncio.Protocol):
    """What a program writes to standard error, for the operator."""

    def __init__(self, tell: Callable[[str], str]) -> None:
        self._tell = tell
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            _log.info("%s", self._tell(line.decode("utf-8", "replace")))
        self._rest = self._rest[-_LONGEST_LINE:]


@contextlib.asynccontextmanager
async def logged(tell: Callable[[str], str]) -> AsyncIterator[TextIO]:
    """A file whose lines go to the log; `tell` masks what must not stand there."""
    reading, writing = os.pipe()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: _Lines(tell), os.fdopen(reading, "rb", 0)
    )
    try:
        with os.fdopen(writing, "w") as file:
            yield file
    finally:
        transport.close()
