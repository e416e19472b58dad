"""Functions that are really called, in processes that can be killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backends.python.conftest import OpenPython
from drawbar.kernel.outcome import Failed, Indeterminate, Succeeded

SHAPES = """
import asyncio, datetime as dt, enum, os, signal, sys, subprocess, time
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, TypedDict

class Colour(enum.Enum):
    RED = "red"

class Kind(enum.Enum):
    BIG = enum.auto()

@dataclass
class Buoy:
    colour: Colour
    since: dt.date

class Wish(TypedDict, total=False):
    when: dt.datetime

def types(buoy: Buoy, wish: Wish, price: Decimal, kinds: list[Kind], pair: tuple[int, str],
          maybe: dt.date | int | None, words: set[str], raw: bytes, f: float) -> list[str]:
    return [repr(x) for x in (buoy, wish, price, kinds, pair, maybe, sorted(words), raw, f)]

def values():
    return {"buoy": Buoy(Colour.RED, dt.date(2026, 1, 2)), "price": Decimal("1.10"), "big": 2**60, "set": {1},
            "nan": float("nan"), 5: b"\\x00", "at": dt.datetime(2026, 1, 2, 3, 4)}

def only_by_place(a: int, b: int = 5, /, *, c: int = 7):
    return [a, b, c]

async def later(x: int) -> int:
    await asyncio.sleep(0)
    return x + 1

async def pieces(count: int):
    for number in range(count):
        yield number

def loud() -> str:
    print("x" * 100_000)
    os.write(1, b"\\x00\\x00\\x00\\x02{}")
    subprocess.run(["echo", "from a child"])
    return sys.stdin.read()

def environ() -> dict[str, str]:
    return dict(os.environ)

def fails(what: str) -> None:
    raise {"key": KeyError("no such part"), "value": ValueError("wrong"), "exit": SystemExit(3)}[what]

def dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

def pid() -> int:
    return os.getpid()

def object_() -> object:
    return object()

def long_text(size: int) -> str:
    return "x" * size

def spins(file: str) -> None:
    try:
        while True: time.sleep(0.01)
    finally:
        open(file, "w").write("tidied up")

def stubborn() -> None:
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""


async def test_arguments_are_what_the_hints_say(open_python: OpenPython) -> None:
    async with open_python(SHAPES, "types") as gateway:
        outcome = await gateway.call(
            "types",
            {
                "buoy": {"colour": "red", "since": "2026-01-02"},
                "wish": {"when": "2026-01-02T03:04:05Z"},
                "price": "19.90",
                "kinds": ["BIG"],
                "pair": [1, "x"],
                "maybe": "2026-01-02",
                "words": ["b", "a"],
                "raw": "AAE=",
                "f": 1,
            },
        )

    assert outcome == Succeeded(
        [
            "Buoy(colour=<Colour.RED: 'red'>, since=datetime.date(2026, 1, 2))",
            "{'when': datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)}",
            "Decimal('19.90')",
            "[<Kind.BIG: 1>]",
            "(1, 'x')",
            "datetime.date(2026, 1, 2)",
            "['a', 'b']",
            "b'\\x00\\x01'",
            "1.0",
        ]
    )


async def test_results_are_json(open_python: OpenPython) -> None:
    async with open_python(SHAPES, "values", "only_by_place", "later", "object_") as gateway:
        values = await gateway.call("values", {})
        by_place = await gateway.call("only_by_place", {"a": 1, "c": 3})
        later = await gateway.call("later", {"x": 1})
        untold = await gateway.call("object_", {})

    assert values == Succeeded(
        {
            "buoy": {"colour": "red", "since": "2026-01-02"},
            "price": "1.10",
            "big": str(2**60),
            "set": [1],
            "nan": None,
            "5": "AA==",
            "at": "2026-01-02T03:04:00",
        }
    )
    assert (by_place, later) == (Succeeded([1, 5, 3]), Succeeded(2))
    assert isinstance(untold, Failed)
    assert untold.code == "bad_value"


async def test_caps_tell_what_they_cut(open_python: OpenPython) -> None:
    functions = """
  pieces: {description: x., call: "tools:pieces", limits: {rows: 3}}
  long_text: {description: x., call: "tools:long_text", limits: {bytes: 1KB}}
"""
    async with open_python(SHAPES, functions=functions) as gateway:
        pieces = await gateway.call("pieces", {"count": 10**9})
        text = await gateway.call("long_text", {"size": 2000})

    assert isinstance(pieces, Succeeded)
    assert pieces.value == [0, 1, 2]
    assert len(pieces.notes) == 1
    assert isinstance(text, Failed)
    assert text.code == "reply_too_large"


