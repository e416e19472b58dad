"""A login that shows that both sides know the password, and sends it to neither (RFC 5802, RFC 7677)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Mapping

from drawbar.kernel.ports import BackendError

_HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
_FEWEST, _MOST = 4096, 1_000_000
"""Rounds that a server may ask for: RFC 5802 wants no fewer, and more would only keep this machine busy."""
_NO_BINDING = "n,,"


class Scram:
    """One login: `first`, then `last` for the server's answer, then `check` for its end."""

    def __init__(self, mechanism: str, username: str, password: str, nonce: str = "") -> None:
        """`nonce` is for tests; a fresh one otherwise."""
        self._hash = _HASHES[mechanism]
        self._password = unicodedata.normalize("NFKC", password)
        self._nonce = nonce or secrets.token_urlsafe(24)
        name = unicodedata.normalize("NFKC", username).replace("=", "=3D").replace(",", "=2C")
        self._bare = f"n={name},r={self._nonce}"
        self._proof = b""

    def first(self) -> bytes:
        return f"{_NO_BINDING}{self._bare}".encode()

    def last(self, told: bytes) -> bytes:
        """Raises BackendError for a server whose words are not of this login."""
        words = _words(told)
        nonce = words.get("r", "")
        try:
            salt, rounds = base64.b64decode(words["s"], validate=True), int(words["i"])
        except (KeyError, ValueError, binascii.Error):
            raise _wrong("its challenge is none") from None
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise _wrong("its challenge is not for us")
        if not _FEWEST <= rounds <= _MOST:
            raise _wrong(f"it asks for {rounds} rounds")
        bound = base64.b64encode(_NO_BINDING.encode()).decode()
        without = f"c={bound},r={nonce}"
        said = f"{self._bare},{told.decode()},{without}".encode()
        salted = hashlib.pbkdf2_hmac(self._hash, self._password.encode(), salt, rounds)
        key = self._mac(salted, b"Client Key")
        signature = self._mac(hashlib.new(self._hash, key).digest(), said)
        shown = bytes(one ^ two for one, two in zip(key, signature, strict=True))
        self._proof = self._mac(self._mac(salted, b"Server Key"), said)
        return f"{without},p={base64.b64encode(shown).decode()}".encode()

    def check(self, told: bytes) -> None:
        """Raises BackendError for a server that does not know the password itself."""
        shown = _words(told).get("v", "")
        if not hmac.compare_digest(shown, base64.b64encode(self._proof).decode()):
            raise _wrong("it does not know the password itself")

    def _mac(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, self._hash)


def _words(told: bytes) -> Mapping[str, str]:
    pairs = (part.partition("=") for part in told.decode("utf-8", "replace").split(","))
    return {key: value for key, _, value in pairs}


def _wrong(why: str) -> BackendError:
    return BackendError(
        f"The directory cannot be trusted: {why}.", code="backend_denied", work="not_started"
    )
