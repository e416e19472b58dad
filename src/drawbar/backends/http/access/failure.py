"""What went wrong, sorted by what became of the work: error statuses, lost connections, time-outs."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp

from drawbar.backends.http.access.addresses import AddressRefusedError
from drawbar.codecs.codec import CodecError
from drawbar.codecs.jsontext import JsonCodec
from drawbar.kernel.ports import BackendError, WorkState
from drawbar.kernel.values import JsonObject, JsonValue

_JSON = JsonCodec()
_TITLE = re.compile(r"<title[^>]*>\s*(.*?)\s*</title>", re.IGNORECASE | re.DOTALL)
_LONGEST = 500
_CODES = {
    401: "backend_denied",
    403: "backend_denied",
    404: "not_found",
    408: "timeout",
    409: "conflict",
    410: "not_found",
    429: "rate_limited",
}
_DENIED_HINT = "The backend does not accept the gateway's credentials or this caller; asking again does not help."
_FOR_GOOD = (501, 505)


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """A reply with an error status. `body` may be cut."""

    status: int
    body: bytes
    retry_after: str | None = None


@dataclass(slots=True)
class Exchange:
    """How far one call has come, for judging what became of it."""

    changes: bool
    accepted: bool = False
    """A change was answered by a redirect to its result: it was begun, whatever follows."""
    preparing: bool = False
    """What the change needs is being read; nothing of the change has left."""

    def work(self, otherwise: WorkState) -> WorkState:
        return "unknown" if self.accepted else otherwise


def error_status(reply: ErrorReply, exchange: Exchange) -> BackendError:
    """A 4xx was refused before anything was done; of a 5xx nobody knows."""
    said, code = _said(reply.body)
    seconds = _seconds(reply.retry_after)
    message = said or f"The backend answered {reply.status} {_phrase(reply.status)}."
    facts: dict[str, str | int] = {"status": reply.status}
    if code is not None:
        facts["code"] = code
    if reply.status >= 500:  # noqa: PLR2004 -- server errors (RFC 9110, 15.6)
        return BackendError(
            message,
            code="backend_error",
            retryable=not exchange.changes and reply.status not in _FOR_GOOD,
            work="unknown",
            hint=_wait(seconds),
            facts=facts,
            retry_after=seconds,
        )
    name = _CODES.get(reply.status, "invalid_request")
    return BackendError(
        message,
        code=name,
        retryable=name in ("rate_limited", "timeout") and not exchange.accepted,
        work=exchange.work("not_started"),
        hint=_DENIED_HINT if name == "backend_denied" else _wait(seconds),
        facts=facts,
        retry_after=seconds,
    )


def lost(error: aiohttp.ClientError | OSError, exchange: Exchange) -> BackendError:
    """An exception of the client. Its own text may hold the URL with a key in it, so it is not used."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return _not_connected(error, exchange)
    if isinstance(error, aiohttp.ClientResponseError):
        return BackendError(
            "The backend's answer is not HTTP that can be read.",
            code="bad_reply",
            retryable=False,
            work="unknown",
        )
    return BackendError(
        "The connection to the backend was lost before its answer was complete.",
        code="connection_lost",
        retryable=exchange.preparing or not exchange.changes,
        work="not_started" if exchange.preparing else "unknown",
    )


def timed_out(exchange: Exchange, *, sent: bool) -> BackendError:
    """The deadline passed. A change that had not left yet is known not to have happened."""
    if exchange.preparing:
        return BackendError(
            "The backend did not answer in time what the change needs first; nothing was changed.",
            code="timeout",
            retryable=True,
            work="not_started",
        )
    waiting = sent or not exchange.changes
    return BackendError(
        "The backend did not answer in time."
        if waiting
        else "No connection to the backend was there in time; nothing was sent.",
        code="timeout",
        retryable=not exchange.changes or not sent,
        work="unknown" if waiting else exchange.work("not_started"),
    )


