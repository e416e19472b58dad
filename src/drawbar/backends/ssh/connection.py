"""A connection to the host: its key checked, logged in."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from drawbar.backends.ssh.options import AUTHORITY, SshBackendSpec, SshHostSpec
from drawbar.kernel.extras import import_extra
from drawbar.kernel.ports import BackendError

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

CONNECT_TIME = 4
"""Seconds until a host that says nothing counts as gone; as many again to log in."""
_ALIVE_EVERY = 15
"""Seconds between questions whether the host is still there; three without an answer end the connection."""


async def connect(spec: SshBackendSpec) -> SSHClientConnection:
    """Raises BackendError. Nothing of this user's own SSH settings, keys or agents is used."""
    if spec.jump is None:
        return await _login(spec, None)
    way = await _login(spec.jump, None, what="The host on the way")
    try:
        return await _login(spec, way)
    except BaseException:
        way.close()
        await way.wait_closed()
        raise


async def _login(
    spec: SshHostSpec, way: SSHClientConnection | None, what: str = "The host"
) -> SSHClientConnection:
    ssh = import_extra("asyncssh", "ssh")
    offered: list[Any] = []

    class Client(ssh.SSHClient):  # type: ignore[misc, name-defined]  # the library is there only when it is used
        def validate_host_public_key(self, host: str, addr: str, port: int, key: Any) -> bool:
            """Asked for a key that is not among the known ones."""
            del host, addr, port
            offered.append(key)
            return False

        def validate_host_ca_key(self, host: str, addr: str, port: int, key: Any) -> bool:
            """Asked for the key of an authority that is not among the known ones."""
            del host, addr, port
            offered.append(key)
            return False

    try:
        async with _proof(ssh, spec) as proof:
            connection: SSHClientConnection = await ssh.connect(
                spec.host,
                spec.port,
                username=spec.username,
                known_hosts=_known(ssh, spec),
                client_factory=Client,
                config=[],
                agent_path=None,
                gss_host=None,
                x509_trusted_certs=None,
                connect_timeout=CONNECT_TIME,
                login_timeout=CONNECT_TIME,
                keepalive_interval=_ALIVE_EVERY,
                tunnel=way if way is not None else (),
                **proof,
            )
    except ssh.PermissionDenied:
        raise _unavailable(
            f"it refuses the login of {spec.username}", retryable=False, what=what
        ) from None
    except ssh.HostKeyNotVerifiable as error:
        raise _unknown_key(spec, offered, str(error)) from None
    except (ssh.Error, OSError, ValueError) as error:
        raise _unavailable(reason(error), retryable=True, what=what) from None
    if way is not None:
        connection.set_tunnel(way)  # which ends with it from now on
    return connection


@asynccontextmanager
async def _proof(ssh: Any, spec: SshHostSpec) -> AsyncIterator[dict[str, Any]]:
    """What shows who the gateway is, in the words of `asyncssh.connect`; an agent is there only meanwhile."""
    if spec.password is not None:
        yield {"password": spec.password.reveal(), "client_keys": None}
        return
    if spec.private_key is not None:
        yield {"password": None, "client_keys": [_private_key(ssh, spec)]}
        return
    agent = await ssh.connect_agent()
    try:
        yield {"password": None, "client_keys": await agent.get_keys()}
    finally:
        agent.close()


def _known(ssh: Any, spec: SshHostSpec) -> tuple[list[Any], list[Any], list[Any]]:
    """Keys of hosts, keys of authorities, and revoked ones."""
    own = [key for key in spec.host_keys if not key.startswith(AUTHORITY)]
    authorities = [key for key in spec.host_keys if key.startswith(AUTHORITY)]
    return (
        [ssh.import_public_key(key) for key in own],
        [ssh.import_public_key(key.removeprefix(AUTHORITY)) for key in authorities],
        [],
    )


def reason(error: BaseException) -> str:
    """In the library's words."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return str(error) or type(error).__name__


def _private_key(ssh: Any, spec: SshHostSpec) -> Any:
    text = "" if spec.private_key is None else spec.private_key.reveal()
    phrase = None if spec.passphrase is None else spec.passphrase.reveal()
    if not text.endswith("\n"):
        text += "\n"
    try:
        return ssh.import_private_key(text, phrase)
    except (ssh.KeyImportError, ssh.KeyEncryptionError):
        raise _unavailable(
            "`private_key` is no private key, or `passphrase` does not open it", retryable=False
        ) from None


def _unknown_key(spec: SshHostSpec, offered: list[Any], said: str) -> BackendError:
    if not offered:  # a certificate that is not for this host, or not any more
        told = f"The host shows a key that cannot be taken: {said}. Nothing was sent to it."
        hint = "Somebody who runs the host has to renew its certificate, or `host` has to be a name in it."
        return BackendError(told, code="backend_unavailable", work="not_started", hint=hint)
    kind, print_of = "ed25519", ""
    for key in offered:
        kind = key.get_algorithm().removeprefix("ssh-")
        print_of = f" ({key.get_algorithm()} {key.get_fingerprint()})"
    at = f"-p {spec.port} {shlex.quote(spec.host)}"
    return BackendError(
        f"The host shows a key{print_of} that the adapter does not know; nothing was sent to it.",
        code="backend_unavailable",
        work="not_started",
        hint="Somebody who runs this gateway has to compare that fingerprint on the host itself "
        f"(ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub) and, where it is the same, add what "
        f"`ssh-keyscan {at}` prints to `host_keys`. Otherwise somebody else answers for the host.",
    )


def _unavailable(why: str, *, retryable: bool, what: str = "The host") -> BackendError:
    return BackendError(
        f"{what} cannot be used: {why}.",
        code="backend_unavailable",
        retryable=retryable,
        work="not_started",
    )
