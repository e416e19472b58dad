"""The Security header of WS-Security: who calls, until when a message counts, and its signature.

Written as the OASIS profiles of 2004 say: UsernameToken 1.0, X.509 1.0, SAML 1.0 and 1.1. The order within
the header is that in which a receiver can work it off: time, tokens, signature.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lxml import etree

from drawbar.backends.soap.access.failures import misconfigured, not_trusted
from drawbar.backends.soap.access.signature import NotSigned, Signer, Verifier
from drawbar.backends.soap.contract.documents import UnreadableXml, parse_xml
from drawbar.backends.soap.contract.xsd import local, split
from drawbar.backends.soap.message.headers import MASK, of_caller, shown
from drawbar.backends.soap.message.request import header_in
from drawbar.backends.soap.options import (
    SamlSpec,
    SecuritySpec,
    SoapBackendSpec,
    UsernameTokenSpec,
)
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import Caller

_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
WSSE = f"{_OASIS}-wssecurity-secext-1.0.xsd"
WSU = f"{_OASIS}-wssecurity-utility-1.0.xsd"
SECURITY = f"{{{WSSE}}}Security"
_TOKEN = f"{_OASIS}-username-token-profile-1.0"
_BASE64 = f"{_OASIS}-soap-message-security-1.0#Base64Binary"
_SAML = frozenset(
    {"urn:oasis:names:tc:SAML:1.0:assertion", "urn:oasis:names:tc:SAML:2.0:assertion"}
)
_SIGNED_FOR = 300.0
_SKEW = timedelta(seconds=60)
"""How far the clocks of the two machines may be apart."""


class Security:
    """For the requests and replies of one backend; shared by threads."""

    def __init__(self, options: SoapBackendSpec, folder: Path) -> None:
        spec = options.security
        self._username = options.auth.wsse_username if options.auth is not None else None
        self._valid = _validity(spec) if spec is not None else None
        self._saml = spec.saml if spec is not None else None
        self._folder = folder
        sign = spec.sign if spec is not None else None
        verify = spec.verify if spec is not None else None
        self._signer = Signer(sign, folder) if sign is not None else None
        self._verifier = Verifier(verify, folder) if verify is not None else None

    @property
    def verifies(self) -> bool:
        return self._verifier is not None

    def add(self, envelope: etree._Element, caller: Caller, *, masked: bool) -> None:
        """Put the header into an envelope that is finished otherwise. Raises BackendError."""
        if self._verifier is not None:
            self._verifier.prepare()
        if not (self._username or self._valid or self._saml or self._signer):
            return
        header = header_in(envelope)
        security = etree.SubElement(header, SECURITY, nsmap={"wsse": WSSE, "wsu": WSU})
        if self._valid is not None:
            _add_timestamp(security, timedelta(seconds=self._valid))
        if self._username is not None:
            _add_username_token(security, self._username, masked=masked)
        if self._saml is not None:
            security.append(self._assertion(self._saml, caller, masked=masked))
        if self._signer is not None:
            namespace = split(str(envelope.tag))[0]
            security.set(f"{{{namespace}}}mustUnderstand", "1")
            self._signer.sign(envelope, security, masked=masked)

    def checked(self, envelope: etree._Element) -> etree._Element:
        """The body of a reply as it was signed. Raises BackendError when it was not.

        What is read afterwards is what the signature covers, not what stands elsewhere in the envelope.
        """
        assert self._verifier is not None  # noqa: S101 -- asked for only where `verifies`
        try:
            signed = self._verifier.signed(envelope, SECURITY)
        except NotSigned as error:
            raise not_trusted(str(error)) from None
        tag = f"{{{split(str(envelope.tag))[0]}}}Body"
        # A signature over the whole envelope covers its body too.
        bodies = (
            e if e.tag == tag else e.find(tag) for e in signed if e.tag in {tag, envelope.tag}
        )
        body = next(bodies, None)
        if body is None:
            raise not_trusted("its body is not signed")
        _check_time(envelope, signed)
        return body

    def _assertion(self, spec: SamlSpec, caller: Caller, *, masked: bool) -> etree._Element:
        if spec.file is not None:
            try:
                text = (self._folder / spec.file).read_text()
            except OSError as error:
                raise misconfigured(
                    f"the SAML assertion cannot be read: {error.strerror}",
                    "the operator has to correct `security.saml.file` of the adapter",
                ) from None
        else:
            text = str(of_caller(caller, str(spec.from_)))
        try:
            node = parse_xml(_decoded(text))
        except (UnreadableXml, ValueError):
            node = None
        if (
            node is None
            or local(str(node.tag)) != "Assertion"
            or split(str(node.tag))[0] not in _SAML
        ):
            raise BackendError(
                "what should be a SAML assertion is none",
                code="identity_missing",
                work="not_started",
                hint=f"the operator has to look at `security.saml`: {spec.file or spec.from_}",
            )
        if masked:
            hidden = etree.Element(node.tag)
            hidden.text = MASK
            return hidden
        return node


def _validity(spec: SecuritySpec) -> float | None:
    """A signed message always says until when it counts, or it could be sent again years later."""
    return spec.timestamp or (_SIGNED_FOR if spec.sign is not None else None)


def _decoded(text: str) -> bytes:
    """XML as it stands, or in base64, as claims of tokens carry it. Raises ValueError."""
    if text.lstrip().startswith("<"):
        return text.strip().encode()
    return base64.b64decode("".join(text.split()), validate=True)


def _now() -> datetime:
    return datetime.now(UTC)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _add_timestamp(security: etree._Element, valid: timedelta) -> None:
    node = etree.SubElement(security, f"{{{WSU}}}Timestamp")
    now = _now()
    etree.SubElement(node, f"{{{WSU}}}Created").text = _text(now)
    etree.SubElement(node, f"{{{WSU}}}Expires").text = _text(now + valid)


def _add_username_token(security: etree._Element, spec: UsernameTokenSpec, *, masked: bool) -> None:
    """The digest is base64(SHA-1(nonce + created + password)), by UsernameToken profile 1.0, section 3.1."""
    node = etree.SubElement(security, f"{{{WSSE}}}UsernameToken")
    etree.SubElement(node, f"{{{WSSE}}}Username").text = spec.username
    password = etree.SubElement(node, f"{{{WSSE}}}Password")
    nonce, created = secrets.token_bytes(16), _text(_now())
    password.set("Type", f"{_TOKEN}#{'PasswordDigest' if spec.digest else 'PasswordText'}")
    if spec.digest and not masked:
        proof = nonce + created.encode() + spec.password.reveal().encode()
        digest = hashlib.sha1(proof, usedforsecurity=False).digest()  # the profile knows no other
        password.text = base64.b64encode(digest).decode()
    else:
        password.text = shown(spec.password, masked=masked)
    if spec.digest or spec.nonce:
        own = etree.SubElement(node, f"{{{WSSE}}}Nonce", EncodingType=_BASE64)
        own.text = base64.b64encode(nonce).decode()
        etree.SubElement(node, f"{{{WSU}}}Created").text = created


def _check_time(envelope: etree._Element, signed: list[etree._Element]) -> None:
    """A Timestamp, where there is one, has to be signed and of now: an old reply may be sent again."""
    if envelope.find(f"*/{SECURITY}/{{{WSU}}}Timestamp") is None:
        return
    stamp = next((node for node in signed if node.tag == f"{{{WSU}}}Timestamp"), None)
    if stamp is None:
        raise not_trusted("its Timestamp is not signed")
    created, expires = (_moment(stamp.findtext(f"{{{WSU}}}{n}")) for n in ("Created", "Expires"))
    if created is not None and created > _now() + _SKEW:
        raise not_trusted("its Timestamp lies in the future")
    if expires is not None and expires < _now() - _SKEW:
        raise not_trusted("its Timestamp has expired")


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise not_trusted("its Timestamp is no time") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
