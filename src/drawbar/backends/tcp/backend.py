"""A server on a socket: connected to, asked, listened to."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path

from drawbar.backends.tcp.framing import Framing, UntilClosed
from drawbar.backends.tcp.options import TcpBackendSpec
from drawbar.codecs.message import Message
from drawbar.kernel.ports import BackendError, Call, Health, Reply

_HEALTH_TIME = 4.0
"""Seconds for a connection to be made when health is asked."""


@dataclass(frozen=True, eq=False, slots=True)
class Line:
    """An open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def abort(self) -> None:
        self.writer.transport.abort()


class TcpBackend:
    """Fills the port `drawbar.kernel.ports.Backend`."""

    def __init__(
        self, spec: TcpBackendSpec, host: str, port: int, framing: Framing, folder: Path
    ) -> None:
        self._spec = spec
        self._host = host
        self._port = port
        self._framing = framing
        self._folder = folder
        self._tls: ssl.SSLContext | None = None
        self._idle: list[Line] = []
        self._busy: set[Line] = set()
        self._closed = False

    async def invoke(self, binding: Message, call: Call) -> Reply:
        """Send the request and read its reply, or show in a dry run what would be sent."""
        data = self._framing.wrap(binding.encode(call.arguments))
        if call.mode == "dry_run":
            return Reply({"request": {"to": self._spec.address, "bytes": _shown(data)}})
        if self._closed:
            raise BackendError(
                "The backend was closed.", code="backend_unavailable", work="not_started"
            )
        line = await self._line()
        self._busy.add(line)
        whole = False
        try:
            content, cut = await self._exchange(line, binding, data, call)
            whole = not cut
        except (OSError, EOFError) as error:
            raise self._lost(error) from error
        finally:
            self._busy.discard(line)
            self._keep(line, whole=whole)
        return binding.read(content, call, cut=cut)

    async def health(self) -> Health:
        """Whether a connection can be made."""
        try:
            async with asyncio.timeout(_HEALTH_TIME):
                line = await self._connect()
        except TimeoutError:
            return Health(ok=False, detail=f"no connection within {_HEALTH_TIME:.0f} s")
        except BackendError as error:
            return Health(ok=False, detail=error.message)
        line.abort()
        return Health(ok=True, detail=f"{self._spec.address} takes connections")

    async def close(self) -> None:
        """Cut every connection; a call under way fails."""
        self._closed = True
        for line in (*self._idle, *self._busy):
            line.abort()
        self._idle.clear()
        await asyncio.sleep(0)  # lets transports close their sockets

    async def _exchange(
        self, line: Line, binding: Message, data: bytes, call: Call
    ) -> tuple[bytes, bool]:
        call.progress.mark_sent()
        line.writer.write(data)
        await line.writer.drain()
        if isinstance(self._framing, UntilClosed) and line.writer.can_write_eof():
            line.writer.write_eof()
        if binding.answer is None:
            return b"", False
        found = await self._framing.read(line.reader, call.max_bytes)
        if self._closed:  # what was read may have ended only because of that
            raise ConnectionAbortedError("the gateway closed it")
        return found

    async def _line(self) -> Line:
        """A connection that was kept and still stands, or a new one."""
        while self._idle:
            line = self._idle.pop()
            # A byte that nobody asked for would be taken for the answer to the next request.
            if not (line.reader.at_eof() or line.writer.is_closing() or line.reader._buffer):  # type: ignore[attr-defined]  # noqa: SLF001 -- there is no public way to see it
                return line
            line.abort()
        return await self._connect()

    async def _connect(self) -> Line:
        if self._spec.tls is not None and self._tls is None:
            self._tls = self._spec.tls.context(self._folder)
        try:
            reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        except OSError as error:
            reason = "nobody listens there" if isinstance(error, ConnectionRefusedError) else error
            raise BackendError(
                f"{self._spec.address} cannot be reached: {reason}.",
                code="backend_unavailable",
                retryable=True,
                work="not_started",
            ) from error
        return Line(reader, writer)

    def _keep(self, line: Line, *, whole: bool) -> None:
        if whole and self._spec.connection == "kept" and not self._closed:
            self._idle.append(line)
        else:
            line.abort()

    def _lost(self, error: Exception) -> BackendError:
        return BackendError(
            f"The connection to {self._spec.address} was lost: {error}.",
            code="connection_lost",
            retryable=True,
            work="unknown",
        )


def _shown(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
