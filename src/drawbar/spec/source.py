"""A YAML file as plain values, with the place of each of them.

Scalars follow YAML 1.2 (its core schema): `no` is a text, `012` is refused, and the last of two
equal keys never wins silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from drawbar.kernel.errors import Place, Problem, Severity
from drawbar.kernel.values import JsonValue

At: TypeAlias = "tuple[str | int, ...]"
"""The way to a value: keys and list positions from the root of the file."""


LINE = 1 << 20
"""More than the columns of any line."""


class Places(Mapping[At, Place]):
    """Places by the way to them, made when asked for: most are never needed.

    They are kept in the shape of the data: a mark (`line * LINE + column`) for each value, and for one that holds
    others a pair of its mark and the marks inside, by key.
    """

    __slots__ = ("_file", "_root")

    def __init__(self, file: str, root: tuple[int, Any]) -> None:
        self._file = file
        self._root = root

    def __getitem__(self, at: At) -> Place:
        found: Any = self._root  # an int or a pair
        for key in at:
            if not isinstance(found, tuple) or key not in found[1]:
                raise KeyError(at)
            found = found[1][key]
        line, column = divmod(found[0] if isinstance(found, tuple) else found, LINE)
        return Place(self._file, line, column)

    def without(self, key: str) -> Places:
        """Without those inside one key of the root."""
        mark, inside = self._root
        found = inside.get(key, 0)
        bare = found[0] if isinstance(found, tuple) else found
        return Places(self._file, (mark, {**inside, key: bare} if key in inside else inside))

    def __iter__(self) -> Iterator[At]:
        return _ways((), self._root)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _ways(at: At, found: Any) -> Iterator[At]:
    yield at
    if isinstance(found, tuple):
        for key, inner in found[1].items():
            yield from _ways((*at, key), inner)


@dataclass(frozen=True, slots=True)
class Source:
    """What a file holds. `places` has the place of every key and every list element."""

    file: str
    data: JsonValue = field(repr=False)  # may hold secrets that were written in clear
    places: Mapping[At, Place] = field(default_factory=dict)

    def place(self, at: At) -> Place:
        """Where `at` stands, or else what holds it."""
        for length in range(len(at), -1, -1):
            if place := self.places.get(at[:length]):
                return place
        return Place(self.file)

    def without(self, key: str) -> Source:
        """The same without what stands inside one key of the root; the key keeps its place."""
        if not isinstance(self.data, dict) or key not in self.data:
            return self
        data = {each: value for each, value in self.data.items() if each != key}
        places = self.places.without(key) if isinstance(self.places, Places) else self.places
        return Source(self.file, data, places)


class Report:
    """Collects problems of one file; nothing is raised before the whole file was read."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.ways: list[At] = []
        """Where each of the problems stands, in the same order."""
        self.files: set[Path] = set()
        """Files beside this one that were read, or looked for in vain: what was found depends on them."""
        self._errors: set[At] = set()
        self._broken: set[At] = set()

    def add(
        self,
        at: At,
        code: str,
        message: str,
        *,
        fix: str | None = None,
        severity: Severity = "error",
    ) -> None:
        """Note a problem at a value of the file."""
        self.note(at, Problem(self.source.place(at), code, message, fix, severity))

    def note(self, at: At, problem: Problem) -> None:
        """Note a problem that was made elsewhere."""
        self.problems.append(problem)
        self.ways.append(at)
        if problem.severity == "error":
            self._errors.add(at)
            self._broken.update(at[:length] for length in range(len(at) + 1))

    def is_broken(self, at: At = ()) -> bool:
        """Whether an error was noted at this value or inside it."""
        return at in self._broken

    def has_error_at(self, at: At) -> bool:
        """Whether an error was noted at this very value."""
        return at in self._errors
