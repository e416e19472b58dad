"""The legacy systems as processes, the way `drawbar demo` starts them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

TODAY = "2026-06-15"


@dataclass(frozen=True)
class Legacy:
    process: subprocess.Popen[bytes]
    url: str


@pytest.fixture
def start() -> Iterator[Callable[[str], Legacy]]:
    """Starts a module of `drawbar.demo` and waits for its address."""
    with ExitStack() as stack:

        def run(module: str) -> Legacy:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    f"drawbar.demo.{module}",
                    "--port",
                    "0",
                    "--today",
                    TODAY,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            stack.callback(_end, process)
            assert process.stdout is not None
            return Legacy(process, json.loads(process.stdout.readline())["url"])

        yield run


def _end(process: subprocess.Popen[bytes]) -> None:
    with process:
        process.kill()
