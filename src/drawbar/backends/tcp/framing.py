"""Where a message begins and ends in a stream of bytes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal, Protocol

from drawbar.codecs.payload import refused


class ConnectionEndedError(ConnectionError):
    """The peer closed the connection before its message was whole."""


class Framing(Protocol):
    """Both directions are framed alike."""

    def wrap(self, data: bytes) -> bytes:
        """Raises BackendError `invalid_arguments` for data that would not be one message."""
        ...

    async def read(self, reader: asyncio.StreamReader, most: int) -> tuple[bytes, bool]:
        """One message, or its first `most` bytes and True. Raises ConnectionEndedError."""
        ...


@dataclass(frozen=True, slots=True)
class Marked:
    """Messages that end with a mark, and may begin with one."""

    end: bytes
    start: bytes = b""
    name: str = "the mark that ends a message"

    def wrap(self, data: bytes) -> bytes:
        data = data.removesuffix(self.end)  # a record of lines brings its own
        if self.end in data:
            raise refused("what is sent", f"it contains {self.name}")
        return self.start + data + self.end

    async def read(self, reader: asyncio.StreamReader, most: int) -> tuple[bytes, bool]:
        data = bytearray()
        wanted = most + len(self.start) + len(self.end)
        while self.end not in data[-len(self.end) - 65536 :]:
            if len(data) >= wanted:
                return bytes(data[len(self.start) :][:most]), True
            data += await _some(reader, 65536)
        message = bytes(data[: data.index(self.end)])
        if not message.startswith(self.start):
            raise ConnectionEndedError("the reply does not begin as its framing says")
        message = message[len(self.start) :]
        return message[:most], len(message) > most


@dataclass(frozen=True, slots=True)
class Counted:
    """Messages that begin with their length, and behind that with bytes of zero."""

    width: int
    order: Literal["big", "little"]
    counts_itself: bool
    zeros: int = 0

    def wrap(self, data: bytes) -> bytes:
        length = len(data) + (self.width + self.zeros if self.counts_itself else 0)
        if length >= 256**self.width:
            raise refused("what is sent", f"it is longer than {self.width} bytes can say")
        return length.to_bytes(self.width, self.order) + bytes(self.zeros) + data

    async def read(self, reader: asyncio.StreamReader, most: int) -> tuple[bytes, bool]:
        length = int.from_bytes(await _exactly(reader, self.width), self.order)
        if self.counts_itself:
            length -= self.width + self.zeros
        if length < 0 or any(await _exactly(reader, self.zeros)):
            raise ConnectionEndedError("the reply's length is not one")
        return await _exactly(reader, min(length, most)), length > most


@dataclass(frozen=True, slots=True)
class UntilClosed:
    """One message a connection, which ends with it. The gateway closes its half after sending."""

    def wrap(self, data: bytes) -> bytes:
        return data

    async def read(self, reader: asyncio.StreamReader, most: int) -> tuple[bytes, bool]:
        data = bytearray()
        while len(data) <= most and (more := await reader.read(65536)):
            data += more
        return bytes(data[:most]), len(data) > most


async def _some(reader: asyncio.StreamReader, most: int) -> bytes:
    data = await reader.read(most)
    if not data:
        raise ConnectionEndedError("the peer closed the connection before its reply was whole")
    return data


async def _exactly(reader: asyncio.StreamReader, count: int) -> bytes:
    try:
        return await reader.readexactly(count)
    except asyncio.IncompleteReadError as error:
        raise ConnectionEndedError(
            "the peer closed the connection before its reply was whole"
        ) from error
