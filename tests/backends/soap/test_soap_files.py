"""Files through SOAP: bytes of a reply become one, and one goes into a message, beside it or in it."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree

import drawbar
from drawbar import Caller, Succeeded
from drawbar.app import Gateway
from drawbar.store.files import FileLabel

from .soap_office import envelope
from .test_soap_attachments import Store as MimeStore
from .test_soap_attachments import adapter as mime_adapter
from .test_soap_attachments import handler as mime_handler

ANNA = Caller("anna")
PDF = b"%PDF-1.7 " + os.urandom(60_000)
WSDL = """<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:scans"
    xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    targetNamespace="urn:scans">
  <wsdl:types><xs:schema targetNamespace="urn:scans" elementFormDefault="qualified">
    <xs:element name="Swap"><xs:complexType><xs:sequence>
      <xs:element name="Scan" type="xs:base64Binary"/>
      <xs:element name="Mark" type="xs:hexBinary"/>
    </xs:sequence></xs:complexType></xs:element>
    <xs:element name="SwapResponse"><xs:complexType><xs:sequence>
      <xs:element name="Scan" type="xs:base64Binary"/>
      <xs:element name="Mark" type="xs:hexBinary"/>
      <xs:element name="Stamp" type="xs:base64Binary"/>
    </xs:sequence></xs:complexType></xs:element>
  </xs:schema></wsdl:types>
  <wsdl:message name="In"><wsdl:part name="p" element="t:Swap"/></wsdl:message>
  <wsdl:message name="Out"><wsdl:part name="p" element="t:SwapResponse"/></wsdl:message>
  <wsdl:portType name="P"><wsdl:operation name="Swap">
    <wsdl:input message="t:In"/><wsdl:output message="t:Out"/></wsdl:operation></wsdl:portType>
  <wsdl:binding name="B" type="t:P">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="Swap"><soap:operation soapAction="swap"/>
      <wsdl:input><soap:body use="literal"/></wsdl:input>
      <wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation></wsdl:binding>
  <wsdl:service name="S"><wsdl:port name="P" binding="t:B">
    <soap:address location="http://scans.invalid/"/></wsdl:port></wsdl:service>
</wsdl:definitions>"""
SCANS = """
adapter: scans
backend: {kind: soap, wsdl: scans.wsdl, endpoint: "URL", mtom: MTOM}
functions:
  swap: {operation: Swap, description: Swap., effect: write}
"""


@dataclass
class Scans:
    """A service that answers with what it got: the texts of its elements, or the attachment beside them."""

    url: str = ""
    got: dict[str, str] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)


@pytest.fixture
def scans() -> Iterator[Scans]:
    scans = Scans()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            scans.bodies.append(data)
            if self.headers["Content-Type"].startswith("text/xml"):
                body = etree.fromstring(data)[-1][0]
                scans.got = {etree.QName(node).localname: node.text or "" for node in body}
            answer = envelope(
                '<t:SwapResponse xmlns:t="urn:scans">'
                f"<t:Scan>{base64.b64encode(PDF).decode()}</t:Scan><t:Mark>{PDF.hex()}</t:Mark>"
                "<t:Stamp>QUJD</t:Stamp></t:SwapResponse>"
            )
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    with running(Handler) as url:
        scans.url = url
        yield scans


class running:  # noqa: N801 -- read as a word
    """The URL of a server that is there inside of the block."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
async def gateway(
    tmp_path: Path, scans: Scans, request: pytest.FixtureRequest
) -> AsyncIterator[Gateway]:
    mtom = getattr(request, "param", "false")
    (tmp_path / "scans.wsdl").write_text(WSDL)
    (tmp_path / "scans.yaml").write_text(SCANS.replace("URL", scans.url).replace("MTOM", mtom))
    settings = {"adapters": ["scans.yaml"], "store": "sqlite:///store.db"}
    (tmp_path / "drawbar.yaml").write_text(yaml.safe_dump(settings))
    gateway = drawbar.load(tmp_path / "drawbar.yaml", environ={})
    assert [str(each) for each in gateway.problems if each.severity == "error"] == []
    async with gateway:
        yield gateway


async def uploaded(gateway: Gateway) -> str:
    async def pieces() -> AsyncIterator[bytes]:
        yield PDF

    label = FileLabel("anna", "scan.pdf", "application/pdf", "user_data")
    return (await gateway.store.files.upload(label, pieces())).id


async def test_many_bytes_of_a_reply_are_files_and_few_stay(gateway: Gateway) -> None:
    outcome = await gateway.call("scans_swap", {"Scan": "QUJD", "Mark": "00ff"}, caller=ANNA)

    assert isinstance(outcome, Succeeded)
    scan, mark = outcome.files
    assert outcome.value == {"Scan": scan, "Mark": mark, "Stamp": "QUJD"}
    for file in outcome.files:
        assert (file["media_type"], file["bytes"]) == ("application/pdf", len(PDF))
        content = await gateway.store.files.content(str(file["file_id"]), owner="anna")
        assert content is not None
        assert content.data == PDF


async def test_a_file_goes_into_the_message_as_its_type_writes_bytes(
    gateway: Gateway, scans: Scans
) -> None:
    file_id = await uploaded(gateway)

    outcome = await gateway.call("scans_swap", {"Scan": file_id, "Mark": file_id}, caller=ANNA)

    assert isinstance(outcome, Succeeded)
    assert scans.got["Scan"] == base64.b64encode(PDF).decode()
    assert scans.got["Mark"] == PDF.hex()


@pytest.mark.parametrize("gateway", ["true"], indirect=True)
async def test_a_file_goes_beside_the_message_where_the_backend_wants_it_so(
    gateway: Gateway, scans: Scans
) -> None:
    file_id = await uploaded(gateway)

    outcome = await gateway.call("scans_swap", {"Scan": file_id, "Mark": "00"}, caller=ANNA)

    assert isinstance(outcome, Succeeded)
    [body] = scans.bodies
    assert b"\r\n\r\n" + PDF + b"\r\n" in body
    assert b"xop:Include" in body


async def test_attached_parts_are_files_in_both_directions(tmp_path: Path) -> None:
    store = MimeStore()
    with running(mime_handler(store)) as url:
        mime_adapter(tmp_path, url)  # writes the contract
        (tmp_path / "stock.yaml").write_text(f"""
adapter: stock
backend: {{kind: soap, wsdl: mime.wsdl, endpoint: "{url}"}}
functions:
  move: {{operation: Move, description: Move., effect: write, returns: {{inline: 100B}}}}
""")
        settings = {"adapters": ["stock.yaml"], "store": "sqlite:///store.db"}
        (tmp_path / "drawbar.yaml").write_text(yaml.safe_dump(settings))
        async with drawbar.load(tmp_path / "drawbar.yaml", environ={}) as gateway:
            move: dict[str, Any] = {"part": {"Number": "B-1", "Count": 2}}
            sent: dict[str, Any] = {"Move": move, "shelf": await uploaded(gateway), "label": "x"}

            outcome = await gateway.call("stock_move", sent, caller=ANNA)

            assert isinstance(outcome, Succeeded)
            [left] = outcome.files
            assert isinstance(outcome.value, dict)
            assert outcome.value["left"] == left
            assert left["media_type"] == "image/png"
    assert store.attached["shelf"] == ("image/png", PDF)
