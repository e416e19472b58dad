"""What a method answers instead of a result, and what became of the work then.

The codes from -32768 to -32000 belong to the protocol: JSON-RPC 2.0 has them in its section 5.1, XML-RPC took them
over ("Specification for Fault Code Interoperability"). All others are the application's own: it said no.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from drawbar.kernel.ports import BackendError, WorkState
from drawbar.kernel.values import JsonObject, JsonValue

_LONGEST = 500
_REFUSED: Mapping[int, str] = {
    -32700: "invalid_request",
    -32701: "invalid_request",
    -32702: "invalid_request",
    -32600: "invalid_request",
    -32601: "unknown_method",
    -32602: "invalid_request",
}
"""The server did not get as far as the method."""
_CRASH = re.compile(r"<class '[\w.]+'>:|Traceback \(most recent call last\)")
"""How servers in Python tell of an exception that nobody caught, with an ordinary code (xmlrpc.server, Odoo)."""
_UNSUPPORTED = re.compile(r"<class 'Exception'>:method .* is not supported", re.DOTALL)
_RESERVED = range(-32768, -31999)


def faulted(
    code: int | str, message: str, data: JsonValue = None, status: int | None = None
) -> BackendError:
    """`code` and scalars of `data` are facts: `code`, `data`, `data.NAME`."""
    name, work = _judged(code, message)
    detail: JsonObject = {"code": code}
    if data is not None:
        detail["data"] = data
    return BackendError(
        message[:_LONGEST] or f"The backend answered with the error {code}.",
        code=name,
        work=work,
        detail=detail,
        facts=_facts(code, data, status),
    )


def _judged(code: int | str, message: str) -> tuple[str, WorkState]:
    if isinstance(code, int) and code in _REFUSED:
        return _REFUSED[code], "not_started"
    if _UNSUPPORTED.fullmatch(message):
        return "unknown_method", "not_started"
    reserved = isinstance(code, int) and code in _RESERVED
    if reserved or _CRASH.search(message):  # in the middle of whatever it was doing
        return "backend_error", "unknown"
    return "fault", "rolled_back"


def _facts(code: int | str, data: JsonValue, status: int | None) -> dict[str, str | int]:
    facts: dict[str, str | int] = {"code": code}
    if status is not None:
        facts["status"] = status
    members = {"data": data}
    if isinstance(data, dict):
        members = {f"data.{name}": member for name, member in data.items()}
    facts.update(
        (name, member)
        for name, member in members.items()
        if isinstance(member, str | int) and not isinstance(member, bool)
    )
    return facts
