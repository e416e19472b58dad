"""Screens: what was recorded of them, and the one that is there. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from drawbar.codecs.template import Template
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonObject, JsonValue

SIZES: Mapping[int, tuple[int, int]] = {2: (24, 80), 3: (32, 80), 4: (43, 80), 5: (27, 132)}
"""Rows and columns by the model of a 3278 or 3279 terminal."""
_BETWEEN = "\0 .:=>_"
"""What may stand between a label and its value."""
_TOKEN = re.compile(r"(?P<field>SF\((?P<orders>[^)]*)\))|SA\([^)]*\)|(?P<cell>[0-9a-f]+)|\S+")
_PROTECTED, _HIDDEN = 0x20, 0x0C
FieldType: TypeAlias = Literal["text", "integer", "number"]


@dataclass(frozen=True, slots=True)
class Place:
    """A piece of a row; rows and columns count from 1."""

    row: int
    column: int
    length: int

    def fits(self, rows: int, columns: int) -> bool:
        """Whether all of it is on a screen of this size."""
        end = self.column + self.length - 1
        return 1 <= self.row <= rows and self.column >= 1 and end <= columns


@dataclass(frozen=True, slots=True)
class Labelled:
    """What stands behind a text that is on the screen once, wherever that is."""

    label: str
    length: int


Spot: TypeAlias = Place | Labelled


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows of a screen."""

    first: int
    last: int
    columns: Mapping[str, tuple[int, int, FieldType]]
    """Column, length and type by name."""
    more: tuple[tuple[Place, str], ...]
    next: str


@dataclass(frozen=True, slots=True)
class Screen:
    """One that was recorded."""

    name: str
    marks: tuple[tuple[Place, str], ...]
    inputs: Mapping[str, Spot]
    fields: Mapping[str, tuple[Spot, FieldType]]
    rows: Listing | None
    code: str | None
    message: Spot | None


@dataclass(frozen=True, slots=True)
class Step:
    """A screen with what is typed on it, by place, and the key that leaves it."""

    screen: Screen
    fills: tuple[tuple[str, Spot, Template], ...]
    key: str


@dataclass(frozen=True, slots=True)
class Route:
    """One function, compiled."""

    steps: tuple[Step, ...]
    shows: Screen
    refusals: tuple[Screen, ...]
    """Screens that say no; any of them may come after any key."""
    changes: bool


class Shown:
    """What a terminal shows now: a character for each cell, and where its fields begin."""

    def __init__(self, lines: Sequence[str]) -> None:
        """`lines` are the rows as s3270 writes them. Their size is the one in use, which a host may change."""
        self._cells: list[str] = []
        self._attributes: dict[int, int] = {}
        hidden = False
        for match in _TOKEN.finditer(" ".join(lines)):
            if match["field"]:
                found = re.search(r"c0=([0-9a-f]+)", match["orders"])
                attribute = int(found[1], 16) if found else 0
                hidden = attribute & _HIDDEN == _HIDDEN
                self._attributes[len(self._cells)] = attribute
                self._cells.append("\0")
            elif match["cell"]:
                self._cells.append("\0" if hidden else chr(int(match["cell"], 16)))
            elif not match[0].startswith("SA("):
                self._cells.append("\ufffd")  # a graphic that no code page has
        self._rows = max(len(lines), 1)
        self._columns = max(len(self._cells) // self._rows, 1)

    def text(self, spot: Spot) -> str:
        """Without blanks at its end; empty where its label is not there. Raises BackendError for a label shown twice."""
        place = self.place(spot, typed=False)
        if place is None:
            return ""
        start = self._start(place)
        cells = self._cells[start : start + place.length]
        return "".join(cells).replace("\0", " ").rstrip(" ")

    def place(self, spot: Spot, *, typed: bool) -> Place | None:
        """Where it is now; `typed`: the first field behind the label that can be typed into.

        None: its label is not there, or nothing is behind it. Raises BackendError for a label shown twice.
        """
        if isinstance(spot, Place):
            return spot
        end = self._behind(spot.label)
        if end is None:
            return None
        if typed:
            later = (cell for cell in sorted(self._attributes) if cell >= end)
            found = next((c + 1 for c in later if not self._attributes[c] & _PROTECTED), None)
            return None if found is None else self._place(found, spot.length)
        last = (end // self._columns + 1) * self._columns
        while end < last and self._cells[end] in _BETWEEN:
            end += 1
        return self._place(end, min(spot.length, last - end)) if end < last else None

    def _behind(self, label: str) -> int | None:
        """The cell behind the label, which has to be a word of its own."""
        whole = "".join(self._cells).replace("\0", " ")
        alone = re.compile(rf"(?<!\w){re.escape(label)}(?!\w)")
        found = [match.end() for match in alone.finditer(whole)]
        if len(found) > 1:
            raise BackendError(
                f"The screen shows `{label}` {len(found)} times, so nobody can say which is meant.",
                code="unexpected_screen",
            )
        return found[0] if found else None

    def _start(self, place: Place) -> int:
        return (place.row - 1) * self._columns + place.column - 1

    def _place(self, cell: int, length: int) -> Place:
        return Place(cell // self._columns + 1, cell % self._columns + 1, length)

    def has(self, marks: Iterable[tuple[Place, str]]) -> bool:
        return all(self.text(place) == text.rstrip(" ") for place, text in marks)

    def takes(self, place: Place) -> bool:
        """Whether a field of this length can be typed into there."""
        start = self._start(place)
        attribute = self._attributes.get(start - 1)
        inside = range(start, start + place.length)
        return (
            attribute is not None
            and not attribute & _PROTECTED
            and not any(cell in self._attributes for cell in inside)
        )

    @property
    def heading(self) -> str:
        """The first row that says something."""
        places = (Place(row, 1, self._columns) for row in range(1, self._rows + 1))
        lines = (self.text(place).strip() for place in places)
        return next((line for line in lines if line), "an empty screen")


def values(screen: Screen, shown: Shown) -> JsonObject:
    """What is read of a screen beside its list. Raises BackendError `bad_reply`."""
    return {
        name: _value(name, shown.text(place), kind) for name, (place, kind) in screen.fields.items()
    }


def rows(listing: Listing, shown: Shown) -> Iterator[JsonObject]:
    """The rows of one page that are not empty. Raises BackendError `bad_reply`."""
    for row in range(listing.first, listing.last + 1):
        texts = {
            name: shown.text(Place(row, column, length)).strip()
            for name, (column, length, _) in listing.columns.items()
        }
        if any(texts.values()):
            yield {name: _value(name, texts[name], listing.columns[name][2]) for name in texts}


def _value(name: str, text: str, kind: FieldType) -> JsonValue:
    if kind == "text":
        return text
    bare = text.strip().replace(",", "")
    if not bare:
        return None
    if bare.endswith("-"):  # as COBOL edits a negative number
        bare = f"-{bare[:-1].strip()}"
    try:
        return int(bare) if kind == "integer" else float(bare)
    except ValueError:
        raise BackendError(
            f"`{name}` shows {text!r}, which is no {kind}.", code="bad_reply", work="unknown"
        ) from None
