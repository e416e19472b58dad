"""A server of another stack: spyne serves a small depot, checks each request with lxml, and prints its port.

Runs in an environment of its own (see `soap_peers`), with Python 3.11, which spyne needs. `python spyne_peer.py 1.1`
or `1.2`. What a broken server or a proxy in between would do to an answer is asked for in the HTTP header
`X-Distort`; the answer itself is spyne's.
"""

# ruff: noqa: N805, T201 -- spyne hands its context over as the first argument; a test reads what is printed

from __future__ import annotations

import base64
import re
import sys
import time
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from spyne import (
    Application,
    Array,
    ByteArray,
    ComplexModel,
    Decimal,
    Enum,
    Fault,
    Integer,
    ServiceBase,
    Unicode,
    rpc,
)
from spyne.protocol.soap import Soap11, Soap12
from spyne.server.wsgi import WsgiApplication

NAMESPACE = "urn:depot"
KEY = "k-1"
VERSION = sys.argv[1]
Text = Unicode(min_occurs=1, nullable=False)
Priority = Enum("low", "high", type_name="Priority")
Priority.__namespace__ = NAMESPACE


class Credentials(ComplexModel):
    __namespace__ = NAMESPACE
    key = Text


class Part(ComplexModel):
    __namespace__ = NAMESPACE
    number = Text
    price = Decimal(min_occurs=1, nullable=False)
    note = Unicode(min_occurs=1, nullable=True)
    tags = Array(Unicode)


class Hazard(Part):
    __namespace__ = NAMESPACE
    un = Integer(min_occurs=1)


class NoSuchPart(Fault):
    __namespace__ = NAMESPACE

    def __init__(self, number: str) -> None:
        super().__init__(
            "Client.Stock.NoSuchPart",
            f"no part {number}",
            "urn:depot:stock",
            detail={"Missing": {"number": number, "known": "2"}},
        )


PARTS = [
    Part(number="B-1", price="1.50", note=None, tags=["a", "b"]),
    Hazard(number="H-2", price="2", note="burns", tags=[], un=1993),
]


class Depot(ServiceBase):
    @rpc(Text, _returns=Part, _throws=NoSuchPart)
    def get_part(ctx, number):
        """One part."""
        for part in PARTS:
            if part.number == number:
                return part
        raise NoSuchPart(number)

    @rpc(_returns=Array(Part))
    def list_parts(ctx):
        return PARTS

    @rpc(Array(Part), Priority(min_occurs=1, nullable=False), _returns=Unicode)
    def order(ctx, parts, priority):
        said = [f"{part.number} {part.price} {part.note} {part.tags}" for part in parts or []]
        return f"{priority}: {'; '.join(said)}"

    @rpc(Unicode, _is_async=True)
    def announce(ctx, text):
        print("announced", text, flush=True)

    @rpc(ByteArray(min_occurs=1), _returns=Integer)
    def store_slip(ctx, data):
        return sum(len(each) for each in data)

    @rpc(Integer, _returns=ByteArray)
    def slip(ctx, size):
        return [bytes(range(256)) * (size // 256)]

    @rpc(_returns=Unicode, _in_header=(Credentials,))
    def who(ctx):
        if ctx.in_header is None or ctx.in_header.key != KEY:
            raise Fault("Client.Authentication", "no valid key")
        return "the depot's friend"

    @rpc(Integer(min_occurs=1, nullable=False), _returns=Integer)
    def wait(ctx, seconds):
        print("waiting", flush=True)
        time.sleep(seconds)
        return seconds


Answer = tuple[str, str, bytes]
"""Status line, content type, body."""
PAGE = b"<html><body><h1>Back at noon</h1></body></html>"
BOMB = b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY c "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
FILE = b'<!DOCTYPE b [<!ENTITY c SYSTEM "file:///etc/hostname">]>'


def _replaced(pattern: bytes, by: bytes) -> Callable[[Answer], Answer]:
    def distort(answer: Answer) -> Answer:
        status, kind, body = answer
        changed = re.sub(pattern, by, body, flags=re.DOTALL)
        assert changed != body, f"nothing to distort in {body!r}"
        return status, kind, changed

    return distort


DISTORTIONS: dict[str, Callable[[Answer], Answer]] = {
    "extra": _replaced(rb"(<(\w+:)number>)", rb"<\2colour>blue</\2colour>\1"),
    "missing": _replaced(rb"<(\w+:)price>.*?</\1price>", b""),
    "misordered": _replaced(rb"(<(\w+:)number>.*?</\2number>)(<\2price>.*?</\2price>)", rb"\3\1"),
    "wrong scalar": _replaced(rb"1\.50", b"cheap"),
    "truncated": lambda answer: (answer[0], answer[1], answer[2][: len(answer[2]) // 2]),
    "page": lambda _: ("200 OK", "text/html", PAGE),
    "503": lambda _: ("503 Service Unavailable", "text/html", PAGE),
    "wrong type": lambda answer: (answer[0], "application/json", b'{"ok": true}'),
    "packaged": lambda answer: _packaged(answer),  # noqa: PLW0108 -- it is defined below
    "half packaged": lambda answer: (*_packaged(answer)[:2], _packaged(answer)[2][:-300]),
    "empty": lambda answer: (answer[0], answer[1], b""),
    "entities": lambda answer: (answer[0], answer[1], BOMB + _undeclared(answer[2])),
    "file": lambda answer: (answer[0], answer[1], FILE + _undeclared(answer[2])),
}


def _packaged(answer: Answer) -> Answer:
    """XOP: the bytes of `slip` beside the envelope. spyne's own way to do it stopped at Python 2."""
    _, kind, body = answer
    said = re.search(rb"<([\w:]*slipResult)>(.*?)</", body)
    assert said is not None
    include = b'<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:a%40b"/>'
    parts = (
        (b"application/pdf", b"<a@b>", base64.b64decode(said[2])),
        (b"application/xop+xml", b"<root>", body.replace(said[2], include)),
    )
    whole = b"".join(
        b"--parts\r\nContent-Type: %s\r\nContent-Transfer-Encoding: binary\r\nContent-ID: %s\r\n\r\n%s\r\n"
        % part
        for part in parts
    )
    words = f'type="application/xop+xml"; start="<root>"; boundary=parts; start-info="{kind}"'
    return answer[0], f"multipart/related; {words}", whole + b"--parts--\r\n"


def _undeclared(body: bytes) -> bytes:
    """Without the XML declaration, and with an entity where the number was."""
    return re.sub(rb"B-1", b"&c;", re.sub(rb"^<\?xml.*?\?>\s*", b"", body))


def distorting(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        distort = DISTORTIONS.get(environ.get("HTTP_X_DISTORT", ""))
        if distort is None:
            return application(environ, start)
        said: list[Any] = []
        body = b"".join(application(environ, lambda *words: said.extend(words)))
        status, headers = said[0], dict(said[1])
        status, headers["Content-Type"], body = distort((status, headers["Content-Type"], body))
        headers["Content-Length"] = str(len(body))
        start(status, list(headers.items()))
        return [body]

    return answer


class Handler(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Quiet."""


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def main() -> None:
    protocol = Soap12 if VERSION == "1.2" else Soap11
    application = Application(
        [Depot],
        NAMESPACE,
        name="Depot",
        in_protocol=protocol(validator="lxml"),
        out_protocol=protocol(polymorphic=True),
    )
    wsgi = distorting(WsgiApplication(application))
    server = make_server("127.0.0.1", 0, wsgi, Server, Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
