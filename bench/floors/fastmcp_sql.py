"""A peer: FastMCP with SQLAlchemy, one tool that reads one row."""

from __future__ import annotations

import sys
from typing import Any

from fastmcp import FastMCP  # type: ignore[import-not-found]  # only in the peer's own environment
from sqlalchemy import create_engine, text

URL, TABLE, PORT = sys.argv[1:]
engine = create_engine(URL)
mcp = FastMCP("shop")


@mcp.tool  # type: ignore[untyped-decorator]  # likewise
def get_item(item_no: int) -> dict[str, Any]:
    """One item."""
    with engine.connect() as connection:
        query = text(f"select item_no, name, stock from {TABLE} where item_no = :n")
        return dict(connection.execute(query, {"n": item_no}).mappings().one())


if __name__ == "__main__":
    mcp.run(
        transport="http",
        host="127.0.0.1",
        port=int(PORT),
        show_banner=False,
        stateless_http=True,
        json_response=True,
        log_level="ERROR",
    )
