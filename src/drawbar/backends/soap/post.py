"""Sends an envelope and brings back the answer, within the call's deadline and size.

Why not zeep's own transport: a request of `requests` in a thread cannot be cancelled, and does not tell a
connection that was refused from one that broke after the request left. Here both are known, because the
call is marked as sent at the moment the connection is ready and before the first byte.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp

from drawbar.kernel.ports import BackendError, Call, Progress

_CHUNK = 65_536
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_SHOWN = 200
"""Characters of an unexpected answer that an error shows."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files for servers that no public authority signed, or that want to know who calls."""

    ca: Path | None
    certificate: Path | None
    key: Path | None
    verify: bool = True


class Post:
    """The connections of one backend. Reads reuse them; a change gets a fresh one.

    A connection kept open may be closed by the server at the very moment it is used again, and then
    nobody knows whether a change was taken. A fresh connection has no such moment.
    """

    def __init__(self, endpoint: str, concurrency: int, tls: Tls | None = None) -> None:
        self._endpoint = endpoint
        self._tls = tls
        self._concurrency = concurrency
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def send(
        self, envelope: bytes, headers: Mapping[str, str], call: Call, *, fresh: bool
    ) -> Answer:
        """Raises BackendError; lets CancelledError out with the connection closed."""
        timeout = aiohttp.ClientTimeout(total=max(call.remaining(), 0.001))
        try:
            async with self._session(fresh=fresh).post(
                self._endpoint,
                data=envelope,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                trace_request_ctx=call.progress,
            ) as response:
                body = await _read(response, call)
                return Answer(response.status, response.content_type.lower(), body)
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
        if self._tls is None:
            return None
        try:
            context = ssl.create_default_context(cafile=self._tls.ca)
            if not self._tls.verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if self._tls.certificate is not None:
                context.load_cert_chain(self._tls.certificate, self._tls.key)
        except OSError as error:  # ssl.SSLError is one
            raise BackendError(
                "a file named under `tls` is no certificate or key that can be used",
                code="backend_unavailable",
                work="not_started",
                hint="the operator has to correct `tls:` of the adapter",
            ) from error
        return context

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _session(self, *, fresh: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(fresh)
        if session is None:
            kept: dict[str, Any] = {"force_close": True} if fresh else {"keepalive_timeout": 4}
            secure = self.tls() or True
            connector = aiohttp.TCPConnector(limit=self._concurrency, ssl=secure, **kept)
            session = self._sessions[fresh] = aiohttp.ClientSession(
                connector=connector,
                trace_configs=[_marks()],
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=True,
            )
        return session


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
            raise BackendError(
                f"the reply is larger than {call.max_bytes} bytes and was cut off",
                code="reply_too_large",
                work="done" if response.status == 200 else "unknown",  # noqa: PLR2004 -- HTTP's OK
                hint="ask for less, or raise `limits.bytes` in the adapter",
                facts={"status": response.status},
            )
        chunks.append(chunk)
    return b"".join(chunks)


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
    if not progress.sent:
        return _unreachable("the service", str(error) or type(error).__name__)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        why = "the service hung up without an answer"
    else:
        why = f"the connection broke before the reply was complete: {str(error) or type(error).__name__}"
    return BackendError(
        why,
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
