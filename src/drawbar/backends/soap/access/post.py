"""Sends an envelope and brings back the answer, within the call's deadline and size.

Why not zeep's own transport: a request of `requests` in a thread cannot be cancelled, and does not tell a
connection that was refused from one that broke after the request left. Here both are known, because the
call is marked as sent at the moment the connection is ready and before the first byte.

Reads go over the pool (`wire`); what goes beyond it is asked again by the client library, which does everything.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import aiohttp
from yarl import URL

from drawbar.kernel.ports import BackendError, Call, Progress
from drawbar.kernel.workers import Workers
from drawbar.spec.tls import TlsSpec
from drawbar.wire.connection import AnswerBeyond, Beyond, ConnectionLost, request_of
from drawbar.wire.pool import Pool

_CHUNK = 65_536
_KEEP = 4.0
"""Seconds that an unused connection is kept: some servers close theirs after five."""
_SHORT = 65_536
"""Bytes of an envelope that is sent in one piece."""
_UNLABELLED = "application/octet-stream"
"""RFC 9110, 8.3."""
_UNAUTHORIZED = 401
_ROUNDS = 4
"""Requests of a handshake after the first; NTLM takes one, Kerberos none or one."""
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_SHOWN = 200
"""Characters of an unexpected answer that an error shows."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    body: bytes
    content_type_header: str = ""
    """The same with its parameters."""
    challenges: tuple[str, ...] = ()
    """What the service asks for, in its WWW-Authenticate headers."""


class Handshake(Protocol):
    """Proves who calls, in several requests on one connection; each method may block."""

    envelope_first: bool
    """Whether the first request already carries the envelope."""

    def first(self) -> str:
        """The Authorization header of the first request. Raises BackendError."""
        ...

    def next(self, challenges: Iterable[str]) -> str | None:
        """That of the next one; None where there is nothing more to say."""
        ...

    def finish(self, challenges: Iterable[str]) -> None:
        """Raises BackendError when the service did not prove who it is, where it was asked to."""
        ...


