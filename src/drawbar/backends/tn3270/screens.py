"""Screens: what was recorded of them, and the one that is there. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from drawbar.codecs.template import Template
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonObject, JsonValue

ROWS, COLUMNS = 24, 80
_TOKEN = re.compile(r"(?P<field>SF\((?P<orders>[^)]*)\))|SA\([^)]*\)|(?P<cell>[0-9a-f]+)|\S+")
_PROTECTED, _HIDDEN = 0x20, 0x0C
FieldType: TypeAlias = Literal["text", "integer", "number"]


@dataclass(frozen=True, slots=True)
class Place:
    """A piece of a row; rows and columns count from 1."""

    row: int
    column: int
    length: int

    @property
    def start(self) -> int:
        return (self.row - 1) * COLUMNS + self.column - 1

    @property
    def fits(self) -> bool:
        """Whether all of it is on the screen."""
        end = self.column + self.length - 1
        return 1 <= self.row <= ROWS and self.column >= 1 and end <= COLUMNS


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
    inputs: Mapping[str, Place]
    fields: Mapping[str, tuple[Place, FieldType]]
    rows: Listing | None
    code: str | None
    message: Place | None


@dataclass(frozen=True, slots=True)
class Step:
    """A screen with what is typed on it, by place, and the key that leaves it."""

    screen: Screen
    fills: tuple[tuple[str, Place, Template], ...]
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

    def __init__(self, lines: Iterable[str]) -> None:
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

    def text(self, place: Place) -> str:
        """Without blanks at its end."""
        cells = self._cells[place.start : place.start + place.length]
        return "".join(cells).replace("\0", " ").rstrip(" ")

    def has(self, marks: Iterable[tuple[Place, str]]) -> bool:
        return all(self.text(place) == text.rstrip(" ") for place, text in marks)

    def takes(self, place: Place) -> bool:
        """Whether a field of this length can be typed into there."""
        attribute = self._attributes.get(place.start - 1)
        inside = range(place.start, place.start + place.length)
        return (
            attribute is not None
            and not attribute & _PROTECTED
            and not any(cell in self._attributes for cell in inside)
        )

    @property
    def heading(self) -> str:
        """The first row that says something."""
        lines = (self.text(Place(row, 1, COLUMNS)).strip() for row in range(1, ROWS + 1))
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
