"""Server processes under measurement: started on one core, asked for their CPU and memory, stopped."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]
PEERS = Path(__file__).parent / ".peers"
FLOORS = Path(__file__).parent / "floors"


class Server:
    """A process with its children."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, ready_after: float) -> None:
        self.process = process
        self.port = port
        self.ready_after = ready_after
        """Seconds from start to the first accepted connection."""

    def _tree(self) -> list[int]:
        found = [self.process.pid]
        for pid in found:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            with contextlib.suppress(OSError):
                found += [int(child) for child in children.read_text().split()]
        return found

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        ticks = 0
        for pid in self._tree():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident MiB."""
        total = 0
        for pid in self._tree():
            with contextlib.suppress(OSError):
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return total * os.sysconf("SC_PAGE_SIZE") / 2**20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: Sequence[str],
    port: int,
    *,
    core: int = SERVER_CORE,
    cwd: Path | None = None,
    wait: float = 120.0,
) -> Iterator[Server]:
    """Start, wait until it accepts a connection, stop with SIGTERM."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling everything anew is nobody's start
    log = (PEERS.parent / f".{Path(command[0]).name}.{port}.log").open("wb")
    begun = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509 -- no threads here
    )
    try:
        while True:
            if process.poll() is not None:
                message = f"{command} ended with {process.returncode}; see {log.name}"
                raise RuntimeError(message)
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if time.perf_counter() - begun > wait:
                message = f"{command} did not listen within {wait} s"
                raise RuntimeError(message)
            time.sleep(0.01)
        yield Server(process, port, time.perf_counter() - begun)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()
        if process.returncode in (0, -signal.SIGTERM):
            Path(log.name).unlink()


def python_peer(name: str, *packages: str) -> Path | None:
    """The Python of an environment with a peer's packages, made once; None where that fails."""
    folder = PEERS / name
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"installing {', '.join(packages)} ...", file=sys.stderr)
        made = subprocess.run([sys.executable, "-m", "venv", str(folder)], check=False)
        installed = made.returncode == 0 and (
            subprocess.run(
                [python, "-m", "pip", "install", "-qq", *packages], check=False
            ).returncode
            == 0
        )
        if not installed:
            shutil.rmtree(folder, ignore_errors=True)
            return None
    return python


def npm_peer(name: str, package: str, binary: str) -> Path | None:
    """A program from the npm registry, installed once; None where npm or the package is missing."""
    folder = PEERS / name
    program = folder / "node_modules" / ".bin" / binary
    if not program.exists():
        if shutil.which("npm") is None:
            return None
        print(f"installing {package} ...", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["npm", "install", "--silent", "--prefix", folder, package], check=False
        )
        if done.returncode:
            return None
    return program
