"""The floor on PostgreSQL: raw ASGI, one validation, one query with asyncpg; no policy, no audit."""

from __future__ import annotations

import sys
from typing import Any

import asyncpg  # type: ignore[import-not-found]  # only in the floor's own environment
import orjson
import uvicorn

POOL: Any = None  # asyncpg has no types here
HEADERS = [(b"content-type", b"application/json")]


async def app(_scope: Any, receive: Any, send: Any) -> None:  # ASGI's own free mappings
    global POOL  # noqa: PLW0603 -- opened in the server's own loop
    if POOL is None:
        POOL = await asyncpg.create_pool(sys.argv[1], min_size=1, max_size=16)
    arguments = orjson.loads((await receive())["body"])
    row = await POOL.fetchrow(
        "select item_no, name, stock from bench_items where item_no = $1", arguments["item_no"]
    )
    answer = orjson.dumps(dict(row))
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
