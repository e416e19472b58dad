"""Filters, order and sums over kept rows: exact, whatever the numbers are written as."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbar.backends.results.query import aggregate, order, select
from drawbar.kernel.ports import BackendError
from drawbar.kernel.results import snapshot_of
from drawbar.kernel.values import JsonObject

ROWS: list[JsonObject] = [
    {"no": 1, "town": "Kiel", "price": "10.10", "on": "2026-01-03", "paid": True},
    {"no": 2, "town": "kiel-Süd", "price": "9.90", "on": "2026-01-20", "paid": False},
    {"no": 3, "town": "Bremen", "price": "100", "on": None, "paid": True},
    {"no": 4, "town": None, "price": None, "on": "2025-12-31", "paid": None},
]
SNAPSHOT = snapshot_of(ROWS)


def numbers(condition: dict[str, Any]) -> list[Any]:
    return [SNAPSHOT.value(number, "no") for number in select(SNAPSHOT, [condition])]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"column": "town", "equals": "Kiel"}, [1]),
        ({"column": "town", "contains": "KIEL"}, [1, 2]),
        ({"column": "price", "equals": 100}, [3]),
        ({"column": "price", "equals": "10.1"}, [1]),
        ({"column": "price", "at_least": 10}, [1, 3]),
        ({"column": "price", "at_least": "9.9", "at_most": "10.1"}, [1, 2]),
        ({"column": "on", "at_least": "2026-01-01", "at_most": "2026-01-31"}, [1, 2]),
        ({"column": "paid", "equals": True}, [1, 3]),
        ({"column": "paid", "equals": 1}, []),
        ({"column": "town", "empty": True}, [4]),
        ({"column": "town", "empty": False, "contains": "b"}, [3]),
    ],
)
def test_rows_are_found_by_what_they_say(condition: dict[str, Any], found: list[int]) -> None:
    assert numbers(condition) == found


def test_rows_are_sorted_as_numbers_with_null_last() -> None:
    for descending, expected in ((False, [2, 1, 3, 4]), (True, [3, 1, 2, 4])):
        found = order(SNAPSHOT, range(4), "price", descending=descending)
        assert [SNAPSHOT.value(number, "no") for number in found] == expected


def test_groups_are_counted_and_summed_exactly() -> None:
    rows: list[JsonObject] = [
        {"kind": "a", "amount": "0.1"},
        {"kind": "a", "amount": "0.2"},
        {"kind": "b", "amount": "1e3"},
        {"kind": "b", "amount": None},
    ]

    found = aggregate(
        snapshot_of(rows),
        range(4),
        ["kind"],
        [
            {"function": "count"},
            *({"function": name, "column": "amount"} for name in ("count", "sum", "avg", "max")),
        ],
    )

    assert found == [
        {
            "kind": "a",
            "count": 2,
            "count_amount": 2,
            "sum_amount": "0.3",
            "avg_amount": "0.15",
            "max_amount": "0.2",
        },
        {
            "kind": "b",
            "count": 2,
            "count_amount": 1,
            "sum_amount": "1000",
            "avg_amount": "1000",
            "max_amount": "1e3",
        },
    ]


def test_nothing_is_counted_as_nothing() -> None:
    asked = [{"function": "count"}, {"function": "sum", "column": "x"}]

    assert aggregate(snapshot_of([]), [], [], asked) == [{"count": 0, "sum_x": None}]
    assert aggregate(snapshot_of([]), [], ["x"], asked) == []


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=10), min_size=1))
def test_a_sum_loses_no_digit(amounts: list[Decimal]) -> None:
    rows: list[JsonObject] = [{"amount": str(amount)} for amount in amounts]

    [found] = aggregate(
        snapshot_of(rows), range(len(rows)), [], [{"function": "sum", "column": "amount"}]
    )

    assert Fraction(str(found["sum_amount"])) == sum(map(Fraction, amounts))


def test_a_column_that_is_not_there_is_answered_with_the_one_that_was_meant() -> None:
    with pytest.raises(BackendError, match=r"no column `prize`\. Did you mean `price`"):
        select(SNAPSHOT, [{"column": "prize", "equals": 1}])


def test_texts_are_not_summed() -> None:
    with pytest.raises(BackendError, match='`town` holds "Kiel", which is no number'):
        aggregate(SNAPSHOT, range(4), [], [{"function": "sum", "column": "town"}])


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=3)


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES)))
def test_rows_come_out_of_columns_as_they_went_in(rows: list[JsonObject]) -> None:
    snapshot = snapshot_of(rows)

    assert [snapshot.row(number) for number in range(snapshot.count)] == rows
    assert [snapshot.row(number, ["b"]) for number in range(snapshot.count)] == [
        {"b": row.get("b")} for row in rows
    ]
