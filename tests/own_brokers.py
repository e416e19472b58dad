"""Brokers that tests start for themselves, where the common one of this machine has no TLS and lets anybody in."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nkeys
from nacl.signing import SigningKey

from machine import need
from ssh_hosts import free_port

_RABBIT = "/usr/lib/rabbitmq/bin/rabbitmq-server"
_PATIENCE = 90
"""Seconds until RabbitMQ listens, on a machine that is busy with other tests."""


@asynccontextmanager
async def nats_server(folder: Path, settings: str) -> AsyncIterator[int]:
    """NATS with these settings; gives its port."""
    program, port = need("nats-server"), free_port()
    (folder / "nats.conf").write_text(f'listen: "127.0.0.1:{port}"\n{settings}')
    with (folder / "nats.log").open("wb") as log:
        server = subprocess.Popen(  # noqa: ASYNC220 -- it returns at once
            [program, "-c", folder / "nats.conf"], stdout=log, stderr=log
        )
    try:
        await _listening(port, server, folder / "nats.log")
        yield port
    finally:
        server.kill()
        server.wait()


@asynccontextmanager
async def rabbitmq(folder: Path, settings: str) -> AsyncIterator[int]:
    """A RabbitMQ of its own name and folders that listens with TLS only; gives its port."""
    program, port = need(_RABBIT), free_port()
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp = none\nlisteners.ssl.1 = 127.0.0.1:{port}\n{settings}"
    )
    (folder / "plugins").write_text("[].")
    (folder / "environment").touch()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "environment"),
        "RABBITMQ_NODENAME": f"drawbar{port}@localhost",
        "RABBITMQ_DIST_PORT": str(port + 5000),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }
    with (folder / "rabbitmq.log").open("wb") as log:
        server = subprocess.Popen(  # noqa: ASYNC220 -- it returns at once
            [program], env=environ, stdout=log, stderr=log, start_new_session=True
        )
    try:
        await _listening(port, server, folder / "rabbitmq.log")
        yield port
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


async def _listening(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.transport.abort()
        return
    raise OSError(f"{log} says why it does not listen")


_PREFIXES = {"A": 0, "O": 14 << 3, "U": 20 << 3}
_SEED = 18 << 3
"""The first bits of keys, which make the first letters of their texts."""


class Key:
    """A key pair of NATS: `A` of an account, `O` of an operator, `U` of a user."""

    def __init__(self, kind: str) -> None:
        raw = os.urandom(32)
        prefix = _PREFIXES[kind]
        head = bytes([_SEED | prefix >> 5, (prefix & 31) << 3])
        self.seed = _base32(head + raw)
        self.public = _base32(bytes([prefix]) + bytes(SigningKey(raw).verify_key))
        self._pair = nkeys.from_seed(bytearray(self.seed.encode()))

    def token(self, subject: Key, claims: dict[str, object]) -> str:
        """A JWT in which this key says `claims` of `subject`."""
        body: dict[str, object] = {"iss": self.public, "sub": subject.public, "iat": 1}
        body |= {"name": "tests", "nats": {**claims, "version": 2}}
        digest = hashlib.sha512(json.dumps(body).encode()).digest()[:32]
        body["jti"] = base64.b32encode(digest).decode().rstrip("=")
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        said = ".".join(_base64(json.dumps(part).encode()) for part in (head, body))
        return f"{said}.{_base64(bytes(self._pair.sign(said.encode())))}"


def credentials(token: str, seed: str) -> str:
    """The content of a .creds file."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _base32(data: bytes) -> str:
    """With the check sum that NATS wants, CRC-16/XMODEM."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return base64.b32encode(data + crc.to_bytes(2, "little")).decode().rstrip("=")
