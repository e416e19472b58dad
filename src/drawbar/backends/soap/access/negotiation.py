"""NTLM and Kerberos: a handshake of a few requests on one connection that proves who calls.

Needs the extra `ntlm` or `kerberos` (pyspnego), which is loaded with the first call. NTLM's first request
carries no envelope, so nothing of a call has left before the service knows who calls.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterable
from typing import Any, Protocol
from urllib.parse import urlsplit

from drawbar.backends.soap.access.failures import misconfigured, not_trusted
from drawbar.backends.soap.access.post import Handshake
from drawbar.backends.soap.options import AuthSpec, KerberosSpec, NtlmSpec

_OF_KERBEROS = (("krb5", "Krb5Error"), ("gssapi.exceptions", "GSSError"))
"""Modules that are there with the extra `kerberos`, and what they raise."""


class Context(Protocol):
    """A conversation of pyspnego."""

    complete: bool

    def step(self, in_token: bytes | None = None) -> bytes | None: ...


def logins(auth: AuthSpec | None, endpoint: str) -> Callable[[], Handshake] | None:
    """Makes the handshake of one call; None where the adapter asks for none."""
    host = urlsplit(endpoint).hostname or ""
    if auth is not None and (ntlm := auth.ntlm) is not None:
        return lambda: _Conversation(lambda spnego: _ntlm(spnego, ntlm, host), ntlm.scheme)
    if auth is not None and (kerberos := auth.kerberos) is not None:
        make = lambda spnego: _kerberos(spnego, kerberos, host)  # noqa: E731 -- one line, twice the same form
        return lambda: _Conversation(make, "Negotiate", extra="kerberos")
    return None


class _Conversation:
    """Blocks: Kerberos may ask its server for a ticket."""

    def __init__(self, make: Callable[[Any], Context], scheme: str, *, extra: str = "ntlm") -> None:
        self.scheme = scheme
        self.envelope_first = extra == "kerberos"
        self._extra = extra
        self._make = make
        self._context: Context | None = None

    def first(self) -> str:
        """Raises BackendError."""
        spnego = _spnego(self._extra)
        try:
            self._context = self._make(spnego)
            token = self._context.step()
        except _raised(spnego) as error:
            raise misconfigured(
                f"{self._extra} cannot begin: {_brief(error)}",
                f"the operator has to look at `auth.{self._extra}` of the adapter",
            ) from None
        return self._header(token or b"")

    def next(self, challenges: Iterable[str]) -> str | None:
        """None where the service asked nothing that could be answered."""
        token = self._challenge(challenges)
        if token is None or self._context is None:
            return None
        spnego = _spnego(self._extra)
        try:
            answer = self._context.step(token)
        except _raised(spnego):
            return None
        return None if answer is None else self._header(answer)

    def finish(self, challenges: Iterable[str]) -> None:
        """Raises BackendError when the service, asked to, did not prove who it is."""
        token = self._challenge(challenges)
        if token is None or self._context is None or self._context.complete:
            return
        spnego = _spnego(self._extra)
        try:
            self._context.step(token)
        except _raised(spnego) as error:
            raise not_trusted(f"the service did not prove who it is ({_brief(error)})") from None

    def _challenge(self, challenges: Iterable[str]) -> bytes | None:
        for each in challenges:
            scheme, _, token = each.strip().partition(" ")
            if scheme.lower() == self.scheme.lower() and token:
                try:
                    return base64.b64decode(token, validate=True)
                except ValueError:
                    return None
        return None

    def _header(self, token: bytes) -> str:
        return f"{self.scheme} {base64.b64encode(token).decode()}"


def _ntlm(spnego: Any, spec: NtlmSpec, host: str) -> Context:
    made: Context = spnego.client(
        spec.username,
        spec.password.reveal(),
        hostname=host,
        service="HTTP",
        protocol="ntlm" if spec.scheme == "NTLM" else "negotiate",
        options=spnego.NegotiateOptions.use_ntlm
        if spec.scheme == "NTLM"
        else spnego.NegotiateOptions.use_negotiate,
    )
    return made


def _kerberos(spnego: Any, spec: KerberosSpec, host: str) -> Context:
    made: Context = spnego.client(
        spec.username,
        spec.password.reveal() if spec.password is not None else None,
        hostname=spec.host or host,
        service="HTTP",
        protocol="kerberos",  # `negotiate` would fall back to NTLM
    )
    return made


def _spnego(extra: str) -> Any:  # an extra: it may not be there
    try:
        import spnego  # noqa: PLC0415 -- an extra, and heavy
        import spnego.exceptions  # noqa: PLC0415 -- as above
    except ImportError:
        raise misconfigured(
            f"`auth.{extra}` needs an extra that is not installed",
            f"the operator has to install it: pip install 'drawbar[{extra}]'",
        ) from None
    return spnego


def _raised(spnego: Any) -> tuple[type[Exception], ...]:
    """Its own errors, and those of Kerberos that it lets through: a wrong password is one of these."""
    loaded = ((sys.modules.get(module), name) for module, name in _OF_KERBEROS)
    others = (getattr(module, name) for module, name in loaded if module is not None)
    found: tuple[type[Exception], ...] = (
        spnego.exceptions.SpnegoError,
        ImportError,  # asked for what is not installed
        ValueError,
        *others,
    )
    return found


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
