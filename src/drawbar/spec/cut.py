"""A file without some sections of its root, found again by where they stand: reading ten thousand functions as
YAML takes longer than all the rest of a start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from drawbar.spec.source import Source
from drawbar.spec.yaml12 import read_yaml


class Cut(NamedTuple):
    """Sections of a text: start and end in characters, and what is put there instead."""

    sections: tuple[tuple[int, int, str], ...]

    def apply(self, text: str) -> str:
        """The rest; every line of it keeps its number."""
        parts: list[str] = []
        at = 0
        for start, end, instead in self.sections:
            parts += (text[at:start], instead, "\n" * text.count("\n", start, end))
            at = end
        return "".join((*parts, text[at:]))


def cut_of(text: str, source: Source, keys: Sequence[str]) -> Cut | None:
    """Sections with these keys become empty. None where the rest would then be read as something else."""
    if not isinstance(source.data, dict):
        return None
    ends = [index for index, character in enumerate(text) if character == "\n"]
    starts = [0, *(end + 1 for end in ends), len(text)]
    lines = sorted(source.place((key,)).line for key in source.data)
    sections = []
    for key in keys:
        if key in source.data:
            line = source.place((key,)).line
            after = next((each for each in lines if each > line), len(starts))
            empty = "[]" if isinstance(source.data[key], list) else "{}"
            sections.append((starts[line - 1], starts[after - 1], f"{key}: {empty}"))
    cut = Cut(tuple(sorted(sections)))
    return cut if _is_the_rest(cut.apply(text), source, keys) else None


def _is_the_rest(text: str, source: Source, keys: Sequence[str]) -> bool:
    """Whether the text says the same at the same places, but for these keys."""
    read, problems = read_yaml(text, source.file)
    rest = read
    for key in keys:
        rest, source = rest.without(key), source.without(key)
    return not problems and (rest.data, dict(rest.places)) == (source.data, dict(source.places))
