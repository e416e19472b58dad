"""NTLM, with a server on loopback that leaves the judgement of each connection to pyspnego's acceptor."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import spnego
from spnego.exceptions import SpnegoError

from drawbar.kernel.ports import Progress
from drawbar.kernel.values import JsonObject

from .soap_calls import Calls, compiled
from .soap_office import Office, envelope

Open = Callable[[str], Calls]
REQUEST: JsonObject = {"Request": {"LeaveId": 3, "EmpNo": "1", "Reason": None}}
DONE = envelope(
    '<t:CancelLeaveResponse xmlns:t="urn:leave"><t:Done>1</t:Done></t:CancelLeaveResponse>'
)


@dataclass
class Guarded:
    """`bodies` has the size of each request's body, and who sent it by then."""

    url: str = ""
    scheme: str = "NTLM"
    bodies: list[tuple[int, str | None]] = field(default_factory=list)


def handler(guarded: Guarded) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        timeout = 10
        context: Any = None  # of the connection, which has one handler

        def do_POST(self) -> None:
            size = len(self.rfile.read(int(self.headers["Content-Length"])))
            scheme, _, token = self.headers.get("Authorization", "").partition(" ")
            challenge = guarded.scheme
            if scheme == guarded.scheme:
                if self.context is None:
                    protocol = "ntlm" if scheme == "NTLM" else "negotiate"
                    self.context = spnego.server(protocol=protocol)
                try:
                    answer = self.context.step(base64.b64decode(token))
                except SpnegoError:
                    self.context = None
                    answer = None
                if answer:
                    challenge = f"{scheme} {base64.b64encode(answer).decode()}"
            known = self.context is not None and self.context.complete
            guarded.bodies.append((size, self.context.client_principal if known else None))
            self.send_response(200 if known else 401)
            if not known or challenge != guarded.scheme:
                self.send_header("WWW-Authenticate", challenge)
            body = DONE if known else b"who are you"
            self.send_header("Content-Type", "text/xml" if known else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    return Handler


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    (tmp_path / "users").write_text("PORT:crew:s3cret\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "users"))
    guarded = Guarded()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(guarded))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    guarded.url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield guarded
    server.shutdown()
    server.server_close()
    thread.join()


def adapter(url: str, password: str = "s3cret", more: str = "") -> str:
    return f"""
adapter: hr
backend:
  kind: soap
  wsdl: leave.wsdl
  endpoint: "{url}"
  auth: {{ntlm: {{username: 'PORT\\crew', password: {password}{more}}}}}
functions:
  cancel: {{operation: CancelLeave, effect: destroy}}
"""


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
async def test_the_envelope_leaves_once_the_service_knows_who_calls(
    guarded: Guarded, opened: Open, scheme: str
) -> None:
    guarded.scheme = scheme
    progress = Progress()

    hr = opened(adapter(guarded.url, more=f", scheme: {scheme}"))
    reply = await hr.call("cancel", REQUEST, progress=progress)

    assert reply.value == {"Done": True}
    (first, nobody), (second, crew) = guarded.bodies
    assert (first, nobody) == (0, None)
    assert second > 100
    assert crew == "PORT\\crew"
    assert progress.sent


async def test_each_call_proves_itself_anew(guarded: Guarded, opened: Open) -> None:
    hr = opened(adapter(guarded.url))

    for _ in range(3):
        await hr.call("cancel", REQUEST)

    assert [who for _, who in guarded.bodies] == [None, "PORT\\crew"] * 3


async def test_a_wrong_password_changes_nothing(guarded: Guarded, opened: Open) -> None:
    error = await opened(adapter(guarded.url, "guess")).error("cancel", REQUEST)

    assert (error.code, error.work) == ("unauthorized", "not_started")
    assert {who for _, who in guarded.bodies} == {None}


async def test_a_service_that_asks_nothing_gets_nothing(office: Office, opened: Open) -> None:
    error = await opened(adapter(office.url)).error("cancel", REQUEST)

    assert (error.code, error.work) == ("backend_unavailable", "not_started")


async def test_a_service_that_offers_something_else_refuses(guarded: Guarded, opened: Open) -> None:
    guarded.scheme = "Negotiate"
    progress = Progress()

    error = await opened(adapter(guarded.url)).error("cancel", REQUEST, progress=progress)

    assert (error.code, error.work) == ("unauthorized", "not_started")
    assert not progress.sent


async def test_a_dry_run_shows_how_but_no_password(guarded: Guarded, opened: Open) -> None:
    dry = await opened(adapter(guarded.url)).call("cancel", REQUEST, mode="dry_run")

    assert isinstance(dry.value, dict)
    request = dry.value["request"]
    assert isinstance(request, dict)
    headers = request["headers"]
    assert isinstance(headers, dict)
    assert headers["Authorization"] == "NTLM ***"
    assert "s3cret" not in str(dry.value)
    assert guarded.bodies == []


def test_a_missing_extra_is_told_where_it_is_needed() -> None:
    text = adapter("http://x").replace(
        "{ntlm: {username: 'PORT\\crew', password: s3cret}}", "{kerberos: {}}"
    )

    found = [each for each in compiled(text).problems if each.code == "DB422"]

    assert [(each.severity, each.message) for each in found] == [
        ("warning", "`kerberos` needs the extra `kerberos`, which is not installed here")
    ]


async def test_kerberos_without_its_extra_sends_nothing(guarded: Guarded, opened: Open) -> None:
    text = adapter(guarded.url).replace(
        "{ntlm: {username: 'PORT\\crew', password: s3cret}}", "{kerberos: {}}"
    )

    error = await opened(text).error("cancel", REQUEST)

    assert (error.code, error.work) == ("backend_unavailable", "not_started")
    assert guarded.bodies == []
