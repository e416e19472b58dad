"""A YAML file as plain values, with the place of each of them.

Scalars follow YAML 1.2 (its core schema): `no` is a text, `012` is refused, and the last of two
equal keys never wins silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from drawbar.kernel.errors import Place, Problem, Severity
from drawbar.kernel.values import JsonValue

At: TypeAlias = "tuple[str | int, ...]"
"""The way to a value: keys and list positions from the root of the file."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a file holds. `places` has the place of every key and every list element."""

    file: str
    data: JsonValue
    places: Mapping[At, Place] = field(default_factory=dict)

    def place(self, at: At) -> Place:
        """Where `at` stands, or else what holds it."""
        for length in range(len(at), -1, -1):
            if place := self.places.get(at[:length]):
                return place
        return Place(self.file)


class Report:
    """Collects problems of one file; nothing is raised before the whole file was read."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.ways: list[At] = []
        """Where each of the problems stands, in the same order."""

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

    def within(self, at: At = ()) -> tuple[Problem, ...]:
        """Problems noted at this value or inside it."""
        return tuple(
            problem
            for way, problem in zip(self.ways, self.problems, strict=True)
            if way[: len(at)] == at
        )

    def is_broken(self, at: At = ()) -> bool:
        """Whether an error was noted at this value or inside it."""
        return any(problem.severity == "error" for problem in self.within(at))
