"""Words of a sentence as terms that can be compared: lower case, without endings, synonyms as one.

English, with the few German words that its users mix in. Written for the short descriptions of
functions and the short questions about them, not for prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile(r"[A-Za-zÀ-ÿ]+|\d+(?:[.,]\d+)*")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_STOP_WORDS = """
    a about actually after all also am an and any are as at be been but by can could das dem den
    der des did die do does ein eine einen er es for from für give had has have he hello her hi
    him his how i ich if in is ist it its itself just know let like many me mir more most much
    must my need now of off ok on one only or our please re really right s see she should show
    since so some such t tell than thank thanks that the their them then there these they this
    those to too um und up us user very von want was we well were what when where which who
    whose whom why will with would yes you your zu ve ll d m don doesn isn aren thing things
    something anything number details detail info information data named called titled matching
    containing nr no not viel wieviel go goes going got get work works still currently current
    latest"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words that say nothing about what is asked for."""

_SAME = (
    "employee person people staff colleague crew personnel worker mitarbeiter",
    "leave holiday vacation urlaub absence pto",
    "customer client kunde buyer",
    "invoice bill rechnung",
    "open unpaid outstanding overdue owe unsettled offen",
    "vessel ship boat ferry",
    "sailing crossing trip voyage sail",
    "departure depart leaving board abfahrt",
    "part spare article",
    "stock inventory store shelf hand quantity bestand lager",
    "defect fault broken damage broke breakage",
    "delay late postpone delayed",
    "sea wave wind weather visibility swell",
    "cancel delete remove drop revoke withdraw stornieren",
    "move reschedule rebook shift transfer",
    "booking reservation buchung",
    "book reserve",
    "order bestellung purchase",
    "issue take",
    "request apply enter ask beantragen",
    "report file raise",
    "find search lookup look suche finden",
    "remaining left balance remain rest",
    "price cost",
    "mail email",
    "phone telephone call",
    "rate exchange convert conversion currency kurs",
    "timetable schedule fahrplan",
    "room meeting raum",
    "create add new make",
    "change update edit modify alter set",
    "free available vacant frei",
    "list listing",
)
_SYNONYM = {
    word: group.partition(" ")[0] for group in _SAME for word in group.split()
}  # of every word the first of its group
_IRREGULAR = {
    "people": "employee",
    "children": "child",
    "took": "take",
    "taken": "take",
    "given": "give",
    "sent": "send",
    "paid": "pay",
    "broken": "broken",
    "left": "left",
    "status": "status",
    "address": "address",
    "series": "series",
    "news": "news",
    "leave": "leave",
    "leaves": "leave",
    "has": "have",
}


_READ_WORDS = """
    get list find show search lookup check read view count query fetch describe look display
    status track see browse"""
READ_WORDS = frozenset(_READ_WORDS.split())
"""Verbs of functions and sentences that only want to know."""
_CHANGE_WORDS = """
    create add new make insert register post put set change update edit modify alter rename move
    reschedule cancel delete remove drop close issue take reserve book order request submit apply
    approve reject refuse report send pay refund assign start stop restart enable disable grant
    revoke upload write transfer charge enter announce withdraw record log file raise"""
CHANGE_WORDS = frozenset(_CHANGE_WORDS.split())
"""Verbs of functions and sentences that want something changed."""


def is_order(word: str) -> bool:
    """Whether a word, first in a sentence, orders a change: `cancel` does, `cancelled` and `sent` do not."""
    return word in CHANGE_WORDS or _SYNONYM.get(word) in CHANGE_WORDS


@dataclass(frozen=True, slots=True)
class Word:
    """A word where it stands in the text."""

    text: str
    start: int
    end: int

    @property
    def term(self) -> str:
        return term_of(self.text)

    @property
    def tells(self) -> bool:
        """Whether it may say what is asked for: it is no stop word, number or single letter."""
        return (
            len(self.text) > 1
            and not self.text[0].isdigit()
            and self.text.lower() not in STOP_WORDS
        )


def words_of(text: str) -> list[Word]:
    """Words and numbers. `customer_no`, `customerNo` and `little-auk` are two words each."""
    return [
        Word(part, start, start + len(part))
        for match in _WORD.finditer(text)
        for part, start in _humps(match)
    ]


def terms_of(text: str) -> list[str]:
    """The terms of a text without its stop words, numbers and single letters."""
    return [word.term for word in words_of(text) if word.tells]


@lru_cache(maxsize=20_000)
def term_of(word: str) -> str:
    """The stem of a word, or what stands for it and its synonyms."""
    word = word.lower()
    stem = _IRREGULAR.get(word) or _stem(word)
    return _SYNONYM.get(word) or _SYNONYM.get(stem) or stem


def _humps(match: re.Match[str]) -> list[tuple[str, int]]:
    parts = []
    place = match.start()
    for part in _HUMP.split(match[0]):
        parts.append((part, place))
        place += len(part)
    return parts


def _stem(word: str) -> str:
    """Plurals and the endings of verbs; a stem has three letters at least."""
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            stem = word[: len(word) - len(ending)] + instead
            return _undouble(stem) if ending in ("ing", "ed") else stem
    return word


_SHORTEST = 3
_ENDINGS = (
    ("ies", "y"),
    ("sses", "ss"),
    ("shes", "sh"),
    ("ches", "ch"),
    ("xes", "x"),
    ("ss", "ss"),
    ("us", "us"),
    ("is", "is"),
    ("s", ""),
    ("ation", ""),
    ("ing", ""),
    ("ed", ""),
    ("ly", ""),
)


def _undouble(stem: str) -> str:
    """`cancell` is `cancel`, `plann` is `plan`, and `mov` is `move`."""
    if len(stem) > _SHORTEST and stem[-1] == stem[-2] and stem[-1] not in "sz":
        return stem[:-1]
    if stem + "e" in _SYNONYM or (stem[-1] in "cvgz" and not stem.endswith("ng")):
        return stem + "e"
    return stem
