"""A key distribution centre of MIT Kerberos for two realms that do not trust each other, in a folder of its own.

What Python needs to speak Kerberos is compiled against the system's library, so it is installed once into a
folder outside the project, and only processes that are told of it see it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from machine import missing

from .soap_peers import installed_once, run_step

REALM, FOREIGN = "PORT.TEST", "SEA.TEST"
HOST = "leave.port.test"
PASSWORD = "s3cret"
BINDINGS = Path(tempfile.gettempdir()) / "drawbar-test-kerberos-1"
_NEEDS = ("gssapi>=1.9", "krb5>=0.7", "decorator")
_PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "klist", "krb5-config")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
_SECONDS = 20


def install_bindings() -> Path:
    """The folder that has `gssapi` and `krb5`."""
    absent = [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]
    if absent:
        missing(f"{', '.join(absent)} of MIT Kerberos not installed")
    if importlib.util.find_spec("spnego") is None:
        missing("pyspnego is not installed")
    with installed_once(BINDINGS):
        if _works():
            return BINDINGS
        # It takes as long to optimise them as to run all of these tests a hundred times.
        quickly = {**os.environ, "CFLAGS": "-O0"}
        target = ("--no-deps", "--target", BINDINGS, *_NEEDS)
        if shutil.which("uv"):
            run_step("uv", "pip", "install", "-q", "--python", sys.executable, *target, env=quickly)
        else:
            run_step(sys.executable, "-m", "pip", "install", "-q", *target, env=quickly)
    return BINDINGS


def _works() -> bool:
    around = {**os.environ, "PYTHONPATH": str(BINDINGS)}
    code = [sys.executable, "-c", "import gssapi, krb5"]
    return subprocess.run(code, check=False, capture_output=True, env=around).returncode == 0


@dataclass
class Realms:
    """`environment` is what a process needs to know of them; it has no ticket yet."""

    folder: Path
    environment: dict[str, str]

    @property
    def keys(self) -> Path:
        """The keytab of the service."""
        return self.folder / "service.keytab"

    def with_ticket(self, principal: str, lifetime: str) -> Mapping[str, str]:
        """The environment of a process that got a ticket for a while."""
        cache = self.folder / f"{principal}-{lifetime}.cache"
        around = {**self.environment, "KRB5CCNAME": f"FILE:{cache}"}
        command = ["kinit", "-l", lifetime, principal]
        subprocess.run(
            command,
            check=True,
            input=PASSWORD.encode(),
            env=around,
            capture_output=True,
            timeout=_SECONDS,
        )
        return around

    def admin(self, realm: str, command: str) -> None:
        words = ["kadmin.local", "-r", realm, "-q", command]
        done = subprocess.run(
            words, check=False, capture_output=True, env=self.environment, timeout=_SECONDS
        )
        assert done.returncode == 0, done.stderr


def until_expired(around: Mapping[str, str]) -> None:
    """Wait until the ticket of a process is one of yesterday; `klist -s` tells."""
    until = time.monotonic() + _SECONDS
    while subprocess.run(["klist", "-s"], check=False, env=around).returncode == 0:
        assert time.monotonic() < until, "the ticket does not expire"
        time.sleep(0.05)


@contextmanager
def two_realms(folder: Path) -> Iterator[Realms]:
    """The centre runs until the end; each realm has the principal `crew`, and the first has the service."""
    bindings = install_bindings()
    port = _free_port()
    (folder / "krb5.conf").write_text(_configuration(folder, port))
    environment = {
        **os.environ,
        "PATH": _PATH,
        "PYTHONPATH": str(bindings),
        "KRB5_CONFIG": str(folder / "krb5.conf"),
        "KRB5_KDC_PROFILE": str(folder / "krb5.conf"),
        "KRB5CCNAME": f"FILE:{folder}/none.cache",
        "KRB5RCACHENAME": "none:",
    }
    realms = Realms(folder, environment)
    for realm in (REALM, FOREIGN):
        made = ["kdb5_util", "-r", realm, "-P", "master", "create", "-s"]
        subprocess.run(made, check=True, env=environment, capture_output=True, timeout=_SECONDS)
        realms.admin(realm, f"addprinc +requires_preauth -pw {PASSWORD} crew")
    realms.admin(REALM, f"addprinc -randkey HTTP/{HOST}")
    realms.admin(REALM, "addprinc -randkey HTTP/other.port.test")
    realms.admin(REALM, f"ktadd -k {realms.keys} HTTP/{HOST}")
    command = ["krb5kdc", "-n", "-r", REALM, "-r", FOREIGN]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as centre:
        try:
            _wait_for(port)
            yield realms
        finally:
            centre.kill()


def _configuration(folder: Path, port: int) -> str:
    """For clients and the centre alike; nothing is looked up by DNS."""
    lines = [
        "[libdefaults]",
        f"default_realm = {REALM}",
        "dns_lookup_kdc = false",
        "dns_lookup_realm = false",
        "dns_canonicalize_hostname = false",
        "rdns = false",
        "udp_preference_limit = 1",
        "[domain_realm]",
        f".port.test = {REALM}",
        f".sea.test = {FOREIGN}",
        "[kdcdefaults]",
        f"kdc_listen = 127.0.0.1:{port}",
        f"kdc_tcp_listen = 127.0.0.1:{port}",
        "[logging]",
        f"kdc = FILE:{folder}/kdc.log",
        "[realms]",
    ]
    for realm in (REALM, FOREIGN):
        lines += [
            f"{realm} = {{",
            f"kdc = 127.0.0.1:{port}",
            f"database_name = {folder}/{realm}.db",
            f"key_stash_file = {folder}/{realm}.stash",
            f"acl_file = {folder}/none.acl",
            "}",
        ]
    return "\n".join(lines) + "\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    until = time.monotonic() + _SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < until, "the key distribution centre does not start"
            time.sleep(0.02)
        else:
            return
