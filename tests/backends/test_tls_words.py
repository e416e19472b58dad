"""`tls:` means the same for every kind: whom the gateway trusts, and that it says when it trusts anyone."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from pathlib import Path

import pytest

from certificates import make_certificate
from drawbar.backends import InstalledKinds
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.kernel.outcome import Succeeded
from drawbar.kernel.values import JsonObject
from drawbar.spec.load import parse_adapter
from drawbar.testing.kinds import opened

KINDS = InstalledKinds()
WSDL = Path(__file__).parent / "soap" / "wsdl"
ASK = "{description: Ask., parameters: {text: {type: string}}, %s, request: text, reply: text}"
ADAPTERS = {
    "http": (
        'url: "https://127.0.0.1:PORT"',
        "{description: Ask., parameters: {text: {type: string}}, request: GET /x}",
    ),
    "soap": (
        'wsdl: leave.wsdl, endpoint: "https://127.0.0.1:PORT/x"',
        "{description: Ask., operation: GetLeave}",
    ),
    "tcp": ('address: "127.0.0.1:PORT"', ASK.replace("%s, ", "")),
    "nats": ('servers: ["nats://127.0.0.1:PORT"]', ASK % "subject: a"),
    "amqp": ("host: 127.0.0.1, port: PORT", ASK % "routing_key: a"),
}
INFO = b'INFO {"server_id":"x","version":"2.10.0","max_payload":1000,"tls_required":true}\r\n'
"""What a NATS server says before it speaks TLS."""


def adapter(kind: str, port: int, tls: str) -> str:
    backend, function = ADAPTERS[kind]
    return (
        f"adapter: peer\nbackend: {{kind: {kind}, {backend.replace('PORT', str(port))}, tls: {tls}}}\n"
        f"functions:\n  ask: {function}\n"
    )


def compiled(text: str, folder: Path = Path()) -> CompiledAdapter:
    return compile_adapter(parse_adapter(text, "a.yaml", folder, KINDS, {}), KINDS)


class Handshakes:
    """A server that nobody has to trust; it counts who speaks TLS with it all the same, and hangs up."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.made = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await writer.start_tls(self._context)
            self.made += 1
        except OSError:
            pass  # they did not trust it
        finally:
            writer.close()

    async def serve_nats(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO)
        await self.serve(reader, writer)


@pytest.fixture
async def handshakes(tmp_path: Path) -> Handshakes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(tmp_path, "peer"))
    for each in ("leave.wsdl", "leave.xsd"):
        shutil.copy(WSDL / each, tmp_path)
    return Handshakes(context)


@pytest.mark.parametrize("kind", ADAPTERS)
async def test_a_server_is_trusted_where_its_authority_is_named_or_anyone_will_do(
    kind: str, handshakes: Handshakes, tmp_path: Path
) -> None:
    serve = handshakes.serve_nats if kind == "nats" else handshakes.serve
    made = {}
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for tls in ("{}", "{ca: peer.pem}", "{verify: false}"):
            handshakes.made = 0
            async with opened(adapter(kind, port, tls), tmp_path) as peer:
                arguments: JsonObject = {"LeaveId": 1} if kind == "soap" else {"text": "x"}
                outcome = await peer.call("ask", arguments, seconds=3)
            assert not isinstance(outcome, Succeeded)
            made[tls] = handshakes.made > 0

    assert made == {"{}": False, "{ca: peer.pem}": True, "{verify: false}": True}


@pytest.mark.parametrize("kind", ADAPTERS)
def test_what_is_wrong_or_unsafe_is_told_in_the_same_words(kind: str, tmp_path: Path) -> None:
    for each in ("leave.wsdl", "leave.xsd"):
        shutil.copy(WSDL / each, tmp_path)

    problems = compiled(
        adapter(kind, 1, "{ca: no.pem, key: no.key, verify: false}"), tmp_path
    ).problems

    assert [(p.code, p.severity, p.message) for p in problems] == [
        ("DB140", "error", "there is no file `no.pem`"),
        ("DB140", "error", "there is no file `no.key`"),
        ("DB140", "error", "a `key` belongs to a `certificate`"),
        (
            "DB141",
            "warning",
            "the certificate of the server is not verified: anyone on the way can read and change all",
        ),
    ]


def test_a_library_that_always_verifies_is_not_told_to_do_otherwise(tmp_path: Path) -> None:
    text = (
        'adapter: peer\nbackend: {kind: grpc, address: "127.0.0.1:1", descriptors: x, tls: {verify: false}}\n'
        "functions:\n  ask: {description: Ask., method: a/b}\n"
    )

    (problem,) = (p for p in compiled(text, tmp_path).problems if p.place.line == 2)

    assert str(problem) == (
        "a.yaml:2:69: DB113 gRPC's library always verifies\n    name the authority with `ca`"
    )
