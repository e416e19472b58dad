"""/functions: one call of one function over plain HTTP, for programs that need no model.

The body of POST /functions/NAME is the object of arguments; the answer is always the outcome:

    succeeded      200
    refused        400; 403 not allowed or an agreement is missing; 404 no such function
    failed         502; 404 the backend says not found; 503 it is busy or unavailable; 504 too slow
    indeterminate  504, like every answer that never came; the body says that it may have happened

`?dry_run=true` answers with the exact request that would be sent. An `Idempotency-Key` makes a
repeated request the same call: a change is sent once, and later requests get its outcome.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import orjson

from drawbar.compiler.function import Function, Toolset
from drawbar.compiler.toolset import described
from drawbar.dispatch.invocation import Invocation
from drawbar.kernel.errors import ClientError
from drawbar.kernel.ids import new_id
from drawbar.kernel.outcome import Failed, Indeterminate, Outcome, Refused
from drawbar.kernel.ports import Mode
from drawbar.kernel.ticker import Ticker
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from drawbar.surfaces.exchange import Answer, Exchange, header
from drawbar.surfaces.front import Asked, QuickAnswer, Routes
from drawbar.surfaces.patience import unless_gone
from drawbar.surfaces.services import Services

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

_REFUSED = {
    "unknown_function": 404,
    "not_allowed": 403,
    "approval_required": 403,
    "caller_incomplete": 403,
}
_FAILED = {
    "not_found": 404,
    "backend_busy": 503,
    "backend_unavailable": 503,
    "function_unavailable": 503,
    "rate_limited": 503,
    "ledger_unavailable": 503,
    "timeout": 504,
    "internal_error": 500,
}
_DRY = {"true": True, "1": True, "false": False, "0": False, "": True}
_LONGEST_KEY = 255


class Functions:
    """The endpoints."""

    def __init__(self, services: Services) -> None:
        self._toolset = services.toolset
        self._dispatcher = services.dispatcher
        self._ticker = Ticker()
        self._listing: bytes | None = None

    def add_to(self, routes: Routes) -> None:
        routes.add("GET", "/functions", self.list)
        routes.add("GET", "/functions/{}", self.get)
        routes.add("POST", "/functions/{}", self.call, self.call_at_once)

    async def list(self, exchange: Exchange) -> None:
        if self._listing is None:
            self._listing = await asyncio.to_thread(_listing, self._toolset)
        await exchange.answer(self._listing)

    async def get(self, exchange: Exchange, name: str) -> None:
        function = self._toolset.get(name)
        if function is None:
            message = f"No function found with name '{name}'. GET /functions lists them."
            raise ClientError(message, status=404, code="unknown_function")
        await exchange.answer(orjson.dumps(function_object(function)))

    def call_at_once(self, asked: Asked, name: str) -> QuickAnswer:
        if asked.scope["query_string"]:
            return None
        caller = asked.known_caller()
        if caller is None:
            return None
        invocation = _invocation(asked.scope, asked.body, caller, name)
        outcome = self._dispatcher.at_once(invocation)
        if outcome is None:
            return self._carried_out(invocation, asked.receive, "run")
        return _answer(outcome, invocation.call_id)

    async def call(self, exchange: Exchange, name: str) -> None:
        mode = _mode(exchange)
        invocation = _invocation(exchange.scope, exchange.body, exchange.caller, name)
        await exchange.give(await self._carried_out(invocation, exchange.receive, mode))

    async def _carried_out(self, invocation: Invocation, receive: Receive, mode: Mode) -> Answer:
        function = self._toolset.get(invocation.function)
        work = self._dispatcher.dispatch(invocation, mode=mode)
        if function is None or function.effect == "read" or mode == "dry_run":
            outcome = await unless_gone(work, receive, self._ticker)
        else:
            outcome = await work  # a change goes on to its end, whoever still listens
        return _answer(outcome, invocation.call_id)


def _invocation(scope: Scope, body: bytes, caller: Caller, name: str) -> Invocation:
    try:
        arguments = body.decode()
    except UnicodeDecodeError as error:
        message = f"The body is not UTF-8 (byte {error.start}). Send one JSON object in UTF-8."
        raise ClientError(message, code="invalid_json") from None
    return Invocation(name, arguments, caller, _call_id(scope, body, caller, name), "functions")


def _answer(outcome: Outcome, call_id: str) -> Answer:
    return Answer(
        orjson.dumps(outcome.as_json()), status_of(outcome), ((b"x-call-id", call_id.encode()),)
    )


def _listing(toolset: Toolset) -> bytes:
    """Encoded once: functions only change with a restart."""
    return orjson.dumps({"object": "list", "data": [*map(function_object, described(toolset))]})


def function_object(function: Function) -> JsonObject:
    """What a program needs to know of a function; a broken one says what is wrong with it."""
    problems: list[JsonValue] = [
        {"code": problem.code, "message": problem.message, "severity": problem.severity}
        for problem in function.problems
    ]
    return {
        "name": function.name,
        "description": function.description,
        "effect": function.effect,
        "adapter": function.adapter,
        "kind": function.kind,
        "callable": function.callable,
        "parameters": function.schema,
        "problems": problems,
    }


def status_of(outcome: Outcome) -> int:
    """The HTTP status of an outcome, as the head of this module lists them."""
    if isinstance(outcome, Refused):
        return _REFUSED.get(outcome.code, 400)
    if isinstance(outcome, Failed):
        return _FAILED.get(outcome.code, 502)
    return 504 if isinstance(outcome, Indeterminate) else 200


def _mode(exchange: Exchange) -> Mode:
    if not exchange.scope["query_string"]:
        return "run"
    dry = False
    for name, values in exchange.query.items():
        if name != "dry_run" or values[-1].lower() not in _DRY:
            message = (
                f"Unknown parameter: '{name}={values[-1]}'. The only one here is 'dry_run=true'."
            )
            raise ClientError(message, code="unknown_parameter", param=name)
        dry = _DRY[values[-1].lower()]
    return "dry_run" if dry else "run"


def _call_id(scope: Scope, body: bytes, caller: Caller, name: str) -> str:
    """The same for a repeated request of one caller: same key, same function, same body."""
    key = header(scope, b"idempotency-key")
    if key is None:
        return new_id("call_")
    if not key or len(key) > _LONGEST_KEY:
        message = f"Invalid 'Idempotency-Key': expected 1 to {_LONGEST_KEY} characters."
        raise ClientError(message, code="invalid_value", param="Idempotency-Key")
    text = f"{caller.subject}\n{name}\n{key}".encode()
    return "call_" + hashlib.sha256(text + b"\n" + body).hexdigest()[:32]
