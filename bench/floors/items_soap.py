"""The SOAP service that is called: reads the envelope, writes the answer by template; on the core of the load.

It speaks HTTP by itself, without a framework: what it takes is taken from the load, and would be measured as ours.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import httptools
import uvloop
from lxml import etree

ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
ITEMS = "{urn:items}"
ANSWER = b"""<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>\
<GetItemResponse xmlns="urn:items"><Item><ItemNo>%d</ItemNo><Name>item %d</Name><Stock>%d</Stock>\
<Price>12.50</Price><Since>2019-04-01</Since><Active>true</Active><Tag>steel</Tag><Tag>spare</Tag></Item>\
</GetItemResponse></soap:Body></soap:Envelope>"""
FAULT = b"""<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault>\
<faultcode>soap:Client</faultcode><faultstring>not a GetItem in an envelope</faultstring></soap:Fault></soap:Body>\
</soap:Envelope>"""
HEAD = b"HTTP/1.1 %s\r\ncontent-type: text/xml; charset=utf-8\r\ncontent-length: %d\r\n\r\n%s"


def answer_to(headers: dict[bytes, bytes], body: bytes) -> tuple[bytes, bytes]:
    root = etree.fromstring(body)
    asked = root.find(f"{ENVELOPE}Body/{ITEMS}GetItem")
    proper = (
        root.tag == f"{ENVELOPE}Envelope"
        and asked is not None
        and headers.get(b"content-type", b"").startswith(b"text/xml")
        and headers.get(b"soapaction") == b'"urn:items/GetItem"'
        and asked.findtext(f"{ITEMS}Site") in {"north", "south"}
    )
    if asked is None or not proper:
        return b"500 Internal Server Error", FAULT
    number = int(asked.findtext(f"{ITEMS}ItemNo") or "0")
    return b"200 OK", ANSWER % (number, number, number % 7)


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._headers, self._body = {}, b""

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status, answer = answer_to(self._headers, self._body)
        self._transport.write(HEAD % (status, len(answer), answer))
        if not self._parser.should_keep_alive():
            self._transport.close()


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
