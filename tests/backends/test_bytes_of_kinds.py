"""Bytes of a reply are files of the caller, and a file of the caller's goes out as its bytes, whatever carries them."""

from __future__ import annotations

import asyncio
import sys
import uuid
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from nats.aio.msg import Msg

from brokers import AMQP_HOST, AMQP_PORT, NATS, amqp_connection, nats_client
from doubles import Shelf
from drawbar.kernel.files import FileContent
from drawbar.kernel.outcome import Failed, Succeeded
from drawbar.testing.kinds import Opened, compiled, opened
from grpc_orders import Orders, descriptor_set
from ssh_hosts import OpenSsh, need_sshd

ME = "compliance"
TICKET = b"%PDF-1.7 " + bytes(range(256)) * 8
SCAN = b"\x89PNG\r\n\x1a\n" + bytes(range(255, -1, -1)) * 8


async def check(gateway: Opened, shelf: Shelf, media_type: str = "image/png") -> None:
    """`ticket` answers with a ticket to who sends a scan, `scan` sends the scan back."""
    mine = shelf.put(SCAN, ME)
    ticket = await gateway.call("ticket", {"no": 7, "scan": mine})
    scan = await gateway.call("scan", {"scan": mine})

    assert isinstance(ticket, Succeeded), ticket
    assert isinstance(scan, Succeeded), scan
    for outcome, content in (
        (ticket, FileContent("ticket-7.pdf", "application/pdf", TICKET)),
        (scan, FileContent(f"file.{media_type[-3:]}", media_type, SCAN)),
    ):
        assert outcome.files == (outcome.value,)
        assert isinstance(outcome.value, dict)
        assert outcome.value["bytes"] == len(content.data)
        assert await shelf.content(str(outcome.value["file_id"]), owner=ME) == content


PROGRAM = """
import sys
data = sys.stdin.buffer.read()
assert data == {scan!r}, data
sys.stdout.buffer.write({ticket!r} if sys.argv[1] == "ticket" else data)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "desk.py"
    file.write_text(PROGRAM.format(scan=SCAN, ticket=TICKET))
    return file


async def test_a_program(tmp_path: Path, program: Path) -> None:
    backend = (
        f"adapter: peer\nbackend: {{kind: command, program: [{sys.executable}, -S, {program}]}}\n"
    )
    text = backend + FUNCTIONS_OF_PROGRAMS
    shelf = Shelf()
    async with opened(text, tmp_path, files=shelf) as gateway:
        await check(gateway, shelf)
        text = text.replace("    argv: [scan]", "    argv: [scan]\n    limits: {bytes: 2000B}")
    async with opened(text, tmp_path, files=shelf) as gateway:
        outcome = await gateway.call("scan", {"scan": shelf.put(SCAN, ME)})
    assert isinstance(outcome, Failed)
    assert outcome.code == "reply_too_large"


FUNCTIONS_OF_PROGRAMS = """\
functions:
  ticket:
    description: A ticket to print.
    parameters: {no: {type: integer}, scan: {type: file}}
    argv: [ticket, "{no}"]
    stdin: file
    stdout: {file: application/pdf, name: "ticket-{no}.pdf"}
  scan:
    description: A scan.
    parameters: {scan: {type: file}}
    argv: [scan]
    stdin: {file: image/png}
    stdout: file
"""


async def test_a_program_on_another_machine(tmp_path: Path, program: Path) -> None:
    need_sshd()
    host, shelf = OpenSsh(tmp_path), Shelf()
    await host.start()
    backend = (
        f"adapter: peer\nbackend:\n  kind: ssh\n  program: [{sys.executable}, -S, {program}]\n"
    )
    try:
        async with opened(
            backend + host.backend() + FUNCTIONS_OF_PROGRAMS, tmp_path, files=shelf
        ) as gateway:
            await check(gateway, shelf)
    finally:
        await host.stop()


MESSAGES = """\
functions:
  ticket:
    description: A ticket to print.
    parameters: {no: NO, scan: {type: file}}
    WORDS
    request: file
    reply: {file: application/pdf, name: "ticket-{no}.pdf"}
  scan:
    description: A scan.
    parameters: {scan: {type: file}}
    WORDS
    request: {file: image/png}
    reply: file
