"""One call that reads page after page, down to a cap that tells: of rows, of bytes, or of time."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from drawbar.backends.http.reply.reply import Unusable, at_pointer
from drawbar.backends.http.request.paging import Pages
from drawbar.kernel.ports import Call, Cut, Reply
from drawbar.kernel.values import JsonValue

_MOST_PAGES = 1_000


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it was read."""

    target: str
    """Path and query that it was had from."""
    headers: Mapping[str, str]
    value: JsonValue
    size: int
    """Bytes."""


async def drained(
    pages: Pages,
    pointer: tuple[str, ...],
    target: str,
    ask: Callable[[str], Awaitable[Page]],
    call: Call,
    advice: str,
) -> Reply:
    """The rows of all pages as one list. Raises Unusable, and what `ask` raises."""
    rows: list[JsonValue] = []
    asked: set[str] = set()
    size, longest, first = 0, 0.0, 0
    following: str | None = target
    while following is not None and following not in asked:
        if asked and (why := _spent(rows, size, longest, len(asked), call)):
            return _cut(rows, call.max_rows, why, advice)
        asked.add(following)
        started = time.monotonic()
        page = await ask(following)
        longest = max(longest, time.monotonic() - started)
        size += page.size
        found = at_pointer(page.value, pointer)
        if not isinstance(found, list):
            raise Unusable("a page holds no list; `response` has to point to one")
        shaped = found if pages.rows is None else pages.rows(found)
        rows.extend(shaped if isinstance(shaped, list) else found)
        first = first or len(found)
        if not found or (pages.rule in ("page", "offset") and len(found) < first):
            break  # the last one
        following = pages.next_of(page.target, page.headers, page.value, len(rows), len(asked))
    if len(rows) > call.max_rows:
        return _cut(rows, call.max_rows, "", advice)
    return Reply(rows)


def _spent(rows: list[JsonValue], size: int, longest: float, pages: int, call: Call) -> str | None:
    """Why no further page is read; None while there is room."""
    if len(rows) >= call.max_rows:
        return f"More than the {call.max_rows} rows that are read."
    if size >= call.max_bytes:
        return f"More than the {call.max_bytes} bytes that are read."
    if call.remaining() < 2 * longest:
        return "The time of one call is over."
    if pages >= _MOST_PAGES:
        return f"More than {_MOST_PAGES} pages."
    return None


def _cut(rows: list[JsonValue], most: int, why: str, advice: str) -> Reply:
    kept = rows[:most]
    told = f"{why} There are further pages. {advice}".strip()
    return Reply(kept, cuts=(Cut(len(kept), None, "rows", told),))
