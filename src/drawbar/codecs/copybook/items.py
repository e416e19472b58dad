"""The items of a copybook: levels, clauses and conditions, as a tree. What they mean in bytes is not known here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from drawbar.codecs.copybook.picture import Picture, read_picture
from drawbar.codecs.copybook.problems import CopybookError
from drawbar.codecs.copybook.source import Word
from drawbar.kernel.errors import Place

_MOST_ENTRIES = 100_000
_IN_BRACKETS = re.compile(r"\(([A-Za-z][A-Za-z0-9_-]*)\)")

USAGES = {
    "DISPLAY": "display",
    "COMP": "binary",
    "COMPUTATIONAL": "binary",
    "COMP-4": "binary",
    "COMPUTATIONAL-4": "binary",
    "BINARY": "binary",
    "COMP-5": "native",
    "COMPUTATIONAL-5": "native",
    "COMP-3": "packed",
    "COMPUTATIONAL-3": "packed",
    "PACKED-DECIMAL": "packed",
    "COMP-1": "single",
    "COMPUTATIONAL-1": "single",
    "COMP-2": "double",
    "COMPUTATIONAL-2": "double",
    "FLOAT-SHORT": "single",
    "FLOAT-LONG": "double",
    "COMP-6": "unsigned-packed",
    "COMPUTATIONAL-6": "unsigned-packed",
    "COMP-X": "bytes",
    "COMPUTATIONAL-X": "bytes",
    "COMP-N": "bytes",
    "COMPUTATIONAL-N": "bytes",
    "NATIONAL": "national",
    "BINARY-CHAR": "native-1",
    "BINARY-SHORT": "native-2",
    "BINARY-LONG": "native-4",
    "BINARY-DOUBLE": "native-8",
    "INDEX": "native-4",
}
_OTHER_USAGES = {
    "POINTER",
    "PROCEDURE-POINTER",
    "FUNCTION-POINTER",
    "DISPLAY-1",
    "OBJECT",
}
FIGURATIVE = {
    "SPACE": " ",
    "SPACES": " ",
    "ZERO": "0",
    "ZEROS": "0",
    "ZEROES": "0",
    "LOW-VALUE": "\0",
    "LOW-VALUES": "\0",
    "HIGH-VALUE": "\xff",
    "HIGH-VALUES": "\xff",
    "QUOTE": '"',
    "QUOTES": '"',
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A level 88: its name and its values, each from one to another."""

    name: str
    values: tuple[tuple[Word, Word], ...]


@dataclass(frozen=True, slots=True)
class Occurs:
    """How often an item repeats; `counter` names the item that says it."""

    least: int
    most: int
    counter: Word | None


@dataclass(slots=True)
class Item:
    """One entry with a level; `usage`, `leading` and `separate` hold for what is inside, too."""

    level: int
    name: str | None
    place: Place
    picture: Picture | None = None
    usage: str | None = None
    leading: bool | None = None
    separate: bool | None = None
    occurs: Occurs | None = None
    redefines: Word | None = None
    value: Word | None = None
    synchronized: Place | None = None
    right: bool = False
    unsigned: bool = False
    """Of a binary number without a picture."""
    renames: list[Word] = field(default_factory=list)
    """Names of level 66, which are of bytes that have a name already."""
    conditions: list[Condition] = field(default_factory=list)
    children: list[Item] = field(default_factory=list)


def read_items(words: list[Word]) -> list[Item]:
    """The items of the outermost level. Raises CopybookError."""
    roots: list[Item] = []
    open_items: list[Item] = []
    last: Item | None = None
    constants: dict[str, Word] = {}
    for written in _sentences(words):
        level = _level(written[0])
        if _is_constant(written):
            constants[written[1].upper] = written[-1]
            continue
        sentence = [*written[:2], *(constants.get(word.upper, word) for word in written[2:])]
        if level == 66:  # noqa: PLR2004 -- RENAMES
            if roots and len(sentence) > 1:
                roots[-1].renames.append(sentence[1])
            continue
        if level == 88:  # noqa: PLR2004
            if last is None:
                raise CopybookError(sentence[0].place, "DB822", "a level 88 follows its field")
            last.conditions.append(_condition(sentence))
            continue
        last = _Entry(level, sentence, constants).read()
        while open_items and open_items[-1].level >= level:
            open_items.pop()
        (open_items[-1].children if open_items else roots).append(last)
        open_items.append(last)
    return roots


