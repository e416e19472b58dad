"""Result handles: all rows of a reading whose answer was cut, kept for its caller and read in parts.

The outcome names the handle, `result_...`. Functions of the gateway itself read what is behind it, and the
user downloads all of it as CSV, which is a file (see `kernel.files`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from drawbar.kernel.values import JsonObject

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

    async def read(self, result_id: str, *, owner: str) -> list[JsonObject] | None:
        """All rows. None: the owner has no such result."""
        ...
