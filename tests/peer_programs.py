"""Peers of the compliance tests that are programs, wherever they run: they leave marks in a folder of the test."""

from __future__ import annotations

import sys
from pathlib import Path

from drawbar.testing import Peer

_PROGRAM = """
import json, os, pathlib, shlex, sys, time
here = pathlib.Path(__file__).parent
(here / "work" / str(os.getpid())).touch()
forced = os.environ.get("SSH_ORIGINAL_COMMAND")
words = shlex.split(forced)[1:] if forced else sys.argv[1:]
given = json.load(sys.stdin)
if words[0] == "echo":
    answer = given["text"]
elif words[0] == "rows":
    answer = [{"row": number} for number in range(given["count"])]
else:
    if words[0] == "change":
        with (here / "changes").open("a") as changes:
            changes.write("x")
    time.sleep(given["seconds"])
    answer = None
json.dump(answer, sys.stdout)
"""
FUNCTIONS = """\
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
"""Of an adapter whose functions are that program."""


class MarkingPeer(Peer):
    """Each process at work has a file of its number in `work`; each change is a letter in `changes`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "work").mkdir()

    async def changes(self) -> int:
        file = self.folder / "changes"
        return len(file.read_text()) if file.exists() else 0

    async def at_work(self) -> int:
        return len(self.working())

    def working(self) -> list[int]:
        """The numbers of those that still run."""
        numbers = (int(entry.name) for entry in (self.folder / "work").iterdir())
        return [number for number in numbers if Path(f"/proc/{number}").exists()]


class ProgramPeer(MarkingPeer):
    """With `program` in the folder, and an adapter of FUNCTIONS."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.program = folder / "peer.py"
        self.program.write_text(f"#!{sys.executable} -S\n{_PROGRAM}")
        self.program.chmod(0o700)

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  program:", "  unheard_of: 1\n  program:"),
            text.replace("    argv: [wait]", "    unheard_of: 1\n    argv: [wait]"),
        )
