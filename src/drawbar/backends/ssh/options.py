"""The words of an adapter whose backend is a program on another machine."""

from __future__ import annotations

from pydantic import Field

from drawbar.codecs.program_spec import ProgramFunctionSpec
from drawbar.spec.model import BackendSpec, SecretText, Spec

AUTHORITY = "@cert-authority "
"""Before a key in `host_keys`, as in OpenSSH's own `known_hosts`."""


class SshHostSpec(Spec):
    """One account on one host."""

    host: str
    port: int = Field(22, ge=1, le=65535)
    username: str
    host_keys: tuple[str, ...] = Field(
        min_length=1,
        description="The keys by which the host is known, as `ssh-keyscan` prints them without the host's name: "
        "`ssh-ed25519 AAAA...`. Or `@cert-authority ssh-ed25519 AAAA...`, the key of an authority that has signed the "
        "host's. Another one is refused.",
    )
    private_key: SecretText | None = Field(
        None, description="The text of the key that logs in, such as ${file:/run/secrets/key}."
    )
    passphrase: SecretText | None = Field(None, description="Of the private key.")
    password: SecretText | None = Field(None, description="Logs in instead of a key.")
    agent: bool = Field(
        False, description="The keys of the SSH agent at SSH_AUTH_SOCK log in instead."
    )


class SshBackendSpec(BackendSpec, SshHostSpec):
    """One account on one host, with one program that may be started there."""

    jump: SshHostSpec | None = Field(
        None,
        description="A host on the way: it is logged in to first, and passes the connection on (ProxyJump).",
    )
    program: tuple[str, ...] = Field(
        min_length=1,
        description="The program and the arguments that every call begins with. Where the host forces a command, "
        "that one finds these words in SSH_ORIGINAL_COMMAND.",
    )
    encoding: str = Field("utf-8", description="Of text, lines and error messages.")


class SshFunctionSpec(ProgramFunctionSpec):
    """One way to call the program."""
