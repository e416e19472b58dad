"""Errors as clients of OpenAI's API read them: one envelope, four keys, never a trace.

The SDKs take `message`, `code`, `param` and `type` out of `error`; any other body leaves them empty.
Validation answers 400 and never 422, a conflict 400 and never 409, which the SDKs would retry.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import orjson

from drawbar.kernel.errors import ClientError, StoreError

if TYPE_CHECKING:
    from starlette.types import Send

_log = logging.getLogger("drawbar.surfaces")
_ID_TAIL = re.compile(r"[0-9A-HJKMNP-TV-Z]{24}")
_LONGEST = 8000
"""Characters of a message. The longest that is meant names the ids of 128 calls."""
Headers = Iterable[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")


def envelope(error: ClientError) -> bytes:
    """The body of an answer that says no. What a client sent, such as a long id, is not sent back at length."""
    message = error.message
    if len(message) > _LONGEST:
        message = f"{message[: _LONGEST // 2]} ... {message[-_LONGEST // 2 :]}"
    return orjson.dumps(
        {
            "error": {
                "message": message,
                "type": error.type,
                "param": error.param,
                "code": error.code,
            }
        }
    )


def error_headers(error: ClientError) -> Headers:
    """What a status asks for beside its body (RFC 9110: 401 names the scheme)."""
    if error.status == 401:  # noqa: PLR2004 -- the status is the fact
        return ((b"www-authenticate", b'Bearer realm="drawbar"'),)
    if error.final:
        return ((b"x-should-retry", b"false"),)
    return ()


async def send_body(
    send: Send, status: int, body: bytes, headers: Headers = (), *, media: bytes = JSON[1]
) -> None:
    """A whole answer of plain ASGI."""
    length = str(len(body)).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", media), (b"content-length", length), *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Send, error: ClientError) -> None:
    """The envelope as an answer of plain ASGI."""
    await send_body(send, error.status, envelope(error), error_headers(error))


def check_id(id: str, kind: str, param: str) -> str:  # noqa: A002 -- the word of the API
    """Refuses an id of another kind, the mistake that mixed-up variables make."""
    if not id.startswith(f"{kind}_"):
        message = f"Invalid '{param}': '{id}'. Expected an ID that begins with '{kind}'."
        raise ClientError(message, code="invalid_value", param=param)
    return id


def check_run_ids(thread_id: str, run_id: str) -> None:
    check_id(thread_id, "thread", "thread_id")
    check_id(run_id, "run", "run_id")


def check_cursor(cursor: str, prefix: str, param: str) -> str:
    """A cursor is a position, so the item may be gone; but it must once have been an id of ours."""
    if not cursor.startswith(prefix):
        kind = prefix.rstrip("_-")
        message = f"Invalid '{param}': '{cursor}'. Expected an ID that begins with '{kind}'."
        raise ClientError(message, code="invalid_value", param=param)
    if not _ID_TAIL.fullmatch(cursor, len(prefix)):
        message = f"Invalid '{param}': '{cursor}'. Expected the ID of an item of this list."
        raise ClientError(message, code="invalid_value", param=param)
    return cursor


def no_such_url(method: str, path: str) -> ClientError:
    return ClientError(f"Unknown request URL: {method} {path}.", status=404, code="unknown_url")


def wrong_method(method: str, path: str, allowed: str | None) -> ClientError:
    hint = f" Allowed here: {allowed}." if allowed else ""
    message = f"Not allowed to {method} on {path}.{hint}"
    return ClientError(message, status=405, code="method_not_allowed")


def our_bug(request_id: str) -> ClientError:
    """What a client learns of a bug: the id under which the log has the trace."""
    message = f"The server had an error while processing your request. The log has the details under {request_id}."
    return ClientError(message, status=500, code="internal_error", type="server_error")


def store_failed(error: StoreError, method: str, request_id: str) -> ClientError:
    """What a client learns of a store that is gone or full; what went wrong is for the log."""
    _log.error(str(error), extra={"request_id": request_id})
    message = (
        "The store of this server failed, so the request was not carried out, or not to its end. Look "
        f"before you send a change again. The log has the details under {request_id}."
    )
    final = method not in {"GET", "HEAD"}
    return ClientError(message, status=503, code="store_failed", type="server_error", final=final)


def cut_off() -> ClientError:
    """The server goes down before an answer is there. The SDKs would send the request again at once."""
    message = (
        "The server went down before the answer was there. A change that was under way may have been "
        "made or not; look before you try again."
    )
    return ClientError(message, status=503, code="server_stopped", type="server_error", final=True)
