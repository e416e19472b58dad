"""A worker process, as the gateway sees it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson

from drawbar.kernel.values import JsonObject, JsonValue

_log = logging.getLogger(__name__)

_WORKER = Path(__file__).with_name("worker.py")
_INTERRUPT_TIME = 0.4
"""Seconds for `finally` and `except` blocks of a call that is ended, before the process is killed."""
_REAP_TIME = 0.5
_PIPE_TIME = 0.3
"""Seconds that programs which the code has started may hold the pipe open after it."""
_LENGTH = 4
_LONGEST_LINE = 65_536


class ProcessEndedError(Exception):
    """The process ended before it answered; the message says how."""


class Process:
    """Carries one call at a time."""

    def __init__(self, process: asyncio.subprocess.Process, tell: Callable[[str], str]) -> None:
        self._process = process
        self._tell = tell
        self._listening = asyncio.ensure_future(self._listen())
        self.calls = 0

    @classmethod
    async def start(
        cls, path: Sequence[str], environ: Mapping[str, str], tell: Callable[[str], str]
    ) -> Process:
        """`tell` masks what must not be logged of the lines that the process prints. Raises OSError."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", str(_WORKER)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environ,
            start_new_session=True,
            limit=_LONGEST_LINE,
        )
        started = cls(process, tell)
        try:
            await started.ask({"path": list[JsonValue](path)})
        except ProcessEndedError as error:
            await started.end()
            raise OSError(str(error)) from None
        except asyncio.CancelledError:
            await started.end()
            raise
        return started

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, frame: JsonObject) -> JsonObject:
        """Raises ProcessEndedError."""
        assert self._process.stdin is not None  # noqa: S101 -- it was asked for
        assert self._process.stdout is not None  # noqa: S101
        data = orjson.dumps(frame)
        try:
            self._process.stdin.write(len(data).to_bytes(_LENGTH, "big") + data)
            await self._process.stdin.drain()
            head = await self._process.stdout.readexactly(_LENGTH)
            size = int.from_bytes(head, "big")
            answer: JsonObject = orjson.loads(await self._process.stdout.readexactly(size))
        except (OSError, asyncio.IncompleteReadError):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REAP_TIME):
                    await self._process.wait()
            raise ProcessEndedError(self._how()) from None
        return answer

    async def end(self) -> None:
        """Interrupt what is done, then kill it and all that it has started."""
        if self._signal(signal.SIGINT):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_INTERRUPT_TIME):
                    await self._process.wait()
        self._signal(signal.SIGKILL, whole_group=True)
        await self._process.wait()
        await asyncio.wait(
            {self._listening}, timeout=_PIPE_TIME
        )  # what was printed last counts most
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        self._process._transport.close()  # type: ignore[attr-defined] # noqa: SLF001 -- closes the pipes; no public way

    def _signal(self, number: signal.Signals, *, whole_group: bool = False) -> bool:
        try:
            if whole_group:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)
        except (ProcessLookupError, PermissionError):
            return False
        return self.alive

    def _how(self) -> str:
        code = self._process.returncode
        if code is None:
            return "it does not answer"
        if code < 0:
            return f"it was ended by {signal.Signals(-code).name}"
        return f"it ended with code {code}"

    async def _listen(self) -> None:
        """What the code prints is for the operator."""
        assert self._process.stderr is not None  # noqa: S101 -- it was asked for
        while True:
            try:
                line = await self._process.stderr.readline()
            except ValueError:  # longer than the limit; the rest comes as the next line
                continue
            if not line:
                return
            _log.info("%s", self._tell(line.decode("utf-8", "replace").rstrip()))
