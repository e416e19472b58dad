"""COBOL source as words with their places: both formats, comments, continued lines, COPY.

A picture is one word here, as is a literal with its quotes. What ends a sentence is the word `.`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from drawbar.codecs.copybook.problems import CopybookError
from drawbar.kernel.errors import Place

SourceFormat: TypeAlias = Literal["fixed", "free"]
PlaceOf: TypeAlias = Callable[[int], Place]

_AREA_A, _AREA_END, _CARD = 7, 72, 80
"""Columns of the fixed format: text stands in 8 to 72; a line of cards has 80."""
_DEEPEST = 20
_ENDINGS = ("", ".cpy", ".CPY", ".cbl", ".CBL", ".cob", ".copy", ".inc")
_TOKEN = re.compile(
    r"""(?P<blank>[\s,;]+(?=\s|$)|\s+)
      | (?P<pseudo>==.*?==)
      | (?P<literal>[XxNnZz]?(?:"(?:[^"]|"")*"|'(?:[^']|'')*'))
      | (?P<open>["'])
      | (?P<word>[^\s"']+)""",
    re.VERBOSE | re.DOTALL,
)
_LAYOUT_ONLY = {"EJECT", "SKIP1", "SKIP2", "SKIP3"}


@dataclass(frozen=True, slots=True)
class Word:
    """One word, as it is written."""

    text: str
    place: Place

    @property
    def upper(self) -> str:
        return self.text.upper()

    @property
    def is_literal(self) -> bool:
        return self.text[-1] in "\"'"


def read_words(path: Path, name: str, form: SourceFormat | None) -> tuple[list[Word], set[Path]]:
    """The words of a file and all it copies, and every file that was read or looked for.

    `name` is what the file is called in places. Without `form` each file is looked at. Raises CopybookError.
    """
    reader = _Reader(path.parent, form)
    return reader.read(path, name, ()), reader.looked_at


class _Reader:
    def __init__(self, folder: Path, form: SourceFormat | None) -> None:
        self._folder = folder
        self._form = form
        self.looked_at: set[Path] = set()

    def read(self, path: Path, name: str, above: tuple[Path, ...]) -> list[Word]:
        self.looked_at.add(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            reason = error.strerror or "it cannot be read"
            raise CopybookError(Place(name), "DB821", reason, self.looked_at) from None
        text = _text(data)
        words = list(_words(text, name, self._form or guess_format(text)))
        return list(self._copied(words, (*above, path)))

    def _copied(self, words: list[Word], above: tuple[Path, ...]) -> Iterator[Word]:
        position = 0
        while position < len(words):
            word = words[position]
            if word.upper != "COPY":
                yield word
                position += 1
                continue
            end = next((i for i in range(position, len(words)) if words[i].text == "."), None)
            if end is None or end == position + 1:
                raise CopybookError(word.place, "DB822", "COPY names a file and ends with a period")
            yield from self._copy(words[position + 1 : end], above)
            position = end + 1

    def _copy(self, words: list[Word], above: tuple[Path, ...]) -> list[Word]:
        name, *rest = words
        bare = name.text.strip("\"'")
        path = self._find(bare)
        if path is None:
            raise CopybookError(
                name.place,
                "DB825",
                f"there is no copybook `{bare}` beside this one",
                self.looked_at,
                fix="COPY takes files of the same folder",
            )
        if path in above or len(above) > _DEEPEST:
            raise CopybookError(name.place, "DB822", f"`{bare}` copies itself")
        found = self.read(path, str(Path(name.place.file).parent / path.name), above)
        upper = [word.upper for word in rest]
        if "REPLACING" not in upper:
            return found
        return replaced(found, rest[upper.index("REPLACING") + 1 :])

    def _find(self, name: str) -> Path | None:
        for each in dict.fromkeys((name, name.lower(), name.upper())):
            for ending in _ENDINGS:
                path = self._folder / f"{each}{ending}"
                if path.parent == self._folder:
                    self.looked_at.add(path)
                    if path.is_file():
                        return path
        return None


def _text(data: bytes) -> str:
    """As it was written: in EBCDIC where it was taken from a mainframe byte by byte, in cards of 80 without line ends."""
    if b"\x40" in data and b" " not in data:
        text = data.decode("cp037").replace("\x85", "\n")
        if "\n" not in text:
            text = "\n".join(text[start : start + _CARD] for start in range(0, len(text), _CARD))
        return text
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # comments in the letters of another age
    return text.rstrip("\x1a")  # what ended a file of CP/M and DOS


def replaced(words: Sequence[Word], rules: Sequence[Word]) -> list[Word]:
    """What COPY ... REPLACING makes of the words of a file. Raises CopybookError."""
    pairs = list(_pairs(list(rules)))
    found: list[Word] = []
    position = 0
    while position < len(words):
        for way, old, new in pairs:
            if way == "whole" and _matches(words[position:], old):
                found += [replace(words[position], text=text) for text in new]
                position += len(old)
                break
        else:
            found.append(_within(words[position], pairs))
            position += 1
    return found


_Pair: TypeAlias = "tuple[str, list[str], list[str]]"


def _pairs(rules: list[Word]) -> Iterator[_Pair]:
    while rules:
        way = "whole"
        if rules[0].upper in ("LEADING", "TRAILING"):
            way = rules.pop(0).upper
        if len(rules) < 3 or rules[1].upper != "BY":  # noqa: PLR2004 -- old BY new
            place = rules[0].place if rules else Place("")
            raise CopybookError(place, "DB822", "REPLACING is written ==old== BY ==new==")
        old, new = _pseudo(rules[0]), _pseudo(rules[2])
        if way == "whole" and len(old) == 1 and old[0][0] in ":(" and old[0][-1] in ":)":
            way = "inside"
        yield way, old, new
        del rules[:3]


def _pseudo(word: Word) -> list[str]:
    text = word.text
    if not text.startswith("=="):
        return [text]
    return [each.text for each in _tokens(text[2:-2], lambda _: word.place)]


def _matches(words: Sequence[Word], old: list[str]) -> bool:
    return bool(old) and [word.upper for word in words[: len(old)]] == [t.upper() for t in old]


def _within(word: Word, pairs: Sequence[_Pair]) -> Word:
    if word.is_literal:
        return word
    for way, old, new in pairs:
        if not old or way == "whole":
            continue
        part = re.escape(old[0])
        pattern = {"LEADING": f"^{part}", "TRAILING": f"{part}$"}.get(way, part)
        text = (new[0] if new else "").replace("\\", r"\\")
        changed = re.sub(pattern, text, word.text, flags=re.IGNORECASE)
        if changed != word.text:
            return replace(word, text=changed)
    return word


def guess_format(text: str) -> SourceFormat:
    """Fixed when every line could be: a sequence number or nothing, a mark in column 7, 80 columns at most.

    A sentence that ends beyond column 72 is none of the fixed format.
    """
    for line in text.expandtabs(8).splitlines():
        if not line.strip():
            continue
        number, mark = line[:6], line[6:7]
        numbered = " " not in number.strip()
        beyond = line[_AREA_END - 1 :].rstrip()
        crosses = beyond.endswith(".") and " " not in beyond and len(beyond) > 1
        if not numbered or mark not in ("", *" */-dD$") or len(line.rstrip()) > _CARD or crosses:
            return "free"
    return "fixed"


def _words(text: str, name: str, form: SourceFormat) -> Iterator[Word]:
    letters: list[str] = []
    places: list[tuple[int, int]] = []
    for number, line in enumerate(text.expandtabs(8).splitlines(), 1):
        column, content, goes_on = _content(line, form)
        if content is None:
            continue
        if goes_on:
            column, content = _joined(letters, places, column, content)
        elif letters:
            letters.append("\n")
            places.append((number, 1))
        letters.extend(content)
        places.extend((number, column + offset) for offset in range(len(content)))

    def place(offset: int) -> Place:
        return Place(name, *places[offset])

    for word in _tokens("".join(letters), place):
        if word.upper not in _LAYOUT_ONLY:
            yield word


def _content(line: str, form: SourceFormat) -> tuple[int, str | None, bool]:
    """Column of the text, the text (None for a comment), and whether it goes on from the line before."""
    if form == "free":
        bare = line.lstrip()
        is_comment = bare.startswith((">>", "$", "*"))
        return 1, None if is_comment else _uncommented(line), False
    mark = line[6:7]
    if mark in ("*", "/", "d", "D", "$") or not line[_AREA_A - 1 :].strip():
        return 8, None, False
    text = line[_AREA_A:_AREA_END]
    if text.lstrip().startswith((">>", "*")):
        return 8, None, False
    return 8, _uncommented(text.ljust(_AREA_END - _AREA_A)), mark == "-"


def _uncommented(text: str) -> str:
    """Without `*>` and what follows, where that stands in no literal."""
    quote = ""
    for position, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif text.startswith("*>", position):
            return text[:position]
    return text


def _joined(
    letters: list[str], places: list[tuple[int, int]], column: int, content: str
) -> tuple[int, str]:
    """A continued literal goes on behind the quote of the next line; a continued word at its first letter."""
    start = len(content) - len(content.lstrip())
    last = "".join(letters).rsplit("\n", 1)[-1]
    if _open_quote(last):
        start += content[start : start + 1] in ("'", '"')
    else:
        while letters and letters[-1] == " ":
            letters.pop()
            places.pop()
    return column + start, content[start:]


def _open_quote(line: str) -> bool:
    quote = ""
    for letter in line:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
    return bool(quote)


def _tokens(text: str, place: PlaceOf) -> Iterator[Word]:
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "blank":
            continue
        word, start = match[0], match.start()
        if match.lastgroup == "open":
            raise CopybookError(place(start), "DB822", "a literal is not closed")
        if match.lastgroup in ("literal", "pseudo"):
            yield Word(word, place(start))
            continue
        bare = word.rstrip(".,;")
        if bare:
            yield Word(bare, place(start))
        if "." in word[len(bare) :]:
            yield Word(".", place(start + len(bare)))
