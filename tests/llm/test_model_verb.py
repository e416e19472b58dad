from __future__ import annotations

import argparse
from pathlib import Path

import orjson
import pytest

from drawbar.cli import model as verb
from drawbar.llm.pull import SMALL, USUAL, model_path


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    verb.configure(parser)
    return verb.run(parser.parse_args(arguments))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DRAWBAR_MODELS", str(tmp_path))
    return tmp_path


def test_the_list_says_which_models_are_here(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    model_path(SMALL).write_bytes(b"")

    assert run("list") == 0

    usual, small = capsys.readouterr().out.splitlines()
    assert usual.startswith("qwen2.5-coder-1.5b  not here  1,117 MB  Qwen2.5-Coder-1.5B")
    assert small.startswith("qwen2.5-coder-0.5b  here      491 MB  Qwen2.5-Coder-0.5B")


def test_the_list_is_json_when_asked(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert run("list", "--json") == 0

    rows = orjson.loads(capsys.readouterr().out)
    assert [(row["name"], row["here"]) for row in rows] == [
        (USUAL.name, False),
        (SMALL.name, False),
    ]


def test_the_path_is_the_only_thing_on_stdout(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    assert run("path", "--small") == 0
    assert capsys.readouterr().out == f"{folder / SMALL.file}\n"


def test_pulling_what_is_here_fetches_nothing(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    model_path(USUAL).write_bytes(b"")

    assert run("pull") == 0
    assert capsys.readouterr().err == f"{folder / USUAL.file} is here already\n"


def test_removing_says_whether_there_was_something(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    model_path(USUAL).write_bytes(b"")

    assert run("remove") == 0
    assert run("remove") == 0
    assert capsys.readouterr().err.splitlines() == [
        "qwen2.5-coder-1.5b is deleted",
        "qwen2.5-coder-1.5b was not here",
    ]
