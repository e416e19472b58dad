"""The floor of a call of an HTTP API: raw ASGI, one validation, one GET with aiohttp."""

from __future__ import annotations

import sys
from typing import Any

import aiohttp
import jsonschema_rs
import orjson
import uvicorn

API = sys.argv[1]
CLIENT: aiohttp.ClientSession | None = None
validator = jsonschema_rs.validator_for(
    {
        "type": "object",
        "properties": {"item_no": {"type": "integer"}},
        "required": ["item_no"],
        "additionalProperties": False,
    }
)
HEADERS = [(b"content-type", b"application/json")]


async def app(_scope: Any, receive: Any, send: Any) -> None:  # ASGI's own free mappings
    global CLIENT  # noqa: PLW0603 -- opened in the server's own loop
    if CLIENT is None:
        CLIENT = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=16))
    arguments = orjson.loads((await receive())["body"])
    validator.validate(arguments)
    async with CLIENT.get(f"{API}/items/{arguments['item_no']}") as response:
        row = orjson.loads(await response.read())
    answer = orjson.dumps(row)
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
