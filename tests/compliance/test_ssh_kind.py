"""The kind `ssh` against OpenSSH's server, with and without a forced command, and against a server of asyncssh."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from drawbar.testing import KindCompliance, Peer
from ssh_hosts import OpenSsh, free_port, need_sshd

PROGRAM = """
import json, os, pathlib, shlex, sys, time
here = pathlib.Path(__file__).parent
(here / "work" / str(os.getpid())).touch()
forced = os.environ.get("SSH_ORIGINAL_COMMAND")
word = shlex.split(forced)[1] if forced else sys.argv[1]
given = json.load(sys.stdin)
if word == "echo":
    answer = given["text"]
elif word == "say":
    answer = shlex.split(forced)[2] if forced else sys.argv[2]
elif word == "rows":
    answer = [{"row": number} for number in range(given["count"])]
else:
    if word == "change":
        with (here / "changes").open("a") as changes:
            changes.write("x")
    time.sleep(given["seconds"])
    answer = None
json.dump(answer, sys.stdout)
"""

ADAPTER = """\
adapter: peer
backend:
  kind: ssh
  program: ["%(program)s"]
%(backend)s
functions:
  echo:
    description: Echo.
    parameters: {text: {type: string}, again: {const: 1}}
    argv: [echo]
    stdin: json
    stdout: json
  rows:
    description: Rows.
    parameters: {count: {type: integer}}
    argv: [rows]
    stdin: json
    stdout: json
  wait:
    description: Wait.
    parameters: {seconds: {type: number}}
    argv: [wait]
    stdin: json
    stdout: json
  change:
    description: Change.
    effect: write
    parameters: {seconds: {type: number}}
    argv: [change]
    stdin: json
    stdout: json
"""


class OpenSshPeer(Peer):
    def __init__(self, folder: Path, *, forced: bool) -> None:
        self._folder = folder
        self._program = folder / "peer.py"
        self._program.write_text(f"#!{sys.executable} -S\n{PROGRAM}")
        self._program.chmod(0o700)
        (folder / "work").mkdir()
        self._host = OpenSsh(folder, forced=str(self._program) if forced else None)
        self.secret = self._host.private_key.splitlines()[2]
        self.counts_work = (
            False  # OpenSSH passes no signal on to root, nor to a command that it forces
        )
        self._forced = forced

    def adapter(self) -> str:
        program = "any" if self._forced else str(self._program)
        return ADAPTER % {"program": program, "backend": self._host.backend()}

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  program:", "  unheard_of: 1\n  program:"),
            text.replace("    argv: [wait]", "    unheard_of: 1\n    argv: [wait]"),
        )

    async def changes(self) -> int:
        file = self._folder / "changes"
        return len(file.read_text()) if file.exists() else 0

    async def at_work(self) -> int:
        return len(self._working())

    def _working(self) -> list[int]:
        pids = [int(entry.name) for entry in (self._folder / "work").iterdir()]
        return [pid for pid in pids if Path(f"/proc/{pid}").exists()]

    async def rest(self) -> None:
        for pid in self._working():
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
            f"  host_keys: [{key}]\n  password: {self.secret}"
        )
        return ADAPTER % {"program": "any", "backend": backend}

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
