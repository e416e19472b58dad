from __future__ import annotations

import pytest

from drawbar.llm.chat import ToolSchema
from drawbar.llm.ranking import Ranking
from drawbar.llm.words import term_of, terms_of

from .company import FUNCTIONS, HELD_OUT, QUESTIONS


def test_the_function_of_a_question_is_among_the_best_three() -> None:
    ranking = Ranking(FUNCTIONS)
    missed = [
        question
        for question, calls in {**QUESTIONS, **HELD_OUT}.items()
        if len(calls) == 1 and calls[0][0] not in [tool.name for tool in ranking.best(question, 3)]
    ]

    assert len(missed) <= 8, missed


def test_equals_stay_in_their_order_and_strangers_are_left_out() -> None:
    tools = [ToolSchema(name, "same", {}, strict=False) for name in ("b", "a")]

    assert [tool.name for tool in Ranking(tools).best("same", 5)] == ["b", "a"]
    assert Ranking(tools).best("other", 5) == []
    assert Ranking(()).best("same", 5) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cancelled", "cancel"),
        ("bookings", "booking"),
        ("people", "employee"),
        ("holidays", "leave"),
        ("moving", "move"),
        ("parties", "party"),
        ("addresses", "address"),
        ("vessels", "ship"),
    ],
)
def test_words_of_one_meaning_are_one_term(one: str, other: str) -> None:
    assert term_of(one) == term_of(other)


def test_stop_words_numbers_and_letters_are_no_terms() -> None:
    assert terms_of("What is the price of C-1118 customerNo?") == ["price", "customer"]
