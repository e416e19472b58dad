"""What a figure has to reach, and the one table that all benchmarks end with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """A figure next to its two goals: `must`, and `reach` where there is one beyond."""

    what: str
    measured: float | None
    """None where it could not be measured, for want of a peer or a server."""
    must: float
    reach: float | None = None
    better: Literal["less", "more"] = "less"
    unit: str = "x"

    @property
    def met(self) -> str:
        if self.measured is None:
            return "not measured"
        if self.reach is not None and self._holds(self.reach):
            return "met, and beyond"
        return "met" if self._holds(self.must) else "missed"

    def row(self) -> str:
        sign = "<=" if self.better == "less" else ">="
        measured = "-" if self.measured is None else self._written(self.measured)
        reach = "" if self.reach is None else f"{sign} {self._written(self.reach)}"
        return f"| {self.what} | {sign} {self._written(self.must)} | {reach} | {measured} | {self.met} |"

    def _holds(self, goal: float) -> bool:
        measured = self.measured or 0.0
        return measured <= goal if self.better == "less" else measured >= goal

    def _written(self, value: float) -> str:
        number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
        return f"{number}{self.unit}"


def ratio(figure: float | None, base: float | None) -> float | None:
    """None where one of the two was not measured."""
    return figure / base if figure is not None and base else None


def table(findings: Iterable[Finding]) -> str:
    head = ["| what | must | reach | measured | |", "|---|--:|--:|--:|---|"]
    return "\n".join([*head, *(finding.row() for finding in findings)])
