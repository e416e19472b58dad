"""SOAP with attachments, by a contract with MIME bindings; the server reads messages with the standard library."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from drawbar.backends.soap import KIND
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.kernel.values import JsonObject
from drawbar.kernel.workers import Workers
from drawbar.spec.load import parse_adapter

from .soap_calls import KINDS, Calls
from .soap_office import WSDL, envelope

BODY = '<soap:body use="literal" namespace="urn:stock:calls"/>'
PARTS = (
    '<mime:multipartRelated xmlns:mime="http://schemas.xmlsoap.org/wsdl/mime/">'
    f"<mime:part>{BODY}</mime:part>"
    '<mime:part><mime:content part="shelf" type="image/png"/></mime:part>'
    '<mime:part><mime:content part="label" type="text/plain"/></mime:part>'
    '<mime:part><mime:content part="left" type="image/png"/></mime:part></mime:multipartRelated>'
)
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
MOVE: JsonObject = {
    "Move": {"part": {"Number": "B-1", "Count": 2}},
    "shelf": base64.b64encode(PICTURE).decode(),
    "label": "ü",
}


@dataclass
class Store:
    """What came: the element of the envelope's body, and each attachment with its headers."""

    url: str = ""
    body: etree._Element | None = None
    attached: dict[str, tuple[str, bytes]] = field(default_factory=dict)


def handler(store: Store) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            kind = self.headers["Content-Type"].encode()
            whole: Any = message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + data)
            root, *others = whole.get_payload()
            assert root.get_content_type() == "text/xml"
            store.body = etree.fromstring(root.get_payload(decode=True))[-1][0]
            for part in others:
                said = (str(part["Content-Type"]), part.get_payload(decode=True))
                store.attached[part["Content-ID"].strip("<>").partition("=")[0]] = said
            answer = envelope('<c:MoveResponse xmlns:c="urn:stock:calls"/>')
            parts = ((b"text/xml", b"<root>", answer), (b"image/png", b"<left=1@x>", PICTURE))
            more = (b"text/plain", b"<odd>", "straße".encode())
            sent = b"".join(
                b"--b\r\nContent-Type: %s\r\nContent-ID: %s\r\n\r\n%s\r\n" % each
                for each in (*parts, more)
            )
            self.send_response(200)
            self.send_header("Content-Type", 'multipart/related; boundary=b; type="text/xml"')
            self.end_headers()
            self.wfile.write(sent + b"--b--\r\n")

        def log_message(self, *args: object) -> None:
            """Quiet."""

    return Handler


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(store))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    store.url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield store
    server.shutdown()
    server.server_close()
    thread.join()


def adapter(folder: Path, url: str, more: str = "") -> CompiledAdapter:
    text = (WSDL / "rpc.wsdl").read_text().replace(BODY, PARTS)
    label = '<wsdl:part name="label" type="xs:string"/></wsdl:message>'
    (folder / "mime.wsdl").write_text(text.replace("</wsdl:message>", label, 1))
    return compile_adapter(
        parse_adapter(
            f"""
adapter: stock
backend: {{kind: soap, wsdl: mime.wsdl, endpoint: "{url}"}}
functions:
  move: {{operation: Move, description: Move., effect: write{more}}}
""",
            "a.yaml",
            folder,
            KINDS,
            {},
        ),
        KINDS,
    )


async def called(compiled: CompiledAdapter, arguments: JsonObject) -> object:
    assert compiled.adapter is not None
    workers = Workers("soap-mime", 1)
    backend = KIND.open(compiled.adapter, compiled.plans, workers)
    try:
        return (await Calls(compiled, backend).call("move", arguments)).value
    finally:
        await backend.close()
        workers.close()


async def test_parts_that_the_contract_attaches_travel_beside_the_envelope(
    store: Store, tmp_path: Path
) -> None:
    value = await called(adapter(tmp_path, store.url), MOVE)

    assert store.body is not None
    assert [node.tag for node in store.body.iter()] == [
        "{urn:stock:calls}Move",
        "part",
        "{urn:stock}Number",
        "{urn:stock}Count",
    ]
    assert store.attached == {
        "shelf": ("image/png", PICTURE),
        "label": ("text/plain; charset=utf-8", "ü".encode()),
    }
    assert isinstance(value, dict)
    assert value["left"] == base64.b64encode(PICTURE).decode()
    (odd,) = value["_attachments"]
    assert (odd["content_id"], odd["media_type"], odd["bytes"]) == ("odd", "text/plain", 7)


async def test_attachments_of_a_reply_are_described_where_the_author_says_so(
    store: Store, tmp_path: Path
) -> None:
    value = await called(adapter(tmp_path, store.url, ", base64: describe"), MOVE)

    assert isinstance(value, dict)
    assert value["left"]["media_type"] == "image/png"
    assert value["left"]["bytes"] == len(PICTURE)
    assert "data" not in value["_attachments"][0]


def test_attached_parts_are_parameters_that_say_what_they_are(tmp_path: Path) -> None:
    schema = adapter(tmp_path, "http://x").functions[0].schema

    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert list(properties) == ["Move", "shelf", "label"]
    shelf = properties["shelf"]
    assert isinstance(shelf, dict)
    assert "Attached to the message as image/png." in str(shelf["description"])
