"""An HTTP API that was opened: identity, redirects, pages, deadlines, and what became of a call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from drawbar.backends.http.access.connections import ERROR_BODY, REDIRECTS, Connections
from drawbar.backends.http.access.csrf import HEADER as CSRF_HEADER
from drawbar.backends.http.access.csrf import CsrfTokens, is_refused
from drawbar.backends.http.access.failure import (
    ErrorReply,
    Exchange,
    bad_reply,
    changed_meanwhile,
    error_status,
    lost,
    redirected,
    timed_out,
)
from drawbar.backends.http.access.identity import identity_of, without_secrets
from drawbar.backends.http.access.oauth import Tokens
from drawbar.backends.http.options import HttpBackendSpec
from drawbar.backends.http.reply.draining import Page, drained
from drawbar.backends.http.reply.reply import (
    Unusable,
    advice,
    at_pointer,
    capped,
    filename,
    is_file,
    read_value,
    read_whole,
    too_large,
)
from drawbar.backends.http.reply.streams import declared
from drawbar.backends.http.request.kept import KeptBinding, bound
from drawbar.backends.http.request.paging import found_at
from drawbar.backends.http.request.request import (
    HEADER_VALUE,
    Binding,
    Identity,
    Precondition,
    Request,
    describe,
    render,
)
from drawbar.kernel.ports import BackendError, Call, Cut, Health, Progress, Reply
from drawbar.kernel.ticker import TICK, Ticker, TimeLimit
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from drawbar.wire.connection import Answer

_MOST_REDIRECTS = 5
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
        self._connections = Connections(
            spec, folder=folder, concurrency=concurrency, resolver=resolver
        )
        self._origin = self._connections.origin
        self._host = parts.netloc
        self._base_path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~-._")
        self._identity = identity_of(spec.auth, spec.headers)
        self._masked = self._identity.masked()
        oauth = spec.auth.oauth2 if spec.auth is not None else None
        self._tokens: Tokens | None = None
        if oauth is not None:
            self._tokens = Tokens(oauth, lambda: self._connections.session(changing=False))
            self._masked = Identity({**self._masked.headers, "Authorization": "***"})
        self._csrf: CsrfTokens | None = None
        if spec.csrf:
            self._csrf = CsrfTokens(
                f"{self._base_path}/"
                + (f"?{self._identity.query}" if self._identity.query else ""),
                lambda request: self._connections.send(request, Progress(), changing=False),
            )
        self._ticker = Ticker()
        self._bound: dict[KeptBinding, Binding] = {}

    async def invoke(self, found: Binding | KeptBinding, call: Call) -> Reply:
        """Carry the call out; in a dry run describe the request, with its secrets masked."""
        binding = self._bind(found) if isinstance(found, KeptBinding) else found
        dry = call.mode == "dry_run"
        identity = self._masked if dry else self._identity
        request = render(binding, call.arguments, self._base_path, identity, call.idempotency_key)
        exchange = Exchange(binding.changes)
        with self._judging(call, exchange):
            if dry:
                return await self._described(binding, request, call, exchange)
            if self._tokens is not None:
                return await self._with_token(self._tokens, binding, request, call, exchange)
            return await self._carried_out(binding, request, call, exchange)

    def _bind(self, found: KeptBinding) -> Binding:
        """Made once of what was kept, when it is first called."""
        if found not in self._bound:
            self._bound[found] = bound(found)
        return self._bound[found]

    @contextmanager
    def _judging(self, call: Call, exchange: Exchange) -> Iterator[None]:
        """Within the time of the call; whatever goes wrong becomes a BackendError that says what became of the work."""
        try:
            # A tick early, as it may ring a tick late: then what became of the call is told here.
            with TimeLimit(self._ticker, call.deadline - TICK):
                if not call.remaining():
                    raise TimeoutError  # noqa: TRY301 -- as the limit itself would, had it had time
                yield
        except TimeoutError:
            raise timed_out(exchange, sent=call.progress.sent) from None
        except (aiohttp.ClientError, OSError) as error:
            raise lost(error, exchange) from None
        except BackendError as error:
            tokens = () if self._tokens is None else self._tokens.known()
            raise without_secrets(error, self._spec, tokens) from None

    async def health(self) -> Health:
        """GET of the `health` path, or else a TCP connection."""
        try:
            async with asyncio.timeout(_HEALTH_TIME):
                if self._spec.health is not None:
                    return await self._health_page(self._spec.health)
                return await self._connections.try_port()
        except TimeoutError:
            return Health(ok=False, detail=f"{self._host} did not answer in {_HEALTH_TIME:.0f} s")
        except BackendError as error:
            return Health(ok=False, detail=error.message)
        except (aiohttp.ClientError, OSError) as error:
            return Health(ok=False, detail=lost(error, Exchange(changes=False)).message)

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()

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
        if binding.precondition is not None:
            tag, _ = await self._current(binding.precondition, request.headers, call, exchange)
            request.headers["If-Match"] = tag
        if binding.pages is None:
            answer = await self._with_csrf(binding, request, call, exchange)
            return self._read(answer, request, binding, call, exchange)
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

    async def _with_csrf(
        self, binding: Binding, request: Request, call: Call, exchange: Exchange
    ) -> Answer:
        """A change with a token, where the backend wants one; a second time when that is no longer taken."""
        tokens = self._csrf if binding.changes else None
        if tokens is None:
            answer, _ = await self._exchange(binding, request, call, exchange)
            return answer
        for _ in range(2):
            exchange.preparing = True
            headers = {**request.headers}
            await tokens.add(headers, call.caller.subject)
            exchange.preparing = False
            step = Request(request.method, request.target, headers, request.body)
            answer, _target = await self._exchange(binding, step, call, exchange)
            if not is_refused(answer):
                break
            tokens.forget(request.headers, call.caller.subject)
        return answer

    async def _described(
        self, binding: Binding, request: Request, call: Call, exchange: Exchange
    ) -> Reply:
        """What would be sent, and the state that it depends on, which is read for that."""
        if self._csrf is not None and binding.changes:
            request.headers[CSRF_HEADER] = "***"
        condition = binding.precondition
        if condition is None:
            return Reply({"request": describe(request, self._host)})
        shown: JsonObject = {}
        notes = []
        headers = {}
        try:
            if self._tokens is not None:
                headers["Authorization"] = f"Bearer {await self._tokens.of(call.caller)}"
            tag, shown["current"] = await self._current(condition, headers, call, exchange)
        except BackendError as error:
            tag = f"(the ETag of {condition.function})"
            notes.append(f"The current state could not be read: {error.message}")
        request.headers["If-Match"] = tag
        return Reply({"request": describe(request, self._host), **shown}, tuple(notes))

    async def _current(
        self, condition: Precondition, headers: Mapping[str, str], call: Call, exchange: Exchange
    ) -> tuple[str, JsonValue]:
        """The ETag of the state that a change depends on, and that state; `headers` are those of the change."""
        reading = condition.reading
        exchange.preparing = True
        arguments = {**condition.fixed, **call.arguments}
        request = render(reading, arguments, self._base_path, self._identity)
        if "Authorization" in headers:
            request.headers["Authorization"] = headers["Authorization"]
        try:
            answer, _ = await self._exchange(reading, request, call, Exchange(changes=False))
            reply = self._read(answer, request, reading, call, Exchange(changes=False))
        except TimeoutError:  # an OSError, but no lost connection
            raise timed_out(exchange, sent=False) from None
        except (aiohttp.ClientError, OSError) as error:
            raise lost(error, exchange) from None
        except BackendError as error:
            error.work = "not_started"
            raise
        exchange.preparing = False
        tag = answer.headers.get("etag")
        if condition.at:
            whole = read_whole(
                reading, answer.body, answer.headers.get("content-type", ""), self._spec.charset
            )
            found = found_at(whole, condition.at)
            tag = found if isinstance(found, str) else None
        if not tag or not HEADER_VALUE.fullmatch(tag):
            raise BackendError(
                f"{condition.function} answered without an ETag, so nothing was changed.",
                code="bad_reply",
                work="not_started",
            )
        return tag, reply.value

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
            stream = declared(binding.reply)
            answer = await self._connections.ask(step, call, changing=changing, stream=stream)
            if answer.status not in REDIRECTS:
                return answer, target
            target = self._next_target(target, answer, exchange)
            if answer.status == 303 or (answer.status < 303 and method == "POST"):  # noqa: PLR2004 -- RFC 9110, 15.4
                method, body = ("HEAD" if method == "HEAD" else "GET"), None
                request.headers.pop("Content-Type", None)
                exchange.accepted = exchange.changes
        raise redirected(answer.status, exchange, f"more than {_MOST_REDIRECTS} times")

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
            own = binding.dialect.failure(status, body) if binding.dialect is not None else None
            told = ErrorReply(status, body[:ERROR_BODY], headers.get("retry-after"))
            if status == HTTPStatus.PRECONDITION_FAILED and binding.precondition is not None:
                raise changed_meanwhile(told, binding.precondition.function)
            raise own or error_status(told, exchange)
        if status >= 300:  # noqa: PLR2004 -- 300, 304 and what nobody uses
            raise bad_reply(f"its status is {status}", exchange)
        if not answer.whole and declared(binding.reply) is None:
            raise too_large(binding, call.max_bytes, "done" if exchange.changes else "unknown")

    def _read(
        self, answer: Answer, request: Request, binding: Binding, call: Call, exchange: Exchange
    ) -> Reply:
        self._check(answer, binding, call, exchange)
        status, body, headers = answer.status, answer.body, answer.headers
        if request.method == "HEAD":
            return Reply(_head(answer))
        location = headers.get("location")
        if not body and status == 201 and location is not None:  # noqa: PLR2004 -- created; its place is the answer
            return Reply({"location": location})
        if body and binding.dialect is None and is_file(binding, headers):
            kind = headers.get("content-type", "")
            return Reply(call.files.add(body, media_type=kind, filename=filename(headers)))
        notes: tuple[str, ...] = ()
        try:
            if binding.dialect is not None:
                said = binding.dialect.read(request.body, body)
                value, notes = at_pointer(said.value, binding.response), said.notes
            else:
                kind = headers.get("content-type", "")
                value = read_value(binding, body, kind, self._spec.charset, whole=answer.whole)
        except Unusable as error:
            raise bad_reply(str(error), exchange) from error
        reply = capped(value, binding, call.max_rows)
        if not answer.whole and isinstance(reply.value, list) and not reply.cuts:
            told = "The stream went on; this is what had come when a limit of size or time was reached."
            reply = replace(reply, cuts=(Cut(len(reply.value), None, "rows", told),))
        return replace(reply, notes=notes) if notes else reply

    async def _health_page(self, path: str) -> Health:
        headers = {"User-Agent": "drawbar", **self._identity.headers}
        if self._tokens is not None and not self._tokens.exchanges:
            headers["Authorization"] = f"Bearer {await self._tokens.of(Caller('health'))}"
        target = self._base_path + path
        if self._identity.query:
            target += ("&" if "?" in path else "?") + self._identity.query
        response = await self._connections.send(
            Request("GET", target, headers, None), Progress(), changing=False
        )
        response.close()
        return Health(
            ok=response.status < 300,  # noqa: PLR2004 -- 2xx
            detail=f"GET {self._base_path}{path} answered {response.status}",
        )


def _head(answer: Answer) -> JsonValue:
    found: JsonObject = {"status": answer.status}
    for name in _HEAD_HEADERS:
        if name in answer.headers:
            found[name.replace("-", "_")] = answer.headers[name]
    return found
