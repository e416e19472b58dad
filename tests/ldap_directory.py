"""OpenLDAP's server, started by the tests in a folder of its own.

It has two databases: a small company that is really stored (dc=harbour,dc=example), and one whose operations go to a
socket of the test (dc=peer,dc=example), which can count and delay them as no stored one can.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from certificates import make_certificate
from machine import missing

SLAPD = shutil.which("slapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/libexec")
ADMIN = "cn=admin,dc=harbour,dc=example"
PASSWORD = "s3cret-of-the-directory"
_PATIENCE = 10.0
_MODULES = ("/usr/lib/ldap", "/usr/lib64/openldap", "/usr/libexec/openldap")
_SCHEMAS = ("/etc/ldap/schema", "/etc/openldap/schema")

CONFIG = """\
modulepath {modules}
moduleload back_mdb
moduleload back_sock
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
attributetype ( 1.3.6.1.4.1.99999.1 NAME 'echoText' EQUALITY octetStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
attributetype ( 1.3.6.1.4.1.99999.2 NAME ( 'deskNumber' 'desk' ) EQUALITY integerMatch ORDERING integerOrderingMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.3 NAME 'onDuty' EQUALITY booleanMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.4 NAME 'hiredAt' EQUALITY generalizedTimeMatch
  ORDERING generalizedTimeOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.99999.9 NAME 'harbourPerson' SUP top AUXILIARY
  MAY ( deskNumber $ onDuty $ hiredAt $ echoText ) )
pidfile {folder}/slapd.pid
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
TLSCACertificateFile {certificate}
TLSVerifyClient try
authz-policy to
authz-regexp "^cn=client$" "cn=admin,dc=harbour,dc=example"
authz-regexp "^uid=([^,]+),cn=[^,]+,cn=auth$" "uid=$1,ou=people,dc=harbour,dc=example"
sasl-secprops noanonymous
sasl-auxprops slapd
database mdb
suffix dc=harbour,dc=example
rootdn {admin}
rootpw {password}
directory {folder}/data
limits dn.exact="uid=few,ou=people,dc=harbour,dc=example" size=2
access to attrs=userPassword by self write by anonymous auth by * none
access to dn.subtree="ou=vault,dc=harbour,dc=example" by dn.exact="uid=mina,ou=people,dc=harbour,dc=example" read by * none
access to * by dn.exact="uid=gateway,ou=people,dc=harbour,dc=example" read by users read by anonymous read
database sock
suffix dc=peer,dc=example
rootdn {admin}
socketpath {folder}/sock
access to * by * write
"""

COMPANY = """\
dn: dc=harbour,dc=example
objectClass: dcObject
objectClass: organization
o: Harbour
dc: harbour

dn: ou=people,dc=harbour,dc=example
objectClass: organizationalUnit
ou: people

dn: ou=vault,dc=harbour,dc=example
objectClass: organizationalUnit
ou: vault

dn: ou=elsewhere,dc=harbour,dc=example
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:9/ou=elsewhere,dc=harbour,dc=example

dn: uid=gateway,ou=people,dc=harbour,dc=example
objectClass: inetOrgPerson
uid: gateway
cn: The gateway
sn: Gateway
userPassword: {password}
authzTo: dn.regex:^uid=[^,]+,ou=people,dc=harbour,dc=example$

dn: uid=mina,ou=people,dc=harbour,dc=example
objectClass: inetOrgPerson
objectClass: harbourPerson
uid: mina
cn: Mina Harker
sn: Harker
mail: mina@harbour.example
mail: harker@harbour.example
telephoneNumber: +44 1947 600 101
deskNumber: 7
onDuty: TRUE
hiredAt: 20210301083000Z

dn: uid=jan,ou=people,dc=harbour,dc=example
objectClass: inetOrgPerson
uid: jan
cn: Jan (deputy) *
sn: Visser
userPassword: s

dn: uid=few,ou=people,dc=harbour,dc=example
objectClass: inetOrgPerson
uid: few
cn: Few
sn: Few
userPassword: few
"""


class Directory:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.tls_port = _free_ports(2)
        self.certificate, self.key = make_certificate(folder)
        self.client, self.client_key = self._client()
        self._server: subprocess.Popen[bytes] | None = None
        self._config = folder / "slapd.conf"
        (folder / "data").mkdir()
        self._config.write_text(
            CONFIG.format(
                modules=_existing(_MODULES),
                schemas=_existing(_SCHEMAS),
                folder=folder,
                certificate=self._authorities(),
                key=self.key,
                admin=ADMIN,
                password=PASSWORD,
            )
        )

    def _client(self) -> tuple[Path, Path]:
        return make_certificate(self.folder, "client")

    def _authorities(self) -> Path:
        """The server's own certificate, and the client's, which nobody else has signed either."""
        both = self.folder / "authorities.pem"
        both.write_text(self.certificate.read_text() + self.client.read_text())
        return both

    def fill(self) -> Self:
        """Before the server runs."""
        assert SLAPD is not None
        subprocess.run(
            [SLAPD, "-T", "add", "-f", self._config, "-b", "dc=harbour,dc=example"],
            input=COMPANY.format(password=PASSWORD).encode(),
            check=True,
            capture_output=True,
        )
        return self

    def start(self) -> None:
        assert SLAPD is not None
        addresses = f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"
        command = [SLAPD, "-f", str(self._config), "-h", addresses, "-d", "0"]
        self._server = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    async def ready(self) -> None:
        async with asyncio.timeout(_PATIENCE):
            while not await _answers(self.tls_port):
                assert self._server is not None
                assert self._server.poll() is None, "slapd has ended"
                await asyncio.sleep(0.02)

    def stop(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None


@contextmanager
def directory() -> Iterator[Directory]:
    """A server with the company in it; a short path, since it has a socket in there."""
    if SLAPD is None:
        missing("slapd is not installed (Debian: slapd)")
    with tempfile.TemporaryDirectory(prefix="ldap") as name:
        server = Directory(Path(name)).fill()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _existing(paths: tuple[str, ...]) -> str:
    return next((path for path in paths if Path(path).is_dir()), paths[0])


def _free_ports(count: int) -> list[int]:
    """Below those that the system gives to connections, which might take one before the server does."""
    found: list[int] = []
    while len(found) < count:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            if port not in found and probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
    return found


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
