from __future__ import annotations

from datetime import date

import pytest

from drawbar.llm.dates import find_days

MONDAY = date(2031, 3, 3)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("on 2031-04-05", ["2031-04-05"]),
        ("4 March 2031", ["2031-03-04"]),
        ("4th of March, 2031", ["2031-03-04"]),
        ("March 4th, 2031", ["2031-03-04"]),
        ("am 4. März 2031", ["2031-03-04"]),
        ("4.3.2031", ["2031-03-04"]),
        ("5 March", ["2031-03-05"]),
        ("1 March", ["2032-03-01"]),
        ("today and tomorrow", ["2031-03-03", "2031-03-04"]),
        ("the day after tomorrow", ["2031-03-05"]),
        ("heute oder morgen", ["2031-03-03", "2031-03-04"]),
        ("yesterday", ["2031-03-02"]),
        ("next Monday", ["2031-03-10"]),
        ("on friday", ["2031-03-07"]),
        ("in 3 days, in two weeks", ["2031-03-06", "2031-03-17"]),
        ("from 10 to 14 March", ["2031-03-10", "2031-03-14"]),
        ("2031-02-30 or 31 April", []),
        ("4/3/2031", []),
        ("you may go, 12 people and 104200", []),
    ],
)
def test_days_are_found_as_people_write_them(text: str, days: list[str]) -> None:
    assert [found.day.isoformat() for found in find_days(text, MONDAY)] == days