"""


async def test_a_server_on_a_socket(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(4), "big")
        assert await reader.readexactly(length) == SCAN
        data = answers.pop(0)
        writer.write(len(data).to_bytes(4, "big") + data)
        writer.close()

    answers, shelf = [TICKET, SCAN], Shelf()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    backend = f"adapter: peer\nbackend: {{kind: tcp, address: '127.0.0.1:{port}', framing: {{length: 4}}}}\n"
    text = backend + MESSAGES.replace("    WORDS\n", "").replace("no: NO, ", "").replace(
        "{no}", "7"
    )
    async with server, opened(text, tmp_path, files=shelf) as gateway:
        mine = shelf.put(SCAN, ME)
        for name, kept in (("ticket", TICKET), ("scan", SCAN)):
            outcome = await gateway.call(name, {"scan": mine})
            assert isinstance(outcome, Succeeded), outcome
            assert isinstance(outcome.value, dict)
            found = await shelf.content(str(outcome.value["file_id"]), owner=ME)
            assert found is not None
            assert found.data == kept


ROUTED = {"amqp": "routing_key: NAME.{no}", "nats": "subject: NAME.{no}"}


def routed(kind: str, name: str) -> str:
    words = ROUTED[kind].replace("NAME", name)
    text = MESSAGES.replace("NO,", "{type: integer},").replace("WORDS", words)
    return text.replace("parameters: {scan:", "parameters: {no: {const: 8}, scan:")


async def test_a_worker_behind_a_queue(tmp_path: Path) -> None:
    connection = await amqp_connection()
    name, shelf = f"t{uuid.uuid4().hex}", Shelf()
    backend = f"adapter: peer\nbackend: {{kind: amqp, host: {AMQP_HOST}, port: {AMQP_PORT}}}\n"
    async with connection, opened(backend + routed("amqp", name), tmp_path, files=shelf) as gateway:
        channel = await connection.channel()

        async def serve(message: AbstractIncomingMessage) -> None:
            assert message.body == SCAN
            ticket = message.content_type != "image/png"
            body, said = (TICKET, None) if ticket else (SCAN, "image/gif")
            reply = aio_pika.Message(body, content_type=said, correlation_id=message.correlation_id)
            await channel.default_exchange.publish(reply, message.reply_to or "")

        for number in (7, 8):
            queue = await channel.declare_queue(f"{name}.{number}", auto_delete=True)
            await queue.consume(serve, no_ack=True)
        await check(gateway, shelf, "image/gif")


async def test_a_service_on_nats(tmp_path: Path) -> None:
    client = await nats_client()
    name, shelf = f"t{uuid.uuid4().hex}", Shelf()

    async def serve(message: Msg) -> None:
        assert message.data == SCAN
        ticket = message.subject.endswith(".7")
        headers = None if ticket else {"Content-Type": "image/gif"}
        await client.publish(message.reply, TICKET if ticket else SCAN, headers=headers)

    await client.subscribe(f"{name}.*", cb=serve)
    await client.flush()
    backend = f"adapter: peer\nbackend: {{kind: nats, servers: ['{NATS}']}}\n"
    try:
        async with opened(backend + routed("nats", name), tmp_path, files=shelf) as gateway:
            await check(gateway, shelf, "image/gif")
    finally:
        await client.close()


ORDERS = """\
adapter: peer
backend: {{kind: grpc, address: "127.0.0.1:{port}", descriptors: ./orders.protoset}}
functions:
  place:
    method: orders.v1.Orders/Place
    effect: write
"""


async def test_bytes_of_grpc_stay_when_they_are_few(tmp_path: Path) -> None:
    async def place(asked: Any, _context: Any) -> Any:
        assert asked.order.seal == SCAN
        asked.order.parts.add(seal=b"few")
        return asked.order

    (tmp_path / "orders.protoset").write_bytes(descriptor_set())
    orders, shelf = Orders({"Place": place}), Shelf()
    await orders.start()
    try:
        async with opened(ORDERS.format(port=orders.port), tmp_path, files=shelf) as gateway:
            mine = shelf.put(SCAN, ME)
            outcome = await gateway.call("place", {"order": {"seal": mine}})
    finally:
        await orders.stop()

    assert isinstance(outcome, Succeeded), outcome
    assert isinstance(value := outcome.value, dict)
    assert outcome.files == (value["seal"],)
    assert isinstance(value["seal"], dict)
    assert (value["seal"]["bytes"], value["seal"]["media_type"]) == (len(SCAN), "image/png")
    assert isinstance(value["parts"], list)
    assert isinstance(part := value["parts"][0], dict)
    assert part["seal"] == "ZmV3"


SERVER = """\
from mcp.server.mcpserver import Image, MCPServer
from mcp_types import BlobResourceContents, CallToolResult, EmbeddedResource, TextContent
import base64

