"""Servers with a certificate of their own authority, which also want to know who calls."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from drawbar.backends.soap import KIND
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.kernel.workers import Workers
from drawbar.spec.load import parse_adapter

from .soap_calls import KINDS, Calls
from .soap_office import WSDL, envelope

DONE = envelope(
    '<t:CancelLeaveResponse xmlns:t="urn:leave"><t:Done>1</t:Done></t:CancelLeaveResponse>'
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """server.pem/.key for 127.0.0.1 and client.pem/.key, each signed by itself, beside the contract."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("server", "client"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", f"{name}.key", "-out", f"{name}.pem"],
            check=True, cwd=folder, capture_output=True,
        )  # fmt: skip
    for each in ("leave.wsdl", "leave.xsd"):
        (folder / each).write_bytes((WSDL / each).read_bytes())
    (folder / "none.pem").write_text("no certificate")
    return folder


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(DONE)))
        self.end_headers()
        self.wfile.write(DONE)

    def log_message(self, *args: object) -> None:
        """Quiet."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A refused handshake is what some of these tests are about."""


@pytest.fixture(scope="module")
def port(keys: Path) -> Iterator[int]:
    """A server that only talks to the client whose certificate it knows."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys / "client.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(keys / "server.pem", keys / "server.key")
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def adapter(folder: Path, endpoint: str, tls: str) -> CompiledAdapter:
    text = f"""
adapter: hr
backend:
  kind: soap
  wsdl: leave.wsdl
  endpoint: {endpoint}
  {tls}
functions:
  get_leave: {{operation: GetLeave, description: One.}}
"""
    return compile_adapter(parse_adapter(text, "a.yaml", folder, KINDS, {}), KINDS)


@dataclass
class Opened:
    calls: Calls
    workers: Workers

    async def close(self) -> None:
        await self.calls.backend.close()
        self.workers.close()


def opened(folder: Path, port: int, tls: str) -> Opened:
    compiled = adapter(folder, f"https://127.0.0.1:{port}/leave", tls)
    assert compiled.adapter is not None
    workers = Workers("soap-tls", 2)
    return Opened(Calls(compiled, KIND.open(compiled.adapter, compiled.plans, workers)), workers)


async def test_both_sides_know_each_other_by_their_certificates(keys: Path, port: int) -> None:
    hr = opened(keys, port, "tls: {ca: server.pem, certificate: client.pem, key: client.key}")

    reply = await hr.calls.call("get_leave", {"LeaveId": 1})
    health = await hr.calls.backend.health()
    await hr.close()

    assert reply.value == {"Done": "1"}
    assert health.ok


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ("", "its certificate is not trusted"),
        ("tls: {ca: none.pem}", "A file named under `tls` is no certificate or key"),
    ],
)
async def test_a_server_that_is_not_trusted_gets_nothing(
    keys: Path, port: int, tls: str, said: str
) -> None:
    hr = opened(keys, port, tls)

    error = await hr.calls.error("get_leave", {"LeaveId": 1})
    health = await hr.calls.backend.health()
    await hr.close()

    assert (error.code, error.work) == ("backend_unavailable", "not_started")
    assert said in error.message
    assert not health.ok


async def test_a_caller_whom_the_server_does_not_know_fails(keys: Path, port: int) -> None:
    hr = opened(keys, port, "tls: {ca: server.pem}")

    error = await hr.calls.error("get_leave", {"LeaveId": 1})
    await hr.close()

    assert error.code in {"connection_lost", "backend_unavailable"}


async def test_verification_is_off_only_where_the_author_says_so(keys: Path, port: int) -> None:
    hr = opened(keys, port, "tls: {verify: false, certificate: client.pem, key: client.key}")

    reply = await hr.calls.call("get_leave", {"LeaveId": 1})
    await hr.close()

    assert reply.value == {"Done": "1"}


def test_tls_that_does_not_fit_is_told(keys: Path) -> None:
    found = adapter(keys, "http://127.0.0.1/x", "tls: {ca: gone.pem, key: client.key}")

    assert [str(each).split("\n")[0] for each in found.problems] == [
        "a.yaml:7:3: DB416 `tls` needs an https:// endpoint",
        "a.yaml:7:9: DB140 there is no file `gone.pem`",
        "a.yaml:7:23: DB140 a `key` belongs to a `certificate`",
    ]
