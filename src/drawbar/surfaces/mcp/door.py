"""/mcp: the MCP server over streamable HTTP, without sessions, so any process can answer any request.

A call that looks, in all but its tool and arguments, like one that the SDK has accepted before is
answered without it: reading headers, envelope and result through its models takes longer than most
calls. So is a list of all tools that was asked for in the same words before, which is the same for every
caller until the next start. What is new or unusual always goes through the SDK, which alone decides what is valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import SERVER_INFO_META_KEY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from drawbar.compiler.function import Toolset
from drawbar.kernel.ticker import Ticker
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from drawbar.surfaces.callers import check_origin, is_loopback
from drawbar.surfaces.exchange import Answer, Exchange, replay
from drawbar.surfaces.front import Asked, QuickAnswer
from drawbar.surfaces.mcp.server import Context, Told, call, invocation, make_server, told
from drawbar.surfaces.patience import unless_gone
from drawbar.surfaces.services import Services

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

_JUDGED = frozenset(
    {
        b"accept",
        b"content-type",
        b"host",
        b"origin",
        b"mcp-protocol-version",
        b"mcp-method",
        b"mcp-session-id",
        b"last-event-id",
    }
)
"""Headers that decide whether the SDK accepts a request; `mcp-name` is compared by itself."""
_CALL = "drawbar.mcp_call"
"""Where a request keeps what was read in it before it got a task."""
_MOST_ACCEPTED = 1000
_MOST_LISTS = 8
"""Each holds all tools."""
_LOCAL = ("127.0.0.1", "localhost", "[::1]")

_Shape = tuple[tuple[tuple[bytes, bytes], ...], bytes]


@dataclass(frozen=True, slots=True)
class _QuickCall:
    id: JsonValue
    name: str
    arguments: Mapping[str, JsonValue]
    shape: _Shape
    modern: bool


@dataclass(frozen=True, slots=True)
class _List:
    """A request of all tools; equal `shape`s get equal results."""

    id: JsonValue
    shape: _Shape


class McpDoor:
    """The endpoint. `running()` is entered for as long as the application serves."""

    def __init__(self, services: Services) -> None:
        self._dispatcher = services.dispatcher
        self._ticker = Ticker()
        self._toolset = services.toolset
        self._server = make_server(
            services.toolset, services.dispatcher, services.store.files, _caller_of
        )
        self._manager = StreamableHTTPSessionManager(
            self._server,
            json_response=True,
            stateless=True,
            security_settings=_security(services.settings.listen.host),
            max_request_body_size=services.settings.listen.body,
        )
        self._accepted: set[_Shape] = set()
        self._lists: dict[_Shape, bytes] = {}
        """Encoded results of `tools/list`."""
        self._stamp: JsonObject = {
            "resultType": "complete",
            "_meta": {SERVER_INFO_META_KEY: self._server.server_info_stamp},
        }

    def running(self) -> AbstractAsyncContextManager[None]:
        return self._manager.run()

    async def answer(self, exchange: Exchange) -> None:
        check_origin(exchange.scope)
        if (wanted := _list_of(exchange)) is not None:
            await self._list(exchange, wanted)
            return
        quick = self._read(exchange.scope, exchange.body)
        if quick is not None and quick.shape in self._accepted:
            await exchange.give(await self._carried_out(quick, exchange.caller, exchange.receive))
            return
        status = 0

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await exchange.send(message)

        receive = replay(exchange.body, exchange.receive)
        await self._manager.handle_request(exchange.scope, receive, send)
        if quick is not None and status == 200:  # noqa: PLR2004 -- accepted
            if len(self._accepted) >= _MOST_ACCEPTED:
                self._accepted.clear()
            self._accepted.add(quick.shape)

    async def _list(self, exchange: Exchange, wanted: _List) -> None:
        """As the SDK answered the same request before; the first time it answers itself."""
        known = self._lists.get(wanted.shape)
        if known is not None:
            id_ = orjson.dumps(wanted.id)
            await exchange.answer(b'{"jsonrpc":"2.0","id":' + id_ + b',"result":' + known + b"}")
            return
        heard = _Hearing(exchange.send)
        receive = replay(exchange.body, exchange.receive)
        await self._manager.handle_request(exchange.scope, receive, heard)
        if (result := heard.result()) is not None:
            if len(self._lists) >= _MOST_LISTS:
                self._lists.clear()
            self._lists[wanted.shape] = result

    async def _carried_out(self, quick: _QuickCall, caller: Caller, receive: Receive) -> Answer:
        work = call(self._dispatcher, quick.name, quick.arguments, caller)
        if self._toolset[quick.name].effect == "read":
            answer = await unless_gone(work, receive, self._ticker)
        else:
            answer = await work  # a change goes on to its end, whoever still listens
        return self._result(quick, answer)

    def answer_at_once(self, asked: Asked) -> QuickAnswer:
        """A call that does not need the SDK."""
        check_origin(asked.scope)
        quick = self._read(asked.scope, asked.body)
        if quick is None or quick.shape not in self._accepted:
            return None
        caller = asked.known_caller()
        if caller is None:
            return None
        outcome = self._dispatcher.at_once(invocation(quick.name, quick.arguments, caller))
        if outcome is None:
            return self._carried_out(quick, caller, asked.receive)
        return self._result(quick, told(outcome, quick.name))

    def _result(self, quick: _QuickCall, answer: Told) -> Answer:
        # In the SDK's order of keys, so that the first answer and the later ones are the same bytes.
        content: list[JsonValue] = [{"text": answer.text, "type": "text"}, *answer.links]
        result: JsonObject = {"content": content, "isError": answer.failed}
        if quick.modern:
            result |= self._stamp
        return Answer(orjson.dumps({"jsonrpc": "2.0", "id": quick.id, "result": result}))

    def _read(self, scope: Scope, body: bytes) -> _QuickCall | None:
        """The call, when it has the plain form that nearly all have; looked for once in each request."""
        if _CALL not in scope:
            scope[_CALL] = self._look(scope, body)
        found: _QuickCall | None = scope[_CALL]
        return found

    def _look(self, scope: Scope, body: bytes) -> _QuickCall | None:
        judged = []
        name = version = None
        for header in scope["headers"]:
            key, value = header
            if key in _JUDGED:
                judged.append((key, value))
                if key == b"mcp-protocol-version":
                    version = value
            elif key == b"mcp-name":
                if name is not None:
                    return None
                name = value
            elif key.startswith(b"mcp-param-"):
                return None
        modern = version is not None and version.decode("latin-1") in MODERN_PROTOCOL_VERSIONS
        return _plain_call(body, tuple(judged), name, self._toolset, modern=modern)


def _plain_call(
    body: bytes,
    judged: tuple[tuple[bytes, bytes], ...],
    named: bytes | None,
    toolset: Toolset,
    *,
    modern: bool,
) -> _QuickCall | None:
    """None leaves the request to the SDK, which says what is wrong with it if anything is."""
    data = _request(body)
    if data is None:
        return None
    params = data["params"]
    name, arguments, meta = params.get("name"), params.get("arguments", {}), params.get("_meta", {})
    function = toolset.get(name) if isinstance(name, str) else None
    plain = (
        function is not None
        and function.callable
        and isinstance(arguments, dict)
        and isinstance(meta, dict)
        and type(meta.get("progressToken", 0)) in {int, str}
        and (not modern or named == name.encode())
    )
    if not plain:
        return None
    envelope = {key: value for key, value in meta.items() if key != "progressToken"}
    return _QuickCall(data["id"], name, arguments, (judged, orjson.dumps(envelope)), modern)


def _request(body: bytes) -> Any:  # a JSON-RPC request of a call in its plain form
    data = _rpc(body, "tools/call")
    params = None if data is None else data.get("params")
    return data if params and params.keys() <= {"name", "arguments", "_meta"} else None


def _rpc(body: bytes, method: str) -> Any:  # a JSON-RPC request of this method
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    plain = (
        isinstance(data, dict)
        and {"jsonrpc", "id", "method"} <= data.keys() <= {"jsonrpc", "id", "method", "params"}
        and data["jsonrpc"] == "2.0"
        and data["method"] == method
        and type(data["id"]) in {int, str}
        and isinstance(data.get("params", {}), dict)
    )
    return data if plain else None


def _list_of(exchange: Exchange) -> _List | None:
    """The whole list: without a cursor, which nobody was given."""
    if b"tools/list" not in exchange.body:
        return None
    data = _rpc(exchange.body, "tools/list")
    params = {} if data is None else data.get("params", {})
    meta = params.get("_meta", {})
    plain = params.keys() <= {"_meta"} and isinstance(meta, dict) and "progressToken" not in meta
    if data is None or not plain:
        return None
    headers = exchange.scope["headers"]
    judged = tuple((key, value) for key, value in headers if key in _JUDGED or key[:4] == b"mcp-")
    return _List(data["id"], (judged, orjson.dumps(data.get("params"))))


class _Hearing:
    """Passes an answer on, and hears the result in it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._status = 0
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        else:
            self._body += message.get("body", b"")
        await self._send(message)

    def result(self) -> bytes | None:
        """Encoded; None where the answer says no."""
        if self._status != 200:  # noqa: PLR2004 -- accepted
            return None
        answer = orjson.loads(self._body)
        return orjson.dumps(answer["result"]) if "result" in answer else None


def _caller_of(context: Context) -> Caller:
    caller: Caller = context.request.scope["state"]["caller"]  # type: ignore[union-attr] # the HTTP transport always has a request
    return caller


def _security(host: str) -> TransportSecuritySettings:
    """On a loopback address only its own names pass. Elsewhere a key protects, which no page has."""
    if not is_loopback(host):
        return TransportSecuritySettings(enable_dns_rebinding_protection=False)
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[form for name in _LOCAL for form in (name, f"{name}:*")],
        allowed_origins=[
            form
            for scheme in ("http", "https")
            for name in _LOCAL
            for form in (f"{scheme}://{name}", f"{scheme}://{name}:*")
        ],
    )
