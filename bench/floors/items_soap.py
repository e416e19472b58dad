"""The SOAP service that is called: reads the envelope, writes the answer by template; on the core of the load."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from lxml import etree

HEADERS = [(b"content-type", b"text/xml; charset=utf-8")]
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


def answer_to(headers: dict[bytes, bytes], body: bytes) -> tuple[int, bytes]:
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
        return 500, FAULT
    number = int(asked.findtext(f"{ITEMS}ItemNo") or "0")
    return 200, ANSWER % (number, number, number % 7)


async def app(scope: Any, receive: Any, send: Any) -> None:  # ASGI's own free mappings
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    status, answer = answer_to(dict(scope["headers"]), body)
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
    )
