"""What comes back: read by its label, capped, and told apart from what cannot be used."""

from __future__ import annotations

import gzip
from typing import Any  # types of fixtures live in conftest, which tests cannot import

import pytest
from aiohttp import web

from drawbar.kernel.files import Attachments
from drawbar.kernel.ports import Cut, Reply

SHOP = """
    adapter: shop
    backend: {{kind: http, url: "{url}"{more}}}
    functions:
      get:
        description: Something.
        request: GET /thing
        {words}
      make:
        description: A new one.
        request: POST /thing
        effect: write
        parameters: {{name: {{type: string}}, page: {{type: integer, optional: true}}}}
"""


def shop(api: Any, words: str = "", more: str = "") -> str:
    return SHOP.format(url=api.url, words=words, more=more)


@pytest.mark.parametrize(
    ("body", "label", "value"),
    [
        (b'{"a": [1, 2.5, null]}', "application/json", {"a": [1, 2.5, None]}),
        (b'{"a": 1}', "application/hal+json; charset=utf-8", {"a": 1}),
        ('{"a": "Jörg"}'.encode("latin-1"), "application/json; charset=iso-8859-1", {"a": "Jörg"}),
        (b'\xef\xbb\xbf{"a": 1}', "application/json", {"a": 1}),
        (b"12345678901234567890123", "application/json", "12345678901234567890123"),
        (b"all well", "text/plain", "all well"),
        ("Grün".encode("cp1252"), "text/plain; charset=windows-1252", "Grün"),
        (
            b"no,name\n1,Ann\n2,Bo\n",
            "text/csv",
            [{"no": "1", "name": "Ann"}, {"no": "2", "name": "Bo"}],
        ),
        (
            b"<r><i n='1'>x</i><i n='2'/></r>",
            "text/xml",
            {"r": {"i": [{"@n": "1", "#text": "x"}, {"@n": "2"}]}},
        ),
        (b"", "application/json", None),
    ],
)
async def test_a_reply_is_read_by_its_content_type(
    body: bytes, label: str, value: Any, api: Any, open_http: Any
) -> None:
    api.sends(body, label)

    assert (await open_http(shop(api)).invoke("get")).value == value


async def test_a_reply_without_content_is_null(api: Any, open_http: Any) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=204)

    api.answer = answer

    assert (await open_http(shop(api)).invoke("make", {"name": "x"})).value is None


async def test_a_created_thing_without_a_body_is_told_by_its_place(
    api: Any, open_http: Any
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=201, headers={"Location": "/thing/8"})

    api.answer = answer

    assert (await open_http(shop(api)).invoke("make", {"name": "x"})).value == {
        "location": "/thing/8"
    }


async def test_declared_words_win_over_a_wrong_label(api: Any, open_http: Any) -> None:
    api.sends(b'{"data": {"items": [{"no": 1}]}}', "text/plain")
    things = open_http(shop(api, "reply: json\n        response: /data/items/0/no"))

    assert (await things.invoke("get")).value == 1


async def test_the_charset_of_the_backend_holds_where_a_reply_names_none(
    api: Any, open_http: Any
) -> None:
    api.sends("Grün".encode("cp1252"), "text/plain")

    reply = await open_http(shop(api, more=", charset: cp1252")).invoke("get")

    assert reply.value == "Grün"


@pytest.mark.parametrize(
    ("body", "label", "message"),
    [
        (
            b'{"a": ',
            "application/json",
            "the reply is labelled application/json and was read as json: line 1, column 7: not JSON",
        ),
        (b"<html><title>Sign in</title></html>", "text/html", "the reply is an HTML page"),
        (b"Gr\xfcn", "text/plain", "byte 3: not utf-8"),
        (b"x", "text/plain; charset=klingon", "the reply's charset `klingon` is unknown"),
        (b"a,b\n1\n", "text/csv", "line 2: 1 cells where the header has 2"),
        (
            b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
            "application/xml",
            "a document type is not accepted",
        ),
    ],
)
async def test_a_reply_that_cannot_be_used_says_what_it_was(
    body: bytes, label: str, message: str, api: Any, open_http: Any
) -> None:
    api.sends(body, label)
    things = open_http(shop(api))

    read, change = await things.fail("get"), await things.fail("make", {"name": "x"})

    assert message in read.message
    assert (read.code, read.work, read.retryable) == ("bad_reply", "unknown", False)
    assert (change.code, change.work) == ("bad_reply", "done")


