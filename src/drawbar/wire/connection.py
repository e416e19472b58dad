"""HTTP/1.1 as most calls need it: one request, one answer with a length, over a connection that is kept.

A client library does far more, and takes three times the CPU for it. What goes beyond (an answer that is
compressed, has no length, is no HTTP) ends in `Beyond`, and the caller asks the library. So this is for
requests that may be sent again, and for nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import httptools

_LONGEST_HEAD = 65_536
_WITHOUT_BODY = frozenset({204, 304})
_FINAL = 200


class Beyond(Exception):
    """A connection or an answer that needs the library; it says nothing about the backend."""


class AnswerBeyond(Beyond):
    """The answer came and needs the library: the next one of its kind most likely will, too."""


class ConnectionLost(ConnectionError):
    """The connection ended before the answer was whole. `begun`: some of the answer had come."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__("the other side closed it")
        self.begun = begun


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case; of a name that comes several times the first."""
    body: bytes
    whole: bool = True
    """False: the body is longer than the caller wanted to read, and this is its beginning."""


class Connection(asyncio.Protocol):
    """Carries one request at a time; whoever holds it asks again only after the answer."""

    def __init__(self, ended: Callable[[Connection], None]) -> None:
        self.closed = False
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._received = self._size = self._most = 0
        self._in_head = True

    def ask(self, request: bytes, most: int) -> asyncio.Future[Answer]:
        """Send; the answer's body is read up to `most` bytes. Raises Beyond, ConnectionLost."""
        self._answer = answer = asyncio.get_running_loop().create_future()
        self._headers = {}
        self._chunks = []
        self._received = self._size = 0
        self._most = most
        self._in_head = True
        if self._transport is not None:
            self._transport.write(request)
        return answer

    def give_up(self) -> None:
        """The time is over: whoever waits gets TimeoutError."""
        self._fail(TimeoutError())

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            if self._transport is not None:
                self._transport.abort()

    # -- asyncio.Protocol -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nobody asked
            self.close()
            return
        self._received += len(data)
        if self._in_head and self._received > _LONGEST_HEAD:
            self._fail(AnswerBeyond("the head of the answer does not end"))
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(AnswerBeyond(str(error)))

    def connection_lost(self, error: Exception | None) -> None:
        del error  # whether it was reset or closed makes no difference
        self.closed = True
        self._fail(ConnectionLost(begun=self._received > 0))
        self._ended(self)

    # -- httptools ------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._answer is None:  # a second answer right behind the first
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.setdefault(name.decode("latin-1").lower(), value.decode("utf-8", "replace"))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if why := _beyond(self._parser.get_status_code(), self._headers):
            self._fail(AnswerBeyond(why))

    def on_body(self, data: bytes) -> None:
        self._size += len(data)
        self._chunks.append(data)
        if self._size > self._most:
            self._finish(whole=False)

    def on_message_complete(self) -> None:
        self._finish(whole=True)

    # -------------------------------------------------------------------------------------------

    def _finish(self, *, whole: bool) -> None:
        answer = self._taken()
        if not whole or not self._parser.should_keep_alive():
            self.close()
        if answer is not None:
            chunks = self._chunks
            body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            status = self._parser.get_status_code()
            answer.set_result(Answer(status, self._headers, body[: self._most], whole))

    def _fail(self, error: Exception) -> None:
        answer = self._taken()
        self.close()
        if answer is not None:
            answer.set_exception(error)

    def _taken(self) -> asyncio.Future[Answer] | None:
        """The answer that somebody still waits for; it is given once."""
        answer, self._answer = self._answer, None
        return answer if answer is not None and not answer.done() else None


def _beyond(status: int, headers: Mapping[str, str]) -> str | None:
    """What of an answer is not read here."""
    if status < _FINAL:
        return f"status {status} comes before the answer"
    if headers.get("content-encoding", "identity").lower() != "identity":
        return "it is compressed"
    if "content-length" in headers or status in _WITHOUT_BODY:
        return None
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return None
    return "it ends where the connection ends"


def request_of(
    method: str, target: str, host: str, headers: Mapping[str, str], body: bytes | None = None
) -> bytes:
    """A request as it goes over the wire. Raises Beyond for a line break where none may be."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        raise Beyond("a header holds a line break")
    return b"%b\r\n\r\n%b" % (text.encode(), body or b"")
