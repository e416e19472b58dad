"""The kind `command` against a program that is really started."""

from __future__ import annotations

from pathlib import Path

import pytest

from drawbar.testing import KindCompliance, Peer
from peer_programs import FUNCTIONS, ProgramPeer

ADAPTER = """\
adapter: peer
backend:
  kind: command
  program: [./peer.py]
  env: {TOKEN: %s}
"""


class CommandPeer(ProgramPeer):
    secret = "s3cret-of-the-program"

    def adapter(self) -> str:
        return ADAPTER % self.secret + FUNCTIONS

    async def stop(self) -> None:
        self.program.rename(self.folder / "away.py")

    async def start(self) -> None:
        (self.folder / "away.py").rename(self.program)


class TestCommand(KindCompliance):
    @pytest.fixture
    def peer(self, tmp_path: Path) -> Peer:
        return CommandPeer(tmp_path)
