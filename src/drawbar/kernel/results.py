"""Result handles: all rows of a reading whose answer was cut, kept for its caller and read in parts.

The outcome names the handle, `result_...`. Functions of the gateway itself read what is behind it, and the
user downloads all of it as CSV, which is a file (see `kernel.files`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from drawbar.kernel.values import JsonObject, JsonValue

RESULT_ID = r"result_[0-9A-HJKMNP-TV-Z]{24}"
"""A regular expression; see `kernel.ids`."""
RESULT_FUNCTIONS = ("result_page", "result_search", "result_aggregate")
"""Names of the functions that read a result, as a model calls them."""


@dataclass(frozen=True, slots=True)
class KeptResult:
    """What an outcome tells of a result."""

    id: str
    csv: JsonObject
    """The reference to the file with all rows."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rows of a result, column by column: a third of the memory that a dictionary for each row takes."""

    count: int
    columns: Mapping[str, Sequence[JsonValue]]
    """Values by name of column, in the order in which the rows have them first; null where a row has none."""
    absent: Mapping[str, Collection[int]] = field(default_factory=dict)
    """The rows that do not have a column, which is null there, too."""

    def row(self, number: int, names: Iterable[str] | None = None) -> JsonObject:
        """One row, from 0. With `names` it has exactly these columns."""
        if names is not None:
            return {name: self.value(number, name) for name in names}
        return {
            name: column[number]
            for name, column in self.columns.items()
            if number not in self.absent.get(name, ())
        }

    def value(self, number: int, name: str) -> JsonValue:
        column = self.columns.get(name)
        return None if column is None else column[number]


def snapshot_of(rows: Iterable[JsonObject]) -> Snapshot:
    """Takes one row after the other, so that they need not all be there at once."""
    columns: dict[str, list[JsonValue]] = {}
    absent: dict[str, set[int]] = {}
    count = 0
    for row in rows:
        for name, value in row.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = [None] * count
                if count:
                    absent[name] = set(range(count))
            column.append(value)
        count += 1
        if len(row) < len(columns):
            for name in columns.keys() - row.keys():
                columns[name].append(None)
                absent.setdefault(name, set()).add(count - 1)
    return Snapshot(count, columns, absent)


class ResultStore(Protocol):
    """Where results are kept. A result is its caller's, and nobody else can tell that it exists."""

    @property
    def rows(self) -> int:
        """Most rows of one result; a reading ends there."""
        ...

    @property
    def bytes(self) -> int:
        """Most bytes of one result, as JSON."""
        ...

    @property
    def lifetime(self) -> float:
        """Seconds for which a result is kept."""
        ...

    async def keep(
        self, function: str, rows: Sequence[JsonObject], *, owner: str, run_id: str | None
    ) -> KeptResult:
        """Raises DrawbarError."""
        ...

    async def read(self, result_id: str, *, owner: str) -> Snapshot | None:
        """All rows. None: the owner has no such result."""
        ...
