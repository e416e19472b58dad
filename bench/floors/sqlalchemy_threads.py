"""The floor of any database with a blocking driver: raw ASGI, one validation, SQLAlchemy Core in threads.

sqlalchemy_threads.py URL TABLE PORT
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema_rs
import orjson
import uvicorn
from sqlalchemy import create_engine, text

engine = create_engine(sys.argv[1], pool_size=16, isolation_level="AUTOCOMMIT")
query = text(f"select item_no, name, stock from {sys.argv[2]} where item_no = :item_no")
threads = ThreadPoolExecutor(16)
validator = jsonschema_rs.validator_for(
    {
        "type": "object",
        "properties": {"item_no": {"type": "integer"}},
        "required": ["item_no"],
        "additionalProperties": False,
    }
)
HEADERS = [(b"content-type", b"application/json")]


def read(arguments: dict[str, Any]) -> bytes:
    with engine.connect() as connection:
        return orjson.dumps(dict(connection.execute(query, arguments).mappings().one()))


async def app(_scope: Any, receive: Any, send: Any) -> None:  # ASGI's own free mappings
    arguments = orjson.loads((await receive())["body"])
    validator.validate(arguments)
    answer = await asyncio.get_running_loop().run_in_executor(threads, read, arguments)
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[3]),
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
    )
