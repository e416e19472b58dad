from __future__ import annotations

import re
from pathlib import Path

import pytest

import drawbar.compiler.codes
import drawbar.settings.codes
import drawbar.spec.codes
from drawbar.backends import BUILT_IN, InstalledKinds
from drawbar.codecs.codec import CODES as CODEC_CODES

SOURCES = Path(drawbar.spec.codes.__file__).parent.parent
USED = re.compile(r'"(DB\d{3})"(?!:)')
"""Where a code is told what it means, a colon follows."""


@pytest.mark.parametrize(
    ("codes", "paths"),
    [
        (drawbar.spec.codes.CODES, ["spec", "settings"]),
        (drawbar.compiler.codes.CODES, ["compiler", "cli/lint.py"]),
        (drawbar.settings.codes.CODES, ["settings", "cli/lint.py"]),
    ],
    ids=["spec", "compiler", "settings"],
)
def test_every_code_that_is_used_is_told_and_every_one_that_is_told_is_used(
    codes: dict[str, str], paths: list[str]
) -> None:
    files = [
        file
        for path in paths
        for file in ([SOURCES / path] if path.endswith(".py") else (SOURCES / path).glob("*.py"))
        if file.name != "codes.py"
    ]
    used = {code for file in files for code in USED.findall(file.read_text(encoding="utf-8"))}
    range_of = {code[:3] for code in codes}

    assert {code for code in used if code[:3] in range_of} == set(codes)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_every_code_of_a_kind_is_told_by_it(kind: str) -> None:
    files = (SOURCES / "backends" / kind).rglob("*.py")
    used = {code for file in files for code in USED.findall(file.read_text(encoding="utf-8"))}
    told = InstalledKinds().find(kind).codes

    assert used - set(CODEC_CODES) == set(told) - set(CODEC_CODES)
    assert all(told.values())
