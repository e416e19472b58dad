"""The problems that only settings can have, by code. A code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "DB701": "a variable or flag that sets nothing",
    "DB702": "callers without a key, on an address that other machines reach",
    "DB703": "a file or folder of adapters that is not there",
    "DB704": "a toolset that exists already",
    "DB705": "a pattern of a toolset that chooses no function",
    "DB706": "settings of a kind that does not exist, cannot be loaded, or has none",
}
