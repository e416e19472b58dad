"""The kind `grpc` against a real server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from drawbar.kernel.values import JsonValue
from drawbar.testing import KindCompliance, Peer
from grpc_orders import Orders, descriptor_set

ADAPTER = """\
adapter: peer
backend:
  kind: grpc
  address: 127.0.0.1:%(port)d
  descriptors: ./orders.protoset
  metadata: {authorization: Bearer %(secret)s}
functions:
  echo:
    description: Echo.
    method: orders.v1.Orders/Echo
  rows:
    description: Rows.
    method: orders.v1.Orders/Rows
  wait:
    description: Wait.
    method: orders.v1.Orders/Wait
  change:
    description: Change.
    effect: write
    method: orders.v1.Orders/Change
"""


class GrpcPeer(Peer):
    secret = "s3cret-of-the-orders"

    def __init__(self, folder: Path) -> None:
        (folder / "orders.protoset").write_bytes(descriptor_set())
        self._changes = 0
        self._at_work = 0
        self._server = Orders(
            {"Echo": self._echo, "Rows": self._rows, "Wait": self._wait, "Change": self._change}  # type: ignore[dict-item]  # one of them is a stream
        )

    def adapter(self) -> str:
        return ADAPTER % {"port": self._server.port, "secret": self.secret}

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  metadata:", "  unheard_of: 1\n  metadata:"),
            text.replace("  wait:\n", "  wait:\n    unheard_of: 1\n"),
        )

    def text_of(self, value: JsonValue) -> JsonValue:
        return value.get("text") if isinstance(value, dict) else value

    async def changes(self) -> int:
        return self._changes

    async def at_work(self) -> int:
        return self._at_work

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    async def _echo(self, asked: Any, _context: Any) -> Any:
        return asked

    async def _rows(self, asked: Any, _context: Any) -> AsyncIterator[Any]:
        for number in range(asked.count):
            yield self._server.message("Count")(count=number)

    async def _change(self, asked: Any, context: Any) -> Any:
        self._changes += 1
        return await self._wait(asked, context)

    async def _wait(self, asked: Any, _context: Any) -> Any:
        self._at_work += 1
        try:
            await asyncio.sleep(asked.seconds)
        finally:
            self._at_work -= 1
        return asked


class TestGrpc(KindCompliance):
    @pytest.fixture
    async def peer(self, tmp_path: Path) -> AsyncIterator[Peer]:
        peer = GrpcPeer(tmp_path)
        await peer.start()
        yield peer
        await peer.stop()