@pytest.mark.parametrize(
    ("label", "disposition", "words", "known_as"),
    [
        ("application/pdf", None, "", ("application/pdf", "file.pdf")),
        (
            "application/pdf; x=y",
            'attachment; filename="../../etc/Invoice 7.pdf"',
            "",
            ("application/pdf", "Invoice 7.pdf"),
        ),
        (
            "image/png",
            "inline; filename*=UTF-8''f%C3%BCr%0A%E2%80%AEgnp.exe",
            "",
            ("image/png", "für_gnp.exe"),
        ),
        ("text/html", "attachment; filename=page.html", "", ("text/html", "page.html")),
        ("application/json", None, "reply: file", ("application/json", "file.json")),
        ("application/octet-stream", None, "", ("application/octet-stream", "file.bin")),
    ],
)
async def test_what_no_codec_reads_is_handed_over_as_a_file(
    label: str,
    disposition: str | None,
    words: str,
    known_as: tuple[str, str],
    api: Any,
    open_http: Any,
) -> None:
    async def answer(_: web.Request) -> web.Response:
        said = {} if disposition is None else {"Content-Disposition": disposition}
        return web.Response(body=b"\x00\xff{", headers={"Content-Type": label, **said})

    api.answer = answer
    attachments = Attachments()

    reply = await open_http(shop(api, words)).invoke("get", files=attachments)

    [file] = attachments.made
    assert reply.value == file.reference()
    assert (file.media_type, file.filename, file.data) == (*known_as, b"\x00\xff{")


async def test_a_pointer_into_nothing_says_how_far_it_got(api: Any, open_http: Any) -> None:
    api.says({"data": {"rows": []}})

    error = await open_http(shop(api, "response: /data/items/0")).fail("get")

    assert error.code == "bad_reply"
    assert error.message == "The backend's answer cannot be used: the reply has no /data/items."


@pytest.mark.parametrize("total", [2, 3, 4])
async def test_a_list_is_cut_at_its_cap_and_says_so(total: int, api: Any, open_http: Any) -> None:
    api.says(list(range(total)))

    reply = await open_http(shop(api)).invoke("get", max_rows=3)

    advice = "The list was cut. Ask again with arguments that match less."
    cuts = () if total <= 3 else (Cut(3, total, "rows", advice),)
    assert reply == Reply(list(range(min(3, total))), cuts=cuts)


async def test_a_list_inside_the_reply_is_cut_with_advice_on_its_paging(
    api: Any, open_http: Any
) -> None:
    api.says({"items": [1, 2, 3], "total": 3})

    reply = await open_http(shop(api)).invoke("make", {"name": "x"}, max_rows=2)

    assert reply.value == {"items": [1, 2], "total": 3}
    assert reply.cuts == (
        Cut(
            2,
            3,
            "rows",
            "`items` was cut. Ask again with other values of page, or with narrower arguments.",
        ),
    )


@pytest.mark.parametrize("size", [99, 100, 101])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
async def test_a_reply_of_more_bytes_than_allowed_is_not_read_further(
    size: int, chunked: bool, zipped: bool, api: Any, open_http: Any
) -> None:
    body = b'"' + b"x" * (size - 2) + b'"'

    async def answer(_: web.Request) -> web.Response:
        headers = {"Content-Type": "application/json"}
        if zipped:
            headers["Content-Encoding"] = "gzip"
        response = web.Response(body=gzip.compress(body) if zipped else body, headers=headers)
        if chunked:
            response.enable_chunked_encoding()
        return response

    api.answer = answer
    things = open_http(shop(api))

    if size <= 100:
        assert (await things.invoke("get", max_bytes=100)).value == "x" * (size - 2)
        return
    error = await things.fail("make", {"name": "x"}, max_bytes=100)
    assert (error.code, error.work) == ("reply_too_large", "done")
    assert error.message == (
        "The reply is larger than the 100 bytes that are read; nothing of it is shown."
    )
    assert error.hint == "Ask again with other values of page, or with narrower arguments."


async def test_a_reply_that_unpacks_to_a_thousand_times_its_size_is_stopped(
    api: Any, open_http: Any
) -> None:
    packed = gzip.compress(b" " * 50_000_000)  # once: it takes longer than everything else here

    async def answer(_: web.Request) -> web.Response:
        return web.Response(
            body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"}
        )

    api.answer = answer

    assert (await open_http(shop(api)).fail("get")).code == "reply_too_large"
