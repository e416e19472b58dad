"""Certificates for servers of the tests, signed by themselves."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_certificate(folder: Path, name: str = "server") -> tuple[Path, Path]:
    """NAME.pem and NAME.key in the folder, for 127.0.0.1 and localhost."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def sign_certificate(folder: Path, name: str, authority: str) -> tuple[Path, Path]:
    """NAME.pem and NAME.key in the folder, for the same hosts, signed by AUTHORITY.pem there."""
    certificate, key, asked = (folder / f"{name}.{end}" for end in ("pem", "key", "csr"))
    (folder / "hosts").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    commands: list[list[str | Path]] = [
        ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
         "-keyout", key, "-out", asked],
        ["x509", "-req", "-in", asked, "-CA", folder / f"{authority}.pem", "-CAkey", folder / f"{authority}.key",
         "-CAcreateserial", "-days", "2", "-extfile", folder / "hosts", "-out", certificate],
    ]  # fmt: skip
    for command in commands:
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return certificate, key
