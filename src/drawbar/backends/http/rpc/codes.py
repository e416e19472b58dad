"""The problems of functions that name a method. A code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "DB530": "a `method` without a `protocol` of the backend, or beside what excludes it",
    "DB531": "a word that the backend's protocol does not know",
    "DB532": "a type on the wire that no parameter has, or that does not fit it",
    "DB533": "parameters that cannot go by position",
}
