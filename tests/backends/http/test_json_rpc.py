"""JSON-RPC 2.0: against the server of the package `json-rpc`, and against answers that no sane server gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from aiohttp import web
from jsonrpc import Dispatcher, JSONRPCResponseManager
from jsonrpc.exceptions import JSONRPCDispatchException

from backends.http.serving import served

ADAPTER = """
adapter: orders
backend: {{kind: http, url: "{url}/rpc", protocol: json-rpc}}
errors:
  - {{when: {{code: 7, data.field: sku}}, code: unknown_article}}
functions:
  add:
    description: Add two numbers.
    method: math.add
    effect: read
    params: positional
    parameters:
      a: {{type: integer}}
      b: {{type: integer, optional: true}}
  place:
    description: Place an order.
    method: order.place
    effect: write
    parameters:
      sku: {{type: string}}
      ordered_by: {{from: caller.subject}}
      city: {{type: string, to: body.ship_to.city}}
  state:
    description: The state of the server.
    method: state
    effect: read
    response: /load/0
  break_down:
    description: Break.
    method: break_down
    effect: write
  missing:
    description: Missing.
    method: no.such.method
    effect: write
"""


def _place(sku: str, ordered_by: str, ship_to: dict[str, Any]) -> dict[str, Any]:
    if sku == "none":
        raise JSONRPCDispatchException(7, "There is no such article.", {"field": "sku", "seen": []})
    return {"sku": sku, "by": ordered_by, "to": ship_to}


def _break_down() -> None:
    raise RuntimeError("in the middle")


METHODS = Dispatcher(
    {
        "math.add": lambda a, b=100: a + b,
        "order.place": _place,
        "state": lambda: {"load": [3, 4]},
        "break_down": _break_down,
    }
)


async def _app(scope: Any, receive: Any, send: Any) -> None:
    assert scope["path"] == "/rpc"
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    answer = JSONRPCResponseManager.handle(body, METHODS).json.encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served(_app) as url:
        yield url


async def test_parameters_go_by_name_or_by_position(server: str, open_http: Any) -> None:
    orders = open_http(ADAPTER.format(url=server))

    both = await orders.invoke("add", {"a": 2, "b": 3})
    one = await orders.invoke("add", {"a": 2})
    named = await orders.invoke("place", {"sku": "A1", "ordered_by": "anna", "city": "Ormsay"})
    nothing = await orders.invoke("state")

    assert (both.value, one.value, nothing.value) == (5, 102, 3)
    assert named.value == {"sku": "A1", "by": "anna", "to": {"city": "Ormsay"}}


async def test_an_error_of_the_application_is_a_plain_no_with_facts(
    server: str, open_http: Any
) -> None:
    orders = open_http(ADAPTER.format(url=server))

    error = await orders.fail("place", {"sku": "none", "ordered_by": "anna", "city": "x"})

    assert (error.message, error.code, error.work) == (
        "There is no such article.",
        "fault",
        "rolled_back",
    )
    assert error.facts == {"code": 7, "data.field": "sku"}
    assert error.detail == {"code": 7, "data": {"field": "sku", "seen": []}}


async def test_of_a_server_that_broke_nobody_knows_and_an_unknown_method_was_not_called(
    server: str, open_http: Any
) -> None:
    orders = open_http(ADAPTER.format(url=server))

    broken = await orders.fail("break_down")
    missing = await orders.fail("missing")

    assert (broken.code, broken.work, broken.facts["code"]) == ("backend_error", "unknown", -32000)
    assert (missing.code, missing.work) == ("unknown_method", "not_started")


async def test_a_dry_run_shows_the_call(server: str, open_http: Any) -> None:
    orders = open_http(ADAPTER.format(url=server))

    reply = await orders.invoke(
        "place", {"sku": "A1", "ordered_by": "anna", "city": "x"}, mode="dry_run"
    )

    head, _, body = reply.value["request"].partition("\n\n")
    assert head.startswith("POST /rpc HTTP/1.1\n")
    call = orjson.loads(body)
    assert isinstance(call.pop("id"), int)
    assert call == {
        "jsonrpc": "2.0",
        "method": "order.place",
        "params": {"sku": "A1", "ordered_by": "anna", "ship_to": {"city": "x"}},
    }


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b'{"jsonrpc": "2.0", "id": -1, "result": 1}', "another request"),
        (b'{"jsonrpc": "2.0", "id": null, "result": 1}', "another request"),
        (b"[]", "no JSON-RPC response"),
        (b"<html>", "no JSON-RPC response"),
        (b'{"jsonrpc": "2.0", "id": ID, "error": "no"}', "neither a `result` nor"),
    ],
)
async def test_an_answer_that_is_none_is_told_and_the_work_counts_as_done(
    api: Any, open_http: Any, answer: bytes, told: str
) -> None:
    async def answered(request: web.Request) -> web.Response:
        sent = str((await request.json())["id"]).encode()
        return web.Response(body=answer.replace(b"ID", sent), content_type="application/json")

    api.answer = answered
    orders = open_http(ADAPTER.format(url=api.url))

    error = await orders.fail("break_down")

    assert (error.code, error.work) == ("bad_reply", "done")
    assert told in error.message


async def test_an_error_without_an_id_or_with_an_error_status_is_read_all_the_same(
    api: Any, open_http: Any
) -> None:
    api.says({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}})
    orders = open_http(ADAPTER.format(url=api.url))
    without = await orders.fail("break_down")
    api.says(
        {"id": 1, "error": {"code": "E7", "message": "closed", "data": "till May"}}, status=500
    )
    status = await orders.fail("break_down")
    api.says({"what": "ever"}, status=500)
    other = await orders.fail("break_down")

    assert (without.code, without.work) == ("invalid_request", "not_started")
    assert (status.message, status.work) == ("closed", "rolled_back")
    assert status.facts == {"code": "E7", "data": "till May", "status": 500}
    assert (other.code, other.work) == ("backend_error", "unknown")


@pytest.mark.parametrize(
    ("protocol", "words", "code", "message"),
    [
        (None, "method: a", "DB530", "the backend has none"),
        ("json-rpc", "method: a, reply: json", "DB530", "`reply` has no meaning"),
        ("json-rpc", "method: a, request: GET /x", "DB501", "is not a method and a path"),
        ("json-rpc", "request: POST /x, params: named", "DB530", "`params` belongs to a `method`"),
        ("json-rpc", "method: a, types: {x: i8}", "DB531", "those of XML-RPC"),
        ("xml-rpc", "method: a, params: named", "DB531", "by their position only"),
        ("xml-rpc", "method: a b", "DB531", "no method of XML-RPC"),
        (
            "xml-rpc",
            "method: a, types: {ey: i8}, parameters: {x: {type: integer}}",
            "DB532",
            "`ey`",
        ),
        ("xml-rpc", "method: a, types: {x: i8}, parameters: {x: {type: string}}", "DB532", "a i8"),
        (
            "json-rpc",
            "method: a, params: positional, parameters: {x: {type: string, optional: true}, y: {type: string}}",
            "DB533",
            "`y` stands behind `x`",
        ),
        (
            "xml-rpc",
            "method: a, parameters: {x: {type: string, to: body.a.b}}",
            "DB533",
            "`x` is no parameter of its own",
        ),
    ],
)
def test_what_cannot_be_called_is_told(
    problems: Any, protocol: str | None, words: str, code: str, message: str
) -> None:
    spoken = "" if protocol is None else f", protocol: {protocol}"
    found = problems(
        f"""
        adapter: a
        backend: {{kind: http, url: "http://x"{spoken}}}
        functions:
          f: {{{words}, description: Something., effect: read}}
        """
    )
    assert len(found) == 1, found
    assert code in found[0]
    assert message in found[0]


def test_a_method_needs_its_effect_written(problems: Any) -> None:
    found = problems(
        """
        adapter: a
        backend: {kind: http, url: "http://x", protocol: json-rpc}
        functions:
          f: {method: a, description: Something.}
        """
    )
    assert [each[:12] for each in found] == ["5:7: DB506 a"]
