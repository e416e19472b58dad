"""One call of an internal HTTP API: the gateway next to the floor and to FastMCP.from_openapi."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
from compare import Subject, compare
from deployments import make_gateway, serve
from goals import Finding
from load import MCP_HEADERS, mcp_call, post
from servers import FLOORS, LOAD_CORE, free_port, python_peer, running

ARGUMENTS = {"item_no": 7}
ROW = b"item 7"
ADAPTER = """
adapter: shop
backend: {{kind: http, url: "{api}"}}
limits: {{concurrency: 16}}
functions:
  get_item:
    description: Show an item kind by its number.
    request: GET /items/{{item_no}}
    parameters: {{item_no: {{type: integer, description: Number on the label.}}}}
"""


def subjects(folder: Path, api: str) -> Iterator[Subject]:
    body = orjson.dumps(ARGUMENTS)
    port = free_port()
    command = [sys.executable, str(FLOORS / "http_client.py"), api, str(port)]
    yield Subject("floor", "floor: raw ASGI + aiohttp", command, port, post("/", body), ROW)
    port = free_port()
    command = serve(make_gateway(folder, port, {"shop": ADAPTER.format(api=api)}))
    call = post("/functions/shop_get_item", body)
    yield Subject("rest", "drawbar, REST", command, port, call, ROW)
    call = post("/mcp", mcp_call("shop_get_item", ARGUMENTS), MCP_HEADERS)
    yield Subject("mcp", "drawbar, MCP", command, port, call, ROW)
    if python := python_peer("fastmcp", "fastmcp==4.*", "sqlalchemy"):
        port = free_port()
        command = [str(python), str(FLOORS / "fastmcp_openapi.py"), api, str(port)]
        call = post("/mcp", mcp_call("get_item", ARGUMENTS), MCP_HEADERS)
        yield Subject("fastmcp", "FastMCP.from_openapi", command, port, call, ROW)


def run(seconds: float = 2.0) -> list[Finding]:
    port = free_port()
    command = [sys.executable, str(FLOORS / "items_api.py"), str(port)]
    with tempfile.TemporaryDirectory() as name, running(command, port, core=LOAD_CORE):
        servers = subjects(Path(name), f"http://127.0.0.1:{port}")
        found = compare("One call of an internal HTTP API", servers, seconds)
    return [
        Finding("HTTP API, REST: CPU next to the floor", found.cpu("rest"), 1.6, 1.3),
        Finding("HTTP API, MCP: CPU above REST", found.more_cpu("mcp", "rest"), 30, unit=" us"),
        Finding(
            "HTTP API, REST: calls/s next to FastMCP.from_openapi",
            found.calls("rest", "fastmcp"),
            7,
            10,
            better="more",
        ),
        Finding(
            "HTTP API, MCP: calls/s next to FastMCP.from_openapi",
            found.calls("mcp", "fastmcp"),
            7,
            10,
            better="more",
        ),
    ]
