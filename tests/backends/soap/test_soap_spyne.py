"""Calls to a server of another stack, by the WSDL that it hands out itself: spyne, for SOAP 1.1 and 1.2."""

from __future__ import annotations

import base64
import hashlib
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from drawbar.kernel.ports import BackendError, Progress
from drawbar.kernel.values import JsonObject, JsonValue

from .soap_calls import Calls
from .soap_peers import HERE, INSTALLS, Peer, install_spyne, started

Open = Callable[[str], Calls]
pytestmark = INSTALLS
BOLT: JsonObject = {
    "number": "B-1",
    "price": 1.5,
    "note": None,
    "tags": {"string": ["a", "b"]},
}
WITHOUT_PRICE = {name: value for name, value in BOLT.items() if name != "price"}
HAZARD: JsonObject = {
    "_type": "Hazard",
    "number": "H-2",
    "price": 2,
    "note": "burns",
    "tags": {"string": []},
    "un": 1993,
}


@dataclass
class Depot:
    """A running depot, and its WSDL in a file."""

    peer: Peer
    wsdl: Path
    version: str

    def adapter(self, backend: str = "") -> str:
        return f"""
adapter: depot
backend:
  kind: soap
  wsdl: {self.wsdl}
  endpoint: "{self.peer.url}"
{backend}
functions:
  get_part: {{operation: get_part}}
  list_parts: {{operation: list_parts}}
  order: {{operation: order, effect: write}}
  announce: {{operation: announce, effect: write}}
  store_slip: {{operation: store_slip, effect: write}}
  slip: {{operation: slip}}
  slip_described: {{operation: slip, base64: describe}}
  who: {{operation: who}}
  wait: {{operation: wait}}
"""

    def distorted(self, how: str) -> str:
        return self.adapter(f'  headers: {{X-Distort: "{how}"}}')


@pytest.fixture(scope="module", params=["1.1", "1.2"])
def depot(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Depot]:
    with started([install_spyne(), HERE / "spyne_peer.py", request.param], "/") as peer:
        wsdl = tmp_path_factory.mktemp("depot") / "depot.wsdl"
        with urllib.request.urlopen(f"{peer.url}?wsdl", timeout=5) as answer:
            wsdl.write_bytes(answer.read())
        yield Depot(peer, wsdl, request.param)


async def test_a_part_is_read_with_its_types(depot: Depot, opened: Open) -> None:
    reply = await opened(depot.adapter()).call("get_part", {"number": "B-1"})

    assert reply.value == {"get_partResult": BOLT}
    assert reply.notes == ()


async def test_an_array_holds_what_each_element_says_it_is(depot: Depot, opened: Open) -> None:
    reply = await opened(depot.adapter()).call("list_parts", {})

    assert reply.value == {"list_partsResult": {"Part": [BOLT, HAZARD]}}


async def test_arrays_nil_and_numbers_arrive_as_they_were_given(depot: Depot, opened: Open) -> None:
    parts: JsonValue = {"Part": [{**BOLT, "price": 0.1}, {**BOLT, "tags": None, "note": "ü <&>"}]}

    reply = await opened(depot.adapter()).call("order", {"parts": parts, "priority": "high"})

    assert reply.value == {
        "orderResult": "high: B-1 0.1 None ['a', 'b']; B-1 1.5 ü <&> None",
    }


async def test_a_wrong_enumeration_does_not_leave(depot: Depot, opened: Open) -> None:
    progress = Progress()

    error = await opened(depot.adapter()).error("order", {"priority": "middle"}, progress=progress)

    assert (error.code, error.work, progress.sent) == ("invalid_arguments", "not_started", False)
    assert "'middle'" in error.message
    assert "'low', 'high'" in error.message


async def test_a_typed_fault_has_its_code_actor_and_detail(depot: Depot, opened: Open) -> None:
    error = await opened(depot.adapter()).error("get_part", {"number": "X-9"})

    assert (error.code, error.work, error.message) == ("fault", "rolled_back", "no part X-9")
    code = {"1.1": "Stock.NoSuchPart", "1.2": "NoSuchPart"}[depot.version]
    assert error.detail == {
        "fault": code,
        "detail": {"Missing": {"number": "X-9", "known": "2"}},
    }
    subcode = {"subcode": "Stock.NoSuchPart"} if depot.version == "1.2" else {}
    assert error.facts == {
        "fault": code,
        "faultcode": {"1.1": "Stock.NoSuchPart", "1.2": "Sender"}[depot.version],
        **subcode,
        "text": "no part X-9",
        "actor": "urn:depot:stock",
        "detail.number": "X-9",
        "detail.known": "2",
        "status": 500,
    }


async def test_a_header_proves_who_calls(depot: Depot, opened: Open) -> None:
    name = '"{urn:depot}Credentials"'
    right = depot.adapter(f"  soap_headers: {{{name}: {{const: {{key: k-1}}}}}}")
    wrong = depot.adapter(f"  soap_headers: {{{name}: {{const: {{key: k-2}}}}}}")

    reply = await opened(right).call("who", {})
    error = await opened(wrong).error("who", {})

    assert reply.value == {"whoResult": "the depot's friend"}
    assert (error.code, error.facts["fault"]) == ("fault", "Authentication")


