"""The kind `ssh` against OpenSSH's server, with and without a forced command, and against a server of asyncssh."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from drawbar.testing import KindCompliance, Peer
from peer_programs import FUNCTIONS, ProgramPeer
from ssh_hosts import OpenSsh, free_port, need_sshd

ADAPTER = """\
adapter: peer
backend:
  kind: ssh
  program: ["%s"]
"""


class OpenSshPeer(ProgramPeer):
    def __init__(self, folder: Path, *, forced: bool) -> None:
        super().__init__(folder)
        self._host = OpenSsh(folder, forced=str(self.program) if forced else None)
        self.secret = self._host.private_key.splitlines()[2]
        self.counts_work = (
            False  # OpenSSH passes no signal on to root, nor to a command that it forces
        )
        self._forced = forced

    def adapter(self) -> str:
        program = "any" if self._forced else str(self.program)
        return ADAPTER % program + self._host.backend() + FUNCTIONS

    async def rest(self) -> None:
        for pid in self.working():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def start(self) -> None:
        await self._host.start()

    async def stop(self) -> None:
        await self._host.stop()


class AsyncsshPeer(Peer):
    secret = "s3cret-of-the-account"

    def __init__(self) -> None:
        self._port = free_port()
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._server: asyncssh.SSHAcceptor | None = None
        self._connections: list[asyncssh.SSHServerConnection] = []
        self._changes = 0
        self._work = 0

    def adapter(self) -> str:
        key = self._key.export_public_key().decode().strip()
        backend = (
            f"  host: 127.0.0.1\n  port: {self._port}\n  username: wren\n"
            f"  host_keys: [{key}]\n  password: {self.secret}\n"
        )
        return ADAPTER % "any" + backend + FUNCTIONS

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  program:", "  unheard_of: 1\n  program:"),
            text.replace("    argv: [wait]", "    unheard_of: 1\n    argv: [wait]"),
        )

    async def changes(self) -> int:
        return self._changes

    async def at_work(self) -> int:
        return self._work

    async def start(self) -> None:
        peer = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                peer._connections.append(conn)

            def begin_auth(self, username: str) -> bool:
                return True

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return (username, password) == ("wren", peer.secret)

        self._server = await asyncssh.create_server(
            Server,
            "127.0.0.1",
            self._port,
            server_host_keys=[self._key],
            process_factory=self._serve,
            reuse_address=True,
        )

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for connection in self._connections:
                connection.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, process: asyncssh.SSHServerProcess[str]) -> None:
        self._work += 1
        try:
            word = shlex.split(process.command or "")[1]
            given = json.loads(await process.stdin.read())
            process.stdout.write(json.dumps(await self._answer(process, word, given)))
            process.exit(0)
        except asyncssh.SignalReceived as received:
            process.exit_with_signal(received.signal)
        finally:
            self._work -= 1

    async def _answer(
        self, process: asyncssh.SSHServerProcess[str], word: str, given: dict[str, object]
    ) -> object:
        match given:
            case {"text": text}:
                return text
            case {"count": int(count)}:
                return [{"row": number} for number in range(count)]
            case {"seconds": float() | int() as seconds}:
                self._changes += word == "change"
                end = time.monotonic() + seconds
                while time.monotonic() < end and not process.is_closing():
                    await process.stdin.read()  # which a signal ends
                    await asyncio.sleep(0.02)
        return None


class TestOpenSsh(KindCompliance):
    @pytest.fixture
    async def peer(self, tmp_path: Path) -> AsyncIterator[Peer]:
        need_sshd()
        peer = OpenSshPeer(tmp_path, forced=False)
        await peer.start()
        yield peer
        await peer.rest()
        await peer.stop()


class TestOpenSshWithAForcedCommand(KindCompliance):
    @pytest.fixture
    async def peer(self, tmp_path: Path) -> AsyncIterator[Peer]:
        need_sshd()
        peer = OpenSshPeer(tmp_path, forced=True)
        await peer.start()
        yield peer
        await peer.rest()
        await peer.stop()


class TestAsyncssh(KindCompliance):
    @pytest.fixture
    async def peer(self) -> AsyncIterator[Peer]:
        peer = AsyncsshPeer()
        await peer.start()
        yield peer
        await peer.stop()
