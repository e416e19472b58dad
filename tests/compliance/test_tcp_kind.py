"""The kind `tcp`, with each of its framings, against a server of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest

from drawbar.testing import KindCompliance, Peer

ADAPTER = """\
adapter: peer
backend:
  kind: tcp
  address: 127.0.0.1:%(port)d
  framing: %(framing)s
  connection: %(connection)s
functions:
  echo:
    description: Echo.
    parameters: {text: {type: string}}
    request: json
  rows:
    description: Rows.
    parameters: {count: {type: integer}}
    request: json
  wait:
    description: Wait.
    parameters: {seconds: {type: number}, wait: {const: true}}
    request: json
  change:
    description: Change.
    effect: write
    parameters: {seconds: {type: number}, change: {const: true}}
    request: json
"""
FRAMINGS = {
    "line": ("line", "kept"),
    "close": ("close", "each"),
    "length": ("{length: 4}", "kept"),
    "own": ("{length: 2, order: little, counts_itself: true}", "each"),
    "marks": ("{start: 0b, end: 1c0d}", "kept"),
}


class TcpPeer(Peer):
    def __init__(self, framing: str) -> None:
        self._framing = framing
        self._port = 0
        self._changes = 0
        self._at_work = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    def adapter(self) -> str:
        framing, connection = FRAMINGS[self._framing]
        return ADAPTER % {"port": self._port, "framing": framing, "connection": connection}

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  kind: tcp", "  kind: tcp\n  unheard_of: 1"),
            text.replace("  wait:\n", "  wait:\n    unheard_of: 1\n"),
        )

    async def changes(self) -> int:
        return self._changes

    async def at_work(self) -> int:
        return self._at_work

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        if self._serving:
            await asyncio.wait(self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        self._writers.add(writer)
        with contextlib.suppress(EOFError, OSError):
            while data := await self._read(reader):
                answer = await self._answer(json.loads(data), reader)
                writer.write(self._wrapped(json.dumps(answer).encode()))
                await writer.drain()
                if self._framing == "close":
                    break
        writer.close()
        self._writers.discard(writer)

    async def _answer(self, asked: dict[str, object], reader: asyncio.StreamReader) -> object:
        match asked:
            case {"text": text}:
                return text
            case {"count": int(count)}:
                return [{"row": number} for number in range(count)]
            case {"seconds": int() | float() as seconds}:
                self._changes += "change" in asked
                self._at_work += 1
                try:
                    await self._sleep(seconds, reader)
                finally:
                    self._at_work -= 1
        return None

    async def _sleep(self, seconds: float, reader: asyncio.StreamReader) -> None:
        """As a server does that notices when nobody waits any more."""
        if self._framing == "close":  # whose end is no sign, since it says that all was sent
            await asyncio.sleep(min(seconds, 2))
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await reader.read(1)
                raise EOFError

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        match self._framing:
            case "line":
                return await reader.readline()
            case "close":
                return await reader.read()
            case "length":
                return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
            case "own":
                length = int.from_bytes(await reader.readexactly(2), "little")
                return await reader.readexactly(length - 2)
            case _:
                return (await reader.readuntil(b"\x1c\r"))[1:-2]

    def _wrapped(self, data: bytes) -> bytes:
        match self._framing:
            case "line":
                return data + b"\n"
            case "close":
                return data
            case "length":
                return len(data).to_bytes(4, "big") + data
            case "own":
                return (len(data) + 2).to_bytes(2, "little") + data
            case _:
                return b"\x0b" + data + b"\x1c\r"


@pytest.fixture(params=FRAMINGS)
async def tcp_peer(request: pytest.FixtureRequest) -> AsyncIterator[TcpPeer]:
    peer = TcpPeer(request.param)
    peer.counts_work = request.param != "close"
    await peer.start()
    yield peer
    await peer.stop()


class TestTcp(KindCompliance):
    @pytest.fixture
    def peer(self, tcp_peer: TcpPeer) -> Peer:
        return tcp_peer
