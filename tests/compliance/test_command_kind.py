"""The kind `command` against a program that is really started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from drawbar.testing import KindCompliance, Peer

PROGRAM = """
import json, os, pathlib, sys, time
here = pathlib.Path(__file__).parent
(here / "work" / str(os.getpid())).touch()
given = json.load(sys.stdin)
if sys.argv[1] == "echo":
    answer = given["text"]
elif sys.argv[1] == "rows":
    answer = [{"row": number} for number in range(given["count"])]
else:
    if sys.argv[1] == "change":
        with (here / "changes").open("a") as changes:
            changes.write("x")
    time.sleep(given["seconds"])
    answer = None
json.dump(answer, sys.stdout)
"""

ADAPTER = """\
adapter: peer
backend:
  kind: command
  program: [./peer.py]
  env: {TOKEN: %(secret)s}
functions:
  echo:
    description: Echo.
    parameters: {text: {type: string}}
    argv: [echo]
    stdin: json
    stdout: json
  rows:
    description: Rows.
    parameters: {count: {type: integer}}
    argv: [rows]
    stdin: json
    stdout: json
  wait:
    description: Wait.
    parameters: {seconds: {type: number}}
    argv: [wait]
    stdin: json
    stdout: json
  change:
    description: Change.
    effect: write
    parameters: {seconds: {type: number}}
    argv: [change]
    stdin: json
    stdout: json
"""


class CommandPeer(Peer):
    secret = "s3cret-of-the-program"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = folder / "peer.py"
        self._program.write_text(f"#!{sys.executable} -S\n{PROGRAM}")
        self._program.chmod(0o700)
        (folder / "work").mkdir()

    def adapter(self) -> str:
        return ADAPTER % {"secret": self.secret}

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  env:", "  unheard_of: 1\n  env:"),
            text.replace("    argv: [wait]", "    unheard_of: 1\n    argv: [wait]"),
        )

    async def changes(self) -> int:
        file = self._folder / "changes"
        return len(file.read_text()) if file.exists() else 0

    async def at_work(self) -> int:
        return sum(_runs(int(entry.name)) for entry in (self._folder / "work").iterdir())

    async def stop(self) -> None:
        self._program.rename(self._folder / "away.py")

    async def start(self) -> None:
        (self._folder / "away.py").rename(self._program)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestCommand(KindCompliance):
    @pytest.fixture
    def peer(self, tmp_path: Path) -> Peer:
        return CommandPeer(tmp_path)
