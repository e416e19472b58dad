"""Requests that are answered where they are read: the same answers as those that get a task, byte for byte."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
import pytest_asyncio

from drawbar.kernel.values import JsonObject

from .conftest import FUNCTIONS, QuickShelf, Served, Shelf, gateway

Soon = Callable[[Awaitable[Any]], Awaitable[Any]]

CALL = b'{"part_no": "4711"}'
_ONES_OWN = re.compile(rb"(req_[0-9a-f]{24}|call_[0-9A-Z]{24}|date: [^\r]+)")


@dataclass(frozen=True)
class Both:
    """Two gateways that differ in nothing but whether their backend answers at once.

    A media type with a parameter is looked at more closely, so such a request takes the general way.
    """

    quick: Served
    patient: Served

    async def answers(self, request: bytes) -> list[bytes]:
        """What they answer on the wire, without what belongs to one request alone."""
        closely = request.replace(b"/json\r\n", b"/json; charset=utf-8\r\n")
        return [
            await exchange(each, asked.replace(b"KEY", each.key.encode()))
            for each in (self.quick, self.patient)
            for asked in (request, closely)
        ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    one, other = (tmp_path_factory.mktemp(name) for name in ("quick", "patient"))
    anonymous = {"subject": "guest"}
    async with (
        gateway(one, QuickShelf(), anonymous=anonymous) as quick,
        gateway(other, Shelf(), anonymous=anonymous) as patient,
    ):
        yield Both(quick, patient)


def post(
    path: str, body: bytes, *headers: str, media: str = "application/json", key: str = "KEY"
) -> bytes:
    head = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {media}",
        f"Content-Length: {len(body)}",
        *([f"Authorization: Bearer {key}"] if key else []),
        *headers,
    ]
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body


def to_mcp(name: str, arguments: JsonObject, **more: Any) -> bytes:
    params = {"name": name, "arguments": arguments, **more}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = (
        "Accept: application/json, text/event-stream",
        "MCP-Protocol-Version: 2025-06-18",
    )
    return post("/mcp", orjson.dumps(call), *headers)


async def exchange(served: Served, *pieces: bytes, count: int = 1) -> bytes:
    """Answers to what is written piece by piece, from one connection."""
    url = urlsplit(served.url)
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        for number, piece in enumerate(pieces):
            if number:
                await asyncio.sleep(0.02)  # so that it is read by itself
            writer.write(piece)
        found = b"".join([await one_answer(reader) for _ in range(count)])
        writer.close()
        return _ONES_OWN.sub(b"#", found)


async def connected(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = urlsplit(served.url)
    return await asyncio.open_connection(url.hostname, url.port)


async def one_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    assert length is not None, head
    return head + await reader.readexactly(int(length[1]))


def quick_calls(served: Served) -> int:
    assert isinstance(served.shelf, QuickShelf)
    return served.shelf.quick


FIND = "/functions/shelf_find"
AT_ONCE = {
    "found": post(FIND, CALL),
    "found, with a charset": post(FIND, CALL, media="application/json; charset=utf-8"),
    "without a key": post(FIND, CALL, key=""),
    "with a placeholder": post(FIND, CALL, key="sk-none"),
    "an unknown key": post(FIND, CALL, key="dbk_unknown"),
    "no bearer": post(FIND, CALL, "Authorization: Basic x", key=""),
    "another host": post(FIND, CALL, key="").replace(b"127.0.0.1", b"evil.example"),
    "another origin": post(FIND, CALL, "Origin: http://evil.example", key=""),
    "not there": post(FIND, b'{"part_no": "1"}'),
    "wrong": post(FIND, b'{"part_no": 5, "colour": "red"}'),
    "no JSON": post(FIND, b'{"part_no": '),
    "no UTF-8": post(FIND, b'{"part_no": "\xff"}'),
    "a list": post(FIND, b"[]"),
    "nothing": post(FIND, b""),
    "lost": post(FIND, b'{"part_no": "lost"}'),
    "no such function": post("/functions/shelf_fond", CALL),
    "a name without an end": post("/functions/" + "long" * 100, CALL),
    "a broken function": post("/functions/shelf_lost", CALL),
    "not allowed": post("/functions/shelf_scrap", CALL),
    "a change": post("/functions/shelf_take", CALL),
    "a dry run": post(FIND + "?dry_run=true", CALL),
    "an unknown parameter": post(FIND + "?dry=true", CALL),
    "a key for repetitions": post(FIND, CALL, "Idempotency-Key: one"),
    "an empty key for repetitions": post(FIND, CALL, "Idempotency-Key: "),
    "another type": post(FIND, CALL, media="text/plain"),
    "too large": post(FIND, b" " * 200_000),
    "an escaped path": post("/functions/shelf%5Ffind", CALL),
    "over MCP": to_mcp("shelf_find", {"part_no": "4711"}),
    "over MCP, not there": to_mcp("shelf_find", {"part_no": "1"}),
    "over MCP, wrong": to_mcp("shelf_find", {"part_no": 5}),
    "over MCP, with a token": to_mcp("shelf_find", {"part_no": "4711"}, _meta={"progressToken": 7}),
    "over MCP, no such tool": to_mcp("shelf_fond", {"part_no": "4711"}),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("what", AT_ONCE)
async def test_every_request_is_answered_alike(both: Both, what: str) -> None:
    request = AT_ONCE[what]
    await both.answers(request)  # a key, and a kind of MCP call, is known from the second time on

    at_once, *others = await both.answers(request)

    assert others == [at_once] * 3


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("what", "times"), [("found", 1), ("over MCP", 1), ("a change", 0), ("a dry run", 0)]
)
async def test_only_plain_readings_are_answered_at_once(both: Both, what: str, times: int) -> None:
    request = AT_ONCE[what].replace(b"KEY", both.quick.key.encode())
    for _ in range(2):  # what the first one taught is known a moment after its answer
        await exchange(both.quick, request)
    before = quick_calls(both.quick)

    await exchange(both.quick, request)

    assert quick_calls(both.quick) == before + times


@pytest.mark.asyncio(loop_scope="module")
async def test_a_request_in_pieces_and_several_in_one_are_answered_in_order(both: Both) -> None:
    key = both.quick.key.encode()
    found, missing, change, mcp = (
        AT_ONCE[what].replace(b"KEY", key)
        for what in ("found", "not there", "a change", "over MCP")
    )
    single = [await exchange(both.quick, each) for each in (found, change, missing, mcp, found)]

    together = await exchange(both.quick, found + change + missing + mcp + found, count=5)
    pieces = [
        found[:50],
        found[50:-5],
        found[-5:] + change[:30],
        change[30:] + missing + mcp + found,
    ]

    assert together == b"".join(single)
    assert await exchange(both.quick, *pieces, count=5) == b"".join(single)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Host:", b"Connection: close\r\nHost:"),
        (b"HTTP/1.1", b"HTTP/1.0"),
    ],
)
async def test_a_connection_that_is_not_kept_is_closed_after_its_answer(
    both: Both, old: bytes, new: bytes
) -> None:
    request = AT_ONCE["found"].replace(b"KEY", both.quick.key.encode()).replace(old, new, 1)
    url = urlsplit(both.quick.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(request)

    whole = await asyncio.wait_for(reader.read(), 5)

    assert b"connection: close" in whole
    assert whole.endswith(b'"notes":[]}')
    writer.close()


def answering() -> list[asyncio.Task[Any]]:
    """The tasks of answers that have to be waited for."""
    return [each for each in asyncio.all_tasks() if "_answer_in_time" in repr(each.get_coro())]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_client_that_leaves_while_it_waits_takes_the_task_along(
    both: Both, soon: Soon
) -> None:
    find = AT_ONCE["found"].replace(b"KEY", both.patient.key.encode())
    await exchange(both.patient, find)
    shelf = both.patient.shelf
    shelf.hold = asyncio.Event()
    shelf.stopped.clear()
    shelf.entered.clear()
    _, writer = await connected(both.patient)
    writer.write(find)
    await soon(shelf.entered.wait())
    [task] = answering()

    writer.close()

    await soon(shelf.stopped.wait())
    await soon(asyncio.wait([task]))
    shelf.hold = None


@pytest.mark.asyncio(loop_scope="module")
async def test_who_waits_for_a_hundred_continue_gets_it(both: Both) -> None:
    request = post(FIND, CALL, "Expect: 100-continue", key=both.quick.key)
    url = urlsplit(both.quick.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(request[: -len(CALL)])

    first = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.write(CALL)
    answer = await asyncio.wait_for(one_answer(reader), 5)

    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.endswith(b'"notes":[]}')
    writer.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_bug_is_told_by_its_number_and_the_connection_lives(
    both: Both, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(FUNCTIONS["shelf_find"], name="shelf_broken", schema={"type": "no such type"})
    monkeypatch.setitem(FUNCTIONS, "shelf_broken", broken)
    request = AT_ONCE["found"].replace(b"KEY", both.quick.key.encode())
    bad = request.replace(b"shelf_find", b"shelf_broken")
    await exchange(both.quick, request)

    with caplog.at_level(logging.ERROR, "drawbar.surfaces"):
        told = await exchange(both.quick, bad + request, count=2)

    assert told.startswith(b"HTTP/1.1 500 Internal Server Error")
    assert told.endswith(b'"notes":[]}')
    [record] = [each for each in caplog.records if each.name == "drawbar.surfaces"]
    assert record.exc_info
