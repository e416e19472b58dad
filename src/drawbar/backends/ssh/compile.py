"""From an SSH adapter to programs."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from drawbar.backends.ssh.options import AUTHORITY, SshBackendSpec, SshFunctionSpec, SshHostSpec
from drawbar.codecs.codec import CODES as CODEC_CODES
from drawbar.codecs.program_compile import compile_programs
from drawbar.codecs.text import find_encoding
from drawbar.compiler.kind import Plan, options_of
from drawbar.kernel.ports import Backend
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec
from drawbar.spec.source import At, Report

CODES = {
    "DB931": "a host key that is none",
    "DB932": "no way to log in, or more than one",
    "DB933": "a `program` that cannot be started as written",
    **CODEC_CODES,
}


class SshKind:
    """Fills the port `drawbar.compiler.kind.Kind`."""

    name = "ssh"
    options: type[BackendSpec] = SshBackendSpec
    function: type[FunctionSpec] = SshFunctionSpec
    codes: Mapping[str, str] = CODES

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        backend = options_of(adapter, SshBackendSpec)
        _check(backend, report)
        return compile_programs(adapter, report, backend.program, backend.encoding)

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        from drawbar.backends.ssh.backend import SshBackend  # noqa: PLC0415 -- only where one is opened

        del plans, workers  # programs come with each call, and nothing here blocks
        return SshBackend(options_of(adapter, SshBackendSpec))


KIND = SshKind()


def _check(backend: SshBackendSpec, report: Report) -> None:
    _check_host(backend, report, ("backend",))
    if backend.jump is not None:
        _check_host(backend.jump, report, ("backend", "jump"))
    for index, part in enumerate(backend.program):
        if "\0" in part or (index == 0 and not part.strip()):
            report.add(
                ("backend", "program", index), "DB933", "this is no name of a program or argument"
            )
    if find_encoding(backend.encoding) is None:
        report.add(("backend", "encoding"), "DB801", f"no encoding is called `{backend.encoding}`")


def _check_host(host: SshHostSpec, report: Report, at: At) -> None:
    for index, key in enumerate(host.host_keys):
        if not _is_key(key):
            report.add(
                (*at, "host_keys", index),
                "DB931",
                "this is no public key of a host",
                fix=f"write what `ssh-keyscan {host.host}` prints behind the host's name: ssh-ed25519 AAAA...",
            )
    ways = {
        "private_key": host.private_key is not None,
        "password": host.password is not None,
        "agent": host.agent,
    }
    if sum(ways.values()) != 1:
        named = " and ".join(f"`{way}`" for way, written in ways.items() if written)
        report.add(
            at,
            "DB932",
            f"{named} exclude each other" if named else "nothing says how to log in",
            fix="write one of private_key, password, agent",
        )


def _is_key(text: str) -> bool:
    """TYPE BASE64, where the type stands in the key again behind its length (RFC 4253, 6.6)."""
    kind, _, rest = text.removeprefix(AUTHORITY).partition(" ")
    encoded = rest.split(" ")[0]
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    length = int.from_bytes(data[:4], "big")
    return bool(encoded) and data[4 : 4 + length] == kind.encode()
