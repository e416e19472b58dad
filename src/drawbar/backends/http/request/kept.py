"""Bindings as they are kept on disk between starts.

Those of GraphQL, OData, JSON-RPC and XML-RPC, and bodies of XML, hold code or shapes that lead back to themselves;
adapters with such functions are compiled at each start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from drawbar.backends.http.request.bodies import BodyForm, Media
from drawbar.backends.http.request.paging import Pages, Rule
from drawbar.backends.http.request.request import Binding, BodySlot, Precondition, Slot
from drawbar.backends.http.request.styles import Style


@dataclass(frozen=True, slots=True, eq=False)
class KeptSlot:
    parameter: str
    key: str
    style: Style | None
    slashes: bool


@dataclass(frozen=True, slots=True, eq=False)
class KeptMedia:
    form: BodyForm
    content_type: str
    styles: Mapping[str, Style]
    files: tuple[str, ...]
    types: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class KeptPages:
    rule: Rule
    at: tuple[str, ...]
    key: str
    first: int


@dataclass(frozen=True, slots=True, eq=False)
class KeptBinding:
    """The fields of a `Binding`, with these classes for what is inside. Equal only to itself."""

    function: str
    method: str
    segments: tuple[tuple[str | KeptSlot, ...], ...]
    constant_query: str
    query: tuple[KeptSlot, ...]
    headers: tuple[KeptSlot, ...]
    constant_headers: tuple[tuple[str, str], ...]
    cookies: tuple[KeptSlot, ...]
    body: tuple[BodySlot, ...]
    form: bool
    media: KeptMedia | None
    needs_body: bool
    changes: bool
    response: tuple[str, ...]
    reply: Literal["json", "text", "xml", "csv", "file", "ndjson", "events"] | None
    pages: KeptPages | None
    precondition: KeptPrecondition | None
    paging: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class KeptPrecondition:
    function: str
    reading: KeptBinding
    at: tuple[str, ...]
    fixed: Mapping[str, Any]
    """Plain JSON."""


class _CannotKeep(Exception):
    """There is code in it."""


def kept(binding: Binding) -> KeptBinding | None:
    """None where there is code in it."""
    try:
        return _kept(binding)
    except _CannotKeep:
        return None


def _kept(binding: Binding) -> KeptBinding:
    if binding.composed is not None or binding.dialect is not None:
        raise _CannotKeep
    return KeptBinding(
        function=binding.function,
        method=binding.method,
        segments=tuple(
            tuple(part if isinstance(part, str) else _slot(part) for part in segment)
            for segment in binding.segments
        ),
        constant_query=binding.constant_query,
        query=tuple(map(_slot, binding.query)),
        headers=tuple(map(_slot, binding.headers)),
        constant_headers=binding.constant_headers,
        cookies=tuple(map(_slot, binding.cookies)),
        body=binding.body,
        form=binding.form,
        media=None if binding.media is None else _media(binding.media),
        needs_body=binding.needs_body,
        changes=binding.changes,
        response=binding.response,
        reply=binding.reply,
        pages=None if binding.pages is None else _pages(binding.pages),
        precondition=None if binding.precondition is None else _precondition(binding.precondition),
        paging=binding.paging,
    )


def _slot(slot: Slot) -> KeptSlot:
    if slot.literal is not None:
        raise _CannotKeep
    return KeptSlot(slot.parameter, slot.key, slot.style, slot.slashes)


def _media(media: Media) -> KeptMedia:
    if media.shape is not None:
        raise _CannotKeep
    files = tuple(sorted(media.files))
    return KeptMedia(media.form, media.content_type, media.styles, files, media.types)


def _pages(pages: Pages) -> KeptPages:
    if pages.rows is not None:
        raise _CannotKeep
    return KeptPages(pages.rule, pages.at, pages.key, pages.first)


def _precondition(each: Precondition) -> KeptPrecondition:
    return KeptPrecondition(each.function, _kept(each.reading), each.at, each.fixed)


def bound(found: KeptBinding) -> Binding:
    """What was kept."""
    media, pages, before = found.media, found.pages, found.precondition
    return Binding(
        function=found.function,
        method=found.method,
        segments=tuple(
            tuple(part if isinstance(part, str) else _bound_slot(part) for part in segment)
            for segment in found.segments
        ),
        constant_query=found.constant_query,
        query=tuple(map(_bound_slot, found.query)),
        headers=tuple(map(_bound_slot, found.headers)),
        constant_headers=found.constant_headers,
        cookies=tuple(map(_bound_slot, found.cookies)),
        body=found.body,
        form=found.form,
        media=None
        if media is None
        else Media(
            media.form, media.content_type, media.styles, frozenset(media.files), media.types
        ),
        needs_body=found.needs_body,
        changes=found.changes,
        response=found.response,
        reply=found.reply,
        pages=None if pages is None else Pages(pages.rule, pages.at, pages.key, pages.first),
        precondition=None
        if before is None
        else Precondition(before.function, bound(before.reading), before.at, before.fixed),
        paging=found.paging,
    )


def _bound_slot(slot: KeptSlot) -> Slot:
    return Slot(slot.parameter, slot.key, slot.style, slashes=slot.slashes)
