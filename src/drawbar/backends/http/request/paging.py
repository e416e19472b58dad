"""Lists that come in pages: where the next one is, by the rule that an adapter names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import quote

from drawbar.backends.http.request.styles import text_of
from drawbar.kernel.values import JsonValue

Rule: TypeAlias = Literal["link", "url", "cursor", "page", "offset"]
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[^,;<]+(?:=\"[^\"]*\")?)*)")
_NEXT = re.compile(
    r";\s*rel\s*=\s*(?:\"(?:[^\"]*\s)?next(?:\s[^\"]*)?\"|next)(?:\s*(?:;|$))", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Pages:
    """How one function's pages follow one another."""

    rule: Rule
    at: tuple[str, ...] = ()
    """Where in a reply the cursor or the URL of the next page is."""
    key: str = ""
    """The query parameter of the cursor, page or offset."""
    first: int = 1
    rows: Callable[[JsonValue], JsonValue] | None = None
    """What becomes of the rows before they are told."""

    def next_of(
        self, target: str, headers: Mapping[str, str], value: JsonValue, seen: int, number: int
    ) -> str | None:
        """Where the page behind `number` (the first is 1) is, as a target or a URL; None behind the last.

        `seen` are the rows of all pages so far.
        """
        match self.rule:
            case "link":
                return next_link(headers.get("link", ""))
            case "url":
                found = found_at(value, self.at)
                return found if isinstance(found, str) and found else None
            case "cursor":
                cursor = found_at(value, self.at)
                if cursor is None or isinstance(cursor, bool | dict | list) or cursor == "":
                    return None
                return with_query(target, self.key, text_of(cursor))
            case "page":
                return with_query(target, self.key, str(self.first + number))
            case _:
                return with_query(target, self.key, str(self.first + seen))


def next_link(header: str) -> str | None:
    """The target of `rel="next"` in a Link header (RFC 8288)."""
    for link in _LINK.finditer(header):
        if _NEXT.search(link[2]):
            return link[1]
    return None


def with_query(target: str, key: str, value: str) -> str:
    """The target with one query parameter set anew."""
    path, _, query = target.partition("?")
    name = quote(key, safe="")
    kept = [pair for pair in query.split("&") if pair and pair.partition("=")[0] not in (name, key)]
    return f"{path}?" + "&".join([*kept, f"{name}={quote(value, safe='')}"])


def found_at(value: JsonValue, pointer: tuple[str, ...]) -> JsonValue:
    """What stands there in objects; None where nothing does."""
    for step in pointer:
        value = value.get(step) if isinstance(value, dict) else None
    return value
