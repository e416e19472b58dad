"""One HTTP request as the plain ASGI routes see it, and what they need of ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from drawbar.kernel.errors import ClientError
from drawbar.kernel.values import Caller
from drawbar.surfaces.errors import Headers, send_body

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

_BODY_TIME = 30.0
"""Seconds that a client may take to send its body; of an upload, each piece of it."""
_BY_NAME = "drawbar.headers"
_AROUND = 65_536
"""Bytes of a multipart body beside its file."""


@dataclass(slots=True)  # not frozen: made for each request, which costs twice as much when it is
class Answer:
    """A whole answer of plain JSON."""

    body: bytes
    status: int = 200
    headers: Headers = ()


@dataclass  # not frozen, as `Answer`
class Exchange:
    """A request that was let in: its caller is known, its body is here."""

    scope: Scope
    receive: Receive
    send: Send
    caller: Caller
    body: bytes

    @cached_property
    def query(self) -> Mapping[str, list[str]]:
        text = self.scope["query_string"]
        return parse_qs(text.decode("latin-1"), keep_blank_values=True) if text else {}

    def header(self, name: bytes) -> str | None:
        """`name` in lower case."""
        return header(self.scope, name)

    async def give(self, answer: Answer) -> None:
        await send_body(self.send, answer.status, answer.body, answer.headers)

    async def answer(self, body: bytes, status: int = 200, headers: Headers = ()) -> None:
        await send_body(self.send, status, body, headers)


def header(scope: Scope, name: bytes) -> str | None:
    """The first header of that name; `name` in lower case."""
    known = scope.get(_BY_NAME)
    if known is None:  # most requests are asked for half a dozen of them
        known = scope[_BY_NAME] = dict(reversed(scope["headers"]))
    value = known.get(name)
    return None if value is None else str(value.decode("latin-1"))


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Raises ClientError as soon as more than `limit` bytes are announced or have come."""
    announced = header(scope, b"content-length")
    if announced is not None and announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    message = await receive()  # uvicorn has it at once when it came with the headers
    if not message.get("more_body"):
        return _sized(_chunk(message), limit)
    chunks = [_chunk(message)]
    size = len(chunks[0])
    try:
        async with asyncio.timeout(_BODY_TIME):
            while message.get("more_body") and size <= limit:
                message = await receive()
                chunks.append(_chunk(message))
                size += len(chunks[-1])
    except TimeoutError:
        raise _too_slow() from None
    return _sized(b"".join(chunks), limit)


def _too_slow() -> ClientError:
    text = f"The body did not arrive within {_BODY_TIME:g} seconds; send the request again."
    return ClientError(text, status=408, code="request_timeout")


def _chunk(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientError("The client went away before its body was here.", code="client_gone")
    body: bytes = message.get("body", b"")
    return body


def _sized(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> ClientError:
    text = (
        f"The request body is larger than {limit} bytes, the limit of this server "
        "(`listen: {body: ...}` in its settings). Send less at a time."
    )
    return ClientError(text, status=413, code="request_too_large")


def upload(receive: Receive, largest: int) -> Receive:
    """A `receive` of a body that is not read before: raises ClientError when it is too large or too slow.

    `largest` is that of the file in it, which the words around it make a little larger.
    """
    left = largest + _AROUND

    async def limited() -> Message:
        nonlocal left
        try:
            async with asyncio.timeout(_BODY_TIME):
                message = await receive()
        except TimeoutError:
            raise _too_slow() from None
        left -= len(message.get("body", b""))
        if left < 0:
            raise file_too_large(largest)
        return message

    return limited


def file_too_large(largest: int) -> ClientError:
    text = (
        f"The file is larger than {largest} bytes, the limit of this server "
        "(`files: {largest: ...}` in its settings)."
    )
    return ClientError(text, status=413, code="file_too_large", param="file")


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body already read, then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
