"""The commands a newcomer types, and the scripts behind them."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from frame.project import REPOSITORY

SCRIPTS = sorted([*REPOSITORY.glob("tools/*.sh"), REPOSITORY / ".ci" / "run"])
_BIN = Path(sys.executable).parent


def targets() -> set[str]:
    text = (REPOSITORY / "Makefile").read_text()
    return set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))


def test_every_target_is_explained_and_every_explanation_has_its_target() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout

    explained = set(re.findall(r"^make ([a-z-]+)", shown, re.MULTILINE))

    assert explained == targets() - {"help", "clean"}


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{p.name}" for p in REPOSITORY.glob("docs/*.md"))]
)
def test_the_commands_of_a_page_exist(page: str) -> None:
    text = (REPOSITORY / page).read_text()
    blocks = "\n".join(re.findall(r"^```\w.*?^```", text, re.MULTILINE | re.DOTALL))
    typed = {
        *re.findall(r"^(?:\$ )?make ([a-z-]+)", blocks, re.MULTILINE),
        *re.findall(r"`make ([a-z-]+)[^`]*`", text),
    }

    assert typed <= targets()
    if page == "README.md":
        assert {"demo", "test"} <= typed


@pytest.mark.parametrize("target", sorted(targets()))
def test_a_target_can_be_planned(target: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_can_be_read_by_its_shell(script: Path) -> None:
    shell = "bash" if "bash" in script.read_text().partition("\n")[0] else "sh"

    assert os.access(script, os.X_OK)
    subprocess.run([shell, "-n", str(script)], check=True)


@pytest.mark.skipif(
    not (_BIN / "shellcheck").exists(), reason="shellcheck has no wheel for this machine"
)
def test_the_scripts_pass_shellcheck() -> None:
    done = subprocess.run(
        [_BIN / "shellcheck", *SCRIPTS], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(
    not (_BIN / "hadolint").exists(), reason="hadolint has no wheel for this machine"
)
def test_the_dockerfile_passes_hadolint() -> None:
    done = subprocess.run(
        [_BIN / "hadolint", "Dockerfile"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


class Checkout:
    """A copy of what setting up reads, and a machine with only the commands it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "drawbar"
        (self.folder / "tools").mkdir(parents=True)
        shutil.copy2(REPOSITORY / "tools" / "setup.sh", self.folder / "tools")
        for path in (*REPOSITORY.glob("requirements*.lock"), REPOSITORY / "pyproject.toml"):
            shutil.copy2(path, self.folder)
        self.commands = folder / "commands"
        self.commands.mkdir()
        self.notes = folder / "notes"
        self.notes.mkdir()
        for name in (
            "sh", "env", "cat", "cksum", "date", "dirname", "find", "grep", "id", "mkdir", "mktemp", "readlink", "rm", "sleep",
            "tail", "wc",
        ):  # fmt: skip
            place = shutil.which(name)
            assert place is not None
            (self.commands / name).symlink_to(place)

    def python(self, script: str) -> None:
        (self.commands / "python3").write_text(f"#!/bin/sh\n{script}\n")
        (self.commands / "python3").chmod(0o755)

    def set_up(self, what: str = "run") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "tools/setup.sh", what],
            cwd=self.folder,
            env={"PATH": str(self.commands), "PIP_NO_INDEX": "1", "TMPDIR": str(self.notes)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_without_a_python_setting_up_says_which_is_needed(checkout: Checkout) -> None:
    done = checkout.set_up()

    assert done.returncode == 1
    assert "needs Python 3.11 or newer as python3; here is none." in done.stderr
    assert "apt-get install python3-venv" in done.stderr


def test_an_old_python_is_named(checkout: Checkout) -> None:
    checkout.python('[ "$1" = --version ] && { echo Python 3.9.2; exit; }; exit 1')

    done = checkout.set_up()

    assert done.returncode == 1
    assert "here is Python 3.9.2." in done.stderr


def test_without_venv_and_without_a_password_setting_up_says_what_to_run(
    checkout: Checkout,
) -> None:
    checkout.python(
        f'case "$*" in *ensurepip*|*"-m pip"*) exit 1;; esac; exec {sys.executable} "$@"'
    )

    done = checkout.set_up("dev")

    assert done.returncode == 1
    assert "comes without venv" in done.stderr
    assert "    sudo apt-get install python3-venv\n" in done.stderr


def test_when_installing_fails_its_last_lines_are_shown_and_nothing_counts_as_installed(
    checkout: Checkout,
) -> None:
    # Where this Python has pip, it installs from outside: the way of a Debian without python3-venv, and quicker.
    refused = "*ensurepip*) exit 1;;" if importlib.util.find_spec("pip") else ""
    checkout.python(f'case "$*" in {refused} esac; exec {sys.executable} "$@"')

    done = checkout.set_up()

    assert done.returncode == 1
    assert "No matching distribution found" in done.stderr
    assert "Installing failed" in done.stderr
    [log] = checkout.notes.iterdir()
    assert f"All of it is in {log}." in done.stderr
    assert not (checkout.folder / ".venv" / "drawbar-run").exists()


def test_a_second_time_nothing_is_done_until_a_lock_changes(checkout: Checkout) -> None:
    # `uv` as an installer that has everything at hand: what it is asked for is written down.
    (checkout.commands / "uv").write_text(
        f'#!/bin/sh\necho "$*" >>asked\n[ "$1" = venv ] && exec {sys.executable} -m venv --without-pip .venv\nexit 0\n'
    )
    (checkout.commands / "uv").chmod(0o755)
    asked = checkout.folder / "asked"

    def asked_for() -> list[str]:
        done = checkout.set_up()
        assert done.returncode == 0, done.stderr
        lines = asked.read_text().splitlines() if asked.exists() else []
        asked.unlink(missing_ok=True)
        return lines

    installed = [
        "pip install --python .venv/bin/python --require-hashes -r requirements.lock -r requirements-build.lock",
        "pip install --python .venv/bin/python --no-deps --no-build-isolation -e .",
    ]
    assert asked_for()[1:] == installed
    assert asked_for() == []
    with (checkout.folder / "requirements.lock").open("a") as lock:
        lock.write("\n")
    assert asked_for() == installed
    assert asked_for() == []
    assert list(checkout.notes.iterdir()) == []


def test_a_checkout_that_was_moved_is_set_up_anew(checkout: Checkout) -> None:
    (checkout.commands / "uv").write_text(
        f'#!/bin/sh\n[ "$1" = venv ] && exec {sys.executable} -m venv --without-pip .venv\nexit 0\n'
    )
    (checkout.commands / "uv").chmod(0o755)
    checkout.set_up()
    assert checkout.set_up().stderr == ""

    checkout.folder = checkout.folder.rename(checkout.folder.with_name("elsewhere"))

    assert "Setting up Drawbar" in checkout.set_up().stderr
