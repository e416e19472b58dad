from __future__ import annotations

import pytest

from drawbar.kernel.values import JsonValue
from drawbar.llm.slot import Slot
from drawbar.llm.support import is_made_up, is_supported

from .company import TODAY

SLOT = Slot("urgent_delivery", {}, required=False)


@pytest.mark.parametrize(
    ("value", "text", "supported"),
    [
        ("B-20417", "show b-20417", True),
        ("B-20417", "show 20417", True),
        ("2041", "show B-20417", False),
        ("2031-03-04", "tomorrow", True),
        ("2031-03-04", "on Tuesday 4 March", True),
        ("2031-03-05", "tomorrow", False),
        ("14:30:00", "at 14:30", True),
        ("Great Hollin", "in great hollin", True),
        ("little-auk", "the Little Auk", True),
        ("cancelled", "which ones did we cancel", True),
        ("open", "all of them", False),
        (2, "two of them", True),
        (2.5, "2.5 litres", True),
        (7, "two of them", False),
        (True, "urgent delivery please", True),
        (True, "please", False),
        (["a1", "b2"], "a1 and b2", True),
        (["a1", "b3"], "a1 and b2", False),
        ([], "anything", False),
        ({"no": "a1"}, "a1", True),
        (None, "anything", False),
    ],
)
def test_a_value_has_support_when_the_words_say_it(
    value: JsonValue, text: str, supported: bool
) -> None:
    assert is_supported(value, SLOT, text, TODAY) is supported


@pytest.mark.parametrize(
    ("value", "made_up"),
    [("B-20417", True), (5, True), ("2031-03-04", True), ("annual", False), (True, False), (None, False)],
)  # fmt: skip
def test_only_what_is_exact_counts_as_made_up(value: JsonValue, made_up: bool) -> None:
    assert is_made_up(value, SLOT, "nothing of it", TODAY) is made_up
