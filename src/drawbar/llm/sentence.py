"""A sentence of a user, and which parts of it have been used as values of parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from drawbar.llm.dates import DayFound, find_days
from drawbar.llm.words import CHANGE_WORDS, READ_WORDS, STOP_WORDS, Word, words_of

_QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”|„([^“”]+)[“”]|«([^»]+)»|(?<!\w)\'([^\']{2,})\'(?!\w)')
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)?(?![\w-])(?!\.\d)")
_TOKEN = re.compile(r"[^\s,;:?!\"“”„()]+")
_CAPITAL = re.compile(
    r"(?<![\w-])[A-ZÀ-Þ][\w-]*(?:'(?!s\b)\w+)?(?:\s+(?:van|von|de|of)?\s*[A-ZÀ-Þ][\w'-]*)*"
)
_NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "dozen": 12,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the text."""

    text: str
    start: int
    end: int


@dataclass(slots=True)
class Sentence:
    """What was found in a text, and what of it is taken. `taken` grows while parameters are filled."""

    text: str
    today: date
    taken: list[tuple[int, int]] = field(default_factory=list)

    def is_free(self, start: int, end: int) -> bool:
        return all(end <= begun or start >= ended for begun, ended in self.taken)

    def take(self, start: int, end: int) -> None:
        self.taken.append((start, end))

    def words(self) -> list[Word]:
        return words_of(self.text)

    def days(self) -> list[DayFound]:
        """Those that are free."""
        return [day for day in find_days(self.text, self.today) if self.is_free(day.start, day.end)]

    def quoted(self) -> list[Span]:
        """Texts between quotation marks; the span is with its marks."""
        return [
            Span(next(group for group in match.groups() if group), match.start(), match.end())
            for match in _QUOTED.finditer(self.text)
            if self.is_free(match.start(), match.end())
        ]

    def numbers(self) -> list[tuple[float, Span]]:
        """Free numbers that are no part of a date, in digits or words."""
        spans = [Span(match[0], *match.span()) for match in _NUMBER.finditer(self.text)]
        spans += [
            Span(word.text, word.start, word.end)
            for word in self.words()
            if word.text.lower() in _NUMBER_WORDS
        ]
        days = find_days(self.text, self.today)
        return [
            (_number(span.text), span)
            for span in sorted(spans, key=lambda span: span.start)
            if self.is_free(span.start, span.end)
            and all(span.end <= day.start or span.start >= day.end for day in days)
        ]

    def tokens(self) -> Iterator[Span]:
        """What stands between blanks and punctuation, free."""
        for match in _TOKEN.finditer(self.text):
            text = match[0].rstrip(".'").removesuffix("'s")
            if text and self.is_free(match.start(), match.end()):
                yield Span(text, match.start(), match.start() + len(text))

    def names(self) -> list[Span]:
        """Words with a capital that are no stop word, such as `Fenna Copperthwaite`."""
        found = []
        for match in _CAPITAL.finditer(self.text):
            text = match[0]
            start = match.start()
            while (first := re.match(r"[\w']+\s+", text)) and _says_nothing(first[0]):
                start += first.end()
                text = text[first.end() :]
            if not _says_nothing(text) and self.is_free(start, match.end()):
                found.append(Span(text.removesuffix("'s"), start, match.end()))
        return found

    def before(self, start: int, words: int = 2) -> list[str]:
        """The words before a place, the nearest first, in lower case."""
        found = [word.text.lower() for word in self.words() if word.end <= start]
        return found[: -words - 1 : -1]

    def after(self, end: int, words: int = 1) -> list[str]:
        """The words after a place, the nearest first, in lower case."""
        return [word.text.lower() for word in self.words() if word.start >= end][:words]

    def open_terms(self) -> list[str]:
        """The terms that no parameter has used, without dates, numbers and quoted texts."""
        days = find_days(self.text, self.today)
        closed = [(day.start, day.end) for day in days]
        closed += [(quoted.start, quoted.end) for quoted in self.quoted()]
        return [
            word.term
            for word in self.words()
            if word.tells
            and self.is_free(word.start, word.end)
            and all(word.end <= start or word.start >= end for start, end in closed)
        ]


def _says_nothing(word: str) -> bool:
    plain = word.strip().removesuffix("'s").lower()
    return plain in STOP_WORDS or plain in READ_WORDS or plain in CHANGE_WORDS


def _number(text: str) -> float:
    word = _NUMBER_WORDS.get(text.lower())
    return float(word) if word is not None else float(text.replace(",", "."))
