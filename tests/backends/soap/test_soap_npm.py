"""rpc/encoded calls to a server of another stack: npm's `soap`, installed into a folder of the tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from .soap_calls import Calls
from .soap_office import WSDL
from .test_soap_exotic_calls import PART, STORE, adapter

SCRIPT = Path(__file__).parent / "npm_soap_peer.js"
FOLDER = Path(tempfile.gettempdir()) / "drawbar-test-npm-soap"
Open = Callable[[str], Calls]


def missing(why: str) -> None:
    if os.environ.get("DRAWBAR_TEST_REQUIRE_SERVICES") == "1":
        pytest.fail(why)
    pytest.skip(why)


def install() -> None:
    if shutil.which("npm") is None or shutil.which("node") is None:
        missing("node and npm are not installed")
    if (FOLDER / "node_modules" / "soap" / "package.json").is_file():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", FOLDER, "soap@1"],
        check=False,
        capture_output=True,
        timeout=50,
    )
    if done.returncode:
        missing(f"npm cannot install soap: {done.stderr.decode()[-200:]}")


@dataclass
class Peer:
    url: str
    output: IO[str]

    def call(self) -> Any:
        """The next call it got, as that stack understood it."""
        return json.loads(self.output.readline())


@contextmanager
def running() -> Iterator[Peer]:
    environment = {**os.environ, "NODE_PATH": str(FOLDER / "node_modules")}
    command = ["node", str(SCRIPT), str(WSDL / "stores.wsdl")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port
            yield Peer(f"http://127.0.0.1:{port}/encoded11", process.stdout)
        finally:
            process.kill()


@pytest.fixture
def npm() -> Iterator[Peer]:
    install()
    with running() as peer:
        yield peer


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

    got = plain(npm.call())
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
