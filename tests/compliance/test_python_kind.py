"""The kind `python` with a module of the test's own, which really runs in other processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drawbar.testing import KindCompliance, Peer

MODULE = '''\
"""What the gateway calls."""

import asyncio
import contextlib
import os
import pathlib
import time

HERE = pathlib.Path(__file__).parent


@contextlib.contextmanager
def at_work():
    mark = HERE / "work" / str(os.getpid())
    mark.touch()
    print("this goes to the log")
    yield
    mark.unlink()


def echo(text: str) -> str:
    """Echo."""
    with at_work():
        return text


def rows(count: int):
    """Rows."""
    for number in range(count):
        yield {"row": number}


async def wait(seconds: float) -> None:
    """Wait."""
    with at_work():
        await asyncio.sleep(seconds)


def change(seconds: float) -> None:
    """Change."""
    with at_work():
        with (HERE / "changes").open("a") as changes:
            changes.write("x")
        time.sleep(seconds)
'''
ADAPTER = """\
adapter: peer
backend:
  kind: python
  env: {TOKEN: %(secret)s}
functions:
  echo:
    call: peer_module:echo
  rows:
    call: peer_module:rows
  wait:
    call: peer_module:wait
  change:
    effect: write
    call: peer_module:change
"""


class PythonPeer(Peer):
    secret = "s3cret-of-the-module"
    settings = "kinds: {python: {modules: [peer_module], path: [.]}}\n"
    restarts = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "peer_module.py").write_text(MODULE)
        (folder / "work").mkdir()

    def adapter(self) -> str:
        return ADAPTER % {"secret": self.secret}

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  env:", "  unheard_of: 1\n  env:"),
            text.replace("  wait:\n", "  wait:\n    unheard_of: 1\n"),
        )

    async def changes(self) -> int:
        file = self._folder / "changes"
        return len(file.read_text()) if file.exists() else 0

    async def at_work(self) -> int:
        return sum(_runs(int(entry.name)) for entry in (self._folder / "work").iterdir())


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestPython(KindCompliance):
    @pytest.fixture
    def peer(self, tmp_path: Path) -> Peer:
        return PythonPeer(tmp_path)