class Post:
    """The connections of one backend. Reads reuse them; a change gets a fresh one.

    A connection kept open may be closed by the server at the very moment it is used again, and then
    nobody knows whether a change was taken. A fresh connection has no such moment.
    """

    def __init__(
        self, endpoint: str, concurrency: int, tls: TlsSpec | None = None, folder: Path = Path()
    ) -> None:
        self._endpoint = endpoint
        self._tls = tls
        self._folder = folder
        self._concurrency = concurrency
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._url = URL(endpoint)
        self._pool: Pool | None = None
        self._pool_fits = True

    async def send(
        self, envelope: bytes, headers: Mapping[str, str], call: Call, *, fresh: bool
    ) -> Answer:
        """Raises BackendError; lets CancelledError out with the connection closed."""
        async with self._raising(call):
            if not fresh and self._pool_fits and len(envelope) <= _SHORT:
                try:
                    return await self._from_pool(envelope, headers, call)
                except AnswerBeyond:
                    self._pool_fits = False
                except Beyond:
                    pass  # the library finds out what is wrong with the connection
            return await self._once(self._session(fresh=fresh), envelope, headers, call)

    async def _from_pool(self, envelope: bytes, headers: Mapping[str, str], call: Call) -> Answer:
        """Raises Beyond where it takes the library."""
        if self._pool is None:
            self._pool = Pool(
                self._url.raw_host or "",
                self._url.port or 0,
                size=self._concurrency,
                tls=self._context if self._url.scheme == "https" else None,
                keep=_KEEP,
            )
        host = self._url.host_port_subcomponent or ""
        answer = await self._pool.ask(
            request_of("POST", self._url.raw_path_qs, host, headers, envelope),
            deadline=call.deadline,
            most=call.max_bytes,
            sent=call.progress.mark_sent,
        )
        if not answer.whole:
            raise _too_large(call, answer.status)
        said = answer.headers.get("content-type", "")
        kind = said.partition(";")[0].strip().lower() or _UNLABELLED
        return Answer(answer.status, kind, answer.body, said)

    def _context(self) -> ssl.SSLContext:
        return self.tls() or ssl.create_default_context()

    async def send_after(
        self,
        handshake: Handshake,
        workers: Workers,
        envelope: bytes,
        headers: Mapping[str, str],
        call: Call,
    ) -> Answer:
        """The same on a connection that the service first wants to know the caller of."""
        async with self._raising(call), self._made(1, keepalive_timeout=30) as session:
            said: str | None = await workers.run(handshake.first)
            early = handshake.envelope_first
            answer = await self._once(
                session,
                envelope if early else b"",
                {**headers, "Authorization": said or ""},
                call,
                progress=None if early else Progress(),  # nothing of the call leaves
            )
            for _ in range(_ROUNDS):
                if answer.status != _UNAUTHORIZED:
                    break
                said = await workers.run(handshake.next, answer.challenges)
                if said is None:
                    break
                answer = await self._once(
                    session, envelope, {**headers, "Authorization": said}, call
                )
            if not call.progress.sent and answer.status != _UNAUTHORIZED:
                raise _unreachable(self._endpoint, "it does not ask who calls, as `auth` expects")
            await workers.run(handshake.finish, answer.challenges)
            return answer

    async def _once(
        self,
        session: aiohttp.ClientSession,
        envelope: bytes,
        headers: Mapping[str, str],
        call: Call,
        *,
        progress: Progress | None = None,
    ) -> Answer:
        async with session.post(
            self._endpoint,
            data=envelope,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=max(call.remaining(), 0.001)),
            allow_redirects=False,
            trace_request_ctx=progress or call.progress,
        ) as response:
            body = await _read(response, call)
            challenges = tuple(response.headers.getall("WWW-Authenticate", ()))
            said = response.headers.get("Content-Type", "")
            kind = response.content_type.lower()
            return Answer(response.status, kind, body, said, challenges)

    @asynccontextmanager
    async def _raising(self, call: Call) -> AsyncIterator[None]:
        """Tells what goes wrong on the wire as a BackendError."""
        try:
            yield
        except TimeoutError:
            raise _timed_out(call) from None
        except aiohttp.ClientConnectorCertificateError as error:
            why = f"its certificate is not trusted ({error.certificate_error})"
            raise _unreachable(self._endpoint, why) from None
        except aiohttp.ClientConnectorError as error:
            raise _unreachable(self._endpoint, _reason(error.os_error)) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _broken(error, call.progress) from None

    def tls(self) -> ssl.SSLContext | None:
        """None where the usual authorities will do. Raises BackendError for files that cannot be used."""
        return None if self._tls is None else self._tls.context(self._folder)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _session(self, *, fresh: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(fresh)
        if session is None:
            kept: dict[str, Any] = {"force_close": True} if fresh else {"keepalive_timeout": 4}
            session = self._sessions[fresh] = self._made(self._concurrency, **kept)
        return session

    def _made(self, limit: int, **kept: Any) -> aiohttp.ClientSession:  # the connector's own words
        connector = aiohttp.TCPConnector(limit=limit, ssl=self.tls() or True, **kept)
        return aiohttp.ClientSession(
            connector=connector,
            trace_configs=[_marks()],
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
        )


def _marks() -> aiohttp.TraceConfig:
    """Marks a call as sent when its connection is ready, just before the request is written."""

    async def mark(_session: object, context: SimpleNamespace, _params: object) -> None:
        progress = context.trace_request_ctx
        if isinstance(progress, Progress):
            progress.mark_sent()

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(mark)
    trace.on_connection_reuseconn.append(mark)
    return trace


async def _read(response: aiohttp.ClientResponse, call: Call) -> bytes:
    """The body, up to the cap of the call."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        size += len(chunk)
        if size > call.max_bytes:
            response.close()
            raise _too_large(call, response.status)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(call: Call, status: int) -> BackendError:
    return BackendError(
        f"the reply is larger than {call.max_bytes} bytes and was cut off",
        code="reply_too_large",
        work="done" if status == 200 else "unknown",  # noqa: PLR2004 -- HTTP's OK
        hint="ask for less, or raise `limits.bytes` in the adapter",
        facts={"status": status},
    )


def _timed_out(call: Call) -> BackendError:
    if not call.progress.sent:
        return _unreachable("the service", "no connection within the time of the call")
    return BackendError(
        "the service did not answer within the time of the call", code="timeout", work="unknown"
    )


def _unreachable(endpoint: str, why: str) -> BackendError:
    return BackendError(
        f"{endpoint} cannot be reached: {why}",
        code="backend_unavailable",
        retryable=True,
        work="not_started",
    )


def _reason(cause: OSError) -> str:
    """In the system's words; those of asyncio hold the address as Python writes it."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message})"
    if isinstance(cause, ssl.SSLError) or (cause.errno or 0) < 0:  # these count by themselves
        return cause.strerror or str(cause)
    numbers = [cause.errno] if cause.errno else map(int, _ERRNO.findall(str(cause)))
    told = dict.fromkeys(map(os.strerror, numbers))  # a name may stand for several addresses
    return ", ".join(told) or cause.strerror or str(cause)


def _broken(error: Exception, progress: Progress) -> BackendError:
    unanswered = isinstance(error, ConnectionLost) and not error.begun
    hung_up = unanswered or isinstance(error, aiohttp.ServerDisconnectedError)
    said = str(error) or type(error).__name__
    if not progress.sent:
        return _unreachable("the service", "it hung up" if hung_up else said)
    why = f"the connection broke before the reply was complete: {said}"
    return BackendError(
        "the service hung up without an answer" if hung_up else why,
        code="connection_lost",
        work="unknown",
    )


def beginning(body: bytes) -> str:
    """The first characters of an unexpected answer, on one line."""
    text = " ".join(body[: _SHOWN * 4].decode("utf-8", "replace").split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


async def can_connect(
    host: str, port: int, *, tls: ssl.SSLContext | bool, within: float
) -> str | None:
    """None when a connection (with TLS, when asked for) could be made; else why not."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(host, port, ssl=tls or None)
    except TimeoutError:
        return f"no connection within {within:g} seconds"
    except OSError as error:  # ssl.SSLError is one
        return _reason(error)
    finally:
        if writer is not None:
            writer.transport.abort()
    return None
