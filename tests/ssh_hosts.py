"""OpenSSH's own server, on a free port, with keys and settings of the test's own."""

from __future__ import annotations

import asyncio
import getpass
import os
import signal
import socket
import subprocess
import textwrap
from pathlib import Path

import asyncssh

from machine import need

SSHD = "/usr/sbin/sshd"


def need_sshd() -> None:
    need(SSHD, "openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it drops its privileges


def free_port() -> int:
    """Below the ports that connections of this machine get, so that nobody takes it before it is used."""
    for port in range(20000 + os.getpid() % 5000, 32000):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")


class OpenSsh:
    """A server that lets this user in with one key, and forces `forced` where it is given."""

    def __init__(self, folder: Path, *, forced: str | None = None) -> None:
        self.port = free_port()
        self.username = getpass.getuser()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        host, client = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        host.write_private_key(folder / "host_key")
        (folder / "host_key").chmod(0o600)
        host.write_public_key(folder / "host_key.pub")
        self.host_key = host.export_public_key().decode().strip()
        self.private_key = client.export_private_key().decode()
        options = "" if forced is None else f'restrict,command="{forced}" '
        allowed = options + client.export_public_key().decode()
        (folder / "authorized_keys").write_text(allowed)
        (folder / "sshd_config").write_text(
            textwrap.dedent(f"""\
            ListenAddress 127.0.0.1
            Port {self.port}
            HostKey {folder}/host_key
            AuthorizedKeysFile {folder}/authorized_keys
            PidFile none
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            """)
        )

    def backend(self, known: str = "", deep: int = 2) -> str:
        """Lines of an adapter, `deep` blanks deep; `known` instead of the host's own key."""
        key = textwrap.indent(self.private_key, "  ")
        shown = f'"{known}"' if known else self.host_key
        lines = (
            f"host: 127.0.0.1\nport: {self.port}\nusername: {self.username}\n"
            f"host_keys: [{shown}]\nprivate_key: |\n{key}"
        )
        return textwrap.indent(lines, " " * deep)

    def certify(self, authority: asyncssh.SSHKey, *, principals: str, days: int = 1) -> None:
        """From its next start on the host shows a certificate beside its key."""
        (self._folder / "authority").write_bytes(authority.export_private_key())
        (self._folder / "authority").chmod(0o600)
        subprocess.run(
            ["ssh-keygen", "-q", "-s", self._folder / "authority", "-I", "dock", "-h", "-n", principals,
             "-V", f"-2d:{days:+}d", self._folder / "host_key.pub"],
            check=True,
        )  # fmt: skip
        with (self._folder / "sshd_config").open("a") as settings:
            settings.write(f"HostCertificate {self._folder}/host_key-cert.pub\n")

    async def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: ASYNC220 -- it returns at once
            [SSHD, "-D", "-E", self._folder / "sshd.log", "-f", self._folder / "sshd_config"]
        )
        for _ in range(500):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.transport.abort()
            return
        raise OSError((self._folder / "sshd.log").read_text())

    async def stop(self) -> None:
        """Be gone with every connection, as after a crash."""
        if self._process is None:
            return
        for pid in [*_below(self._process.pid), self._process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait()
        self._process = None


def _below(pid: int) -> list[int]:
    """The processes that this one has started, and those that they have."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    children = [int(word) for word in text.split()]
    return [*children, *(each for child in children for each in _below(child))]
