"""JSON-RPC 2.0 (https://www.jsonrpc.org/specification), one call to a request."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import orjson

from drawbar.backends.http.reply.reply import Unusable
from drawbar.backends.http.request.dialect import Said
from drawbar.backends.http.rpc.fault import faulted
from drawbar.codecs.codec import CodecError
from drawbar.codecs.jsontext import JsonCodec
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonObject, JsonValue

_JSON = JsonCodec()
_IDS = 2**31


@dataclass(frozen=True, slots=True)
class JsonRpc:
    """One method. `order` are the names of its parameters where they go by position."""

    method: str
    order: tuple[str, ...] | None = None
    media: str = "application/json"
    accept: str = "application/json"

    def write(self, value: JsonValue) -> bytes:
        arguments = value if isinstance(value, dict) else {}
        request: JsonObject = {"jsonrpc": "2.0", "method": self.method}
        if self.order is not None:
            request["params"] = by_position(self.order, arguments)
        elif arguments:
            request["params"] = arguments
        request["id"] = secrets.randbelow(_IDS)
        return orjson.dumps(request)

    def read(self, asked: bytes | None, answer: bytes) -> Said:
        response = _response(answer)
        if response is None:
            raise Unusable("it is no JSON-RPC response, an object with `result` or `error`")
        error = response.get("error")
        identity, expected = response.get("id"), orjson.loads(asked or b"null")
        if identity != expected.get("id") and (identity is not None or error is None):
            raise Unusable("it belongs to another request: its `id` is not the one that was sent")
        if isinstance(error, dict):
            raise _failure(error, None)
        if "result" not in response:
            raise Unusable("it has neither a `result` nor an `error` that is an object")
        return Said(response["result"])

    def failure(self, status: int, answer: bytes) -> BackendError | None:
        response = _response(answer)
        error = None if response is None else response.get("error")
        return _failure(error, status) if isinstance(error, dict) and "code" in error else None


def by_position(order: tuple[str, ...], arguments: JsonObject) -> list[JsonValue]:
    """In the order of the method; what is left out at the end is left out, and null before that."""
    given = [index for index, name in enumerate(order) if name in arguments]
    return [arguments.get(name) for name in order[: max(given, default=-1) + 1]]


def _response(answer: bytes) -> JsonObject | None:
    try:
        value = _JSON.decode(answer)
    except CodecError:
        return None
    return value if isinstance(value, dict) and value.keys() & {"result", "error"} else None


def _failure(error: JsonObject, status: int | None) -> BackendError:
    code, message = error.get("code"), error.get("message")
    known = isinstance(code, int | str) and not isinstance(code, bool)
    return faulted(
        code if known else 0,  # type: ignore[arg-type]  # see `known`
        message if isinstance(message, str) else "",
        error.get("data"),
        status,
    )
