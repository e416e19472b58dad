"""One run of a program: its pipes, its caps, its end.

The program leads a process group of its own. When a run ends, for whatever reason, the whole group
is ended with it: SIGTERM, then SIGKILL within half a second. A program that leaves its group on
purpose (`setsid`, as daemons do) is out of reach.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from drawbar.codecs.program import Ended
from drawbar.wire.ending import undisturbed

_TERM_TIME = 0.4
"""Seconds from SIGTERM to SIGKILL; a fifth more for the others once the program itself has ended."""
_PIPE_TIME = 0.5
"""Seconds that a child may hold the pipes open after the program itself has ended."""
_REAP_TIME = 0.5
"""Seconds in which what was killed has to be gone; with the above, less than one."""
_ERRORS = 4096
"""Bytes of standard error that are kept: the last ones, where a traceback says what it was."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What is started, where and with which environment."""

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]


class _Pipes(asyncio.SubprocessProtocol):
    """Collects output up to a cap, and knows when the program and its pipes are done."""

    def __init__(self, most: int, *, drain: bool) -> None:
        loop = asyncio.get_running_loop()
        self.output = bytearray()
        self.errors = bytearray()
        self.cut = False
        self.enough: asyncio.Future[None] = loop.create_future()
        """The program has ended, or has written more than is wanted of it."""
        self.exited: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        """Nobody can write to standard output any more."""
        self._most = most
        self._drain = drain

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd != 1:
            self.errors += data
            del self.errors[:-_ERRORS]
            return
        room = self._most - len(self.output)
        self.output += data[:room]
        if len(data) > room:
            self.cut = True
            if not self._drain:
                _set(self.enough)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        del exc
        if fd == 1:
            _set(self.closed)

    def process_exited(self) -> None:
        _set(self.exited)
        _set(self.enough)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        _set(self.closed)


_Starting: TypeAlias = "asyncio.Future[tuple[asyncio.SubprocessTransport, _Pipes]]"


async def run(launch: Launch, data: bytes, *, max_bytes: int, drain: bool) -> Ended:
    """Run to the end. More than `max_bytes` of output ends the program, or with `drain` is thrown away.

    Raises OSError when it cannot be started. When cancelled, the group is gone before this returns.
    """
    pipes, transport = await _start(launch, max_bytes, drain=drain)
    try:
        _feed(transport, data)
        await pipes.enough
        if pipes.exited.done():
            await asyncio.wait([pipes.closed], timeout=_PIPE_TIME)
    finally:
        await undisturbed(_end(transport, pipes))
    stopped = pipes.cut and not drain
    return Ended(
        None if stopped else transport.get_returncode(),
        bytes(pipes.output),
        bytes(pipes.errors),
        pipes.cut,
    )


async def _start(
    launch: Launch, most: int, *, drain: bool
) -> tuple[_Pipes, asyncio.SubprocessTransport]:
    loop = asyncio.get_running_loop()
    pipes = _Pipes(most, drain=drain)
    starting: _Starting = asyncio.ensure_future(
        loop.subprocess_exec(
            lambda: pipes,
            *launch.argv,
            cwd=launch.cwd,
            env=dict(launch.env),
            start_new_session=True,
        )
    )
    try:
        transport, _ = await asyncio.shield(starting)
    except asyncio.CancelledError:
        await undisturbed(_end_started(starting, pipes))
        raise
    return pipes, transport


async def _end_started(starting: _Starting, pipes: _Pipes) -> None:
    with contextlib.suppress(OSError):
        transport, _ = await starting
        await _end(transport, pipes)


def _feed(transport: asyncio.SubprocessTransport, data: bytes) -> None:
    """A program need not read what it gets, so a pipe that it closed is no error."""
    pipe = transport.get_pipe_transport(0)
    if pipe is None:
        return
    # A cast, not a check: uvloop's transport does what asyncio.WriteTransport says without being one.
    writer = cast("asyncio.WriteTransport", pipe)
    if data and not writer.is_closing():
        writer.write(data)
    if (
        not writer.is_closing()
    ):  # uvloop closes it within `write`, and a second time is an error to it
        writer.close()


async def _end(transport: asyncio.SubprocessTransport, pipes: _Pipes) -> None:
    group = transport.get_pid()
    if _signal(group, signal.SIGTERM):
        await asyncio.wait([pipes.exited], timeout=_TERM_TIME)
        if not await _is_gone(group, time.monotonic() + _TERM_TIME / 5):
            _signal(group, signal.SIGKILL)
            limit = time.monotonic() + _REAP_TIME
            await asyncio.wait([pipes.exited], timeout=_REAP_TIME)
            await _is_gone(group, limit)
    transport.close()


async def _is_gone(group: int, limit: float) -> bool:
    """Wait for the last of a group. Nobody tells when that is, so it is asked for."""
    while _signal(group, 0):
        if time.monotonic() >= limit:
            return False
        await asyncio.sleep(0.01)
    return True


def _signal(group: int, number: int) -> bool:
    """Whether there was anyone to signal."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
