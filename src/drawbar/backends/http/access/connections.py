"""Connections of one HTTP API: a pool for what is read, the client library for everything else.

Reads share a pool of connections; what goes beyond the pool (`wire`) is asked again by the client library,
which does everything. A change goes by the library alone and gets a connection of its own: on a kept one that the
server is just closing, nobody could tell whether the change arrived. Nor is a change ever sent twice:
the client library does that by itself for PUT and DELETE, unless it is kept from it (`_once`).
"""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from drawbar.backends.http.access.addresses import open_socket
from drawbar.backends.http.access.failure import reason
from drawbar.backends.http.options import HttpBackendSpec
from drawbar.backends.http.reply.streams import StreamForm, count
from drawbar.backends.http.request.request import Request
from drawbar.kernel.ports import BackendError, Call, Health, Progress
from drawbar.wire.connection import Answer, AnswerBeyond, Beyond, request_of
from drawbar.wire.pool import Pool

REDIRECTS = (301, 302, 303, 307, 308)
ERROR_BODY = 65_536
"""Bytes of an error reply that are read for its message."""
_SHORT_BODY = 65_536
_SHARE_OF_STREAM = 0.8
"""Of the time that a call has left; then what has come of a stream is told."""
_KEEP = 30.0
"""Seconds that an unused connection is kept."""
_LARGE_BODY = 1_000_000
"""From here on the client library wants a file, so that sending does not hold up the event loop."""


class Connections:
    """Nothing is opened before the first request."""

    def __init__(
        self,
        spec: HttpBackendSpec,
        *,
        folder: Path,
        concurrency: int,
        resolver: AbstractResolver | None = None,
    ) -> None:
        parts = urlsplit(spec.url)
        self._spec = spec
        self._folder = folder
        self._concurrency = concurrency
        self._resolver = resolver
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self._host_header = URL(spec.url).host_port_subcomponent or parts.netloc
        self._pool: Pool | None = None
        self._beyond_pool: set[str] = set()
        """Functions whose answers the pool does not read."""
        self._reads: aiohttp.ClientSession | None = None
        self._changes: aiohttp.ClientSession | None = None
        self._closed = False

    async def ask(
        self, request: Request, call: Call, *, changing: bool, stream: StreamForm | None = None
    ) -> Answer:
        """The answer to one request; redirects are answers. Of a `stream` as much as the limits let come."""
        found = None if changing or stream else await self._from_pool(request, call)
        return found or await self._from_library(request, call, changing=changing, stream=stream)

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        if self._pool is not None:
            await self._pool.close()
        for session in (self._reads, self._changes):
            if session is not None:
                await session.close()
        self._reads = self._changes = None

    async def _from_pool(self, request: Request, call: Call) -> Answer | None:
        """None where it takes the library, which also finds out what is wrong with a connection."""
        if (
            request.method == "HEAD"
            or call.function in self._beyond_pool
            or self._resolver is not None
            or len(request.body or b"") > _SHORT_BODY
        ):
            return None
        if self._closed:
            _closed()
        if self._pool is None:
            self._pool = self._open_pool()
        try:
            return await self._pool.ask(
                request_of(
                    request.method,
                    request.target,
                    self._host_header,
                    request.headers,
                    request.body,
                ),
                deadline=call.deadline,
                most=call.max_bytes,
            )
        except AnswerBeyond:
            self._beyond_pool.add(call.function)
            return None
        except Beyond:
            return None

    async def _from_library(
        self, request: Request, call: Call, *, changing: bool, stream: StreamForm | None
    ) -> Answer:
        response = await self.send(request, call.progress, changing=changing)
        try:
            body, whole = b"", True
            if response.status not in REDIRECTS and response.method != "HEAD":
                failed = response.status >= 400  # noqa: PLR2004 -- errors (RFC 9110, 15.5 and 15.6)
                if stream is not None and not failed:
                    body, whole = await _begun(response, stream, call)
                else:
                    body, whole = await _body(response, ERROR_BODY if failed else call.max_bytes)
            return Answer(response.status, response.headers, body, whole)
        finally:
            response.release()

    async def send(
        self, request: Request, progress: Progress, *, changing: bool
    ) -> aiohttp.ClientResponse:
        data: bytes | io.BytesIO | None = request.body
        if request.body is not None and len(request.body) > _LARGE_BODY:
            data = io.BytesIO(request.body)
        return await self.session(changing=changing).request(
            request.method,
            URL(self.origin + request.target, encoded=True),
            data=data,
            headers=request.headers,
            allow_redirects=False,
            trace_request_ctx=progress,
        )

    async def try_port(self) -> Health:
        host = URL(self.origin).raw_host or ""
        names = [host]
        if self._resolver is not None:
            names = [found["host"] for found in await self._resolver.resolve(host)]
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(names[0], URL(self.origin).port, type=socket.SOCK_STREAM)
        failure: OSError | None = None
        for target in found:
            try:
                with open_socket(target) as trial:
                    trial.setblocking(False)
                    await loop.sock_connect(trial, target[4])
                    return Health(ok=True, detail=f"{self._host_header} accepts connections")
            except OSError as error:
                failure = error
        return Health(ok=False, detail=f"{self._host_header} cannot be reached: {reason(failure)}")

    def session(self, *, changing: bool) -> aiohttp.ClientSession:
        if self._closed:
            _closed()
        if changing:
            if self._changes is None:
                self._changes = self._open_session(changing=True)
            return self._changes
        if self._reads is None:
            self._reads = self._open_session(changing=False)
        return self._reads

    def _open_pool(self) -> Pool:
        url = URL(self._spec.url)
        return Pool(
            url.raw_host or "",
            url.port or 0,
            size=self._concurrency,
            tls=self._tls_context if url.scheme == "https" else None,
            keep=_KEEP,
            make_socket=open_socket,
        )

    def _tls_context(self) -> ssl.SSLContext:
        context = self._tls()
        return context if isinstance(context, ssl.SSLContext) else ssl.create_default_context()

    def _open_session(self, *, changing: bool) -> aiohttp.ClientSession:
        kept: dict[str, Any] = (
            {"force_close": True} if changing else {"keepalive_timeout": 30}
        )  # keywords of TCPConnector
        connector = aiohttp.TCPConnector(
            limit=self._concurrency,
            resolver=self._resolver,
            ssl=self._tls(),
            socket_factory=open_socket,
            **kept,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),  # a cookie would carry one caller's state to the next
            timeout=aiohttp.ClientTimeout(total=None),  # the call's own deadline holds
            trace_configs=[_marks_sent()] if changing else None,
            middlewares=(_once,) if changing else (),
        )

    def _tls(self) -> ssl.SSLContext | bool:
        tls = self._spec.tls
        return True if tls is None else tls.context(self._folder)


