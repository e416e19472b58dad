"""The Saltmouth and Isles Ferry Company: starts its legacy systems, says where they are, ends them.

Everything lives in one temporary folder and in child processes that end when their standard input
does, so that nothing outlives the company, even when this process is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from drawbar.kernel.errors import OperatorError

NAME = "Saltmouth & Isles Ferries"
QUESTIONS = (
    "How many days of leave does employee 1042 have left?",
    "Show booking B-20417",
    "Which departures are delayed at Ormsay today?",
    "Find parts: impeller",
    "Report a defect on the fulmar: gangway light out, severity service",
)
_START_WITHIN = 20.0
"""Seconds; a cold Python on a busy machine takes two or three."""
_END_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class System:
    """One legacy system: what people call it, what it is, where it answers."""

    name: str
    what: str
    where: str


@dataclass(frozen=True, slots=True)
class Company:
    """A company that is open for business. `environ` is what its adapters refer to."""

    folder: Path
    systems: tuple[System, ...]
    environ: Mapping[str, str]
    processes: Mapping[str, Process]

    async def crashed(self) -> str:
        """Waits until one of its processes has ended by itself, and says which."""
        waits = {
            asyncio.ensure_future(process.wait()): name for name, process in self.processes.items()
        }
        try:
            ended, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            first = next(iter(ended))
            return f"the {waits[first]} has ended by itself, with exit code {first.result()}"
        finally:
            for wait in waits:
                wait.cancel()


@asynccontextmanager
async def open_company(*, postgres: str | None = None) -> AsyncIterator[Company]:
    """The four systems, running on free ports. Raises OperatorError when one does not start."""
    async with AsyncExitStack() as stack:
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="drawbar-demo-", ignore_cleanup_errors=True)
            )
        )
        personnel = await stack.enter_async_context(_server("personnel"))
        harbour = await stack.enter_async_context(_server("harbour"))
        bookings_url = await stack.enter_async_context(_bookings(folder, postgres))
        stock = await _stock(folder)
        hr_url = await _address("crew office", personnel)
        harbour_url = await _address("harbour desk", harbour)
        yield Company(
            folder,
            (
                System("Crew office", "SOAP 1.1, 2004", hr_url),
                System("Booking office", "SQL, 1998", _shown(bookings_url)),
                System("Harbour desk", "JSON over HTTP, 2015", harbour_url),
                System("Ship's stores", "fixed-width records, 1987", f"stores < {stock}"),
            ),
            {
                "DEMO_HR_URL": hr_url,
                "DEMO_BOOKINGS_URL": bookings_url,
                "DEMO_HARBOUR_URL": harbour_url,
                "DEMO_PYTHON": sys.executable,
                "DEMO_STORES_FILE": str(stock),
            },
            {"crew office": personnel, "harbour desk": harbour},
        )


@asynccontextmanager
async def _server(module: str) -> AsyncIterator[Process]:
    """Started, but perhaps not ready yet: it says so itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"drawbar.demo.{module}",
        "--port",
        "0",
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,  # Ctrl-C in the terminal is the gateway's business first
    )
    try:
        yield process
    finally:
        await _end(process)


async def _address(name: str, process: Process) -> str:
    """What the process prints when it is ready."""
    assert process.stdout is not None  # noqa: S101 -- it was started with a pipe
    try:
        async with asyncio.timeout(_START_WITHIN):
            line = await process.stdout.readline()
    except TimeoutError:
        raise OperatorError(f"the {name} did not start within {_START_WITHIN:.0f} s") from None
    if not line:
        raise OperatorError(f"the {name} did not start: {await _last_words(process)}")
    return str(json.loads(line)["url"])


async def _end(process: Process) -> None:
    """Close its input, which ends it; be firm where that does not help."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_END_WITHIN):
            await process.communicate()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _tool(name: str, *arguments: str) -> bytes:
    """Run one of the legacy programs to its end and hand back what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
    )
    try:
        out, error = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode:
        reason = _last_line(error)
        raise OperatorError(f"the data of the {name} could not be made: {reason}")
    return out


@asynccontextmanager
async def _bookings(folder: Path, postgres: str | None) -> AsyncIterator[str]:
    """The url of the database, filled; a schema of its own on PostgreSQL, dropped at the end."""
    module = "drawbar.demo.bookings"
    if postgres is None:
        out = await _tool("booking office", module, "--file", str(folder / "bookings.db"))
        yield str(json.loads(out)["url"])
        return
    where = ("--postgres", postgres, "--schema", f"saltmouth_{os.getpid()}")
    try:
        out = await _tool("booking office", module, *where)
        yield str(json.loads(out)["url"])
    finally:
        await _tool("booking office", module, *where, "--drop")


async def _stock(folder: Path) -> Path:
    path = folder / "stores.dat"
    await _tool("ship's stores", "drawbar.demo.stores", "make", str(path))
    return path


async def _last_words(process: Process) -> str:
    assert process.stderr is not None  # noqa: S101 -- it was started with a pipe
    return _last_line(await process.stderr.read())


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _shown(url: str) -> str:
    """Without user and password."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return parts.path.removeprefix("/")
    return f"{parts.scheme}://{parts.hostname}:{parts.port or 5432}{parts.path}"
