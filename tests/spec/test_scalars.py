from __future__ import annotations

import pytest
from pydantic import BaseModel

from drawbar.spec.scalars import (
    Duration,
    Rate,
    RateText,
    Size,
    parse_duration,
    parse_rate,
    parse_size,
)


class Scalars(BaseModel):
    wait: Duration
    size: Size
    rate: RateText


@pytest.mark.parametrize(
    ("text", "seconds"), [("20s", 20), ("500ms", 0.5), ("2m", 120), ("1.5h", 5400), ("1d", 86400)]
)
def test_a_duration_is_a_number_with_its_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(("text", "size"), [("1MB", 1_000_000), ("64 kb", 64_000), ("200B", 200)])
def test_a_size_is_a_number_with_its_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "rate"), [("120/min", Rate(120, 60)), ("5/s", Rate(5, 1)), ("9/h", Rate(9, 3600))]
)
def test_a_rate_is_calls_in_a_period(text: str, rate: Rate) -> None:
    assert parse_rate(text) == parse_rate(rate) == rate
    assert str(rate) == text


@pytest.mark.parametrize("wrong", [20, "20", "s", "-1s", None, "1 fortnight"])
def test_a_number_without_its_unit_is_refused_with_an_example(wrong: object) -> None:
    with pytest.raises(ValueError, match="such as 20s, 500ms or 2m"):
        parse_duration(wrong)
    with pytest.raises(ValueError, match="such as 64KB or 1MB"):
        parse_size(wrong)
    with pytest.raises(ValueError, match="such as 120/min"):
        parse_rate(wrong)


@pytest.mark.parametrize(
    ("wait", "size", "rate"),
    [("20s", "10MB", "5/s"), ("1d", "1GB", "1/h"), ("0.5s", "1023B", "2/min"), ("0s", "0B", "2/s")],
)
def test_a_dump_is_written_like_an_adapter(wait: str, size: str, rate: str) -> None:
    written = {"wait": wait, "size": size, "rate": rate}

    assert Scalars.model_validate(written).model_dump(mode="json") == written
