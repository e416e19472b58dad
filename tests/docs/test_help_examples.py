"""The example at the end of each help works as it stands."""

from __future__ import annotations

import shlex

import pytest

from docs.docs_reader import drawbar
from drawbar.cli import VERBS, find_verb

_ELSEWHERE = {
    "chat": "tests/console talks to a gateway with it",
    "demo": "docs/start.md shows it",
    "mcp": "docs/mcp.md starts it; it ends with its client",
    "model": "it fetches 1.1 GB",
    "serve": "tests/surfaces/test_processes.py starts it; it ends with a signal",
}


def test_every_verb_has_an_example_of_itself() -> None:
    examples = {verb: find_verb(verb).EXAMPLE for verb in VERBS}

    assert [v for v, text in examples.items() if not text.startswith(f"drawbar {v} ")] == []


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("verb", sorted(VERBS.keys() - _ELSEWHERE.keys()))
def test_the_example_of_a_help_works(verb: str) -> None:
    code, printed = drawbar(shlex.split(find_verb(verb).EXAMPLE)[1:])

    assert code == 0, printed
    assert printed
