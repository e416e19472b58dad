"""X.509 signatures of WS-Security: ours over the body and the time, theirs checked against their certificate.

Needs the extra `wss` (signxml), which is loaded with the first signed message.
"""

from __future__ import annotations

import base64
import secrets
import threading
from functools import cached_property
from pathlib import Path
from typing import Any

from lxml import etree

from drawbar.backends.soap.access.failures import misconfigured
from drawbar.backends.soap.contract.xsd import local, split
from drawbar.backends.soap.message.headers import MASK
from drawbar.backends.soap.options import SignSpec, VerifySpec

EXTRA = "pip install 'drawbar[wss]'"
_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
_WSSE = f"{_OASIS}-wssecurity-secext-1.0.xsd"
_WSU = f"{_OASIS}-wssecurity-utility-1.0.xsd"
_X509 = f"{_OASIS}-x509-token-profile-1.0#X509v3"
_BASE64 = f"{_OASIS}-soap-message-security-1.0#Base64Binary"
_DSIG = "http://www.w3.org/2000/09/xmldsig#"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ID = f"{{{_WSU}}}Id"
_SIGNED = frozenset({"Body", "Timestamp"})


class NotSigned(Exception):
    """A reply without the signature that it has to have; the message says what is wrong with it."""


class Signer:
    """Signs with one key; the key is read at the first message. Shared by threads."""

    def __init__(self, spec: SignSpec, folder: Path) -> None:
        self._spec = spec
        self._folder = folder
        self._lock = threading.Lock()

    def sign(self, envelope: etree._Element, security: etree._Element, *, masked: bool) -> None:
        """Add our certificate and the signature to the header. Raises BackendError."""
        token = etree.SubElement(security, f"{{{_WSSE}}}BinarySecurityToken")
        token.set("EncodingType", _BASE64)
        token.set("ValueType", _X509)
        token.set(_ID, f"X509-{secrets.token_hex(8)}")
        if masked:
            token.text = MASK
            etree.SubElement(security, f"{{{_DSIG}}}Signature", nsmap={"ds": _DSIG}).text = MASK
            return
        with self._lock:
            key, token.text = self._key
        parts = [*security, envelope[-1]]
        ids = [_named(node) for node in parts if local(str(node.tag)) in _SIGNED]
        security.append(self._signature(envelope, ids, token.get(_ID) or "", key))

    def _signature(
        self, envelope: etree._Element, ids: list[str], token: str, key: Any
    ) -> etree._Element:
        signxml = _signxml()
        wanted = self._spec.algorithm
        signer = _signer_class(signxml, wanted)(
            method=signxml.methods.detached,
            signature_algorithm=f"{'ecdsa' if _is_elliptic(key) else 'rsa'}-{wanted}",
            digest_algorithm=wanted,
            c14n_algorithm=_EXCLUSIVE,
        )
        info = etree.Element(f"{{{_DSIG}}}KeyInfo", nsmap={"ds": _DSIG, "wsse": _WSSE})
        reference = etree.SubElement(info, f"{{{_WSSE}}}SecurityTokenReference")
        etree.SubElement(reference, f"{{{_WSSE}}}Reference", URI=f"#{token}", ValueType=_X509)
        made: etree._Element = signer.sign(
            envelope, key=key, key_info=info, reference_uri=ids, id_attribute="Id"
        )
        return made

    @cached_property
    def _key(self) -> tuple[Any, str]:
        """The private key, and the certificate as base64. Raises BackendError."""
        _signxml()  # its message first: cryptography comes with it
        from cryptography import x509  # noqa: PLC0415 -- comes with the extra
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 -- as above
            Encoding,
            load_pem_private_key,
        )

        spec = self._spec
        password = spec.key_password.reveal().encode() if spec.key_password is not None else None
        try:
            pem = (self._folder / (spec.key or spec.certificate)).read_bytes()
            key = load_pem_private_key(pem, password)
            certificate = x509.load_pem_x509_certificate(
                (self._folder / spec.certificate).read_bytes()
            )
        except (
            OSError,
            ValueError,
            TypeError,
        ) as error:  # TypeError: a password too many or too few
            raise _unusable("sign", error) from None
        return key, base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


