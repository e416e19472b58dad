"""The Dockerfile, carried out without a container engine. All of it, with its installs: `make image-replay`."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import Any

import pytest

from frame.project import REPOSITORY

_TOOL = REPOSITORY / "tools" / "replay_image.py"


@pytest.fixture(scope="module")
def tool() -> Any:  # Any: a module loaded from its file
    spec = importlib.util.spec_from_file_location("replay_image", _TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.timeout(240)
def test_the_image_serves_with_a_read_only_root_as_a_user_without_rights() -> None:
    done = subprocess.run(
        [sys.executable, str(_TOOL), "--borrow"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    if done.returncode == 77:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
    assert "drawbar serve: healthy" in done.stderr
    assert "SIGTERM: ended with 0" in done.stderr
    written = done.stderr.partition("in its volume: ")[2].split()
    assert all(name.startswith(("drawbar.db", "cache")) for name in written)


def test_the_last_stage_runs_nothing_as_root_and_says_how_it_is(tool: Any) -> None:
    stage = tool.read_dockerfile((REPOSITORY / "Dockerfile").read_text())[-1]

    assert stage.last("USER") == "10001:10001"
    assert stage.last("STOPSIGNAL") == "SIGTERM"
    assert tool.exec_form(stage.last("ENTRYPOINT")) == ["drawbar"]
    assert tool.exec_form(stage.last("HEALTHCHECK"))[0] == "python"
    env = tool.environment(stage)
    assert env["PATH"].startswith("/opt/drawbar/bin:/usr/local/bin:")
    assert env["DRAWBAR_STORE"].startswith(f"sqlite:///{tool.exec_form(stage.last('VOLUME'))[0]}/")


def test_the_image_is_built_from_the_locks_without_a_cache_of_addresses(tool: Any) -> None:
    stages = tool.read_dockerfile((REPOSITORY / "Dockerfile").read_text())
    runs = [rest for stage in stages for word, rest in stage.steps if word == "RUN"]

    assert any("--require-hashes -r requirements.lock" in run for run in runs)
    assert not any("://" in run for run in runs)


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("src", False),
        ("src/drawbar/app.py", False),
        ("src/drawbar/__pycache__", True),
        ("src/drawbar/__pycache__/app.pyc", True),
        (".git", True),
        (".venv/bin/python", True),
        ("var/drawbar.db", True),
        ("tests/frame/test_image.py", True),
        ("tools/wheel.py", False),
        ("tools/setup.sh", True),
        ("LICENSE", False),
    ],
)
def test_only_what_the_image_needs_is_sent_to_its_build(tool: Any, path: str, out: bool) -> None:
    rules = (REPOSITORY / ".dockerignore").read_text().split()

    assert tool.ignored(path, rules) is out
