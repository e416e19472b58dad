"""A connection to a directory server, used by one call at a time.

One at a time, since servers keep the place of a paged search by connection, and since closing it is the surest
way to end what it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from drawbar.backends.ldap import messages
from drawbar.backends.ldap.ber import BerError, length_of, read
from drawbar.backends.ldap.failure import IN_PROGRESS, SUCCESS, failure, unavailable
from drawbar.backends.ldap.messages import INTERMEDIATE, Message, Result, read_message
from drawbar.backends.ldap.options import LdapAuthSpec, LdapScramSpec
from drawbar.backends.ldap.scram import Scram
from drawbar.kernel.ports import BackendError

_LARGEST = 64 * 2**20
"""Bytes of one message, which is at most one entry."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the server is; `implicit`: TLS from the first byte, instead of by StartTLS."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    implicit: bool


class Connection:
    """Operations and their answers. OSError or BerError from any of them: it is of no use any more."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0

    @property
    def usable(self) -> bool:
        """Whether it stands, and nothing was said that nobody asked for: that would be a farewell."""
        unasked = self._reader._buffer  # type: ignore[attr-defined] # noqa: SLF001 -- no public way to see it
        return not (self._reader.at_eof() or self._writer.is_closing() or unasked)

    async def ask(
        self, operation: bytes, controls: Sequence[bytes] = ()
    ) -> AsyncGenerator[Message, None]:
        """The answers; the last of them ends the operation. It is abandoned when nobody reads on."""
        self._number += 1
        number = self._number
        self._writer.write(messages.message(number, operation, controls))
        ended = False
        try:
            await self._writer.drain()
            while not ended:
                answer = await self._read()
                if answer.number != number:
                    raise ConnectionResetError(
                        "the server ended it"
                    )  # all it says unasked (RFC 4511 4.4.1)
                ended = answer.ends
                if answer.tag != INTERMEDIATE:
                    yield answer
        finally:
            if not ended:
                self.leave(messages.abandon(number))

    async def result(self, operation: bytes, controls: Sequence[bytes] = ()) -> Result:
        """Of an operation that has one answer."""
        async with contextlib.aclosing(self.ask(operation, controls)) as answers:
            async for answer in answers:
                return answer.result()
        raise ConnectionResetError("the server said nothing")

    def leave(self, last: bytes | None = None) -> None:
        """Say goodbye and close, without waiting for anything."""
        if self._writer.is_closing():
            return
        with contextlib.suppress(OSError, RuntimeError):
            for each in (last, messages.unbind()):
                if each is not None:
                    self._number += 1
                    self._writer.write(messages.message(self._number, each))
        self._writer.close()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def start_tls(self, target: Target) -> None:
        result = await self.result(messages.start_tls())
        if result.code != SUCCESS:
            raise failure(result)
        if self._reader._buffer:  # type: ignore[attr-defined] # noqa: SLF001 -- see above
            raise ConnectionResetError("it said something between the end of plain text and TLS")
        assert target.tls is not None  # noqa: S101 -- StartTLS is asked for with a context
        await self._writer.start_tls(target.tls, server_hostname=target.host)

    async def bind(self, auth: LdapAuthSpec) -> None:
        """Raises BackendError when the server does not take it."""
        if auth.scram is not None:
            await self._scram(auth.scram)
            return
        if auth.simple is not None:
            operation = messages.simple_bind(auth.simple.dn, auth.simple.password.reveal())
        elif auth.plain is not None:
            said = f"\0{auth.plain.username}\0{auth.plain.password.reveal()}"  # RFC 4616
            operation = messages.sasl_bind("PLAIN", said.encode())
        else:
            operation = messages.sasl_bind("EXTERNAL", b"")
        result = await self.result(operation)
        if result.code != SUCCESS:
            raise failure(result)

    async def _scram(self, login: LdapScramSpec) -> None:
        scram = Scram(login.mechanism, login.username, login.password.reveal())
        asked = await self.result(messages.sasl_bind(login.mechanism, scram.first()))
        if asked.code != IN_PROGRESS:
            raise failure(asked)
        last = scram.last(asked.proof)
        ended = await self.result(messages.sasl_bind(login.mechanism, last))
        if ended.code == IN_PROGRESS:  # some say their part before they say that it is well
            scram.check(ended.proof)
            ended = await self.result(messages.sasl_bind(login.mechanism, b""))
            if ended.code != SUCCESS:
                raise failure(ended)
            return
        if ended.code != SUCCESS:
            raise failure(ended)
        scram.check(ended.proof)

    async def _read(self) -> Message:
        head = await self._reader.readexactly(2)
        while (measured := length_of(head)) is None:
            head += await self._reader.readexactly(1)
        if measured[1] > _LARGEST:
            raise BerError(f"a message of {measured[1]} bytes")
        return read_message(read(head + await self._reader.readexactly(measured[1])))


async def connect(target: Target, auth: LdapAuthSpec | None) -> Connection:
    """A connection that is encrypted and bound as declared. Raises BackendError: nothing was asked."""
    try:
        reader, writer = await asyncio.open_connection(
            target.host, target.port, ssl=target.tls if target.implicit else None
        )
    except OSError as error:
        reason = "nobody listens there" if isinstance(error, ConnectionRefusedError) else error
        raise unavailable(reason) from None
    connection = Connection(reader, writer)
    ready = False
    try:
        if target.tls is not None and not target.implicit:
            await connection.start_tls(target)
        if auth is not None:
            await connection.bind(auth)
        ready = True
    except BackendError as error:
        error.work = "not_started"
        if error.code == "backend_denied":
            error.hint = "The operator has to correct `auth:` of the adapter."
        raise
    except EOFError:
        raise unavailable("the server closed the connection") from None
    except (OSError, BerError) as error:
        raise unavailable(error) from None
    finally:
        if not ready:
            connection.abort()
    return connection