def _marks_sent() -> aiohttp.TraceConfig:
    """Says that a change leaves once its connection is there, which is just before its first byte."""

    async def mark(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.mark_sent()

    config = aiohttp.TraceConfig()
    config.on_connection_create_end.append(mark)
    config.on_connection_reuseconn.append(mark)
    return config


class _LostError(aiohttp.ClientError):
    """A connection lost under a change; not of the classes after which the library sends again."""


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _LostError from error


async def _body(response: aiohttp.ClientResponse, most: int) -> tuple[bytes, bool]:
    """At most `most` bytes, decompressed, and whether that is all."""
    content = response.content
    data = await content.readany()
    if content.at_eof() and len(data) <= most:
        return data, True
    parts = [data]
    size = len(data)
    while size <= most and (data := await content.readany()):
        parts.append(data)
        size += len(data)
    if size > most:
        response.close()  # the rest is not wanted
    return b"".join(parts)[:most], size <= most


async def _begun(
    response: aiohttp.ClientResponse, form: StreamForm, call: Call
) -> tuple[bytes, bool]:
    """What came of a stream before one of the limits, and whether that is all."""
    parts: list[bytes] = []
    size = seen = 0
    try:
        async with asyncio.timeout(call.remaining() * _SHARE_OF_STREAM):
            while size <= call.max_bytes and seen <= call.max_rows:
                data = await response.content.readany()
                if not data:
                    return b"".join(parts), True
                parts.append(data)
                size += len(data)
                seen += count(form, data)
    except TimeoutError:
        pass
    response.close()  # the rest is not wanted
    return b"".join(parts)[: call.max_bytes], False


def _closed() -> NoReturn:
    raise BackendError("The backend was closed.", code="backend_unavailable", work="not_started")
