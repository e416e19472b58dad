"""Messages of LDAP version 3 (RFC 4511), controls included."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from drawbar.backends.ldap.ber import (
    ENUMERATED,
    SEQUENCE,
    SET,
    BerError,
    Element,
    boolean,
    number,
    octets,
    wrap,
)

ENTRY, DONE, REFERENCE = 0x64, 0x65, 0x73
"""Answers to a search: an entry, the end, a hint at another server."""
INTERMEDIATE = 0x79
_ANSWERS = frozenset({0x61, DONE, 0x67, 0x69, 0x6B, 0x6F, 0x78})
"""Answers that end an operation: they begin with an LDAPResult."""
_CONTROLS = 0xA0
_PROOF = 0x87
"""serverSaslCreds of a bind's answer."""
_PAGED = b"1.2.840.113556.1.4.319"
"""RFC 2696."""
_PROXIED = "2.16.840.1.113730.3.4.18"
"""RFC 4370."""
_STARTTLS = "1.3.6.1.4.1.1466.20037"
_VERSION = 3

Scope = Literal["base", "one", "subtree"]
_SCOPES: Mapping[Scope, int] = {"base": 0, "one": 1, "subtree": 2}
Change = Literal["add", "delete", "replace"]
_CHANGES: Mapping[Change, int] = {"add": 0, "delete": 1, "replace": 2}
Values = Mapping[str, Sequence[bytes]]
"""Values by attribute."""


@dataclass(frozen=True, slots=True)
class Result:
    """How an operation ended; `cookie` leads to the next page of a search, `proof` is what a bind answers."""

    code: int
    matched: str
    message: str
    cookie: bytes = b""
    proof: bytes = b""


@dataclass(frozen=True, slots=True)
class Message:
    """One answer."""

    number: int
    tag: int
    body: Element
    controls: tuple[Element, ...]

    @property
    def ends(self) -> bool:
        return self.tag in _ANSWERS

    def result(self) -> Result:
        """Raises BerError."""
        parts = self.body.inner()
        if len(parts) < 3:  # noqa: PLR2004 -- resultCode, matchedDN, diagnosticMessage
            raise BerError("a result without its three parts")
        proof = next((part.content for part in parts[3:] if part.tag == _PROOF), b"")
        return Result(
            parts[0].number(), parts[1].text(), parts[2].text(), _cookie_of(self.controls), proof
        )

    def entry(self) -> tuple[str, dict[str, list[bytes]]]:
        """The name and the attributes of a search's entry. Raises BerError."""
        name, attributes = self.body.inner()
        found: dict[str, list[bytes]] = {}
        for attribute in attributes.inner():
            kind, values = attribute.inner()
            found[kind.text()] = [value.content for value in values.inner()]
        return name.text(), found


def read_message(element: Element) -> Message:
    """Raises BerError."""
    parts = element.inner()
    if element.tag != SEQUENCE or len(parts) < 2:  # noqa: PLR2004 -- messageID and protocolOp
        raise BerError("no message of LDAP")
    controls = parts[2].inner() if len(parts) > 2 and parts[2].tag == _CONTROLS else ()  # noqa: PLR2004
    return Message(parts[0].number(), parts[1].tag, parts[1], controls)


def message(identifier: int, operation: bytes, controls: Sequence[bytes] = ()) -> bytes:
    extra = (wrap(_CONTROLS, *controls),) if controls else ()
    return wrap(SEQUENCE, number(identifier), operation, *extra)


def simple_bind(name: str, password: str) -> bytes:
    return wrap(0x60, number(_VERSION), octets(name), octets(password, 0x80))


def sasl_bind(mechanism: str, credentials: bytes | None) -> bytes:
    given = () if credentials is None else (octets(credentials),)
    return wrap(0x60, number(_VERSION), octets(""), wrap(0xA3, octets(mechanism), *given))


def start_tls() -> bytes:
    return wrap(0x77, octets(_STARTTLS, 0x80))


def unbind() -> bytes:
    return wrap(0x42)


def abandon(identifier: int) -> bytes:
    return number(identifier, 0x50)


def search(
    base: str,
    scope: Scope,
    condition: bytes,
    attributes: Sequence[str],
    *,
    most: int,
    seconds: float,
) -> bytes:
    """`condition` is an encoded filter; aliases are not followed; zero means no limit to the server."""
    limit = min(math.ceil(seconds), 2**31 - 1)
    return wrap(
        0x63,
        octets(base),
        number(_SCOPES[scope], ENUMERATED),
        number(0, ENUMERATED),
        number(most),
        number(max(limit, 1)),
        boolean(False),
        condition,
        wrap(SEQUENCE, *(octets(each) for each in attributes)),
    )


def compare(name: str, attribute: str, value: bytes) -> bytes:
    return wrap(0x6E, octets(name), wrap(SEQUENCE, octets(attribute), octets(value)))


def add(name: str, values: Values) -> bytes:
    attributes = (_attribute(each, found) for each, found in values.items())
    return wrap(0x68, octets(name), wrap(SEQUENCE, *attributes))


def modify(name: str, changes: Sequence[tuple[Change, str, Sequence[bytes]]]) -> bytes:
    encoded = (
        wrap(SEQUENCE, number(_CHANGES[change], ENUMERATED), _attribute(attribute, values))
        for change, attribute, values in changes
    )
    return wrap(0x66, octets(name), wrap(SEQUENCE, *encoded))


def delete(name: str) -> bytes:
    return octets(name, 0x4A)


def paged(size: int, cookie: bytes) -> bytes:
    """Not critical: a server that knows no pages answers with all."""
    value = wrap(SEQUENCE, number(size), octets(cookie))
    return wrap(SEQUENCE, octets(_PAGED), octets(value))


def proxied(identity: str) -> bytes:
    """Critical, as RFC 4370 wants it: who does not know it must not answer as somebody else."""
    return wrap(SEQUENCE, octets(_PROXIED), boolean(True), octets(identity))


def _attribute(name: str, values: Sequence[bytes]) -> bytes:
    return wrap(SEQUENCE, octets(name), wrap(SET, *(octets(value) for value in values)))


def _cookie_of(controls: Sequence[Element]) -> bytes:
    for control in controls:
        parts = control.inner()
        if parts and parts[0].content == _PAGED:
            _size, cookie = Element(SEQUENCE, parts[-1].content).inner()[0].inner()
            return cookie.content
    return b""