server = MCPServer("tests")

@server.tool()
async def report() -> CallToolResult:
    blob = base64.b64encode({ticket!r}).decode()
    resource = BlobResourceContents(uri="file:///reports/June%207.pdf", mime_type="application/pdf", blob=blob)
    return CallToolResult(
        content=[TextContent(type="text", text="{{}}"), EmbeddedResource(type="resource", resource=resource)],
        structured_content={{"pages": 2}},
    )

@server.tool()
async def pictures() -> list[Image | str]:
    return ["a buoy", Image(data={scan!r}, format="png")]

server.run()
"""
TOOLS = """\
{"tools": [
  {"name": "report", "inputSchema": {"type": "object", "properties": {}}},
  {"name": "pictures", "inputSchema": {"type": "object", "properties": {}}}
]}
"""


async def test_pictures_and_documents_of_an_mcp_server(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(SERVER.format(ticket=TICKET, scan=SCAN))
    (tmp_path / "tools.json").write_text(TOOLS)
    shelf = Shelf()
    text = (
        f"adapter: peer\nbackend: {{kind: mcp, tools: ./tools.json, command: [{sys.executable}, ./server.py]}}\n"
        "functions:\n  report: {effect: read, description: A report.}\n"
        "  pictures: {effect: read, description: Pictures.}\n"
    )
    async with opened(text, tmp_path, files=shelf) as gateway:
        report = await gateway.call("report", {})
        pictures = await gateway.call("pictures", {})

    assert isinstance(report, Succeeded), report
    assert isinstance(pictures, Succeeded), pictures
    assert report.value == {"pages": 2, "files": list(report.files)}
    assert pictures.value == ["a buoy", *pictures.files]
    kept = [each for _, each in shelf.files.items()]
    assert kept == [
        FileContent("June 7.pdf", "application/pdf", TICKET),
        FileContent("file.png", "image/png", SCAN),
    ]


MODULE = """\
def mirror(scan: bytes, few: bool = False) -> dict[str, object]:
    '''Turn it around.'''
    return {"scan": scan[:3] if few else scan[::-1], "of": [scan]}
"""


async def test_bytes_of_a_python_function(tmp_path: Path) -> None:
    (tmp_path / "desk_of_bytes.py").write_text(MODULE)
    settings = "kinds: {python: {modules: [desk_of_bytes], path: [.]}}\n"
    text = "adapter: peer\nbackend: {kind: python}\nfunctions: {mirror: {call: 'desk_of_bytes:mirror'}}\n"
    shelf = Shelf()
    async with opened(text, tmp_path, settings, shelf) as gateway:
        mine = shelf.put(SCAN, ME)
        whole = await gateway.call("mirror", {"scan": mine})
        few = await gateway.call("mirror", {"scan": mine, "few": True})

    assert isinstance(whole, Succeeded), whole
    assert isinstance(few, Succeeded), few
    assert whole.value == {"scan": whole.files[0], "of": [whole.files[1]]}
    assert few.value == {"scan": "iVBO", "of": list(few.files)}
    kept = await shelf.content(str(whole.files[0]["file_id"]), owner=ME)
    assert kept is not None
    assert kept.data == SCAN[::-1]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("stdout: {file: application/pdf, name: '{numbr}.pdf'}", "DB810"),
        ("stdout: {file: application/pdf, name: '{number'}", "DB810"),
        ("stdin: file", "DB804"),
        ("stdout: {file: a picture}", "DB112"),
    ],
)
def test_words_that_make_no_file(words: str, problem: str, tmp_path: Path) -> None:
    text = (
        "adapter: peer\nbackend: {kind: command, program: [cat]}\nfunctions:\n  get:\n    description: Get.\n"
        f"    parameters: {{number: {{type: string}}}}\n    {words}\n"
    )
    if "stdin" not in words:
        text += "    argv: ['{number}']\n"
    assert problem in [each.code for each in compiled(text, tmp_path).problems]
