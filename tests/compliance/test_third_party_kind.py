"""A kind that another package brings: built, installed beside Drawbar, found by its entry point, compliant."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from drawbar.backends import InstalledKinds
from drawbar.testing import KindCompliance, Peer

PACKAGE = Path(__file__).parent.parent / "packages" / "drawbar-parrot"

ADAPTER = """\
adapter: peer
backend: {kind: parrot, token: s3cret-of-the-parrot}
functions:
  echo: {description: Echo., does: repeat, parameters: {text: {type: string}}}
  rows: {description: Rows., does: count, parameters: {count: {type: integer}}}
  wait: {description: Wait., does: wait, parameters: {seconds: {type: number}}}
  change: {description: Change., does: wait, effect: write, parameters: {seconds: {type: number}}}
"""


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what an installer would put beside Drawbar."""
    folder = tmp_path_factory.mktemp("parrot")
    source = folder / "source"
    shutil.copytree(PACKAGE, source)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def drawbar(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, (str(installed), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-m", "drawbar", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_gateway_uses_it_as_its_own(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "adapters").mkdir()
    (tmp_path / "config").mkdir()
    (tmp_path / "adapters" / "peer.yaml").write_text(ADAPTER)
    (tmp_path / "config" / "drawbar.yaml").write_text(
        "anonymous: {subject: me}\nlisten: {port: 8399}\n"
    )

    found = drawbar(installed, tmp_path, "lint")
    called = drawbar(installed, tmp_path, "call", "peer_echo", "text=there you are")
    (tmp_path / "adapters" / "peer.yaml").write_text(ADAPTER.replace("does: wait", "dos: wait", 1))
    wrong = drawbar(installed, tmp_path, "lint")
    without = drawbar(tmp_path, tmp_path, "lint")
    schema = drawbar(installed, tmp_path, "show", "json-schema")

    assert (found.returncode, found.stderr.strip()) == (
        0,
        "0 errors, 0 warnings in 2 files with 4 functions",
    )
    assert (called.returncode, called.stdout.strip()) == (0, '"there you are"'), called
    assert "unknown key `dos`" in wrong.stdout
    assert (
        "parrot" in json.loads(schema.stdout)["properties"]["backend"]["properties"]["kind"]["enum"]
    )
    assert "parrot" in without.stdout
    assert without.returncode == 1


class ParrotPeer(Peer):
    secret = "s3cret-of-the-parrot"
    restarts = False
    counts_work = False

    def adapter(self) -> str:
        return ADAPTER

    def wrong_words(self) -> tuple[str, str]:
        return (
            ADAPTER.replace("{kind: parrot,", "{kind: parrot, unheard_of: 1,"),
            ADAPTER.replace("does: repeat,", "does: repeat, unheard_of: 1,"),
        )

    def __init__(self, kind: ModuleType) -> None:
        self._backend = kind.ParrotBackend
        self._before = self._backend.changes

    async def changes(self) -> int:
        return int(self._backend.changes - self._before)


class TestParrot(KindCompliance):
    @pytest.fixture
    def peer(self, installed: Path, monkeypatch: pytest.MonkeyPatch) -> Peer:
        monkeypatch.syspath_prepend(str(installed))
        assert InstalledKinds().find("parrot").name == "parrot"
        return ParrotPeer(importlib.import_module("drawbar_parrot"))
