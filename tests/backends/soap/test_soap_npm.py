"""rpc/encoded calls to a server of another stack: npm's `soap`, installed into a folder of the tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .soap_calls import Calls
from .soap_office import WSDL
from .soap_peers import INSTALLS, Peer, npm_peer
from .test_soap_exotic_calls import PART, STORE, adapter

Open = Callable[[str], Calls]
pytestmark = INSTALLS
npm = pytest.fixture(npm_peer("npm_soap_peer.js", "/encoded11", WSDL / "stores.wsdl"))


def plain(value: Any) -> Any:
    """What npm's soap made of a call, without what was said of types."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "$value" in value:
        return value["$value"]
    return {name: plain(each) for name, each in value.items() if name != "attributes"}


async def test_another_stack_understands_the_call_and_is_understood(
    npm: Peer, opened: Open
) -> None:
    calls = opened(adapter(npm.url))

    reply = await calls.call("store", STORE)

    got = plain(json.loads(npm.said()))
    part = {**PART, "Since": "2026-01-31T00:00:00.000Z", "Tags": {"item": ["a", "b"]}}
    without_colour = {name: each for name, each in part.items() if name != "Colour"}
    assert got == {
        "parts": {"item": [part, {**without_colour, "Tags": {}, "Note": "n"}]},
        "rows": {"item": [{"item": ["1", "2"]}, {}, {"item": "3"}]},
        "codes": {"item": ["4", "5"]},
        "place": {"Name": "north", "Gate": "G"},
        "urgent": True,
    }
    assert reply.value == {
        "return": {
            "Parts": [{**PART, "Number": "B-1"}],
            "Rows": [[1], [2, 3]],
            "Codes": [4],
            "Total": 12.5,
        }
    }


async def test_a_fault_of_another_stack_is_a_fault(npm: Peer, opened: Open) -> None:
    calls = opened(adapter(npm.url))

    error = await calls.error("store", {**STORE, "codes": []})

    assert (error.code, error.facts["fault"], error.message) == ("fault", "EMPTY", "no codes")
