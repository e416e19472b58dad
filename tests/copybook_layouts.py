"""Layouts of copybooks for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any  # words beside `copybook`, as they stand in YAML

from drawbar.codecs.copybook.compile import Copybooks
from drawbar.codecs.copybook.record import CopybookLayout
from drawbar.codecs.copybook_spec import CopybookSpec
from drawbar.kernel.errors import Problem
from drawbar.spec.source import Report, Source


def read(folder: Path, text: str, **words: Any) -> tuple[CopybookLayout | None, list[Problem]]:
    """The layout of a copybook, and what is wrong with it."""
    (folder / "a.cpy").write_text(text)
    report = Report(Source("a.yaml", {}))
    lists = {word: tuple(value) for word, value in words.items() if isinstance(value, list)}
    spec = CopybookSpec.model_validate({"copybook": "a.cpy", **words, **lists})
    return Copybooks(folder, report).layout(spec, ("reply",)), report.problems


def layout(folder: Path, text: str, **words: Any) -> CopybookLayout:
    found, problems = read(folder, text, **words)
    assert not problems, problems[0]
    assert found is not None
    return found
