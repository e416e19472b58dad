"""The words for TLS, whatever speaks through it."""

from __future__ import annotations

import ssl
from pathlib import Path

from pydantic import Field

from drawbar.kernel.ports import BackendError
from drawbar.spec.model import BackendSpec, Spec
from drawbar.spec.source import Report


class TlsSpec(Spec):
    """For servers whose certificate no public authority signed, or that ask for one of ours."""

    ca: str | None = Field(None, description="PEM file of the authority that signed the server's.")
    certificate: str | None = Field(None, description="PEM file that shows who the gateway is.")
    key: str | None = Field(None, description="PEM file of its key, when that is another file.")
    verify: bool = Field(
        True,
        description="`false` takes any certificate, so anyone on the way can read and change all; warned of "
        "at each start.",
    )

    def context(self, folder: Path) -> ssl.SSLContext:
        """What `ssl` needs; relative paths start at `folder`. Raises BackendError for unusable files."""
        ca, certificate, key = (
            None if path is None else str(folder / path)
            for path in (self.ca, self.certificate, self.key)
        )
        try:
            context = ssl.create_default_context(cafile=ca)
            if not self.verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if certificate is not None:
                context.load_cert_chain(certificate, key)
        except OSError as error:  # ssl.SSLError is one
            raise BackendError(
                "A file named under `tls` is no certificate or key that can be used.",
                code="backend_unavailable",
                work="not_started",
                hint="The operator has to correct `tls:` of the adapter.",
            ) from error
        return context


def check_tls(backend: BackendSpec, folder: Path, report: Report) -> None:
    """What can be said of a backend's `tls` before anything is connected to, whatever its kind."""
    tls = getattr(backend, "tls", None)  # a word of some kinds
    if not isinstance(tls, TlsSpec):
        return
    at = ("backend", "tls")
    for word in ("ca", "certificate", "key"):
        if (path := getattr(tls, word)) is None:
            continue
        report.files.add(folder / path)
        if not (folder / path).is_file():
            fix = "write the path of a PEM file, relative to this adapter"
            report.add((*at, word), "DB140", f"there is no file `{path}`", fix=fix)
    if tls.key is not None and tls.certificate is None:
        fix = "write `certificate:` too"
        report.add((*at, "key"), "DB140", "a `key` belongs to a `certificate`", fix=fix)
    if not tls.verify:
        report.add(
            (*at, "verify"),
            "DB141",
            "the certificate of the server is not verified: anyone on the way can read and change all",
            fix="name the authority that signed it with `ca:`, and take `verify: false` out",
            severity="warning",
        )
