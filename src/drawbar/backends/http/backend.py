"""An HTTP API that was opened: connections, redirects, deadlines.

Reads share a pool of connections; what goes beyond the pool (`wire`) is asked again by the client library,
which does everything. A change goes by the library alone and gets a connection of its own: on a kept one that the
server is just closing, nobody could tell whether the change arrived. Nor is a change ever sent twice:
the client library does that by itself for PUT and DELETE, unless it is kept from it (`_once`).
"""

from __future__ import annotations

import asyncio
import base64
import io
import socket
import ssl
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from drawbar.backends.http.addresses import open_socket
from drawbar.backends.http.draining import Page, drained
from drawbar.backends.http.failure import (
    ErrorReply,
    Exchange,
    bad_reply,
    error_status,
    lost,
    reason,
    redirected,
    timed_out,
)
from drawbar.backends.http.oauth import Tokens
from drawbar.backends.http.options import AuthSpec, HttpBackendSpec
from drawbar.backends.http.reply import (
    Unusable,
    advice,
    capped,
    read_value,
    read_whole,
    too_large,
)
from drawbar.backends.http.request import Binding, Identity, Request, describe, render
from drawbar.kernel.ports import BackendError, Call, Health, Progress, Reply
from drawbar.kernel.ticker import TICK, Ticker, TimeLimit
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from drawbar.wire.connection import Answer, AnswerBeyond, Beyond, request_of
from drawbar.wire.pool import Pool

_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_ERROR_BODY = 65_536
"""Bytes of an error reply that are read for its message."""
_SHORT_BODY = 65_536
_KEEP = 30.0
"""Seconds that an unused connection is kept."""
_LARGE_BODY = 1_000_000
"""From here on the client library wants a file, so that sending does not hold up the event loop."""
_HEALTH_TIME = 5.0
_HEAD_HEADERS = ("content-type", "content-length", "last-modified", "etag")


