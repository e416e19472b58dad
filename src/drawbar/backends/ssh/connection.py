"""A connection to the host: its key checked, logged in."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from drawbar.backends.ssh.options import SshBackendSpec
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
    ssh = import_extra("asyncssh", "ssh")
    offered: list[Any] = []

    class Client(ssh.SSHClient):  # type: ignore[misc, name-defined]  # the library is there only when it is used
        def validate_host_public_key(self, host: str, addr: str, port: int, key: Any) -> bool:
            """Asked for a key that is not among the known ones."""
            del host, addr, port
            offered.append(key)
            return False

    agent = None
    try:
        known = [ssh.import_public_key(key) for key in spec.host_keys]
        options: dict[str, Any] = {"password": None, "client_keys": None}
        if spec.password is not None:
            options["password"] = spec.password.reveal()
        elif spec.private_key is not None:
            options["client_keys"] = [_private_key(ssh, spec)]
        else:
            agent = await ssh.connect_agent()
            options["client_keys"] = await agent.get_keys()
        connection: SSHClientConnection = await ssh.connect(
            spec.host,
            spec.port,
            username=spec.username,
            known_hosts=(known, [], []),
            client_factory=Client,
            config=[],
            agent_path=None,
            gss_host=None,
            x509_trusted_certs=None,
            connect_timeout=CONNECT_TIME,
            login_timeout=CONNECT_TIME,
            keepalive_interval=_ALIVE_EVERY,
            **options,
        )
    except ssh.PermissionDenied:
        raise _unavailable(f"it refuses the login of {spec.username}", retryable=False) from None
    except ssh.HostKeyNotVerifiable:
        raise _unknown_key(spec, offered) from None
    except (ssh.Error, OSError, ValueError) as error:
        raise _unavailable(reason(error), retryable=True) from None
    finally:
        if agent is not None:
            agent.close()
    return connection


def reason(error: BaseException) -> str:
    """In the library's words."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return str(error) or type(error).__name__


def _private_key(ssh: Any, spec: SshBackendSpec) -> Any:
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


def _unknown_key(spec: SshBackendSpec, offered: list[Any]) -> BackendError:
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


def _unavailable(why: str, *, retryable: bool) -> BackendError:
    return BackendError(
        f"The host cannot be used: {why}.",
        code="backend_unavailable",
        retryable=retryable,
        work="not_started",
    )
