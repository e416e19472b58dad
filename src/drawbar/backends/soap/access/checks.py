"""Checks how an adapter reaches its service: certificates and other files, names of headers, extras."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from drawbar.backends.soap.options import HEADER, SoapBackendSpec
from drawbar.spec.source import At, Report


def check_access(backend: SoapBackendSpec, folder: Path, report: Report) -> None:
    _check_headers(backend, report)
    if backend.tls is not None and not backend.endpoint.startswith("https:"):
        message, fix = "`tls` needs an https:// endpoint", "correct `endpoint`"
        report.add(("backend", "tls"), "DB416", message, fix=fix)
    _check_security(backend, folder, report)
    for name, word in _extras(backend):
        _check_extra(name, word, report)


def _check_headers(backend: SoapBackendSpec, report: Report) -> None:
    for name in backend.soap_headers:
        if not re.match(HEADER, name):
            report.add(
                ("backend", "soap_headers", name),
                "DB408",
                f"`{name}` is not the full name of a SOAP header",
                fix='write it with its namespace, such as "{urn:hr}Session"',
            )


def _check_security(backend: SoapBackendSpec, folder: Path, report: Report) -> None:
    if (security := backend.security) is None:
        return
    at = ("backend", "security")
    if (sign := security.sign) is not None:
        files = {"certificate": sign.certificate, "key": sign.key}
        _check_files(files, folder, report, (*at, "sign"))
    if (verify := security.verify) is not None:
        files = {"certificate": verify.certificate}
        _check_files(files, folder, report, (*at, "verify"))


def _check_files(files: Mapping[str, str | None], folder: Path, report: Report, at: At) -> None:
    for word, path in files.items():
        if path is not None:
            report.files.add(folder / path)
        if path is not None and not (folder / path).is_file():
            fix = "write the path of a PEM file, relative to this adapter"
            report.add((*at, word), "DB421", f"there is no file `{path}`", fix=fix)


def _extras(backend: SoapBackendSpec) -> Iterator[tuple[str, At]]:
    """The extras an adapter needs, each with the place of the word that needs it."""
    security = backend.security
    if security is not None and (security.sign or security.verify):
        yield "wss", ("backend", "security")
    auth = backend.auth
    if auth is not None and (auth.ntlm or auth.kerberos):
        word = "ntlm" if auth.ntlm else "kerberos"
        yield word, ("backend", "auth", word)


_MODULES = {"wss": "signxml", "ntlm": "spnego", "kerberos": "gssapi"}


def _check_extra(name: str, at: At, report: Report) -> None:
    if find_spec(_MODULES[name]) is None:
        report.add(
            at,
            "DB422",
            f"`{at[-1]}` needs the extra `{name}`, which is not installed here",
            fix=f"pip install 'drawbar[{name}]'",
            severity="warning",  # another machine may have it
        )
