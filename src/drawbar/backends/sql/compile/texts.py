"""SQL texts that functions of one adapter have in common: each is read once.

Conditions, look-ups and lists repeat within an adapter, and drafts of tables repeat whole statements. Reading one
takes longer than all the rest of a function.
"""

from __future__ import annotations

from collections.abc import Mapping

from drawbar.backends.sql.parse import Known, Parsed

_MOST = 500
"""Texts that are remembered: a tree takes some ten kilobytes."""


class Texts:
    """What was read without a problem. Nobody changes a tree that was read."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, bool], tuple[Mapping[str, Known | None], Parsed]] = {}

    def find(self, sql: str, known: Mapping[str, Known], *, condition: bool) -> Parsed | None:
        """The same text, read where its names meant the same."""
        found = self._read.get((sql, condition))
        if found is None:
            return None
        meant, parsed = found
        return parsed if all(known.get(name) == each for name, each in meant.items()) else None

    def note(
        self, sql: str, known: Mapping[str, Known], parsed: Parsed, *, condition: bool
    ) -> None:
        if len(self._read) >= _MOST:
            self._read.clear()
        meant = {name: known.get(name) for name in parsed.names}
        self._read[sql, condition] = (meant, parsed)
