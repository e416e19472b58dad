"""How a directory is reached and as whom: what can be said of it before anything is connected to."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from drawbar.backends.ldap.names import is_name
from drawbar.backends.ldap.options import LdapBackendSpec
from drawbar.backends.ldap.who import read_identity
from drawbar.spec.source import At, Report

_PORTS = {"ldap": 389, "ldaps": 636}


def address_of(url: str) -> tuple[str, int] | None:
    """Host and port, or None."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    rest = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if port is None or not parts.hostname or rest:
        return None
    return parts.hostname, port


def check_access(backend: LdapBackendSpec, report: Report) -> None:
    address = address_of(backend.url)
    encrypted = backend.starttls or backend.url.startswith("ldaps:")
    if address is None:
        report.add(
            ("backend", "url"),
            "DB951",
            "this is no address of a directory",
            fix="write ldaps://HOST or ldap://HOST, with :PORT where it is not the usual one",
        )
    elif backend.starttls and backend.url.startswith("ldaps:"):
        report.add(("backend", "starttls"), "DB951", "ldaps is TLS from the start; leave it out")
    elif backend.tls is not None and not encrypted:
        report.add(
            ("backend", "tls"),
            "DB951",
            "nothing is encrypted on ldap:// without StartTLS",
            fix="write `starttls: true`, or ldaps:// in `url`",
        )
    if backend.base is not None and not is_name(backend.base):
        report.add(("backend", "base"), "DB955", f"`{backend.base}` is no distinguished name")
    if backend.identity is not None and read_identity(backend.identity) is None:
        report.add(
            ("backend", "identity"),
            "DB952",
            "this names no caller",
            fix='write such as "dn:uid={caller.subject},ou=people,dc=example" or "u:{caller.claims.login}"',
        )
    _check_bind(backend, report, hidden=encrypted or address is None or _is_here(address[0]))


def _check_bind(backend: LdapBackendSpec, report: Report, *, hidden: bool) -> None:
    auth = backend.auth
    if auth is None:
        return
    at: At = ("backend", "auth")
    if auth.external and (backend.tls is None or backend.tls.certificate is None):
        report.add(
            (*at, "external"),
            "DB952",
            "there is no certificate that would say who the gateway is",
            fix="name one: `tls: {certificate: FILE}`",
        )
    way, given = ("simple", auth.simple) if auth.simple else ("plain", auth.plain)
    if given is None:
        return
    if not given.password.reveal():
        report.add(
            (*at, way, "password"),
            "DB952",
            "a bind without a password succeeds and proves nothing (RFC 4513 5.1.2)",
            fix="leave `auth` out to be anonymous",
        )
    if not hidden:
        report.add(
            ("backend", "url"),
            "DB953",
            "the password goes over the network in clear",
            fix="write `starttls: true`, or ldaps:// in `url`",
            severity="warning",
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
