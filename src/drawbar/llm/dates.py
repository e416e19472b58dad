"""Days as people write them: 2031-03-04, 4 March 2031, 4.3.2031, tomorrow, next Friday."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = (
    "jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|"
    "aug(?:ust)?|sep(?:t|tember)?|oct(?:ober)?|okt(?:ober)?|nov(?:ember)?|dec(?:ember)?|dez(?:ember)?"
)
_MONTH_OF = {
    "jan": 1, "feb": 2, "mar": 3, "mär": 3, "apr": 4, "may": 5, "mai": 5, "jun": 6, "jul": 7,
    "aug": 8, "sep": 9, "oct": 10, "okt": 10, "nov": 11, "dec": 12, "dez": 12,
}  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_RELATIVE = {
    "today": 0, "heute": 0, "tonight": 0, "tomorrow": 1, "morgen": 1, "yesterday": -1, "gestern": -1,
    "day after tomorrow": 2, "übermorgen": 2, "day before yesterday": -2, "vorgestern": -2,
}  # fmt: skip
_RELATIVE_WORDS = "|".join(
    word.replace(" ", r"\s+") for word in sorted(_RELATIVE, key=len, reverse=True)
)
_PATTERN = re.compile(
    rf"""
    (?P<iso>\b\d{{4}}-\d{{2}}-\d{{2}}\b)
    | \b(?P<day0>\d{{1,2}})(?:st|nd|rd|th|\.)?\s*(?:-|\u2013|to|until|till|and|bis|und)\s*
      (?=\d{{1,2}}(?:st|nd|rd|th|\.)?\s+(?P<month0>{_MONTHS})\b\.?(?:,?\s+(?P<year0>\d{{4}})\b)?)
    | \b(?P<day1>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(?P<month1>{_MONTHS})\b\.?(?:,?\s+(?P<year1>\d{{4}})\b)?
    | \b(?P<month2>{_MONTHS})\.?\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<year2>\d{{4}})\b)?
    | \b(?P<day3>\d{{1,2}})\.\s?(?P<month3>\d{{1,2}})\.(?:\s?(?P<year3>\d{{4}})\b)?
    | \b(?P<relative>(?:the\s+)?(?:{_RELATIVE_WORDS}))\b
    | \bin\s+(?P<count>\d{{1,3}}|a|one|two|three)\s+(?P<unit>days?|weeks?)\b
    | (?<=\bbefore\s)(?P<before>(?:19|20|21)\d\d)\b(?![-./:]\d)
    | (?<=\bsince\s)(?P<since>(?:19|20|21)\d\d)\b(?![-./:]\d)
    | \b(?P<next>next\s+|this\s+|on\s+)?(?P<weekday>{"|".join(_WEEKDAYS)})\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_COUNT = {"a": 1, "one": 1, "two": 2, "three": 3}
_DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class DayFound:
    """A day, and where the text names it."""

    day: date
    start: int
    end: int


def find_days(text: str, today: date) -> list[DayFound]:
    """In the order of the text. A day without its year is the next such day from today on.

    A year alone is a day where something ends before it or lasts since it: the first of January.

    A date of slashes is left alone: whether the month comes first is a guess.
    """
    found = []
    for match in _PATTERN.finditer(text):
        day = _day(match, today)
        if day is not None:
            found.append(DayFound(day, match.start(), match.end()))
    return found


def _day(match: re.Match[str], today: date) -> date | None:
    if match["iso"]:
        return _date(*(int(part) for part in match["iso"].split("-")))
    if match["relative"]:
        word = re.sub(r"^the\s+", "", match["relative"].lower())
        return today + timedelta(days=_RELATIVE[re.sub(r"\s+", " ", word)])
    if match["unit"]:
        count = _COUNT.get(match["count"].lower()) or int(match["count"])
        days = count * (_DAYS_A_WEEK if match["unit"].lower().startswith("week") else 1)
        return today + timedelta(days=days)
    if year := match["before"] or match["since"]:
        return _date(int(year), 1, 1)
    if match["weekday"]:
        ahead = (_WEEKDAYS.index(match["weekday"].lower()) - today.weekday()) % _DAYS_A_WEEK
        return today + timedelta(days=ahead or _DAYS_A_WEEK)
    return _written(match, today)


def _written(match: re.Match[str], today: date) -> date | None:
    for number in "0123":
        if match[f"day{number}"]:
            month = match[f"month{number}"]
            month_number = int(month) if month.isdigit() else _MONTH_OF[month[:3].lower()]
            year = match[f"year{number}"]
            day = int(match[f"day{number}"])
            if year:
                return _date(int(year), month_number, day)
            this_year = _date(today.year, month_number, day)
            if this_year is not None and this_year >= today:
                return this_year
            return _date(today.year + 1, month_number, day)
    return None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
