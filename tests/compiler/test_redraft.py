"""A newer draft meets what a person made of the last one."""

from __future__ import annotations

import pytest

from drawbar.compiler.redraft import cut, drafted_hashes, redraft
from drawbar.kernel.errors import OperatorError

DRAFT = """\
adapter: a
backend: {kind: echo}

functions:
  # first
  one:
    description: One.

  # second
  two: {description: Two.}

tests: []
"""
NAMES = {"One": "one", "Two": "two"}


def test_a_file_is_cut_at_its_functions_and_put_together_again() -> None:
    blocks = cut(DRAFT)

    assert list(blocks.functions) == ["one", "two"]
    assert blocks.functions["two"] == ["", "  # second", "  two: {description: Two.}"]
    assert blocks.tail == ["", "tests: []"]
    assert blocks.text() == DRAFT


def test_without_a_change_the_file_stays_as_it_is() -> None:
    done = redraft(DRAFT, DRAFT, (NAMES, NAMES), drafted_hashes(DRAFT))

    assert done.text == DRAFT
    assert (done.added, done.renewed, done.outdated, done.vanished) == ([], [], [], [])


def test_each_function_goes_its_own_way() -> None:
    mine = DRAFT.replace("description: One.", "description: My own.") + "\n# the end\n"
    new = DRAFT.replace("One.", "First.").replace("Two.", "Second.")
    new = new.replace("\ntests: []\n", "\n  # third\n  three: {}\n")

    done = redraft(mine, new, (NAMES, {**NAMES, "Three": "three"}), drafted_hashes(DRAFT))

    assert (done.added, done.renewed, done.outdated) == (["three"], ["two"], ["one"])
    assert done.text == (
        mine.replace("Two.", "Second.").replace("\ntests:", "\n  # third\n  three: {}\n\ntests:")
    )


def test_what_was_taken_out_stays_out_and_what_vanished_stays_in() -> None:
    without = DRAFT.replace("\n  # second\n  two: {description: Two.}\n", "")
    only_two = DRAFT.replace("  # first\n  one:\n    description: One.\n\n", "")

    done = redraft(without, DRAFT, (NAMES, NAMES), drafted_hashes(DRAFT))
    gone = redraft(DRAFT, only_two, (NAMES, {"Two": "two"}), drafted_hashes(DRAFT))

    assert (done.text, done.added) == (without, [])
    assert (gone.text, gone.vanished) == (DRAFT, ["one"])


def test_an_edit_that_came_to_the_same_is_no_edit() -> None:
    new = DRAFT.replace("One.", "First.")

    done = redraft(new, new, (NAMES, NAMES), drafted_hashes(DRAFT))

    assert (done.text, done.outdated) == (new, [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("adapter: a\n", "it has no `functions:`"),
        ("a: [\n", "the adapter cannot be updated: the adapter:"),
        ("functions: {one: {}, two: {}}\n", "write each function on lines of its own"),
    ],
)
def test_a_file_that_cannot_be_cut_is_told(text: str, told: str) -> None:
    with pytest.raises(OperatorError) as raised:
        cut(text)

    assert told in str(raised.value)
