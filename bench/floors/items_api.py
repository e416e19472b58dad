"""The internal HTTP API that is called: as cheap as can be, on the core of the load."""

from __future__ import annotations

import sys
from typing import Any

import orjson
import uvicorn

HEADERS = [(b"content-type", b"application/json")]


async def app(scope: Any, _receive: Any, send: Any) -> None:  # ASGI's own free mappings
    number = int(scope["path"].removeprefix("/items/"))
    row = {"item_no": number, "name": f"item {number}", "stock": number % 7}
    answer = orjson.dumps(row)
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]})
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
