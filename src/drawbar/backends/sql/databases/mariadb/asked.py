"""How a session of MariaDB is set up for free queries, whichever driver it has."""

from __future__ import annotations

import re

SQL_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
"""Without ANSI_QUOTES, NO_BACKSLASH_ESCAPES and PIPES_AS_CONCAT, each of which gives a text another meaning."""
_WINDOWS = re.compile(r"\bover\b", re.IGNORECASE)


def spared(text: str) -> str:
    """The setting with which MariaDB 10.11 can carry out a select; with the other it would end.

    It does when it merges a select in `from` into one with windows.
    """
    merges = "off" if _WINDOWS.search(text) else "on"
    return f"set session optimizer_switch = 'derived_merge={merges}'"
