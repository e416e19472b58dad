"""Replies that come bit by bit: NDJSON and server-sent events, read down to a limit that is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

ADAPTER = """
adapter: log
backend: {{kind: http, url: "{url}"}}
functions:
  lines: {{description: Lines., request: GET /lines, reply: ndjson}}
  names: {{description: Names., request: GET /lines, reply: ndjson, response: /name}}
  events: {{description: Events., request: GET /events, reply: events}}
  by_type: {{description: By its type., request: GET /any}}
"""
EVENTS = (
    b': hello\n\nevent: moved\nid: 7\ndata: {"berth": 3}\n\n'
    b"data: one\r\ndata: two\r\n\r\nretry: 5\n\ndata: [DONE]\n\n"
)


def _endless(piece: bytes, media: str, *, pause: bool = False) -> Any:
    """Never ends; with `pause` only the first two pieces come."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": media})
        await response.prepare(request)
        sent = 0
        while True:
            try:
                await response.write(piece)
            except ConnectionError:
                return response
            sent += 1
            if pause and sent == 2:
                await asyncio.sleep(60)
            await asyncio.sleep(0)

    return answer


async def test_each_line_is_a_value(api: Any, open_http: Any) -> None:
    api.sends(b'{"name": "a"}\n\n{"name": "b"}', "application/x-ndjson")
    log = open_http(ADAPTER.format(url=api.url))

    assert (await log.invoke("lines")).value == [{"name": "a"}, {"name": "b"}]
    assert (await log.invoke("names")).value == ["a", "b"]
    assert (await log.invoke("by_type")).value == [{"name": "a"}, {"name": "b"}]


async def test_events_have_their_data_read(api: Any, open_http: Any) -> None:
    api.sends(EVENTS, "text/event-stream; charset=utf-8")
    log = open_http(ADAPTER.format(url=api.url))

    for function in ("events", "by_type"):
        assert (await log.invoke(function)).value == [
            {"event": "moved", "id": "7", "data": {"berth": 3}},
            {"data": "one\ntwo"},
            {"data": "[DONE]"},
        ]


@pytest.mark.parametrize(
    ("function", "piece", "media"),
    [
        ("lines", b'{"a": 1}\n', "application/x-ndjson"),
        ("events", b"data: 1\n\n", "text/event-stream"),
    ],
)
async def test_a_stream_without_an_end_is_read_down_to_the_limits(
    api: Any, open_http: Any, function: str, piece: bytes, media: str
) -> None:
    log = open_http(ADAPTER.format(url=api.url))

    api.answer = _endless(piece, media)
    rows = await log.invoke(function, max_rows=5)
    size = await log.invoke(function, max_bytes=50)
    api.answer = _endless(piece, media, pause=True)
    late = await log.invoke(function, seconds=0.5)

    assert len(rows.value) == 5
    assert rows.cuts[0].kept == 5
    assert len(size.value) == 50 // len(piece)
    assert "went on" in size.cuts[0].how_to_get_the_rest
    assert len(late.value) == 2
    assert late.cuts[0].total is None


async def test_a_line_that_is_no_json_is_told(api: Any, open_http: Any) -> None:
    api.sends(b'{"a": 1}\nno\n', "application/x-ndjson")
    log = open_http(ADAPTER.format(url=api.url))

    error = await log.fail("lines")

    assert error.code == "bad_reply"
    assert "the reply was read as ndjson: line 2: not JSON" in error.message
