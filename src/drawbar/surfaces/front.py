"""What every request meets first: its id, its caller, the limits of its body; then the hot routes.

The hot routes are plain ASGI, since FastAPI's own dispatch costs as much as a whole call of a
function. What is not one of them goes on to FastAPI with its body read and its caller known.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from drawbar.kernel.errors import ClientError, StoreError
from drawbar.kernel.values import Caller
from drawbar.surfaces.callers import Callers
from drawbar.surfaces.errors import (
    cut_off,
    envelope,
    error_headers,
    our_bug,
    send_error,
    store_failed,
)
from drawbar.surfaces.exchange import Answer, Exchange, header, read_body, replay, upload

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HotRoute: TypeAlias = Callable[..., Awaitable[None]]
"""Takes the Exchange and the variable parts of the path, in their order."""

QuickAnswer: TypeAlias = Answer | Coroutine[Any, Any, Answer] | None
"""Here, or to be waited for. None: nothing was done."""
QuickRoute: TypeAlias = Callable[..., QuickAnswer]
"""Takes the Asked and the variable parts of the path; where it answers None the HotRoute has to."""

_access = logging.getLogger("drawbar.access")
_log = logging.getLogger("drawbar.surfaces")

_OPEN = frozenset(
    {"/", "/healthz", "/readyz", "/openapi.json", "/favicon.ico", "/.well-known/ai-plugin.json"}
)
"""Answered without an API key."""
_OPEN_UNDER = ("/console",)
"""The page itself; what it asks for needs a key as everything else."""
_UPLOAD = "/v1/files"
"""Read piece by piece, and not JSON."""
_NOT_JSON = (_UPLOAD, "/v1/uploads")
"""The second is answered with a plain word before its content type matters."""


_REMEMBERED = 4096
"""Paths, none of them longer than `_LONGEST`: whoever makes them up shall not fill the memory."""
_LONGEST = 200
_PROCESS = f"req_{os.urandom(8).hex()}"
_NUMBERS = itertools.count(1)


def next_request_id() -> str:
    """Random a process and counted within it: asking the kernel each time costs more than a route."""
    return f"{_PROCESS}{next(_NUMBERS):08x}"


class Asked:
    """A request as a QuickRoute sees it. Who asks is only looked for by those who want to know."""

    __slots__ = ("_callers", "body", "caller", "receive", "scope")

    def __init__(self, scope: Scope, body: bytes, receive: Receive, callers: Callers) -> None:
        self.scope = scope
        self.body = body
        self.receive = receive
        self.caller: Caller | None = None
        self._callers = callers

    def known_caller(self) -> Caller | None:
        """None: the store has to be asked. Raises ClientError 401 or 403."""
        self.caller = self._callers.known(self.scope)
        return self.caller


class Routes:
    """Plain ASGI routes by method and path; `{}` stands for one variable part."""

    def __init__(self) -> None:
        self._routes: dict[int, list[tuple[tuple[str, ...], dict[str, HotRoute]]]] = {}
        self._quick: dict[HotRoute, QuickRoute] = {}
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._find)

    def add(
        self, method: str, template: str, route: HotRoute, quick: QuickRoute | None = None
    ) -> None:
        """Fixed parts win over variable ones that were added later."""
        parts = tuple(template.split("/"))
        if quick is not None:
            self._quick[route] = quick
        self._remembered.cache_clear()
        same_length = self._routes.setdefault(len(parts), [])
        for known, methods in same_length:
            if known == parts:
                methods[method] = route
                return
        same_length.append((parts, {method: route}))

    def find(self, method: str, path: str) -> tuple[HotRoute, list[str]] | None:
        return (self._remembered if len(path) <= _LONGEST else self._find)(method, path)

    def _find(self, method: str, path: str) -> tuple[HotRoute, list[str]] | None:
        parts = path.split("/")
        for template, methods in self._routes.get(len(parts), ()):
            if method in methods and _fits(template, parts):
                return methods[method], [
                    part for known, part in zip(template, parts, strict=True) if known == "{}"
                ]
        return None

    def find_quick(self, method: str, path: str) -> tuple[QuickRoute, list[str]] | None:
        found = self.find(method, path)
        quick = self._quick.get(found[0]) if found else None
        return (quick, found[1]) if found and quick else None

    def methods(self, path: str) -> list[str]:
        """What a path can be asked with."""
        parts = path.split("/")
        return sorted(
            method
            for template, methods in self._routes.get(len(parts), ())
            if _fits(template, parts)
            for method in methods
        )


def _fits(template: tuple[str, ...], parts: list[str]) -> bool:
    return all(
        known == part or (known == "{}" and part != "")
        for known, part in zip(template, parts, strict=True)
    )


class Front:
    """The ASGI application of the gateway."""

    def __init__(
        self, routes: Routes, callers: Callers, rest: ASGIApp, *, body_limit: int, file_limit: int
    ) -> None:
        self._routes = routes
        self._callers = callers
        self._rest = rest
        self._body_limit = body_limit
        self._file_limit = file_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        request_id = next_request_id()
        id_header = (b"x-request-id", request_id.encode())
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status = 0
        whole = False

        async def reply(message: Message) -> None:
            nonlocal status, whole
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), id_header]
            await send(message)
            whole = message["type"] == "http.response.body" and not message.get("more_body")

        begun = time.perf_counter()
        try:
            await self._answer(scope, receive, reply)
        except ClientError as error:
            if status:
                raise
            await send_error(reply, error)
        except BaseException as error:
            words = _last_words(error, scope, request_id)
            if not status:
                await send_error(reply, words)
            if not whole or not isinstance(error, Exception):
                raise  # the server has an open answer to close
        finally:
            if _access.isEnabledFor(logging.INFO):
                caller = state.get("caller")
                _note(scope, status, time.perf_counter() - begun, request_id, caller)

    def at_once(self, scope: Scope, body: bytes, receive: Receive) -> QuickAnswer:
        """The whole answer to a request that is here whole: at once, or as soon as it is there.

        None: nothing was done, and `__call__` has to do it; also when something is wrong with the request.
        """
        found = self._routes.find_quick(scope["method"], scope["path"])
        if found is None or len(body) > self._body_limit:
            return None
        if header(scope, b"content-type") != "application/json":
            return None  # it may be fine all the same; `__call__` looks closely
        begun = time.perf_counter()
        route, parts = found
        asked = Asked(scope, body, receive, self._callers)
        try:
            answer: QuickAnswer = route(asked, *parts)
        except ClientError:
            return None
        except Exception as error:  # noqa: BLE001 -- a bug must not end the connection without a word
            request_id = next_request_id()
            words = _no(_last_words(error, scope, request_id))
            return _signed(words, asked, begun, request_id)
        if isinstance(answer, Answer):
            return _signed(answer, asked, begun, next_request_id())
        return None if answer is None else _in_time(answer, asked, begun)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if "\0" in path or b"%00" in scope["query_string"]:
            message = "The URL holds the character U+0000 (%00), which is in no id of this server."
            raise ClientError(message, code="invalid_value")
        if path in _OPEN or path.startswith(_OPEN_UNDER):
            await self._rest(scope, receive, send)
            return
        caller = await self._callers.identify(scope)
        scope["state"]["caller"] = caller
        if path == _UPLOAD and scope["method"] == "POST":
            await self._rest(scope, upload(receive, self._file_limit), send)
            return
        body = b""
        if scope["method"] not in {"GET", "HEAD", "DELETE", "OPTIONS"}:
            media = header(scope, b"content-type")
            _check_content_type(media, path)
            body = await read_body(scope, receive, self._body_limit)
            if body and media is None:
                raise _wrong_content_type("nothing")
        if hot := self._routes.find(scope["method"], path):
            route, parts = hot
            await route(Exchange(scope, receive, send, caller, body), *parts)
            return
        await self._rest(scope, replay(body, receive), send)


async def _in_time(coming: Coroutine[Any, Any, Answer], asked: Asked, begun: float) -> Answer:
    """What comes of it, whatever that is. A cancel comes from a server that goes down."""
    request_id = next_request_id()
    try:
        answer = await coming
    except ClientError as error:
        answer = _no(error)
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 -- as in `Front.at_once`
        answer = _no(_last_words(error, asked.scope, request_id))
    return _signed(answer, asked, begun, request_id)


def _no(error: ClientError) -> Answer:
    return Answer(envelope(error), error.status, error_headers(error))


def _signed(answer: Answer, asked: Asked, begun: float, request_id: str) -> Answer:
    answer.headers = (*answer.headers, (b"x-request-id", request_id.encode()))
    if _access.isEnabledFor(logging.INFO):
        seconds = time.perf_counter() - begun
        _note(asked.scope, answer.status, seconds, request_id, asked.caller)
    return answer


def _check_content_type(given: str | None, path: str) -> None:
    if given is None or given == "application/json" or path.startswith(_NOT_JSON):
        return
    media = given.partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        raise _wrong_content_type(given)


def _wrong_content_type(given: str) -> ClientError:
    message = (
        f"Unsupported content type: '{given}'. "
        "Send the body as JSON with the header 'Content-Type: application/json'."
    )
    return ClientError(message, status=415, code="unsupported_content_type")


def _last_words(error: BaseException, scope: Scope, request_id: str) -> ClientError:
    """Of a bug the trace goes to the log under an id; the client gets the id."""
    if not isinstance(error, Exception):
        return cut_off()
    if isinstance(error, StoreError):
        return store_failed(error, scope["method"], request_id)
    more = {"request_id": request_id, "path": scope["path"]}
    _log.error("unexpected error", exc_info=error, extra=more)
    return our_bug(request_id)


def _note(
    scope: Scope, status: int, seconds: float, request_id: str, caller: Caller | None
) -> None:
    _access.info(
        "request",
        extra={
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
            "request_id": request_id,
            "caller": caller.subject if caller else None,
        },
    )