async def test_what_is_printed_cannot_be_taken_for_an_answer(
    open_python: OpenPython, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with open_python(SHAPES, "loud", "later") as gateway:
        loud = await gateway.call("loud", {})
        after = await gateway.call("later", {"x": 1})
        async with asyncio.timeout(
            5
        ):  # it comes by a pipe of its own, and may come after the answers
            while "from a child" not in caplog.text:
                await asyncio.sleep(0.01)

    assert (loud, after) == (Succeeded(""), Succeeded(2))
    assert "from a child" in caplog.text


async def test_nothing_of_the_gateways_environment_is_there(
    open_python: OpenPython, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMEBODYS_SECRET", "x")
    async with open_python(SHAPES, "environ", more="  env: {TOKEN: t0ken}\n") as gateway:
        outcome = await gateway.call("environ", {})

    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.value, dict)
    assert outcome.value.keys() - {"LC_CTYPE"} == {"PATH", "LANG", "TOKEN"}


async def test_an_exception_is_a_fact_and_a_declared_one_says_that_nothing_was_done(
    open_python: OpenPython,
) -> None:
    functions = """
  fails:
    description: x.
    call: tools:fails
    effect: write
    errors:
      - {when: {exception: LookupError}, code: not_found, hint: Ask for the number.}
"""
    async with open_python(SHAPES, functions=functions) as gateway:
        declared = await gateway.call("fails", {"what": "key"})
        other = await gateway.call("fails", {"what": "value"})
        ended = await gateway.call("fails", {"what": "exit"})

    assert declared == Failed("not_found", "'no such part'", hint="Ask for the number.")
    assert isinstance(other, Indeterminate)
    assert isinstance(ended, Indeterminate)


async def test_a_process_that_dies_is_replaced(open_python: OpenPython) -> None:
    functions = "  dies: {description: x., call: 'tools:dies', effect: write}\n"
    async with open_python(SHAPES, "later", functions=functions) as gateway:
        died = await gateway.call("dies", {})
        after = await gateway.call("later", {"x": 1})

    assert isinstance(died, Indeterminate)
    assert "SIGKILL" in died.message
    assert after == Succeeded(2)


async def test_a_process_ends_after_its_calls(open_python: OpenPython) -> None:
    async with open_python(SHAPES, "pid", more="  max_calls: 2\n") as gateway:
        outcomes = [await gateway.call("pid", {}) for _ in range(4)]

    pids = [each.value for each in outcomes if isinstance(each, Succeeded)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


async def test_a_deadline_interrupts_and_then_kills(
    open_python: OpenPython, tmp_path: Path
) -> None:
    async with open_python(SHAPES, "spins", "stubborn", "later") as gateway:
        file = tmp_path / "tidied"
        await gateway.call(
            "later", {"x": 1}
        )  # a process is there, so that all of the time is the call's
        spun = await gateway.call("spins", {"file": str(file)}, seconds=0.5)
        stubborn = await asyncio.wait_for(gateway.call("stubborn", {}, seconds=0.5), 8)
        after = await gateway.call("later", {"x": 1})

    assert isinstance(spun, Failed)
    assert file.read_text() == "tidied up"
    assert isinstance(stubborn, Failed)
    assert (spun.code, stubborn.code, after) == ("timeout", "timeout", Succeeded(2))


async def test_a_module_that_cannot_be_imported_was_not_called(
    open_python: OpenPython,
) -> None:
    source = "import nothing_of_this_name\ndef any(x: int) -> int: return x\n"
    functions = "  any: {description: x., call: 'tools:any', effect: write}\n"
    async with open_python(source, functions=functions) as gateway:
        outcome = await gateway.call("any", {"x": 1})
        health = await gateway.backend.health()

    assert isinstance(outcome, Failed)
    assert outcome.code == "backend_unavailable"
    assert "nothing_of_this_name" in outcome.message
    assert not health.ok


def test_a_process_ends_with_its_gateway(tmp_path: Path) -> None:
    """Also in the middle of a call."""
    reading, writing = os.pipe()
    worker = Path(__file__).parents[3] / "src/drawbar/backends/python/worker.py"
    (tmp_path / "tools.py").write_text("import time\ndef stay():\n    time.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-I", str(worker)], stdin=reading, stdout=subprocess.PIPE
    )
    os.close(reading)
    frame = {
        "modules": ["tools"],
        "function": "stay",
        "arguments": {},
        "positional": [],
        "rows": 1,
        "bytes": 1,
    }
    for each in ({"path": [str(tmp_path)]}, frame):
        data = json.dumps(each).encode()
        os.write(writing, len(data).to_bytes(4, "big") + data)
    os.close(writing)
    try:
        assert process.wait(timeout=10) == 0
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        assert process.stdout is not None
        process.stdout.close()
