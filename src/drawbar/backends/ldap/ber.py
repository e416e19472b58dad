"""BER as LDAP uses it: one-byte tags, definite lengths (RFC 4511 5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET = 0x02, 0x04, 0x0A, 0x30, 0x31
_BOOLEAN = 0x01
_LONG = 0x80
"""The bit of a length that says that the length itself takes several bytes."""
_WIDEST = 4


class BerError(ValueError):
    """Bytes that are no BER, or not that of LDAP."""


@dataclass(frozen=True, slots=True)
class Element:
    """A tag and what it holds."""

    tag: int
    content: bytes

    def inner(self) -> tuple[Element, ...]:
        """What a constructed element holds. Raises BerError."""
        return tuple(_elements(self.content))

    def number(self) -> int:
        return int.from_bytes(self.content, "big", signed=True)

    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


def wrap(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < _LONG:
        return bytes((tag, size)) + content
    width = (size.bit_length() + 7) // 8
    return bytes((tag, _LONG | width)) + size.to_bytes(width, "big") + content


def number(value: int, tag: int = INTEGER) -> bytes:
    return wrap(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value: bytes | str, tag: int = OCTETS) -> bytes:
    return wrap(tag, value.encode() if isinstance(value, str) else value)


def boolean(value: bool, tag: int = _BOOLEAN) -> bytes:  # noqa: FBT001 -- the value itself
    return wrap(tag, b"\xff" if value else b"\x00")


def length_of(head: bytes) -> tuple[int, int] | None:
    """Bytes of the head and of the content of the element that begins here; None: more has to be read first."""
    if len(head) < 2:  # noqa: PLR2004 -- the tag and the first byte of the length
        return None
    first = head[1]
    if first < _LONG:
        return 2, first
    width = first & ~_LONG
    if not 0 < width <= _WIDEST:
        raise BerError("a length that LDAP does not allow")
    if len(head) < 2 + width:
        return None
    return 2 + width, int.from_bytes(head[2 : 2 + width], "big")


def read(data: bytes) -> Element:
    """The one element that `data` is. Raises BerError."""
    found = tuple(_elements(data))
    if len(found) != 1:
        raise BerError("more or less than one element")
    return found[0]


def _elements(data: bytes) -> Iterator[Element]:
    at = 0
    while at < len(data):
        measured = length_of(data[at : at + 2 + _WIDEST])
        if measured is None or at + sum(measured) > len(data):
            raise BerError("an element that is cut off")
        head, size = measured
        yield Element(data[at], data[at + head : at + head + size])
        at += head + size
