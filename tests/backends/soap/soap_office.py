"""A SOAP server on loopback that holds every request against the XSD, and answers what a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lxml import etree

WSDL = Path(__file__).parent / "wsdl"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"


def envelope(body: str, namespace: str = SOAP_11) -> bytes:
    return f'<s:Envelope xmlns:s="{namespace}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


@dataclass
class Received:
    """One request, already found valid."""

    headers: dict[str, str]
    root: etree._Element

    @property
    def body(self) -> etree._Element:
        return next(node for node in self.root if node.tag.endswith("}Body"))[0]

    @property
    def header(self) -> etree._Element:
        return next(node for node in self.root if node.tag.endswith("}Header"))

    def text(self, path: str) -> str | None:
        """Text by local names, such as `Request/LeaveId`, from the element of the body."""
        node: etree._Element | None = self.body
        for name in path.split("/"):
            node = (
                next((each for each in node if etree.QName(each).localname == name), None)
                if node is not None
                else None
            )
        return None if node is None else node.text


@dataclass
class Office:
    """What it answers is a status, a content type and bytes; `hold` makes it wait before it does.

    `answer_to` makes the bytes of each request.
    """

    status: int = 200
    content_type: str = "text/xml; charset=utf-8"
    answer: bytes = envelope("")
    declared_length: int | None = None
    hold: bool = False
    url: str = ""
    received: list[Received] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when a held request's connection was closed by the caller."""
    connections: int = 0
    answer_to: Callable[[Received], bytes] | None = None

    def replies(self, body: str, namespace: str = SOAP_11) -> None:
        self.status, self.answer = 200, envelope(body, namespace)

    def faults(self, fault: str, namespace: str = SOAP_11, status: int = 500) -> None:
        self.status, self.answer = status, envelope(f"<s:Fault>{fault}</s:Fault>", namespace)

    def raw(self, status: int, content_type: str, answer: bytes) -> None:
        self.status, self.content_type, self.answer = status, content_type, answer


def _handler(office: Office, schema: etree.XMLSchema | None) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer
        timeout = 20

        def setup(self) -> None:
            super().setup()
            office.connections += 1

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            received = Received(
                {k.lower(): v for k, v in self.headers.items()}, etree.fromstring(data)
            )
            if schema is not None and not schema.validate(received.body):
                office.invalid.append(str(schema.error_log))
            office.received.append(received)
            office.arrived.set()
            if office.hold:
                self.connection.settimeout(10)
                if self.connection.recv(1) == b"":  # ends when the caller hangs up
                    office.gone.set()
                self.close_connection = True
                return
            answer = office.answer_to(received) if office.answer_to else office.answer
            self.send_response(office.status)
            self.send_header("Content-Type", office.content_type)
            self.send_header("Content-Length", str(office.declared_length or len(answer)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(answer)
                self.wfile.flush()
            if office.declared_length:
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            """Quiet."""

    return Handler


class _Crowded(ThreadingHTTPServer):
    request_queue_size = 64  # callers that connect at the same moment


@contextmanager
def open_office(xsd: Path | None) -> Iterator[Office]:
    office = Office()
    schema = etree.XMLSchema(etree.parse(xsd)) if xsd is not None else None
    server = _Crowded(("127.0.0.1", 0), _handler(office, schema))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    office.url = f"http://127.0.0.1:{server.server_address[1]}/leave"
    try:
        yield office
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
