"""Redirects stay on the declared scheme, host and port; some addresses are never called at all."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any  # types of fixtures live in conftest, which tests cannot import

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from drawbar.backends.http.access.addresses import is_forbidden
from drawbar.backends.http.backend import HttpBackend
from drawbar.backends.http.options import HttpBackendSpec
from drawbar.kernel.ports import BackendError, Call, Progress
from drawbar.kernel.values import Caller

DOCS = """
    adapter: docs
    backend: {{kind: http, url: "{url}", auth: {{bearer: {{token: t0psecret}}}}}}
    functions:
      get: {{description: One., request: "GET /start"}}
      add:
        description: A new one.
        request: POST /start
        effect: write
        parameters: {{title: {{type: string}}}}
"""


def leads(api: Any, status: int, location: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/start":
            return web.Response(status=status, headers={"Location": location})
        return web.json_response({"at": request.path_qs})

    api.answer = answer


@pytest.mark.parametrize("location", ["/there?x=a%20b", "there?x=a%20b", "{url}/there?x=a%20b"])
async def test_a_redirect_within_the_backend_is_followed(
    location: str, api: Any, open_http: Any
) -> None:
    leads(api, 302, location.format(url=api.url))

    reply = await open_http(DOCS.format(url=api.url)).invoke("get")

    assert reply.value == {"at": "/there?x=a%20b"}
    assert api.requests[1][2]["authorization"] == "Bearer t0psecret"


@pytest.mark.parametrize("location", ["/there", "/there?a=1", "/there?key=t0psecret"])
async def test_a_key_in_the_query_goes_along_within_the_backend(
    location: str, api: Any, open_http: Any
) -> None:
    leads(api, 302, location)
    text = DOCS.replace(
        "{{bearer: {{token: t0psecret}}}}",
        "{{api_key: {{name: key, value: t0psecret, in: query}}}}",
    )

    await open_http(text.format(url=api.url)).invoke("get")

    assert api.requests[1][1].count("key=t0psecret") == 1


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{other}/there",
        "//127.0.0.1:{other}/there",
        "http://localhost:{port}/there",
        "https://127.0.0.1:{port}/there",
        "http://127.0.0.1:{port}@127.0.0.1:{other}/there",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "file:///etc/passwd",
        "http://[",
        "",
    ],
)
async def test_a_redirect_to_anywhere_else_is_not_followed(
    location: str, api: Any, open_http: Any
) -> None:
    visits = []

    async def elsewhere(request: web.Request) -> web.Response:
        visits.append(request.headers.get("Authorization"))
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", elsewhere)
    async with TestServer(app) as other:
        leads(api, 307, location.format(other=other.port, port=api.port))
        error = await open_http(DOCS.format(url=api.url)).fail("add", {"title": "x"})

    assert (error.code, error.work) == ("redirect_refused", "not_started")
    assert error.facts == {"status": 307}
    assert visits == []
    assert len(api.requests) == 1


async def test_user_and_password_in_a_redirect_are_not_used(api: Any, open_http: Any) -> None:
    leads(api, 302, f"http://evil:pw@127.0.0.1:{api.port}/there")

    await open_http(DOCS.format(url=api.url)).invoke("get")

    assert api.requests[1][2]["authorization"] == "Bearer t0psecret"


async def test_a_circle_of_redirects_ends_after_five(api: Any, open_http: Any) -> None:
    leads(api, 302, "/start")

    error = await open_http(DOCS.format(url=api.url)).fail("get")

    assert (error.code, error.message) == (
        "redirect_refused",
        "The backend answered 302 and points elsewhere: more than 5 times. It was not followed.",
    )
    assert len(api.requests) == 6


async def test_a_change_answered_by_see_other_is_done_and_its_result_is_fetched(
    api: Any, open_http: Any
) -> None:
    leads(api, 303, "/result")

    reply = await open_http(DOCS.format(url=api.url)).invoke("add", {"title": "x"})

    assert reply.value == {"at": "/result"}
    assert api.targets == ["POST /start", "GET /result"]
    assert api.requests[1][3] == b""


async def test_a_change_whose_result_is_missing_was_begun_all_the_same(
    api: Any, open_http: Any
) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/start":
            return web.Response(status=303, headers={"Location": "/result"})
        return web.json_response({"message": "nothing here"}, status=404)

    api.answer = answer

    error = await open_http(DOCS.format(url=api.url)).fail("add", {"title": "x"})

    assert (error.code, error.work, error.retryable) == ("not_found", "unknown", False)


@pytest.mark.parametrize("status", [307, 308])
async def test_a_change_that_is_asked_for_again_is_sent_again_as_it_was(
    status: int, api: Any, open_http: Any
) -> None:
    leads(api, status, "/there")

    await open_http(DOCS.format(url=api.url)).invoke("add", {"title": "x"})

    assert api.targets == ["POST /start", "POST /there"]
    assert api.requests[1][3] == b'{"title":"x"}'


@pytest.mark.parametrize(
    ("address", "forbidden"),
    [
        ("169.254.169.254", True),
        ("169.254.0.1", True),
        ("fe80::1", True),
        ("fe80::1%eth0", True),
        ("::ffff:169.254.169.254", True),
        ("64:ff9b::a9fe:a9fe", True),
        ("fd00:ec2::254", True),
        ("100.100.100.200", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.0.1", False),
        ("fd12::1", False),
        ("staff.internal", False),
    ],
)
def test_link_local_and_metadata_addresses_are_told_from_private_ones(
    address: str, forbidden: bool
) -> None:
    assert is_forbidden(address) is forbidden


class Lying(AbstractResolver):
    """A name server that points a harmless name where an attacker wants it."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        return [
            ResolveResult(
                hostname=host, host=self._address, port=port, family=family, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        return


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1"])
async def test_a_name_that_resolves_to_a_metadata_address_is_never_connected_to(
    address: str, compile_text: Any
) -> None:
    adapter = compile_text(DOCS.format(url="http://staff.internal:8080"))
    assert isinstance(adapter.adapter.backend, HttpBackendSpec)
    backend = HttpBackend(
        adapter.adapter.backend, folder=Path(), concurrency=1, resolver=Lying(address)
    )
    progress = Progress()
    call = Call("add", {"title": "x"}, Caller("anna"), time.monotonic() + 5, progress=progress)

    with pytest.raises(BackendError) as caught:
        await backend.invoke(adapter.plans["add"].binding, call)
    health = await backend.health()
    await backend.close()

    assert (caught.value.code, caught.value.work, caught.value.retryable) == (
        "backend_unavailable",
        "not_started",
        False,
    )
    assert "link-local or metadata address" in caught.value.message
    assert not progress.sent
    assert not health.ok
    assert "link-local or metadata address" in health.detail
