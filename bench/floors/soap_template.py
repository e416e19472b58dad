"""The floor of a SOAP call: raw ASGI, one validation, the envelope by template, aiohttp, lxml to a dict.

A POST to `/raw` sends its body as the envelope and answers with the reply: what no gateway can go below.
"""

from __future__ import annotations

import sys
from typing import Any

import aiohttp
import jsonschema_rs
import orjson
import uvicorn
from lxml import etree

SERVICE = sys.argv[1]
CLIENT: aiohttp.ClientSession | None = None
validator = jsonschema_rs.validator_for(
    {
        "type": "object",
        "properties": {"ItemNo": {"type": "integer"}, "Site": {"enum": ["north", "south"]}},
        "required": ["ItemNo", "Site"],
        "additionalProperties": False,
    }
)
HEADERS = [(b"content-type", b"application/json")]
REQUEST = b"""<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><GetItem xmlns="urn:items">\
<ItemNo>%d</ItemNo><Site>%b</Site></GetItem></soap:Body></soap:Envelope>"""
SOAP_HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"urn:items/GetItem"'}
FOUND = "{http://schemas.xmlsoap.org/soap/envelope/}Body/{urn:items}GetItemResponse/{urn:items}Item"


def read(body: bytes) -> dict[str, object]:
    """Untyped: every text stays a text, and the one list is a list."""
    item = etree.fromstring(body).find(FOUND)
    if item is None:
        raise ValueError(body)
    found: dict[str, object] = {}
    tags = []
    for child in item:
        name = str(child.tag).rpartition("}")[2]
        if name == "Tag":
            tags.append(child.text)
        else:
            found[name] = child.text
    return {**found, "Tag": tags}


async def call(envelope: bytes) -> bytes:
    global CLIENT  # noqa: PLW0603 -- opened in the server's own loop
    if CLIENT is None:
        CLIENT = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=16))
    async with CLIENT.post(SERVICE, data=envelope, headers=SOAP_HEADERS) as response:
        return await response.read()


async def app(scope: Any, receive: Any, send: Any) -> None:  # ASGI's own free mappings
    body = (await receive())["body"]
    if scope["path"] == "/raw":
        answer = await call(body)
    else:
        given = orjson.loads(body)
        validator.validate(given)
        answer = orjson.dumps(read(await call(REQUEST % (given["ItemNo"], given["Site"].encode()))))
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[2]),
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
    )
