"""The floor of a direct call: raw ASGI, one validation, one query with sqlite3; no policy, no audit."""

from __future__ import annotations

import sqlite3
import sys
from typing import Any

import jsonschema_rs
import orjson
import uvicorn

database = sqlite3.connect(sys.argv[1])
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
    body = (await receive())["body"]
    arguments = orjson.loads(body)
    validator.validate(arguments)
    row = database.execute(
        "select item_no, name, stock from items where item_no = ?", (arguments["item_no"],)
    ).fetchone()
    answer = orjson.dumps(dict(zip(("item_no", "name", "stock"), row, strict=True)))
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
