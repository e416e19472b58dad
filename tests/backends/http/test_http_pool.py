"""The short way of a reading and the library's: the same request arrives, and the same comes of the answer."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ThreadedResolver, web

from drawbar.backends.http.backend import HttpBackend
from drawbar.backends.http.options import HttpBackendSpec
from drawbar.kernel.ports import BackendError

from .conftest import Api, Opened, compiled

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(**how: Any) -> Answering:  # keywords of web.Response
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(**how)

    return answer


async def chunked(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for part in (b'{"a":', b" [1, 2]", b"}"):
        await response.write(part)
    await response.write_eof()
    return response


async def elsewhere(request: web.Request) -> web.StreamResponse:
    if request.path == "/there":
        return web.json_response({"at": request.path_qs})
    raise web.HTTPFound("/there?x=%20y")


JSON = "application/json"
ANSWERS: dict[str, Answering] = {
    "json": says(body=b'{"a": [1, 2.5, null]}', content_type=JSON),
    "chunked": chunked,
    "compressed": says(
        body=gzip.compress(b'{"a": 1}'), content_type=JSON, headers={"Content-Encoding": "gzip"}
    ),
    "empty": says(status=204),
    "created": says(status=201, headers={"Location": "/items/8"}),
    "text": says(text="gr\u00fcezi", charset="latin-1"),
    "no json": says(body=b"{", content_type=JSON),
    "html": says(body=b"<html><title>Log in</title></html>", content_type="text/html"),
    "too long": says(body=b"x" * 5000, content_type="text/plain"),
    "not found": says(status=404, body=b'{"detail": "no such item"}', content_type=JSON),
    "busy": says(status=503, headers={"Retry-After": "7"}),
    "long error": says(status=500, body=b"x" * 200_000, content_type="text/plain"),
    "redirect": elsewhere,
    "redirect away": says(status=302, headers={"Location": "http://elsewhere.example/"}),
    "not modified": says(status=304),
}


def opened(api: Api, *, library: bool) -> Opened:
    adapter = compiled(f"""
        adapter: shop
        backend:
          kind: http
          url: {api.url}/api
          auth: {{bearer: {{token: t0ken}}}}
        functions:
          get:
            description: One.
            request: GET /items/{{item}}
            parameters:
              item: {{type: string, description: Which.}}
              colour: {{type: string, description: Which., optional: true}}
              trace: {{type: string, description: Which., optional: true, to: header.X-Trace}}
          search:
            description: Some.
            request: POST /search
            effect: read
            parameters: {{words: {{type: string, description: What.}}}}
    """)
    assert adapter.adapter is not None
    spec = adapter.adapter.backend
    assert isinstance(spec, HttpBackendSpec)
    resolver = ThreadedResolver() if library else None
    return Opened(adapter, HttpBackend(spec, folder=Path(), concurrency=2, resolver=resolver))


async def outcome(client: Opened, function: str, arguments: dict[str, Any]) -> Any:
    try:
        return await client.invoke(function, arguments, max_bytes=4000)
    except BackendError as error:
        return {**vars(error), "text": str(error)}


@pytest.mark.parametrize("name", ANSWERS)
async def test_both_ways_make_the_same_of_an_answer(api: Api, name: str) -> None:
    api.answer = ANSWERS[name]
    found = []
    for library in (False, True):
        client = opened(api, library=library)
        found.append(
            [await outcome(client, "get", {"item": "7 \u00fc", "colour": "r&d"}) for _ in range(2)]
        )
        await client.backend.close()

    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("get", {"item": "7/8"[:1] + " \u00fc?", "colour": "r&d=x", "trace": "a b"}),
        ("search", {"words": "gr\u00fcn & blau"}),
    ],
)
async def test_both_ways_send_the_same_request(
    api: Api, function: str, arguments: dict[str, Any]
) -> None:
    for library in (False, True):
        client = opened(api, library=library)
        await client.invoke(function, arguments)
        await client.backend.close()

    (one, other) = api.requests
    # The library offers to read compressed answers, which the short way leaves to it.
    assert other[2].pop("accept-encoding") is not None
    assert one == other


async def test_a_function_that_needs_the_library_goes_to_it_at_once_the_next_time(api: Api) -> None:
    api.answer = ANSWERS["compressed"]
    client = opened(api, library=False)

    for _ in range(3):
        await client.invoke("get", {"item": "7"})
    await client.backend.close()

    assert len(api.requests) == 4  # the first one twice
