"""XML-RPC: against Python's own server, and against answers with types that only other servers write."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from typing import Any
from xmlrpc.client import Binary, DateTime, Fault
from xmlrpc.server import SimpleXMLRPCServer

import pytest

from drawbar.kernel.values import JsonValue

ADAPTER = """
adapter: depot
backend: {{kind: http, url: "{url}/RPC2", protocol: xml-rpc}}
functions:
  echo:
    description: Say what came.
    method: depot.echo
    effect: read
    types: {{photo: base64, count: i8, local: dateTime.iso8601, record.sizes: double}}
    parameters:
      text: {{type: string}}
      small: {{type: integer, maximum: 10}}
      count: {{type: integer}}
      price: {{type: number}}
      moment: {{type: string, format: date-time}}
      local: {{type: string}}
      photo: {{type: string}}
      record:
        type: object
        properties:
          ready: {{type: boolean}}
          sizes: {{type: array, items: {{type: number}}}}
      note: {{type: string, optional: true}}
  refuse:
    description: Refuse.
    method: depot.refuse
    effect: write
  crash: {{description: Crash., method: depot.crash, effect: write}}
  missing: {{description: Missing., method: depot.missing, effect: write}}
  types:
    description: Each type.
    method: depot.types
    effect: read
    response: /when
