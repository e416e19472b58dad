"""The kind `mcp` against a server of the MCP SDK, over HTTP and over standard input and output."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drawbar.testing import KindCompliance, Peer

PROGRAM = Path(__file__).parents[1] / "mcp_server.py"
TOOLS = Path(__file__).parents[1] / "mcp.tools.json"
FUNCTIONS = """\
functions:
  echo: {effect: read}
  rows: {effect: read}
  wait: {effect: read}
  change: {effect: write}
"""


class McpPeer(Peer):
    secret = "s3cret-of-the-tools"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "work").mkdir()
        (folder / "tools.json").write_bytes(TOOLS.read_bytes())

    def reach(self) -> str:
        raise NotImplementedError

    def adapter(self) -> str:
        return f"adapter: peer\nbackend:\n  kind: mcp\n  tools: ./tools.json\n{self.reach()}{FUNCTIONS}"

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  kind: mcp", "  kind: mcp\n  unheard_of: 1"),
            text.replace("{effect: write}", "{effect: write, unheard_of: 1}"),
        )

    async def changes(self) -> int:
        file = self.folder / "changes"
        return len(file.read_text()) if file.exists() else 0

    async def at_work(self) -> int:
        return len(list((self.folder / "work").iterdir()))


class HttpServer:
    """One for all tests, at one port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        if self._process is None:
            self._process = self._run()
        async with asyncio.timeout(20):
            while not await _answers(self.port):
                await asyncio.sleep(0.02)

    def _run(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(PROGRAM), str(self.folder), str(self.port)]
        return subprocess.Popen(command)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for mark in (self.folder / "work").iterdir():
            mark.unlink()


class HttpPeer(McpPeer):
    def __init__(self, server: HttpServer, folder: Path) -> None:
        super().__init__(folder)
        self._server = server
        self._before = self._changes()

    def reach(self) -> str:
        headers = json.dumps({"Authorization": f"Bearer {self.secret}"})
        return f"  url: http://127.0.0.1:{self._server.port}/mcp\n  headers: {headers}\n"

    async def changes(self) -> int:
        return self._changes() - self._before

    def _changes(self) -> int:
        file = self._server.folder / "changes"
        return len(file.read_text()) if file.exists() else 0

    async def at_work(self) -> int:
        return len(list((self._server.folder / "work").iterdir()))

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        self._server.stop()


class StdioPeer(McpPeer):
    restarts = False  # the gateway starts it

    def reach(self) -> str:
        command = json.dumps([sys.executable, str(PROGRAM), str(self.folder)])
        return f"  command: {command}\n  env: {{TOKEN: {self.secret}}}\n"


def _free_port() -> int:
    """Below those that the system gives to connections."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    folder = tmp_path_factory.mktemp("mcp")
    (folder / "work").mkdir()
    server = HttpServer(folder)
    yield server
    server.stop()


class TestMcpOverHttp(KindCompliance):
    @pytest.fixture
    async def peer(self, server: HttpServer, tmp_path: Path) -> Peer:
        peer = HttpPeer(server, tmp_path)
        await peer.start()
        return peer


class TestMcpOverStdio(KindCompliance):
    @pytest.fixture
    def peer(self, tmp_path: Path) -> Peer:
        return StdioPeer(tmp_path)