def changed_meanwhile(reply: ErrorReply, reading: str) -> BackendError:
    """412: the backend holds another state than the one that was read just before."""
    said, _ = _said(reply.body)
    return BackendError(
        said or "It was changed by somebody else in this very moment; nothing was done.",
        code="changed_meanwhile",
        retryable=True,
        work="not_started",
        hint=f"Read it again with {reading}, and decide whether the change is still right.",
        facts={"status": reply.status},
    )


def redirected(status: int, exchange: Exchange, why: str) -> BackendError:
    """307 and 308 ask for the same request elsewhere, so this one was not carried out."""
    again = status in (HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT)
    return BackendError(
        f"The backend answered {status} and points elsewhere: {why}. It was not followed.",
        code="redirect_refused",
        work=exchange.work("not_started" if again or not exchange.changes else "unknown"),
        facts={"status": status},
    )


def bad_reply(why: str, exchange: Exchange) -> BackendError:
    """A whole 2xx reply that cannot be used: the work was done all the same."""
    return BackendError(
        f"The backend's answer cannot be used: {why}.",
        code="bad_reply",
        work="done" if exchange.changes else "unknown",
    )


def reason(error: OSError | None) -> str:
    """Why no connection came about, in words without addresses of ours."""
    if isinstance(error, AddressRefusedError):
        return "its host name leads to a link-local or metadata address, which is never called"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    return (error.strerror if error is not None else None) or "no connection came about"


def _not_connected(error: aiohttp.ClientConnectorError, exchange: Exchange) -> BackendError:
    for_good = isinstance(error.os_error, AddressRefusedError)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = "its certificate is not trusted; `tls: {ca: ...}` names another authority"
        for_good = True
    elif isinstance(error, aiohttp.ClientSSLError):
        why = "no TLS could be agreed on"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        why = "its host name was not found"
    else:
        why = reason(error.os_error)
    return BackendError(
        f"The backend at {error.host}:{error.port} cannot be reached: {why}.",
        code="backend_unavailable",
        retryable=not for_good and not exchange.accepted,
        work=exchange.work("not_started"),
    )


def _said(body: bytes) -> tuple[str | None, str | int | None]:
    """The message and the code of an error's body, where there are any."""
    try:
        value = _JSON.decode(body)
    except CodecError:
        return _plain(body), None
    if isinstance(value, str):
        return value[:_LONGEST], None
    if not isinstance(value, dict):
        return None, None
    inner = value.get("error")
    if isinstance(inner, dict):
        message, code = _message(inner), _code(inner)
        return message or _message(value), _code(value) if code is None else code
    return _message(value), _code(value)


def _message(value: JsonObject) -> str | None:
    """RFC 9457 (`detail`, `title`), OAuth, and what frameworks write."""
    for name in (
        "detail",
        "message",
        "error_description",
        "errorMessage",
        "error",
        "title",
        "errors",
    ):
        if text := _texts(value.get(name)):
            return text[:_LONGEST]
    return None


def _texts(value: JsonValue) -> str | None:
    if isinstance(value, dict):  # OData v2 says the language, too
        value = value.get("value")
    if isinstance(value, str):
        return value.strip() or None
    if not isinstance(value, list):
        return None
    found = []
    for item in value:
        part = item
        if isinstance(item, dict):
            part = item.get("message") or item.get("msg") or item.get("detail")
        if isinstance(part, str):
            found.append(part)
    return "; ".join(found) or None


def _code(value: Mapping[str, JsonValue]) -> str | int | None:
    for name in ("code", "errorCode", "error_code", "error"):
        code = value.get(name)
        if isinstance(code, str | int) and not isinstance(code, bool):
            return code[:100] if isinstance(code, str) else code
    return None


def _plain(body: bytes) -> str | None:
    text = body.decode(errors="replace").strip()
    if text[:1] == "<":
        title = _TITLE.search(text)
        return title[1][:_LONGEST] if title else None
    return text[:_LONGEST] or None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _wait(seconds: float | None) -> str | None:
    return None if seconds is None else f"Wait {round(seconds)} seconds before calling again."


def _seconds(header: str | None) -> float | None:
    """`Retry-After` in seconds or as a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    left = until.replace(tzinfo=until.tzinfo or dt.UTC) - dt.datetime.now(dt.UTC)
    return max(0.0, left.total_seconds())
