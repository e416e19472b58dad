"""A list in pages is read page after page, by the rule of its API, down to a cap that tells."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from drawbar.backends.http.request.paging import next_link, with_query

ADAPTER = """
    adapter: list
    backend: {{kind: http, url: "{url}/v1"{more}}}
    functions:
      rows:
        request: GET /rows
        description: All rows.
        parameters: {{kind: {{type: string, optional: true}}}}
        {words}
"""
SIZE = 3


def adapter(api: Any, words: str, more: str = "") -> str:
    return ADAPTER.format(url=api.url, words=words.replace("\n", "\n        "), more=more)


def paged(api: Any, total: int = 8) -> None:
    """An API with `total` rows, which can be paged by each of the rules."""

    async def answer(request: web.Request) -> web.Response:
        query = request.query
        start = int(query.get("cursor") or query.get("offset") or 0)
        if "page" in query:
            start = (int(query["page"]) - 1) * SIZE
        rows = list(range(start, min(start + SIZE, total)))
        more = start + SIZE < total
        after = f"/v1/rows?cursor={start + SIZE}"
        body = {
            "data": rows,
            "meta": {"next": start + SIZE if more else None},
            "next": f"{api.url}{after}" if more else None,
        }
        link = f'</v1/first>; rel="first", <{after}>; rel="next"' if more else ""
        return web.json_response(body, headers={"Link": link} if link else {})

    api.answer = answer


@pytest.mark.parametrize(
    ("pages", "second"),
    [
        ("{next: link}", "/v1/rows?cursor=3"),
        ("{next: url, at: /next}", "/v1/rows?cursor=3"),
        ("{next: cursor, at: /meta/next, to: query.cursor}", "/v1/rows?kind=a%26b&cursor=3"),
        ("{next: page, to: query.page}", "/v1/rows?kind=a%26b&page=2"),
        ("{next: offset, to: query.offset}", "/v1/rows?kind=a%26b&offset=3"),
    ],
)
async def test_pages_are_read_to_the_end(api: Any, open_http: Any, pages: str, second: str) -> None:
    paged(api)
    opened = open_http(adapter(api, f"response: /data\npages: {pages}"))

    reply = await opened.invoke("rows", {"kind": "a&b"})

    assert reply.value == list(range(8))
    assert reply.cuts == ()
    assert api.targets[:2] == ["GET /v1/rows?kind=a%26b", f"GET {second}"]
    assert len(api.targets) == 3


async def test_an_empty_page_is_the_last_one(api: Any, open_http: Any) -> None:
    paged(api, total=6)
    opened = open_http(adapter(api, "response: /data\npages: {next: page, to: query.page}"))

    reply = await opened.invoke("rows")

    assert reply.value == list(range(6))
    assert len(api.targets) == 3


async def test_more_rows_than_are_read_are_cut_and_told(api: Any, open_http: Any) -> None:
    paged(api, total=100)
    opened = open_http(adapter(api, "response: /data\npages: {next: link}"))

    reply = await opened.invoke("rows", max_rows=7)

    assert reply.value == list(range(7))
    (cut,) = reply.cuts
    assert (cut.kept, cut.total, cut.unit) == (7, None, "rows")
    assert "There are further pages." in cut.how_to_get_the_rest
    assert len(api.targets) == 3


async def test_more_bytes_than_are_read_end_it_too(api: Any, open_http: Any) -> None:
    paged(api, total=100)
    opened = open_http(adapter(api, "response: /data\npages: {next: link}"))

    reply = await opened.invoke("rows", max_bytes=250)

    assert 0 < len(reply.value) < 20
    assert "More than the 250 bytes that are read." in reply.cuts[0].how_to_get_the_rest


async def test_when_time_runs_out_what_was_read_is_given(api: Any, open_http: Any) -> None:
    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(0.2)
        cursor = int(request.query.get("cursor", 0))
        return web.json_response({"data": [cursor], "n": cursor + 1})

    api.answer = answer
    pages = "response: /data\npages: {next: cursor, at: /n, to: query.cursor}"
    opened = open_http(adapter(api, pages))

    reply = await opened.invoke("rows", seconds=1.2)

    assert reply.value == list(range(len(reply.value)))
    assert "The time of one call is over." in reply.cuts[0].how_to_get_the_rest


async def test_a_circle_of_pages_ends(api: Any, open_http: Any) -> None:
    api.says({"data": [1], "meta": {"next": "same"}})
    pages = "response: /data\npages: {next: cursor, at: /meta/next, to: query.cursor}"

    reply = await open_http(adapter(api, pages)).invoke("rows")

    assert reply.value == [1, 1]
    assert api.targets == ["GET /v1/rows", "GET /v1/rows?cursor=same"]


async def test_pages_never_lead_to_another_host(api: Any, open_http: Any) -> None:
    api.says({"data": [1], "next": "http://169.254.169.254/latest"})
    opened = open_http(adapter(api, "response: /data\npages: {next: url, at: /next}"))

    error = await opened.fail("rows")

    assert error.code == "bad_reply"
    assert "its next page is at http://169.254.169.254, which is not this backend" in error.message
    assert len(api.targets) == 1


async def test_a_key_in_the_query_goes_to_every_page(api: Any, open_http: Any) -> None:
    paged(api, total=4)
    key = ", auth: {api_key: {name: k, value: secret, in: query}}"
    opened = open_http(adapter(api, "response: /data\npages: {next: link}", key))

    await opened.invoke("rows")

    assert api.targets == ["GET /v1/rows?k=secret", "GET /v1/rows?cursor=3&k=secret"]


async def test_a_page_that_fails_fails_the_call(api: Any, open_http: Any) -> None:
    async def answer(request: web.Request) -> web.Response:
        if "page" in request.query:
            return web.json_response({"message": "gone"}, status=410)
        return web.json_response([1])

    api.answer = answer
    error = await open_http(adapter(api, "pages: {next: page, to: query.page}")).fail("rows")

    assert (error.code, error.message) == ("not_found", "gone")


async def test_a_page_without_a_list_is_told(api: Any, open_http: Any) -> None:
    api.says({"data": {}})

    error = await open_http(adapter(api, "response: /data\npages: {next: link}")).fail("rows")

    assert "`response` has to point to one" in error.message


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        ("pages: {next: cursor}", ["`next: cursor` needs `at`", "`next: cursor` needs `to`"]),
        ("pages: {next: link, at: /x}", ["`at` has no meaning with `next: link`"]),
        ("pages: {next: page, to: page}", ["`page` is no query.NAME"]),
        ("pages: {next: page, to: query.kind}", ["a parameter goes to `query.kind`, too"]),
        ("pages: {next: link}\neffect: write", ["only a reading can be repeated page after page"]),
        ("pages: {next: url, at: x}", ["`x` is no JSON pointer"]),
    ],
)
def test_pages_that_cannot_be_followed_are_a_problem(
    api: Any, compile_text: Any, words: str, messages: list[str]
) -> None:
    text = adapter(api, words).replace(
        "GET /rows", "POST /rows" if "write" in words else "GET /rows"
    )
    if "to: query.kind" in words:
        text = text.replace("optional: true", "optional: true, to: query.kind")

    assert [problem.message for problem in compile_text(text).problems] == messages


def test_the_page_parameter_of_a_document_is_not_offered(
    tmp_path: Path, compile_text: Any, api: Any
) -> None:
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "integer"}} for name in ("page", "size")
    ]
    document = {
        "openapi": "3.0.0",
        "paths": {"/rows": {"get": {"summary": "Rows", "parameters": parameters}}},
    }
    (tmp_path / "a.json").write_text(json.dumps(document))
    words = "operation: GET /rows\npages: {next: page, to: query.page}"
    text = adapter(api, words, ", openapi: a.json").replace("request: GET /rows\n", "\n")
    text = text.replace("parameters: {kind: {type: string, optional: true}}", "")

    compiled = compile_text(text, {}, tmp_path)

    assert not compiled.problems
    assert list(compiled.functions[0].schema["properties"]) == ["size"]


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://x/a?b=1,2>; rel="next"', "https://x/a?b=1,2"),
        ('<a>; rel="prev", <b>; title="c"; rel=next', "b"),
        ('<a>; rel="last next"', "a"),
        ('<a>; rel="nextish"', None),
        ("", None),
    ],
)
def test_the_next_link_is_found(header: str, target: str | None) -> None:
    assert next_link(header) == target


def test_a_query_parameter_is_replaced_where_it_stands_already() -> None:
    assert with_query("/a?p%5Bn%5D=1&x=2", "p[n]", "3") == "/a?x=2&p%5Bn%5D=3"
    assert with_query("/a", "n", "b&c") == "/a?n=b%26c"
