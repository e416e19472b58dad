"""A host: connected to at the first call, and again when the connection was lost. Calls share one connection."""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING

from drawbar.backends.ssh.connection import CONNECT_TIME, connect, reason
from drawbar.backends.ssh.options import SshBackendSpec
from drawbar.backends.ssh.process import lost, run
from drawbar.codecs.program import Ended, Program, arguments_of, input_of
from drawbar.codecs.program_reply import read_reply
from drawbar.kernel.extras import import_extra
from drawbar.kernel.ports import BackendError, Call, Health, Reply

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection


class SshBackend:
    """Fills the port `drawbar.kernel.ports.Backend`."""

    def __init__(self, spec: SshBackendSpec) -> None:
        self._spec = spec
        self._connection: SSHClientConnection | None = None
        self._connecting = asyncio.Lock()
        self._closed = False

    async def invoke(self, binding: Program, call: Call) -> Reply:
        """Start the program, or say in a dry run what would be started.

        The host hands the words to a shell of POSIX, so each is quoted for one.
        """
        command = shlex.join([*self._spec.program, *arguments_of(binding, call.arguments)])
        data = input_of(binding, call.arguments)
        if call.mode == "dry_run":
            shown = data.decode(errors="backslashreplace")
            at = f"{self._spec.username}@{self._spec.host}:{self._spec.port}"
            return Reply({"request": {"at": at, "command": command, "stdin": shown}})
        connection = await self._connected()
        changes = binding.answer.changes
        if changes:
            call.progress.mark_sent()
        ended = await self._run(connection, command, data, call, drain=changes)
        return read_reply(binding, ended, call, self._spec.encoding)

    async def health(self) -> Health:
        """Whether the host is the one that is known, and lets this account in."""
        try:
            async with asyncio.timeout(CONNECT_TIME):
                connection = await connect(self._spec)
        except TimeoutError:
            return Health(ok=False, detail=f"no answer within {CONNECT_TIME} s")
        except BackendError as error:
            return Health(ok=False, detail=f"{error.message} {error.hint or ''}".strip())
        connection.close()
        await connection.wait_closed()
        return Health(ok=True, detail=f"{self._spec.host} lets {self._spec.username} in")

    async def close(self) -> None:
        """Close the connection; a call under way fails."""
        self._closed = True
        async with self._connecting:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            await connection.wait_closed()

    async def _run(
        self, connection: SSHClientConnection, command: str, data: bytes, call: Call, *, drain: bool
    ) -> Ended:
        # To end a change because of what it prints would cut it in half, so its output is drained.
        try:
            return await run(connection, command, data, max_bytes=call.max_bytes, drain=drain)
        except (import_extra("asyncssh", "ssh").Error, OSError) as error:
            raise lost("the gateway closed it" if self._closed else reason(error)) from None

    async def _connected(self) -> SSHClientConnection:
        async with self._connecting:
            if self._closed:
                raise BackendError(
                    "The backend was closed.", code="backend_unavailable", work="not_started"
                )
            if self._connection is None or self._connection.is_closed():
                self._connection = await connect(self._spec)
            return self._connection
