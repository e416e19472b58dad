"""The kind `python` with a module of the test's own, which really runs in other processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from drawbar.testing import KindCompliance, Peer
from peer_programs import MarkingPeer

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


class PythonPeer(MarkingPeer):
    secret = "s3cret-of-the-module"
    settings = "kinds: {python: {modules: [peer_module], path: [.]}}\n"
    restarts = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "peer_module.py").write_text(MODULE)

    def adapter(self) -> str:
        return ADAPTER % {"secret": self.secret}

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  env:", "  unheard_of: 1\n  env:"),
            text.replace("  wait:\n", "  wait:\n    unheard_of: 1\n"),
        )


class TestPython(KindCompliance):
    @pytest.fixture
    def peer(self, tmp_path: Path) -> Peer:
        return PythonPeer(tmp_path)
