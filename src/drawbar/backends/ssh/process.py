"""One run of a program on the host: its channel, its caps, its end.

The protocol can ask for a signal and close the channel, no more. A host refuses signals to a command that it
forces, and a program that ignores both SIGTERM and the end of its pipes goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Any

from drawbar.codecs.program import Ended
from drawbar.kernel.extras import import_extra
from drawbar.kernel.ports import BackendError
from drawbar.wire.ending import undisturbed

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection, SSHClientProcess

_TERM_TIME = 0.3
"""Seconds from SIGTERM to SIGKILL, from there to closing, and to the end of that: less than one in all."""
_ERRORS = 4096
"""Bytes of standard error that are kept: the last ones."""
_PART = 65536


async def run(
    connection: SSHClientConnection, command: str, data: bytes, *, max_bytes: int, drain: bool
) -> Ended:
    """Run to the end. More than `max_bytes` of output ends the program, or with `drain` is thrown away.

    Raises BackendError. When cancelled, the program has been told to end before this returns.
    """
    ssh = import_extra("asyncssh", "ssh")
    try:
        process = await connection.create_process(command, encoding=None, request_pty=False)
    except ssh.ChannelOpenError as error:
        raise BackendError(
            f"The host starts nothing more on this connection: {error}.",
            code="backend_unavailable",
            retryable=True,
            work="not_started",
        ) from None
    feeding = asyncio.ensure_future(_feed(process, data))
    errors = asyncio.ensure_future(_tail(process))
    try:
        output, cut = await _head(process, max_bytes, drain=drain)
        stopped = cut and not drain
        if not stopped:
            await process.wait_closed()
            said = await errors
        else:
            said = b""
    finally:
        await undisturbed(_end(process, feeding, errors))
    return Ended(None if stopped else _code(process), output, said, cut)


async def _head(process: SSHClientProcess[bytes], most: int, *, drain: bool) -> tuple[bytes, bool]:
    found = bytearray()
    cut = False
    while part := await process.stdout.read(_PART):
        room = most - len(found)
        found += part[:room]
        if len(part) > room:
            cut = True
            if not drain:
                break
    return bytes(found), cut


async def _tail(process: SSHClientProcess[bytes]) -> bytes:
    found = bytearray()
    while part := await process.stderr.read(_PART):
        found += part
        del found[:-_ERRORS]
    return bytes(found)


async def _feed(process: SSHClientProcess[bytes], data: bytes) -> None:
    """A program need not read what it gets, so a pipe that it closed is no error."""
    with contextlib.suppress(OSError):
        if data:
            process.stdin.write(data)
            await process.stdin.drain()
        process.stdin.write_eof()


async def _end(process: SSHClientProcess[bytes], *tasks: asyncio.Future[Any]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.exit_status is not None or process.exit_signal is not None:
            break
        with contextlib.suppress(OSError):  # the channel is closed by now
            process.send_signal(number.name.removeprefix("SIG"))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait_closed(), _TERM_TIME)
    process.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait_closed(), _TERM_TIME)


def _code(process: SSHClientProcess[bytes]) -> int:
    """Raises BackendError where the host did not say how the program ended."""
    if process.exit_signal is not None:
        name = f"SIG{process.exit_signal[0]}"
        return -int(signal.Signals[name]) if name in signal.Signals.__members__ else -1
    if process.exit_status is None or process.exit_status < 0:
        raise lost("it did not say how the program ended")
    return process.exit_status


def lost(why: str) -> BackendError:
    """The connection is gone, and with it what became of the work."""
    return BackendError(
        f"The connection to the host was lost: {why}.",
        code="connection_lost",
        retryable=True,
        work="unknown",
    )