def _sentences(words: list[Word]) -> Iterable[list[Word]]:
    sentence: list[Word] = []
    for word in words:
        if word.text != ".":
            sentence.append(word)
        elif sentence:
            yield sentence
            sentence = []
    if sentence:
        raise CopybookError(sentence[0].place, "DB822", "no period ends this entry")


def _is_constant(sentence: list[Word]) -> bool:
    """A level 78, or a level 01 that is a CONSTANT: a name for a literal, which takes no room."""
    if len(sentence) < 3:  # noqa: PLR2004 -- level, name and value
        return False
    return sentence[0].text == "78" or sentence[2].upper == "CONSTANT"


def _level(word: Word) -> int:
    level = int(word.text) if word.text.isdigit() else 0
    if 1 <= level <= 49 or level in (66, 77, 78, 88):  # noqa: PLR2004 -- the levels of COBOL
        return 1 if level == 77 else level  # noqa: PLR2004
    raise CopybookError(
        word.place,
        "DB822",
        f"`{word.text}` is no level number",
        fix="a copybook holds descriptions of data: 01 to 49, 66, 77, 78 and 88",
    )


def _condition(sentence: list[Word]) -> Condition:
    _, *words = sentence
    if len(words) < 3 or words[1].upper not in ("VALUE", "VALUES"):  # noqa: PLR2004 -- name VALUE literal
        raise CopybookError(sentence[0].place, "DB822", "a level 88 has a name and VALUE")
    rest = [word for word in words[2:] if word.upper not in ("IS", "ARE", "ALL")]
    values: list[tuple[Word, Word]] = []
    position = 0
    while position < len(rest):
        low = high = rest[position]
        following = rest[position + 1].upper if position + 1 < len(rest) else ""
        if following in ("THRU", "THROUGH"):
            if position + 2 >= len(rest):
                raise CopybookError(low.place, "DB822", "THRU is followed by a value")
            high = rest[position + 2]
            position += 2
        values.append((low, high))
        position += 1
    return Condition(words[0].text, tuple(values))