async def test_a_call_without_a_reply_says_so(depot: Depot, opened: Open) -> None:
    reply = await opened(depot.adapter()).call("announce", {"text": "closed on Monday"})

    assert reply.value is None
    assert reply.notes == ("The service took the request; this operation has no reply.",)
    assert depot.peer.said() == "announced closed on Monday"


@pytest.mark.parametrize(
    ("how", "wanted", "note"),
    [
        (
            "extra",
            BOLT | {"colour": "blue"},
            "The reply has elements that are not in the contract, kept as text: colour.",
        ),
        ("missing", WITHOUT_PRICE, "The reply lacks elements that the contract requires: price."),
        (
            "misordered",
            BOLT,
            "Elements of the reply are in another order than in the contract: get_partResult.",
        ),
        (
            "wrong scalar",
            BOLT | {"price": "cheap"},
            "Values of the reply do not fit the contract and are kept as they came: price.",
        ),
    ],
)
async def test_a_reply_beside_the_contract_is_kept_with_a_note(
    depot: Depot, opened: Open, how: str, wanted: JsonObject, note: str
) -> None:
    reply = await opened(depot.distorted(how)).call("get_part", {"number": "B-1"})

    assert reply.value == {"get_partResult": wanted}
    assert reply.notes == (note,)


@pytest.mark.parametrize(
    ("how", "code", "work"),
    [
        ("truncated", "broken_reply", "unknown"),
        ("page", "wrong_content_type", "unknown"),
        ("503", "http_error", "unknown"),
        ("wrong type", "wrong_content_type", "unknown"),
        ("empty", "empty_reply", "unknown"),
        ("entities", "broken_reply", "unknown"),
        ("file", "broken_reply", "unknown"),
    ],
)
async def test_an_answer_that_is_no_reply_leaves_the_work_unknown(
    depot: Depot, opened: Open, how: str, code: str, work: str
) -> None:
    error = await opened(depot.distorted(how)).error("get_part", {"number": "B-1"})

    assert (error.code, error.work) == (code, work)


async def test_no_answer_in_time_is_told_from_no_connection(depot: Depot, opened: Open) -> None:
    late = await opened(depot.adapter()).error("wait", {"seconds": 20}, seconds=0.5)
    nobody = await opened(depot.adapter().replace(depot.peer.url, "http://127.0.0.1:9/")).error(
        "wait", {"seconds": 1}
    )

    assert depot.peer.said() == "waiting"
    assert (late.code, late.work) == ("timeout", "unknown")
    assert (nobody.code, nobody.work) == ("backend_unavailable", "not_started")


async def test_a_reply_above_the_cap_is_cut_off(depot: Depot, opened: Open) -> None:
    calls = opened(depot.adapter())

    error = await calls.error("slip", {"size": 1_000_000}, max_bytes=100_000)

    assert (error.code, error.work) == ("reply_too_large", "done")
    assert isinstance(error, BackendError)


async def test_bytes_travel_both_ways(depot: Depot, opened: Open) -> None:
    calls = opened(depot.adapter())

    stored = await calls.call("store_slip", {"data": "QUJDRA=="})

    assert stored.value == {"store_slipResult": 4}


SLIP = bytes(range(256)) * 4


async def test_bytes_beside_the_reply_are_put_back(depot: Depot, opened: Open) -> None:
    calls = opened(depot.distorted("packaged"))

    kept = await calls.call("slip", {"size": 1024})
    described = await calls.call("slip_described", {"size": 1024})

    assert kept.value == {"slipResult": base64.b64encode(SLIP).decode()}
    assert described.value == {
        "slipResult": {
            "media_type": "application/pdf",
            "bytes": 1024,
            "sha256": hashlib.sha256(SLIP).hexdigest(),
        }
    }
    assert kept.notes == described.notes == ()


async def test_half_of_the_parts_are_no_reply(depot: Depot, opened: Open) -> None:
    error = await opened(depot.distorted("half packaged")).error("slip", {"size": 1024})

    assert (error.code, error.work) == ("broken_reply", "unknown")
    assert "its parts are not whole" in error.message


async def test_bytes_are_sent_beside_the_message_where_the_adapter_says_so(
    depot: Depot, opened: Open
) -> None:
    calls = opened(depot.adapter("  mtom: true"))
    arguments: JsonObject = {"data": base64.b64encode(SLIP).decode()}

    dry = await calls.call("store_slip", arguments, mode="dry_run")
    stored = await calls.call("store_slip", arguments)

    assert stored.value == {"store_slipResult": 1024}
    assert isinstance(dry.value, dict)
    request = dry.value["request"]
    assert isinstance(request, dict)
    assert str(arguments["data"]) not in str(request)
    attachments = request["attachments"]
    assert isinstance(attachments, list)
    (attached,) = attachments
    assert isinstance(attached, dict)
    assert attached["bytes"] == 1024
    assert f'href="cid:{attached["content_id"]}"' in str(request["body"])
