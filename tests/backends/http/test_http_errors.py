"""What went wrong, in stable codes, and what became of the work."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import time
from collections.abc import AsyncIterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any  # types of fixtures live in conftest, which tests cannot import

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from certificates import make_certificate
from drawbar.kernel.ports import Progress

TASKS = """
    adapter: tasks
    backend: {{kind: http, url: "{url}"{more}}}
    functions:
      get: {{description: One., request: GET /task}}
      end: {{description: End it., request: POST /task, effect: write}}
      drop: {{description: Drop it., request: DELETE /task, effect: destroy}}
"""


def tasks(port: int, more: str = "", scheme: str = "http") -> str:
    return TASKS.format(url=f"{scheme}://127.0.0.1:{port}", more=more)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "invalid_request", False),
        (401, "backend_denied", False),
        (403, "backend_denied", False),
        (404, "not_found", False),
        (409, "conflict", False),
        (410, "not_found", False),
        (422, "invalid_request", False),
        (429, "rate_limited", True),
    ],
)
async def test_a_4xx_is_a_no_before_anything_was_done(
    status: int, code: str, retryable: bool, api: Any, open_http: Any
) -> None:
    api.says({"message": "no"}, status=status)
    opened = open_http(tasks(api.port))

    for error in (await opened.fail("get"), await opened.fail("end")):
        assert (error.code, error.retryable, error.work) == (code, retryable, "not_started")
        assert error.facts == {"status": status}
        assert error.message == "no"


@pytest.mark.parametrize(("status", "retryable"), [(500, True), (503, True), (501, False)])
async def test_after_a_5xx_nobody_knows_what_was_done(
    status: int, retryable: bool, api: Any, open_http: Any
) -> None:
    api.says({}, status=status)
    opened = open_http(tasks(api.port))

    read, change = await opened.fail("get"), await opened.fail("end")

    assert (read.code, read.retryable, read.work) == ("backend_error", retryable, "unknown")
    assert (change.code, change.retryable, change.work) == ("backend_error", False, "unknown")


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (
            {"type": "about:blank", "title": "Gone", "detail": "It ended.", "status": 400},
            "It ended.",
            None,
        ),
        ({"title": "Gone"}, "Gone", None),
        ({"error": {"message": "No such task", "code": "T-7"}}, "No such task", "T-7"),
        (
            {"error": "invalid_grant", "error_description": "Old token"},
            "Old token",
            "invalid_grant",
        ),
        ({"message": "Bad", "code": 12}, "Bad", 12),
        (
            {"detail": [{"loc": ["x"], "msg": "too long"}, {"msg": "too late"}]},
            "too long; too late",
            None,
        ),
        ({"errors": [{"message": "a"}, "b"]}, "a; b", None),
        ("plain words", "plain words", None),
        ({}, "The backend answered 400 Bad Request.", None),
    ],
)
async def test_the_message_of_an_error_is_found_where_apis_put_it(
    body: Any, message: str, code: str | int | None, api: Any, open_http: Any
) -> None:
    api.says(body, status=400)

    error = await open_http(tasks(api.port)).fail("get")

    assert error.message == message
    assert error.facts == {"status": 400} | ({} if code is None else {"code": code})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html><head><title> Bad Gateway </title></head><p>nginx</p></html>", "Bad Gateway"),
        (b"<html></html>", "The backend answered 400 Bad Request."),
        (b"oops " * 1000, "oops " * 100),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
async def test_an_error_in_text_or_html_is_told_in_its_first_words(
    body: bytes, message: str, api: Any, open_http: Any
) -> None:
    api.sends(body, "text/html", status=400)

    assert (await open_http(tasks(api.port)).fail("get")).message == message


async def test_the_time_to_wait_is_told(api: Any, open_http: Any) -> None:
    opened = open_http(tasks(api.port))

    api.says({}, status=429, Retry_After="30")
    assert (await opened.fail("get")).hint == "Wait 30 seconds before calling again."

    past = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    api.says({}, status=503, Retry_After=format_datetime(past, usegmt=True))
    assert (await opened.fail("get")).hint == "Wait 0 seconds before calling again."

    api.says({}, status=503, Retry_After="soon")
    assert (await opened.fail("get")).hint is None


async def test_a_refused_connection_is_known_not_to_have_changed_anything(
    open_http: Any,
) -> None:
    port = unused_port()
    progress = Progress()

    error = await open_http(tasks(port)).fail("end", progress=progress)

    assert (error.code, error.retryable, error.work) == ("backend_unavailable", True, "not_started")
    assert (
        error.message
        == f"The backend at 127.0.0.1:{port} cannot be reached: nothing listens there."
    )
    assert not progress.sent


async def test_a_host_name_that_does_not_exist_is_said_to_be_unknown(open_http: Any) -> None:
    text = TASKS.format(url="http://no-such-host.invalid", more="")

    error = await open_http(text).fail("end")

    assert (error.code, error.work) == ("backend_unavailable", "not_started")
    assert error.message == (
        "The backend at no-such-host.invalid:80 cannot be reached: its host name was not found."
    )


async def test_silence_after_a_change_was_sent_leaves_it_unknown(api: Any, open_http: Any) -> None:
    never = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    api.answer = answer
    opened = open_http(tasks(api.port))
    begun = time.monotonic()
    progress = Progress()

    change = await opened.fail("end", seconds=0.3, progress=progress)
    read = await opened.fail("get", seconds=0.3)

    assert (change.code, change.work, change.retryable) == ("timeout", "unknown", False)
    assert progress.sent
    assert (read.code, read.retryable) == ("timeout", True)
    assert time.monotonic() - begun < 2
    never.set()


async def test_a_deadline_that_passed_before_sending_leaves_nothing_to_wonder_about(
    api: Any, open_http: Any
) -> None:
    error = await open_http(tasks(api.port)).fail("end", seconds=0.0)

    assert (error.code, error.work) == ("timeout", "not_started")
    assert api.requests == []


async def test_cancelling_a_call_closes_its_connection_at_once(
    raw_server: Any, open_http: Any
) -> None:
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        arrived.set()
        assert await reader.read() == b""
        gone.set()

    opened = open_http(tasks(await raw_server(talk)))
    call = asyncio.create_task(opened.invoke("end"))
    await asyncio.wait_for(arrived.wait(), 5)

    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(gone.wait(), 1)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "connection_lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "connection_lost"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "connection_lost",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "bad_reply"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "bad_reply"),
        (b"\x00\x01\x02\x03\r\n\r\n", "bad_reply"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "bad_reply"),
    ],
)
async def test_a_connection_that_breaks_or_talks_nonsense_leaves_a_change_unknown(
    answer: bytes, code: str, raw_server: Any, open_http: Any
) -> None:
    requests = []

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(1)
        writer.write(answer)
        await writer.drain()

    opened = open_http(tasks(await raw_server(talk)))

    for function in ("end", "drop"):
        error = await opened.fail(function)
        assert (error.code, error.work, error.retryable) == (code, "unknown", False)
    assert len(requests) == 2


async def test_a_change_is_never_sent_again_on_a_connection_that_the_server_drops(
    raw_server: Any, open_http: Any
) -> None:
    heads = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append("first of its connection")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await reader.readuntil(b"\r\n\r\n")
        heads.append("second of its connection")

    opened = open_http(tasks(await raw_server(talk)))

    for _ in range(2):
        await opened.invoke("drop")

    assert heads == ["first of its connection"] * 2


async def test_a_slow_reply_is_cut_off_at_the_deadline(raw_server: Any, open_http: Any) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _byte in range(1000):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)  # a slow server, not a wait of the test

    opened = open_http(tasks(await raw_server(talk)))
    begun = time.monotonic()

    error = await opened.fail("end", seconds=0.3)

    assert (error.code, error.work) == ("timeout", "unknown")
    assert time.monotonic() - begun < 2


async def test_reads_share_connections_up_to_the_declared_concurrency(
    raw_server: Any, open_http: Any
) -> None:
    connections = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while True:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")

    text = tasks(await raw_server(talk)).replace(
        "functions:", "limits: {concurrency: 2}\n    functions:"
    )
    opened = open_http(text)

    await asyncio.gather(*(opened.invoke("get") for _ in range(20)))

    assert len(connections) == 2


async def test_health_follows_the_port_when_no_path_is_declared(api: Any, open_http: Any) -> None:
    port = unused_port()

    well = await open_http(tasks(api.port)).backend.health()
    ill = await open_http(tasks(port)).backend.health()

    assert (well.ok, well.detail) == (True, f"127.0.0.1:{api.port} accepts connections")
    assert (ill.ok, ill.detail) == (
        False,
        f"127.0.0.1:{port} cannot be reached: nothing listens there",
    )


async def test_health_follows_the_declared_path(api: Any, open_http: Any) -> None:
    opened = open_http(tasks(api.port, ", health: /up?deep=1"))

    api.says({})
    assert (await opened.backend.health()).ok
    api.says({}, status=503)
    health = await opened.backend.health()

    assert (health.ok, health.detail) == (False, "GET /up?deep=1 answered 503")
    assert api.targets == ["GET /up?deep=1"] * 2


async def test_health_tells_an_unreachable_page_from_a_closed_backend(open_http: Any) -> None:
    port = unused_port()
    opened = open_http(tasks(port, ", health: /up"))

    ill = await opened.backend.health()
    await opened.backend.close()
    closed = await opened.backend.health()

    assert (ill.ok, ill.detail) == (
        False,
        f"The backend at 127.0.0.1:{port} cannot be reached: nothing listens there.",
    )
    assert (closed.ok, closed.detail) == (False, "The backend was closed.")


@pytest.mark.parametrize("status", [300, 304])
async def test_a_status_that_is_neither_success_nor_error_is_no_reply(
    status: int, api: Any, open_http: Any
) -> None:
    api.sends(b"", "text/plain", status=status)

    error = await open_http(tasks(api.port)).fail("get")

    assert (error.code, error.message) == (
        "bad_reply",
        f"The backend's answer cannot be used: its status is {status}.",
    )


async def test_a_tls_file_that_is_none_is_told_before_anything_is_sent(
    tmp_path: Path, open_http: Any
) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")

    error = await open_http(tasks(1, ", tls: {ca: ca.pem}", "https"), None, tmp_path).fail("end")

    assert (error.code, error.work) == ("backend_unavailable", "not_started")
    assert error.message == "A file named under `tls` is no certificate or key that can be used."


async def test_a_closed_backend_answers_no_more(api: Any, open_http: Any) -> None:
    opened = open_http(tasks(api.port))
    await opened.invoke("get")

    await opened.backend.close()
    await opened.backend.close()

    error = await opened.fail("get")
    assert (error.code, error.work) == ("backend_unavailable", "not_started")


async def test_a_backend_that_comes_back_is_reached_again(open_http: Any) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    port = unused_port()
    opened = open_http(tasks(port))
    for _ in range(2):
        app = web.Application()
        app.router.add_get("/task", answer)
        assert (await opened.fail("get")).code == "backend_unavailable"
        async with TestServer(app, port=port):
            assert (await opened.invoke("get")).value == {"ok": True}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with server.pem and server.key of a server at 127.0.0.1, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder)
    return folder


@pytest.fixture
async def tls_port(certificate: Path) -> AsyncIterator[int]:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "server.pem", certificate / "server.key")
    app = web.Application()
    app.router.add_route("*", "/task", answer)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=context)
    assert server.port is not None
    yield server.port
    await server.close()


async def test_a_certificate_of_a_declared_authority_is_trusted(
    tls_port: int, certificate: Path, open_http: Any
) -> None:
    text = tasks(tls_port, ", tls: {ca: ./server.pem}", "https")

    opened = open_http(text, None, certificate)

    assert (await opened.invoke("get")).value == {"ok": True}
    assert (await opened.invoke("end")).value == {"ok": True}


async def test_a_certificate_of_nobody_known_is_refused(tls_port: int, open_http: Any) -> None:
    error = await open_http(tasks(tls_port, scheme="https")).fail("end")

    assert (error.code, error.retryable, error.work) == (
        "backend_unavailable",
        False,
        "not_started",
    )
    assert "its certificate is not trusted" in error.message


async def test_a_server_without_tls_is_told_from_a_lost_one(api: Any, open_http: Any) -> None:
    error = await open_http(tasks(api.port, scheme="https")).fail("end")

    assert (error.code, error.work) == ("backend_unavailable", "not_started")
    assert "no TLS could be agreed on" in error.message
