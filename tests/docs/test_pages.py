"""Every page is read by a reader who types what it says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from docs.docs_markdown import ROOT, anchors, blocks, links, pages
from docs.docs_reader import Reader
from drawbar.cli import main
from machine import missing

_RUN = [page for page in pages() if any("generated" not in block.words for block in blocks(page))]


@pytest.mark.parametrize("page", _RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_a_page_does_what_the_page_says(page: Path, reader: Reader) -> None:
    for program in ("curl", "cobc"):
        used = any(f"$ {program} " in block.body for block in blocks(page))
        if used and shutil.which(program) is None:
            missing(f"this page uses {program}, which is not installed")
    for block in blocks(page):
        reader.read(block)


def test_only_the_reference_pages_are_generated() -> None:
    others = [page for page in pages() if page.parent.name != "reference"]
    words = [word for page in others for block in blocks(page) for word in block.words]

    assert "generated" not in words


def test_every_link_leads_somewhere() -> None:
    broken: list[str] = []
    for page in pages():
        for target in links(page):
            name, _, anchor = target.partition("#")
            other = (page.parent / name).resolve() if name else page
            if not other.exists() or not other.is_relative_to(ROOT):
                broken.append(f"{page.relative_to(ROOT)}: {target} is not there")
            elif anchor and other.suffix == ".md" and anchor not in anchors(other):
                broken.append(f"{page.relative_to(ROOT)}: {target} has no such heading")

    assert broken == []


def test_every_page_is_reached_from_the_readme() -> None:
    start = ROOT / "README.md"
    reached, ways = {start}, [start]
    while ways:
        page = ways.pop()
        for target in links(page):
            other = (page.parent / target.partition("#")[0]).resolve()
            if other.suffix == ".md" and other.exists() and other not in reached:
                reached.add(other)
                ways.append(other)

    assert sorted(set(pages()) - reached) == []


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name
        for page in pages()
        for name in re.findall(r"\bmake ([a-z-]+)\b(?=`|\n| [A-Z])", page.read_text())
    }

    assert {"demo", "test"} <= named
    assert named - targets == set()


def test_lint_finds_nothing_wrong_with_the_adapters_in_the_pages(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    code = main(["lint", "README.md", "docs"])

    assert code == 0, capsys.readouterr().out
