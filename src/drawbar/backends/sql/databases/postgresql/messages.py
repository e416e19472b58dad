"""Messages between PostgreSQL and a client that has prepared statements carried out, as bytes.

Version 3.0 of the protocol (PostgreSQL's manual, chapter "Frontend/Backend Protocol", "Message Formats"). Only what
a session says once it is open: how it begins, and all that can be encrypted, is libpq's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import TypeAlias

Cells: TypeAlias = "list[bytes | None]"
"""A row as the server writes it: each value as a text, None for null."""
Value: TypeAlias = "bytes | bytearray | memoryview | None"

HEAD = 5
"""Bytes before the body of a message: its kind, and a length that counts itself."""
ROW, READY, ERROR, STATUS = b"DZES"
PARSED, DESCRIPTION = b"1T"
IDLE = ord("I")
"""What `READY` says when no transaction is open."""

_LONG = Struct(">i")
_SHORT = Struct(">H")
_COLUMN = Struct(">IHIhih")
"""Behind the name of a column: its table, its number there, its type, size, modifier and format."""
_NULL = b"\xff\xff\xff\xff"
_AS_TEXT = b"\0\0"
"""The formats of the answer: none is named, so all values are texts."""
_MOST_ROWS = 2
"""With a second row it is known that the first was not the only one; the server makes no third."""


class Nonsense(Exception):
    """What the server says is no message of this protocol."""


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + _LONG.pack(len(body) + 4) + body


_SYNC = _message(b"S", b"")
_EXECUTE = _message(b"E", b"\0" + _LONG.pack(_MOST_ROWS)) + _SYNC


def simple(text: bytes) -> bytes:
    """A text without values."""
    return _message(b"Q", text + b"\0")


def prepare(name: bytes, text: bytes, types: Sequence[int]) -> bytes:
    """Prepare a statement, and have its columns told; to be followed by `execute` of it."""
    told = b"".join([Struct(">I").pack(number) for number in types])
    body = name + b"\0" + text + b"\0" + _SHORT.pack(len(types)) + told
    return _message(b"P", body) + _message(b"D", b"S" + name + b"\0")


def target(name: bytes, formats: Sequence[int]) -> bytes:
    """The beginning of each `execute` of a prepared statement with values in these formats."""
    told = b"".join([_SHORT.pack(each) for each in formats])
    return b"\0" + name + b"\0" + _SHORT.pack(len(formats)) + told


def execute(at: bytes, values: Sequence[Value]) -> bytes:
    """Carry it out in a transaction of its own; `at` is its `target`."""
    parts: list[bytes | bytearray | memoryview] = [at, _SHORT.pack(len(values))]
    for value in values:
        parts += (_NULL,) if value is None else (_LONG.pack(len(value)), value)
    parts.append(_AS_TEXT)
    return _message(b"B", b"".join(parts)) + _EXECUTE


def length_at(data: bytes, at: int) -> int:
    """Bytes of the message that begins there."""
    length: int = _LONG.unpack_from(data, at + 1)[0]
    if length < HEAD - 1:
        raise Nonsense(f"a message of {length} bytes")
    return length + 1


def row_at(data: bytes, at: int) -> Cells:
    """The body of a `ROW`."""
    count = _SHORT.unpack_from(data, at)[0]
    at += 2
    cells: Cells = []
    for _ in range(count):
        size = _LONG.unpack_from(data, at)[0]
        at += 4
        if size < 0:
            cells.append(None)
        else:
            cells.append(data[at : at + size])
            at += size
    return cells


def columns_of(body: bytes) -> list[tuple[bytes, int]]:
    """The names and types in a `DESCRIPTION`."""
    found = []
    at = 2
    for _ in range(_SHORT.unpack_from(body)[0]):
        ends = body.index(b"\0", at)
        found.append((body[at:ends], _COLUMN.unpack_from(body, ends + 1)[2]))
        at = ends + 1 + _COLUMN.size
    return found


def fields_of(body: bytes) -> dict[int, bytes | None]:
    """The parts of an `ERROR` by their letters, which are also libpq's numbers for them."""
    return {part[0]: part[1:] for part in body.split(b"\0") if part}


def status_of(body: bytes) -> tuple[bytes, bytes]:
    """The name and the value in a `STATUS`."""
    name, value, _ = body.split(b"\0")
    return name, value


class Splitter:
    """Cuts what arrives into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._wanted = 0

    def feed(self, arrived: bytes) -> Iterator[tuple[int, bytes, int, int]]:
        """Kind, where its body lies, and from where to where. Raises Nonsense."""
        data = arrived
        if self._rest:
            self._rest += arrived
            if len(self._rest) < self._wanted:
                return
            data = bytes(self._rest)
            self._rest.clear()
        at, end = 0, len(data)
        wanted = HEAD
        while end - at >= HEAD:
            wanted = length_at(data, at)
            if end - at < wanted:
                break
            yield data[at], data, at + HEAD, at + wanted
            at += wanted
            wanted = HEAD
        if at < end:
            self._rest += memoryview(data)[at:]
            self._wanted = wanted
