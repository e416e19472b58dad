"""Servers of other stacks, each installed once from its registry into a folder outside the project."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from machine import missing

HERE = Path(__file__).parent
NPM = Path(tempfile.gettempdir()) / "drawbar-test-npm-soap"
SPYNE = Path(tempfile.gettempdir()) / "drawbar-test-spyne-2.14"
SPYNE_NEEDS = ("spyne==2.14.0", "lxml>=6,<7", "pytz")
_SECONDS = 140
"""For one step of an installation."""
INSTALLS = pytest.mark.timeout(300)
"""For the tests that may be the first, and then install; later ones take no longer than others."""


@contextmanager
def installed_once(folder: Path) -> Iterator[None]:
    """One installation at a time; a second worker waits, and finds it done."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_step(*command: str | Path, env: Mapping[str, str] | None = None) -> None:
    """One step of an installation."""
    done = subprocess.run(command, check=False, capture_output=True, timeout=_SECONDS, env=env)
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace")[-300:]
        missing(f"`{' '.join(map(str, command[:4]))}` failed: {said}")


def install_npm(folder: Path = NPM, *packages: str) -> None:
    """Packages of npm, `soap` where none is named; nothing of theirs is run for it."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        missing("node and npm are not installed")
    done = folder / "installed"
    with installed_once(folder):
        if done.is_file():
            return
        folder.mkdir(parents=True, exist_ok=True)
        quiet = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
        run_step("npm", "install", *quiet, "--prefix", folder, *(packages or ("soap@1",)))
        done.touch()


def install_spyne() -> Path:
    """Its Python."""
    python = SPYNE / "bin" / "python"
    with installed_once(SPYNE):
        if _works(python, "import spyne.server.wsgi"):
            return python
        base = _python_3_11()
        if shutil.which("uv"):
            run_step("uv", "venv", "-q", "--clear", "--python", base, SPYNE)
            run_step("uv", "pip", "install", "-q", "--python", python, *SPYNE_NEEDS)
        else:
            run_step(base, "-m", "venv", "--clear", SPYNE)
            run_step(python, "-m", "pip", "install", "-q", *SPYNE_NEEDS)
    return python


def _python_3_11() -> str:
    found = (name for name in (sys.executable, "python3.11", "python3") if shutil.which(name))
    wanted = "import sys; sys.exit(sys.version_info[:2] != (3, 11))"
    if (python := next((name for name in found if _works(name, wanted)), None)) is None:
        missing("spyne needs Python 3.11, and there is none")
    return python


def _works(python: str | Path, code: str) -> bool:
    try:
        done = subprocess.run([python, "-c", code], check=False, capture_output=True, timeout=20)
    except OSError:
        return False
    return done.returncode == 0


@dataclass
class Peer:
    """A running server; `output` is what it prints."""

    url: str
    output: IO[str]

    def said(self) -> str:
        return self.output.readline().strip()


@contextmanager
def started(command: Sequence[str | Path], path: str, **environment: str) -> Iterator[Peer]:
    """A process that prints its port as its first line."""
    around: Mapping[str, str] = {**os.environ, **environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=around) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port, "the server did not start"
            yield Peer(f"http://127.0.0.1:{port}{path}", process.stdout)
        finally:
            process.kill()


def npm_peer(script: str, path: str, *arguments: str | Path) -> Callable[[], Iterator[Peer]]:
    """The fixture function of a script for node."""

    def running() -> Iterator[Peer]:
        install_npm()
        command = ["node", HERE / script, *arguments]
        with started(command, path, NODE_PATH=str(NPM / "node_modules")) as peer:
            yield peer

    return running


def make_keys(folder: Path, name: str, algorithm: str = "rsa:2048", *more: str) -> None:
    """A key of its own and its certificate, `name.key` and `name.pem`, signed by itself."""
    command = ["openssl", "req", "-x509", "-newkey", algorithm, *more, "-days", "2"]
    command += ["-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
    subprocess.run(command, check=True, cwd=folder, capture_output=True)
