"""One terminal: an `s3270` of its own, which is told what to do line by line.

Characters are typed one by one by their numbers in Unicode, so that none can be a key or an order.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

from drawbar.backends.tn3270.options import Tn3270BackendSpec
from drawbar.backends.tn3270.screens import Place, Shown
from drawbar.kernel.ports import BackendError, WorkState
from drawbar.spec.tls import TlsSpec

PROGRAM = "s3270"
_LINE = 1 << 20
_CONNECTED = 3
"""Position of the word in a status line that says whether a host is there: `C(host)`, or `N`."""


class Terminal:
    """Made by `open_terminal`. Each method raises BackendError `connection_lost` when the host is gone."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def shown(self) -> Shown:
        return Shown(await self.do("ReadBuffer(Unicode)"))

    async def fill(self, place: Place, text: str) -> None:
        await self.do(f"MoveCursor1({place.row},{place.column})")
        await self.do("EraseEOF()")
        if text:
            await self.do(" ".join(f"Key(U+{ord(letter):04x})" for letter in text))

    async def press(self, key: str) -> None:
        """Returns when the host has answered."""
        name, number = key.rstrip("0123456789"), key.lstrip("abcdefghijklmnopqrstuvwxyz")
        await self.do(f"{name.upper() if number else name.capitalize()}({number})")

    async def do(self, action: str) -> list[str]:
        """What an action prints."""
        reader, writer = self._process.stdout, self._process.stdin
        if reader is None or writer is None:
            raise TypeError("both are pipes")
        printed: list[str] = []
        try:
            writer.write(action.encode() + b"\n")
            await writer.drain()
            while (line := await reader.readline()) not in (b"ok\n", b"error\n"):
                if not line:
                    raise _lost("the terminal ended")
                printed.append(line.decode(errors="replace").rstrip("\n"))
        except OSError as error:
            raise _lost(str(error)) from None
        status = printed.pop().split(" ") if printed else []
        # What it says of a failed handshake ends in bytes that are no text.
        said = [each.removeprefix("data: ") for each in printed if "\ufffd" not in each]
        if len(status) <= _CONNECTED or not status[_CONNECTED].startswith("C("):
            raise _lost(" ".join(said) or "the host ended the session")
        if line == b"error\n":
            raise _lost(
                f"the terminal could not do it: {' '.join(said) or action.split('(', maxsplit=1)[0]}"
            )
        return said

    async def close(self) -> None:
        """Hang up, whatever is under way."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        transport = getattr(self._process, "_transport", None)  # asyncio closes its pipes later
        if transport is not None:
            transport.close()


async def open_terminal(spec: Tn3270BackendSpec, folder: Path) -> Terminal:
    """A terminal with a connection; files of `tls` start at `folder`. Raises BackendError."""
    try:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            "-utf8",
            "-model",
            f"3279-{spec.model}",
            "-codepage",
            spec.code_page,
            *_files(spec.tls, folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LINE,
        )
    except FileNotFoundError:
        raise _unavailable(f"{PROGRAM} is not installed (Debian: {PROGRAM})") from None
    terminal = Terminal(process)
    try:
        prefix = "" if spec.tls is None else "L:" if spec.tls.verify else "Y:L:"
        host = f"[{spec.host}]" if ":" in spec.host else spec.host
        await terminal.do(f'Connect("{prefix}{host}:{spec.port}")')
        await terminal.do("Wait(3270Mode)")
    except BackendError as error:
        await terminal.close()
        raise _unavailable(error.message) from None
    except BaseException:
        await terminal.close()
        raise
    return terminal


def _files(tls: TlsSpec | None, folder: Path) -> Iterator[str]:
    """What s3270 is told of certificates."""
    if tls is None:
        return
    for option, path in (
        ("-cafile", tls.ca),
        ("-certfile", tls.certificate),
        ("-keyfile", tls.key or tls.certificate),
    ):
        if path is not None:
            yield from (option, str(folder / path))


def unexpected(shown: Shown, wanted: list[str], *, work: WorkState) -> BackendError:
    """Another screen than one of those that could come."""
    return BackendError(
        f"The application shows `{shown.heading}` where {' or '.join(wanted)} was expected.",
        code="unexpected_screen",
        work=work,
    )


def _unavailable(why: str) -> BackendError:
    return BackendError(
        f"The application cannot be reached: {why}.",
        code="backend_unavailable",
        retryable=True,
        work="not_started",
    )


def _lost(why: str) -> BackendError:
    return BackendError(
        f"The session was lost: {why}.", code="connection_lost", retryable=True, work="unknown"
    )
