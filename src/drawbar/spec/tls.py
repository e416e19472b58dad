"""The words for TLS, whatever speaks through it."""

from __future__ import annotations

import ssl
from pathlib import Path

from pydantic import Field

from drawbar.kernel.ports import BackendError
from drawbar.spec.model import Spec


class TlsSpec(Spec):
    """For servers whose certificate no public authority signed, or that ask for one of ours."""

    ca: str | None = Field(None, description="PEM file of the authority that signed the server's.")
    certificate: str | None = Field(None, description="PEM file that shows who the gateway is.")
    key: str | None = Field(None, description="PEM file of its key, when that is another file.")

    def context(self, folder: Path) -> ssl.SSLContext:
        """What `ssl` needs; relative paths start at `folder`. Raises BackendError for unusable files."""
        ca, certificate, key = (
            None if path is None else str(folder / path)
            for path in (self.ca, self.certificate, self.key)
        )
        try:
            context = ssl.create_default_context(cafile=ca)
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