class HttpBackend:
    """Fills the port `drawbar.kernel.ports.Backend`. Nothing is opened before the first call."""

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
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._host = parts.netloc
        self._port = URL(spec.url).port
        self._base_path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~-._")
        self._identity = _identity(spec.auth, spec.headers)
        self._masked = self._identity.masked()
        oauth = spec.auth.oauth2 if spec.auth is not None else None
        self._tokens: Tokens | None = None
        if oauth is not None:
            self._tokens = Tokens(oauth, lambda: self._session(changing=False))
            self._masked = Identity({**self._masked.headers, "Authorization": "***"})
        self._host_header = URL(spec.url).host_port_subcomponent or parts.netloc
        self._ticker = Ticker()
        self._pool: Pool | None = None
        self._beyond_pool: set[str] = set()
        """Functions whose answers the pool does not read."""
        self._reads: aiohttp.ClientSession | None = None
        self._changes: aiohttp.ClientSession | None = None
        self._closed = False

    async def invoke(self, binding: Binding, call: Call) -> Reply:
        """Carry the call out; in a dry run describe the request, with its secrets masked."""
        dry = call.mode == "dry_run"
        identity = self._masked if dry else self._identity
        request = render(binding, call.arguments, self._base_path, identity, call.idempotency_key)
        if dry:
            return Reply({"request": describe(request, self._host)})
        exchange = Exchange(binding.changes)
        try:
            # A tick early, as it may ring a tick late: then what became of the call is told here.
            with TimeLimit(self._ticker, call.deadline - TICK):
                if not call.remaining():
                    raise TimeoutError  # noqa: TRY301 -- as the limit itself would, had it had time
                if self._tokens is not None:
                    return await self._with_token(self._tokens, binding, request, call, exchange)
                return await self._carried_out(binding, request, call, exchange)
        except TimeoutError:
            raise timed_out(exchange, sent=call.progress.sent) from None
        except (aiohttp.ClientError, OSError) as error:
            raise lost(error, exchange) from None
        except BackendError as error:
            raise self._without_secrets(error) from None

    async def health(self) -> Health:
        """GET of the `health` path, or else a TCP connection."""
        try:
            async with asyncio.timeout(_HEALTH_TIME):
                if self._spec.health is not None:
                    return await self._health_page(self._spec.health)
                return await self._health_port()
        except TimeoutError:
            return Health(ok=False, detail=f"{self._host} did not answer in {_HEALTH_TIME:.0f} s")
        except BackendError as error:
            return Health(ok=False, detail=error.message)
        except (aiohttp.ClientError, OSError) as error:
            return Health(ok=False, detail=lost(error, Exchange(changes=False)).message)

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        if self._pool is not None:
            await self._pool.close()
        for session in (self._reads, self._changes):
            if session is not None:
                await session.close()
        self._reads = self._changes = None

    async def _with_token(
        self, tokens: Tokens, binding: Binding, request: Request, call: Call, exchange: Exchange
    ) -> Reply:
        """With a token of the token server; a second time with a new one, where the first is no longer taken."""
        token = await tokens.of(call.caller)
        request.headers["Authorization"] = f"Bearer {token}"
        try:
            return await self._carried_out(binding, request, call, exchange)
        except BackendError as error:
            if error.facts.get("status") != HTTPStatus.UNAUTHORIZED or error.work == "unknown":
                raise
        tokens.forget(token)
        request = Request(request.method, request.target, {**request.headers}, request.body)
        request.headers["Authorization"] = f"Bearer {await tokens.of(call.caller)}"
        return await self._carried_out(binding, request, call, exchange)

    async def _carried_out(
        self, binding: Binding, request: Request, call: Call, exchange: Exchange
    ) -> Reply:
        if binding.pages is None:
            answer, _ = await self._exchange(binding, request, call, exchange)
            return self._read(answer, request.method, binding, call, exchange)
        try:
            return await drained(
                binding.pages,
                binding.response,
                request.target,
                lambda target: self._page(target, binding, request, call),
                call,
                advice(binding),
            )
        except Unusable as error:
            raise bad_reply(str(error), exchange) from error

    async def _page(self, target: str, binding: Binding, request: Request, call: Call) -> Page:
        """One page of a list. What says where the next one is may not lead to another host."""
        exchange = Exchange(changes=False)
        asked = URL(self._origin + request.target, encoded=True)
        try:
            url = asked.join(URL(target, encoded=True))
            if url.origin() != asked.origin():
                raise Unusable(f"its next page is at {url.origin()}, which is not this backend")
        except ValueError:
            raise Unusable("where its next page is said to be is no URL") from None
        step = Request(request.method, self._with_key(url), {**request.headers}, request.body)
        answer, final = await self._exchange(binding, step, call, exchange)
        self._check(answer, binding, call, exchange)
        kind = answer.headers.get("content-type", "")
        value = read_whole(binding, answer.body, kind, self._spec.charset)
        return Page(final, answer.headers, value, len(answer.body))

    async def _exchange(
        self, binding: Binding, request: Request, call: Call, exchange: Exchange
    ) -> tuple[Answer, str]:
        """The answer behind any redirects, and where it was had from."""
        method, target, body = request.method, request.target, request.body
        for _ in range(_MOST_REDIRECTS + 1):
            changing = binding.changes and not exchange.accepted
            step = Request(method, target, request.headers, body)
            found = None if changing else await self._from_pool(step, call)
            answer = found or await self._from_library(step, call, changing=changing)
            if answer.status not in _REDIRECTS:
                return answer, target
            target = self._next_target(target, answer, exchange)
            if answer.status == 303 or (answer.status < 303 and method == "POST"):  # noqa: PLR2004 -- RFC 9110, 15.4
                method, body = ("HEAD" if method == "HEAD" else "GET"), None
                request.headers.pop("Content-Type", None)
                exchange.accepted = exchange.changes
        raise redirected(answer.status, exchange, f"more than {_MOST_REDIRECTS} times")

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

    async def _from_library(self, request: Request, call: Call, *, changing: bool) -> Answer:
        response = await self._send(request, call.progress, changing=changing)
        try:
            body, whole = b"", True
            if response.status not in _REDIRECTS and response.method != "HEAD":
                most = _ERROR_BODY if response.status >= 400 else call.max_bytes  # noqa: PLR2004 -- errors (RFC 9110, 15.5 and 15.6)
                body, whole = await _body(response, most)
            return Answer(response.status, response.headers, body, whole)
        finally:
            response.release()

    async def _send(
        self, request: Request, progress: Progress, *, changing: bool
    ) -> aiohttp.ClientResponse:
        data: bytes | io.BytesIO | None = request.body
        if request.body is not None and len(request.body) > _LARGE_BODY:
            data = io.BytesIO(request.body)
        return await self._session(changing=changing).request(
            request.method,
            URL(self._origin + request.target, encoded=True),
            data=data,
            headers=request.headers,
            allow_redirects=False,
            trace_request_ctx=progress,
        )

    def _next_target(self, target: str, answer: Answer, exchange: Exchange) -> str:
        """Path and query of a redirect that stays on the declared scheme, host and port."""
        location = answer.headers.get("location")
        if not location:
            raise redirected(answer.status, exchange, "nowhere, for want of a Location")
        asked = URL(self._origin + target, encoded=True)
        try:
            url = asked.join(URL(location))
            origin = url.origin()
        except ValueError:
            raise redirected(answer.status, exchange, "its Location is no URL") from None
        if origin != asked.origin():
            raise redirected(answer.status, exchange, f"to {origin}")
        return self._with_key(url)

    def _with_key(self, url: URL) -> str:
        """Path and query of a URL that the backend gave, which seldom repeats the key of ours."""
        key = self._identity.query
        if not key or key.partition("=")[0] in url.query:
            return url.raw_path_qs
        return f"{url.raw_path_qs}{'&' if url.raw_query_string else '?'}{key}"

    def _check(self, answer: Answer, binding: Binding, call: Call, exchange: Exchange) -> None:
        """Raises BackendError for an answer that is no whole success."""
        status, body, headers = answer.status, answer.body, answer.headers
        if status >= 400:  # noqa: PLR2004 -- errors (RFC 9110, 15.5 and 15.6)
            told = ErrorReply(status, body[:_ERROR_BODY], headers.get("retry-after"))
            raise error_status(told, exchange)
        if status >= 300:  # noqa: PLR2004 -- 300, 304 and what nobody uses
            raise bad_reply(f"its status is {status}", exchange)
        if not answer.whole:
            raise too_large(binding, call.max_bytes, "done" if exchange.changes else "unknown")

    def _read(
        self, answer: Answer, method: str, binding: Binding, call: Call, exchange: Exchange
    ) -> Reply:
        self._check(answer, binding, call, exchange)
        status, body, headers = answer.status, answer.body, answer.headers
        if method == "HEAD":
            return Reply(_head(answer))
        location = headers.get("location")
        if not body and status == 201 and location is not None:  # noqa: PLR2004 -- created; its place is the answer
            return Reply({"location": location})
        try:
            value = read_value(binding, body, headers.get("content-type", ""), self._spec.charset)
        except Unusable as error:
            raise bad_reply(str(error), exchange) from error
        return capped(value, binding, call.max_rows)

    def _session(self, *, changing: bool) -> aiohttp.ClientSession:
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
        if tls is None:
            return True
        ca, certificate, key = (
            None if path is None else str(self._folder / path)
            for path in (tls.ca, tls.certificate, tls.key)
        )
        try:
            context = ssl.create_default_context(cafile=ca)
            if certificate is not None:
                context.load_cert_chain(certificate, key)
        except OSError as error:
            raise BackendError(
                "A file named under `tls` is no certificate or key that can be used.",
                code="backend_unavailable",
                work="not_started",
            ) from error
        return context

    async def _health_page(self, path: str) -> Health:
        headers = {"User-Agent": "drawbar", **self._identity.headers}
        if self._tokens is not None and not self._tokens.exchanges:
            headers["Authorization"] = f"Bearer {await self._tokens.of(Caller('health'))}"
        target = self._base_path + path
        if self._identity.query:
            target += ("&" if "?" in path else "?") + self._identity.query
        response = await self._send(
            Request("GET", target, headers, None), Progress(), changing=False
        )
        response.close()
        return Health(
            ok=response.status < 300,  # noqa: PLR2004 -- 2xx
            detail=f"GET {self._base_path}{path} answered {response.status}",
        )

    async def _health_port(self) -> Health:
        host = URL(self._origin).raw_host or ""
        names = [host]
        if self._resolver is not None:
            names = [found["host"] for found in await self._resolver.resolve(host)]
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(names[0], self._port, type=socket.SOCK_STREAM)
        failure: OSError | None = None
        for target in found:
            try:
                with open_socket(target) as trial:
                    trial.setblocking(False)
                    await loop.sock_connect(trial, target[4])
                    return Health(ok=True, detail=f"{self._host} accepts connections")
            except OSError as error:
                failure = error
        return Health(ok=False, detail=f"{self._host} cannot be reached: {reason(failure)}")

    def _without_secrets(self, error: BackendError) -> BackendError:
        """Some backends answer with the key they got."""
        for text in self._secrets():
            if text in error.message:
                error.message = error.message.replace(text, "***")
                error.args = (error.message,)
        return error

    def _secrets(self) -> list[str]:
        auth = self._spec.auth
        found = [value.reveal() for value in self._spec.headers.values()]
        found += [self._identity.headers.get("Authorization", "").rpartition(" ")[2]]
        if self._tokens is not None:
            found += self._tokens.known()
        if auth is not None and auth.basic is not None:
            found.append(auth.basic.password.reveal())
        if auth is not None and auth.api_key is not None:
            found.append(auth.api_key.value.reveal())
        return [text for text in found if len(text) > 3]  # noqa: PLR2004 -- shorter is no secret, and would mask words


def _identity(auth: AuthSpec | None, headers: dict[str, Any]) -> Identity:  # values are Secret
    made = {name: value.reveal() for name, value in headers.items()}
    query = ""
    if auth is not None and auth.bearer is not None:
        made["Authorization"] = f"Bearer {auth.bearer.token.reveal()}"
    elif auth is not None and auth.basic is not None:
        pair = f"{auth.basic.username}:{auth.basic.password.reveal()}".encode()
        made["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif auth is not None and auth.api_key is not None:
        key = auth.api_key
        if key.in_ == "header":
            made[key.name] = key.value.reveal()
        else:
            query = f"{quote(key.name, safe='')}={quote(key.value.reveal(), safe='')}"
    return Identity(made, query)


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


def _head(answer: Answer) -> JsonValue:
    found: JsonObject = {"status": answer.status}
    for name in _HEAD_HEADERS:
        if name in answer.headers:
            found[name.replace("-", "_")] = answer.headers[name]
    return found


def _closed() -> NoReturn:
    raise BackendError("The backend was closed.", code="backend_unavailable", work="not_started")