"""
ARGUMENTS: dict[str, JsonValue] = {
    "text": " <Grüße> & ]]> ",
    "small": 7,
    "count": 2**40,
    "price": 1e-7,
    "moment": "2026-11-24T09:30:00+02:00",
    "local": "2026-11-24 09:30",
    "photo": "AP8=",
    "record": {"ready": True, "sizes": [1, 2.5]},
}


class _Depot:
    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def echo(self, *values: Any) -> list[str]:
        self.seen.append(values)
        return [type(value).__name__ for value in values]

    def refuse(self) -> None:
        raise Fault(4, "The depot is closed.")

    def crash(self) -> None:
        raise RuntimeError("in the middle")

    def types(self) -> dict[str, Any]:
        return {
            "when": DateTime("20260102T03:04:05"),
            "data": Binary(b"\x00\xff" * 40),
        }


@pytest.fixture
def depot() -> _Depot:
    return _Depot()


@pytest.fixture
def server(depot: _Depot) -> Iterator[str]:
    with SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False, use_builtin_types=True) as server:
        for method in (depot.echo, depot.refuse, depot.crash, depot.types):
            server.register_function(method, f"depot.{method.__name__}")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(5)


async def test_every_type_arrives_as_the_server_wants_it(
    server: str, depot: _Depot, open_http: Any
) -> None:
    opened = open_http(ADAPTER.format(url=server))

    reply = await opened.invoke("echo", ARGUMENTS)

    assert depot.seen == [
        (
            " <Grüße> & ]]> ",
            7,
            2**40,
            1e-7,
            dt.datetime(2026, 11, 24, 7, 30),  # noqa: DTZ001 -- XML-RPC has no zones
            dt.datetime(2026, 11, 24, 9, 30),  # noqa: DTZ001 -- as above
            b"\x00\xff",
            {"ready": True, "sizes": [1.0, 2.5]},
        )
    ]
    assert [type(size) for size in depot.seen[0][-1]["sizes"]] == [float, float]
    assert reply.value == ["str", "int", "int", "float", "datetime", "datetime", "bytes", "dict"]


def test_what_the_wire_can_carry_is_published(open_http: Any) -> None:
    opened = open_http(ADAPTER.format(url="http://x"))

    schemas = {each.name: each.schema for each in opened.adapter.plans["echo"].parameters}

    assert schemas["small"] == {"type": "integer", "minimum": -(2**31), "maximum": 10}
    assert schemas["count"] == {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
    assert set(schemas["photo"]) == set(schemas["local"]) == {"type", "pattern"}


async def test_a_moment_of_an_answer_is_told_as_it_came(server: str, open_http: Any) -> None:
    opened = open_http(ADAPTER.format(url=server))
    assert (await opened.invoke("types")).value == "2026-01-02T03:04:05"


async def test_a_fault_in_a_good_answer_is_a_plain_no(server: str, open_http: Any) -> None:
    opened = open_http(ADAPTER.format(url=server))

    error = await opened.fail("refuse")

    assert (error.message, error.code, error.work) == (
        "The depot is closed.",
        "fault",
        "rolled_back",
    )
    assert error.facts == {"code": 4}


async def test_a_server_that_broke_is_told_from_one_that_said_no(
    server: str, open_http: Any
) -> None:
    opened = open_http(ADAPTER.format(url=server))

    broken = await opened.fail("crash")
    missing = await opened.fail("missing")

    assert (broken.code, broken.work, broken.facts) == ("backend_error", "unknown", {"code": 1})
    assert (missing.code, missing.work) == ("unknown_method", "not_started")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("<string/>", ""),
        ("<i8>9007199254740993</i8>", 9007199254740993),
        ("<ex:nil xmlns:ex='http://ws.apache.org/xmlrpc/namespaces/extensions'/>", None),
        ("<nil/>", None),
        ("<boolean>0</boolean>", False),
        ("<double>-1.5</double>", -1.5),
        ("<biginteger>170141183460469231731687303715884105728</biginteger>", str(2**127)),
        ("<base64>\n  AP8=\n</base64>", "AP8="),
        ("<dateTime.iso8601>2026-01-02T03:04:05Z</dateTime.iso8601>", "2026-01-02T03:04:05Z"),
        ("<array><data><value><i4>1</i4></value><value>b</value></data></array>", [1, "b"]),
        ("<struct><member><name>a</name><value/></member></struct>", {"a": ""}),
    ],
)
async def test_a_value_is_read_by_its_type(
    api: Any, open_http: Any, value: str, expected: JsonValue
) -> None:
    body = (
        f"<methodResponse><params><param><value>{value}</value></param></params></methodResponse>"
    )
    api.sends(body.encode(), "text/xml")
    opened = open_http(ADAPTER.format(url=api.url))

    assert (await opened.invoke("echo", ARGUMENTS)).value == expected


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><methodResponse/>", "a document type is not accepted"),
        (b"<methodResponse><params/></methodResponse>", "with one value"),
        (b"no", "not XML"),
        (
            b"<methodResponse><params><param><value><int>x</int></value></param></params></methodResponse>",
            "'x' in it is no int",
        ),
        (
            b"<methodResponse><params><param><value><double>nan</double></value></param></params></methodResponse>",
            "'nan' in it is no double",
        ),
        (
            b"<methodResponse><params><param><value><money>1</money></value></param></params></methodResponse>",
            "'1' in it is no money",
        ),
    ],
)
async def test_an_answer_that_is_none_is_told_and_the_work_counts_as_done(
    api: Any, open_http: Any, body: bytes, told: str
) -> None:
    api.sends(body, "text/xml")
    opened = open_http(ADAPTER.format(url=api.url))

    error = await opened.fail("refuse")

    assert (error.code, error.work) == ("bad_reply", "done")
    assert told in error.message


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("text", "a\x00b", "a character that XML cannot carry"),
        ("small", 2**31, "is no int of XML-RPC"),
        ("moment", "soon", "no date with a time"),
        ("photo", "*", "no Base64"),
    ],
)
async def test_what_xml_rpc_cannot_carry_is_not_sent(
    api: Any, open_http: Any, name: str, value: JsonValue, told: str
) -> None:
    opened = open_http(ADAPTER.format(url=api.url))

    error = await opened.fail("echo", ARGUMENTS | {name: value})

    assert (error.code, error.work, api.requests) == ("invalid_arguments", "not_started", [])
    assert told in error.message
