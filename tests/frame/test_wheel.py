"""An installed wheel needs no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from frame.project import REPOSITORY


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_the_whole_package_and_the_examples(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    package = REPOSITORY / "src"
    wanted = {
        str(path.relative_to(package))
        for path in (package / "drawbar").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    examples = {
        f"drawbar/demo/files/{path.relative_to(REPOSITORY)}"
        for folder in ("adapters", "config")
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file()
    }

    assert "drawbar/py.typed" in wanted
    assert "drawbar/store/migrations/script.py.mako" in wanted
    assert "drawbar/surfaces/console/assets/index.html" in wanted
    assert "drawbar/demo/files/adapters/hr.yaml" in examples
    assert wanted | examples <= held
    assert all(name.startswith(("drawbar/", "drawbar-")) for name in held)
    assert any(name.endswith("/licenses/LICENSE") for name in held)


def test_the_demo_runs_from_an_installed_wheel_in_any_folder(wheel: Path, tmp_path: Path) -> None:
    installed, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    zipfile.ZipFile(wheel).extractall(installed)
    elsewhere.mkdir()
    home = [sys.executable, "-P", "-c", "import drawbar; print(drawbar.__file__)"]
    environ = {**os.environ, "PYTHONPATH": str(installed)}  # before the checkout this one runs in
    found = subprocess.run(
        home, env=environ, cwd=elsewhere, capture_output=True, text=True, check=True
    )
    assert found.stdout.startswith(str(installed))

    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "drawbar",
            "demo",
            "--model",
            "rules",
            "--once",
            "How is the sea at Ormsay?",
        ],
        env=environ,
        cwd=elsewhere,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "harbour_get_sea_state" in done.stdout + done.stderr
    assert list(elsewhere.iterdir()) == []
