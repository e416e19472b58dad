"""What the bindings of functions have in common, however the functions were written."""

from __future__ import annotations

import re
from urllib.parse import quote

from drawbar.backends.http.options import HttpFunctionSpec, PagesSpec
from drawbar.backends.http.request.paging import Pages
from drawbar.backends.http.request.places import Places
from drawbar.backends.http.request.pointers import response_pointer, steps
from drawbar.backends.http.request.request import Binding, Slot
from drawbar.compiler.kind import Parameter
from drawbar.spec.source import At, Report

_REQUEST = re.compile(r"(?P<method>\S+) +(?P<path>/[^?#\s]*)(?:\?(?P<query>[^#\s]*))?")
_PAGE_WORDS = {
    "at": ("url", "cursor"),
    "to": ("cursor", "page", "offset"),
    "first": ("page", "offset"),
}
"""The rules of `pages` that a word belongs to."""
_PAGING = re.compile(r"limit|offset|page|cursor|start|after|size|from|top|skip", re.IGNORECASE)


def request_of(
    spec: HttpFunctionSpec, methods: tuple[str, ...], report: Report, at: At
) -> re.Match[str] | None:
    match = _REQUEST.fullmatch(spec.request or "")
    if match is None or match["method"] not in methods:
        report.add(
            (*at, "request"),
            "DB501",
            f"`{spec.request}` is not a method and a path",
            fix=f"write one of {', '.join(methods)}, a blank and a path, such as `{methods[0]} /staff/{{staff_no}}`",
        )
        return None
    if "{" in (match["query"] or ""):
        report.add(
            (*at, "request"),
            "DB501",
            "a place such as {name} stands in the path only",
            fix="leave the query out here; a parameter goes there by `to: query.NAME`",
        )
    return match


def constant_query(match: re.Match[str]) -> str:
    return quote(match["query"] or "", safe="=&%+,;:@/?-._~")


def binding_of(
    name: str,
    method: str,
    segments: tuple[tuple[str | Slot, ...], ...],
    places: Places,
    parameters: tuple[Parameter, ...],
) -> Binding:
    spec, report, at = places.spec, places.report, places.at
    return Binding(
        function=name,
        method=method,
        segments=segments,
        query=tuple(places.query),
        headers=tuple(places.headers),
        constant_headers=tuple(places.constant_headers),
        cookies=tuple(places.cookies),
        body=tuple(places.body),
        changes=spec.effect != "read",
        response=response_pointer(spec, report, at),
        reply=spec.reply,
        pages=_pages(spec, places, report, at),
        paging=_paging(parameters),
    )


def _paging(parameters: tuple[Parameter, ...]) -> tuple[str, ...]:
    return tuple(
        parameter.name
        for parameter in parameters
        if parameter.source == "model" and _PAGING.fullmatch(parameter.name)
    )


def _pages(spec: HttpFunctionSpec, places: Places, report: Report, at: At) -> Pages | None:
    pages = spec.pages
    if pages is None:
        return None
    where = (*at, "pages")
    _check_page_words(pages, report, where)
    if spec.effect != "read":
        report.add(where, "DB515", "only a reading can be repeated page after page")
    key = _page_key(pages, places, report, where)
    first = pages.first if pages.first is not None else int(pages.next == "page")
    pointer = () if pages.at is None else steps(pages.at, report, (*where, "at"))
    return Pages(pages.next, pointer, key, first)


def _check_page_words(pages: PagesSpec, report: Report, where: At) -> None:
    for word, rules in _PAGE_WORDS.items():
        given = getattr(pages, word) is not None
        wanted = pages.next in rules
        if given and not wanted:
            message = f"`{word}` has no meaning with `next: {pages.next}`"
            report.add((*where, word), "DB515", message)
        elif wanted and not given and word != "first":
            report.add((*where, "next"), "DB515", f"`next: {pages.next}` needs `{word}`")


def _page_key(pages: PagesSpec, places: Places, report: Report, where: At) -> str:
    """The name in the query that leads to the next page."""
    key = (pages.to or "").removeprefix("query.")
    if pages.to is not None and (not pages.to.startswith("query.") or not key):
        report.add((*where, "to"), "DB515", f"`{pages.to}` is no query.NAME")
    if any(slot.key == key for slot in places.query):
        report.add((*where, "to"), "DB515", f"a parameter goes to `query.{key}`, too")
    return key
