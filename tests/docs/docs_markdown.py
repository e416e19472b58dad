"""The pages as a test reads them: code blocks with what stands behind their language, links, headings.

Words behind the language of a block are not shown to a reader. They say what a test does with it:

    file=PATH      the block is this file of the page's folder
    settings       YAML: checked as settings
    function=KIND  YAML: functions of an adapter of this kind
    part=KIND      YAML: other keys of an adapter of this kind
    exit=N         console: the exit code of the last command; 0 unless written
    output         what the Python block before it prints
    picture        no code: a drawing
    generated      a page that another test compares with what it is made from
    nolint         for `drawbar lint`; no matter here
    not-run: WHY   it cannot be run here, and why
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>\w+)?(?P<info>[^`\n]*)$")
_LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6}\s+(?P<text>.+?)\s*#*$")
_WORDS = re.compile(
    r"file=\S+|settings|function=\w+|part=\w+|exit=\d+|output|picture|generated|nolint"
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `line` is that of its fence."""

    page: Path
    line: int
    language: str
    words: tuple[str, ...]
    not_run: str | None
    body: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def value(self, word: str) -> str | None:
        """What stands behind `word=`."""
        return next(
            (given.partition("=")[2] for given in self.words if given.startswith(f"{word}=")), None
        )


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """Raises ValueError for a fence that is never closed or a word that means nothing."""
    lines = page.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        at += 1
        if fence is None:
            continue
        first = at
        while at < len(lines) and lines[at] != fence["fence"]:
            at += 1
        if at == len(lines):
            raise ValueError(f"{page.name}:{first}: the block is never closed")
        words, mark, why = fence["info"].partition("not-run:")
        for word in words.split():
            if not _WORDS.fullmatch(word):
                raise ValueError(f"{page.name}:{first}: no test knows the word {word!r}")
        if mark and not why.strip():
            raise ValueError(f"{page.name}:{first}: say why it is not run")
        yield Block(
            page,
            first,
            fence["language"] or "",
            tuple(words.split()),
            why.strip() if mark else None,
            "".join(f"{line}\n" for line in lines[first:at]),
        )
        at += 1


def prose(page: Path) -> str:
    """The page without its blocks."""
    kept: list[str] = []
    fence: str | None = None
    for line in page.read_text(encoding="utf-8").splitlines():
        found = _FENCE.match(line)
        if fence is not None:
            fence = None if line == fence else fence
        elif found is not None:
            fence = found["fence"]
        else:
            kept.append(line)
    return "\n".join(kept)


def links(page: Path) -> list[str]:
    """Targets of links, but for those of other sites."""
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    found = [match["target"] for match in _LINK.finditer(text)]
    return [target for target in found if "://" not in target and not target.startswith("mailto:")]


def anchors(page: Path) -> set[str]:
    """Names of the headings, as GitHub makes them."""
    known: dict[str, int] = {}
    names: set[str] = set()
    for line in prose(page).splitlines():
        if heading := _HEADING.match(line):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading["text"]).lower()
            name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
            seen = known.get(name, 0)
            known[name] = seen + 1
            names.add(f"{name}-{seen}" if seen else name)
    return names