class _Entry:
    """Reads the clauses of one entry."""

    def __init__(self, level: int, sentence: list[Word], constants: Mapping[str, Word]) -> None:
        self._words = sentence
        self._constants = constants
        self._position = 1
        name = None
        if len(sentence) > 1 and sentence[1].upper not in self._clauses():
            self._position = 2
            name = None if sentence[1].upper == "FILLER" else sentence[1].text
        place = sentence[min(1, len(sentence) - 1)].place
        self._item = Item(level, name, place)

    def read(self) -> Item:
        clauses = self._clauses()
        while self._position < len(self._words):
            word = self._next()
            if word.upper in USAGES or word.upper in _OTHER_USAGES:
                self._set_usage(word)
            elif word.upper in clauses:
                clauses[word.upper](word)
            else:
                raise CopybookError(
                    word.place,
                    "DB822",
                    f"`{word.text}` is not understood in the description of data",
                )
        return self._item

    def _clauses(self) -> dict[str, Callable[[Word], None]]:
        return {
            "PIC": self._picture,
            "PICTURE": self._picture,
            "USAGE": self._usage,
            "SIGN": self._sign,
            "LEADING": self._sign_here,
            "TRAILING": self._sign_here,
            "OCCURS": self._occurs,
            "REDEFINES": self._redefines,
            "VALUE": self._value,
            "VALUES": self._value,
            "SYNC": self._synchronized,
            "SYNCHRONIZED": self._synchronized,
            "JUST": self._justified,
            "JUSTIFIED": self._justified,
            "BLANK": self._blank,
            "SIGNED": lambda _: None,
            "UNSIGNED": self._unsigned,
            "GLOBAL": lambda _: None,
            "EXTERNAL": lambda _: None,
        }

    def _next(self) -> Word:
        if self._position >= len(self._words):
            last = self._words[-1]
            raise CopybookError(last.place, "DB822", f"something is missing behind `{last.text}`")
        self._position += 1
        return self._words[self._position - 1]

    def _skip(self, *wanted: str) -> bool:
        found = False
        while self._position < len(self._words) and self._words[self._position].upper in wanted:
            self._position += 1
            found = True
        return found

    def _picture(self, _: Word) -> None:
        self._skip("IS")
        word = self._next()
        text = _IN_BRACKETS.sub(self._counted, word.text)
        try:
            self._item.picture = read_picture(text)
        except ValueError as error:
            raise CopybookError(word.place, "DB823", f"`{word.text}`: {error}") from None

    def _counted(self, match: re.Match[str]) -> str:
        word = self._constants.get(match[1].upper())
        return match[0] if word is None else f"({word.text})"

    def _usage(self, _: Word) -> None:
        self._skip("IS")
        self._set_usage(self._next())

    def _set_usage(self, word: Word) -> None:
        if word.upper not in USAGES:
            raise CopybookError(
                word.place,
                "DB824",
                f"USAGE {word.upper} is not read",
                fix=f"one of {', '.join(name for name in USAGES if not name.startswith('COMPUT'))}",
            )
        self._item.usage = USAGES[word.upper]

    def _sign(self, _: Word) -> None:
        self._skip("IS")
        self._sign_here(self._next())

    def _sign_here(self, word: Word) -> None:
        if word.upper not in ("LEADING", "TRAILING"):
            raise CopybookError(word.place, "DB822", "a SIGN is LEADING or TRAILING")
        self._item.leading = word.upper == "LEADING"
        self._item.separate = self._skip("SEPARATE")
        self._skip("CHARACTER")

    def _occurs(self, clause: Word) -> None:
        least = most = self._count()
        if self._skip("TO"):
            most = self._count()
        self._skip("TIMES")
        counter = None
        if self._skip("DEPENDING"):
            self._skip("ON")
            counter = self._next()
            while self._skip("OF", "IN"):
                self._next()
        while self._skip("ASCENDING", "DESCENDING", "INDEXED"):
            self._skip("KEY", "IS", "BY")
            while self._position < len(self._words) and not self._at_clause():
                self._next()
        if not 0 <= least <= most or most > _MOST_ENTRIES or (least < most and counter is None):
            raise CopybookError(
                clause.place,
                "DB822",
                f"a table has 1 to {_MOST_ENTRIES} entries, and one of m TO n is DEPENDING ON a field",
            )
        self._item.occurs = Occurs(0 if counter and least == most else least, most, counter)

    def _at_clause(self) -> bool:
        upper = self._words[self._position].upper
        return (
            upper in self._clauses()
            or upper in USAGES
            or upper
            in (
                "ASCENDING",
                "DESCENDING",
                "INDEXED",
            )
        )

    def _count(self) -> int:
        word = self._next()
        if not word.text.isdigit():
            raise CopybookError(word.place, "DB822", f"`{word.text}` is no number of entries")
        return int(word.text)

    def _redefines(self, _: Word) -> None:
        self._item.redefines = self._next()

    def _value(self, _: Word) -> None:
        self._skip("IS", "ARE", "ALL")
        self._item.value = self._next()

    def _synchronized(self, word: Word) -> None:
        self._skip("LEFT", "RIGHT")
        self._item.synchronized = word.place

    def _justified(self, _: Word) -> None:
        self._skip("RIGHT")
        self._item.right = True

    def _unsigned(self, _: Word) -> None:
        self._item.unsigned = True

    def _blank(self, _: Word) -> None:
        """BLANK WHEN ZERO: blanks are read as nothing in any number, so there is nothing to keep."""
        self._skip("WHEN")
        self._skip("ZERO", "ZEROS", "ZEROES")
