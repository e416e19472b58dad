"""The kind `soap`, on both its wires, against a real server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from lxml import etree

from drawbar.kernel.values import JsonValue
from drawbar.testing import KindCompliance, Peer

SPACE = "urn:peer"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"


def operation(name: str, argument: str, answer: str) -> tuple[str, str, str]:
    """The elements, the port type's and the binding's part of one operation."""
    elements = f"""
      <xs:element name="{name}"><xs:complexType><xs:sequence>{argument}</xs:sequence></xs:complexType></xs:element>
      <xs:element name="{name}Response"><xs:complexType><xs:sequence>{answer}</xs:sequence></xs:complexType></xs:element>"""
    port = f'<operation name="{name}"><input message="p:{name}"/><output message="p:{name}Response"/></operation>'
    body = '<soap:body use="literal"/>'
    binding = f"""<operation name="{name}"><soap:operation soapAction="{name}"/>
      <input>{body}</input><output>{body}</output></operation>"""
    return elements, port, binding


OPERATIONS = [
    operation(
        "Echo",
        '<xs:element name="text" type="xs:string"/>',
        '<xs:element name="text" type="xs:string"/>',
    ),
    operation(
        "Rows",
        '<xs:element name="count" type="xs:int"/>',
        '<xs:element name="row" type="xs:int" maxOccurs="unbounded" minOccurs="0"/>',
    ),
    operation("Wait", '<xs:element name="seconds" type="xs:double"/>', ""),
    operation("Change", '<xs:element name="seconds" type="xs:double"/>', ""),
]
NAMES = ("Echo", "Rows", "Wait", "Change")
MESSAGES = "".join(
    f'<message name="{each}"><part name="parameters" element="p:{each}"/></message>'
    for name in NAMES
    for each in (name, f"{name}Response")
)
WSDL = f"""<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:p="{SPACE}" targetNamespace="{SPACE}"
  xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <types><xs:schema targetNamespace="{SPACE}" elementFormDefault="qualified">
    {"".join(elements for elements, _, _ in OPERATIONS)}
  </xs:schema></types>
  {MESSAGES}
  <portType name="Port">{"".join(port for _, port, _ in OPERATIONS)}</portType>
  <binding name="Binding" type="p:Port">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    {"".join(binding for _, _, binding in OPERATIONS)}
  </binding>
  <service name="Service"><port name="Port" binding="p:Binding"><soap:address location="http://peer.invalid/"/></port></service>
</definitions>"""

ADAPTER = """\
adapter: peer
backend:
  kind: soap
  wsdl: ./peer.wsdl
  endpoint: http://127.0.0.1:%(port)d/
  auth: {basic: {username: peer, password: %(secret)s}}
functions:
  echo:
    description: Echo.
    operation: Echo
    wire: %(wire)s
  rows:
    description: Rows.
    operation: Rows
    wire: %(wire)s
  wait:
    description: Wait.
    operation: Wait
    wire: %(wire)s
  change:
    description: Change.
    effect: write
    operation: Change
    wire: %(wire)s
"""


class SoapPeer(Peer):
    secret = "s3cret-of-the-service"

    def __init__(self, folder: Path, wire: str) -> None:
        self._wire = wire
        self._port = 0
        self._changes = 0
        self._at_work = 0
        self._runner: web.AppRunner | None = None
        (folder / "peer.wsdl").write_text(WSDL)

    def adapter(self) -> str:
        return ADAPTER % {"port": self._port, "secret": self.secret, "wire": self._wire}

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  auth:", "  unheard_of: 1\n  auth:"),
            text.replace("    operation: Wait", "    unheard_of: 1\n    operation: Wait"),
        )

    def text_of(self, value: JsonValue) -> JsonValue:
        return value.get("text") if isinstance(value, dict) else value

    def list_of(self, value: JsonValue) -> JsonValue:
        return value.get("row") if isinstance(value, dict) else value

    async def changes(self) -> int:
        return self._changes

    async def at_work(self) -> int:
        return self._at_work

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/", self._serve)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        envelope = etree.fromstring(await request.read())
        [asked] = envelope.iterfind(f"{{{ENVELOPE}}}Body/*")
        name = etree.QName(asked).localname
        given = asked[0].text or ""
        answer = etree.Element(f"{{{SPACE}}}{name}Response")
        if name == "Echo":
            etree.SubElement(answer, f"{{{SPACE}}}text").text = given
        elif name == "Rows":
            for number in range(int(given)):
                etree.SubElement(answer, f"{{{SPACE}}}row").text = str(number)
        else:
            self._changes += name == "Change"
            self._at_work += 1
            try:
                await asyncio.sleep(float(given))
            finally:
                self._at_work -= 1
        whole = etree.Element(f"{{{ENVELOPE}}}Envelope")
        etree.SubElement(whole, f"{{{ENVELOPE}}}Body").append(answer)
        return web.Response(body=etree.tostring(whole), content_type="text/xml")


@pytest.fixture(params=["plan", "zeep"])
async def soap_peer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SoapPeer]:
    peer = SoapPeer(tmp_path, request.param)
    await peer.start()
    yield peer
    await peer.stop()


class TestSoap(KindCompliance):
    @pytest.fixture
    def peer(self, soap_peer: SoapPeer) -> Peer:
        return soap_peer