class Verifier:
    """Checks replies against the certificates of the service; they are read at the first reply."""

    def __init__(self, spec: VerifySpec, folder: Path) -> None:
        self._spec = spec
        self._folder = folder

    def prepare(self) -> None:
        """Find out before anything is sent what could not be checked afterwards. Raises BackendError."""
        _signxml()
        assert self._certificates  # noqa: S101 -- a PEM file without one is no PEM file to the library

    def signed(self, envelope: etree._Element, header: str) -> list[etree._Element]:
        """The elements that the signature covers, as they were signed. Raises NotSigned or BackendError."""
        signxml = _signxml()
        place = f"*/{header}/{{{_DSIG}}}Signature"
        if envelope.find(place) is None:
            raise NotSigned("it is not signed")
        if split(str(envelope[0].tag))[1] != "Header" or len(envelope.findall(place)) > 1:
            raise NotSigned("it has several signatures, or one at the wrong place")
        why = ""
        for certificate in self._certificates:
            try:
                found = signxml.XMLVerifier().verify(
                    envelope,
                    x509_cert=certificate,
                    expect_config=self._expected(signxml, header),
                    # Its schema has no InclusiveNamespaces, which Java's servers write; and what is read
                    # is found by its place and covered by the signature, whatever else stands there.
                    validate_schema=False,
                )
            except (signxml.exceptions.SignXMLException, etree.LxmlError, ValueError) as error:
                why = why or str(error)
                continue
            return [each.signed_xml for each in found if each.signed_xml is not None]
        raise NotSigned(f"its signature is not the service's ({why})")

    def _expected(self, signxml: Any, header: str) -> Any:
        methods = {each for each in signxml.SignatureMethod if self._takes(each.name)}
        digests = {each for each in signxml.DigestAlgorithm if self._takes(each.name)}
        return signxml.SignatureConfiguration(
            location=f"./*/{header}/",
            expect_references=True,
            signature_methods=frozenset(methods),
            digest_algorithms=frozenset(digests),
        )

    def _takes(self, algorithm: str) -> bool:
        if "SHA1" in algorithm:
            return self._spec.algorithm == "sha1"
        return not algorithm.startswith("HMAC")

    @cached_property
    def _certificates(self) -> list[Any]:
        from cryptography import x509  # noqa: PLC0415 -- comes with the extra

        try:
            pem = (self._folder / self._spec.certificate).read_bytes()
            return x509.load_pem_x509_certificates(pem)
        except (OSError, ValueError) as error:
            raise _unusable("verify", error) from None


def _signxml() -> Any:  # an extra: it may not be there
    try:
        import signxml  # noqa: PLC0415 -- an extra, and heavy
    except ImportError:
        raise misconfigured(
            "signed messages need an extra that is not installed",
            f"the operator has to install it: {EXTRA}",
        ) from None
    return signxml


def _signer_class(signxml: Any, algorithm: str) -> Any:
    """The library writes SHA-1 only for who says that he means it, by this method."""
    if algorithm != "sha1":
        return signxml.XMLSigner
    return type("Sha1Signer", (signxml.XMLSigner,), {"check_deprecated_methods": lambda _: None})


def _is_elliptic(key: Any) -> bool:
    from cryptography.hazmat.primitives.asymmetric.ec import (  # noqa: PLC0415 -- comes with the extra
        EllipticCurvePrivateKey,
    )

    return isinstance(key, EllipticCurvePrivateKey)


def _named(node: etree._Element) -> str:
    """The element's id, by which the signature refers to it; made where it has none."""
    if node.get(_ID) is None:
        node.set(_ID, f"id-{secrets.token_hex(8)}")
    return f"#{node.get(_ID)}"


def _unusable(word: str, error: Exception) -> Exception:
    why = error.strerror if isinstance(error, OSError) else "it is no PEM file with what is needed"
    return misconfigured(
        f"a file under `security.{word}` cannot be used: {why}",
        f"the operator has to correct `security.{word}` of the adapter",
    )
