"""A peer: FastMCP.from_openapi in front of the same HTTP API."""

from __future__ import annotations

import sys

import httpx2  # what this FastMCP takes
from fastmcp import FastMCP  # type: ignore[import-not-found]  # only in the peer's own environment

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "items", "version": "1"},
    "paths": {
        "/items/{item_no}": {
            "get": {
                "operationId": "get_item",
                "summary": "Show an item kind by its number.",
                "parameters": [
                    {
                        "name": "item_no",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "integer"},
                    }
                ],
                "responses": {
                    "200": {
                        "description": "The item.",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    }
                },
            }
        }
    },
}


if __name__ == "__main__":
    client = httpx2.AsyncClient(base_url=sys.argv[1])
    mcp = FastMCP.from_openapi(openapi_spec=DOCUMENT, client=client)
    mcp.run(
        transport="http",
        host="127.0.0.1",
        port=int(sys.argv[2]),
        show_banner=False,
        stateless_http=True,
        json_response=True,
        log_level="ERROR",
    )
