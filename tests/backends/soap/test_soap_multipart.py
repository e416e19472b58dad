"""Messages in several parts, taken apart and put together."""

from __future__ import annotations

import base64
from email import message_from_bytes

import pytest
from lxml import etree

from drawbar.backends.soap.message.attachments import put_back
from drawbar.backends.soap.message.multipart import BrokenMultipart, Part, join_parts, split_parts

KIND = 'multipart/related; boundary="b"; type="text/xml"'
TWO = (
    b"before\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <p>\r\n\r\n\x89PNG\r\n--bee\r\n"
    b"--b  \r\nContent-ID: <root>\r\nContent-Type: text/xml\r\nContent-Transfer-Encoding: base64\r\n\r\nPGEvPg==\r\n"
    b"--b--\r\nafter"
)


def test_the_part_that_is_the_start_comes_first() -> None:
    root, picture = split_parts(TWO.replace(b"--bee", b"--"), KIND + '; start="<root>"')

    assert root == Part("root", "text/xml", b"<a/>")
    assert picture == Part("p", "image/png", b"\x89PNG\r\n--")


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (TWO, "multipart/related", "its parts have no boundary"),
        (TWO[:-20], KIND, "its parts are not whole"),
        (b"nothing", KIND, "its parts are not whole"),
        (b"--b--", KIND, "it has no parts"),
        (b"--b\r\nContent-ID: x\r\n--b--", KIND, "a part of it has no end of its headers"),
        (b"--b\r\n\r\n\r\n" * 300 + b"--b--", KIND, "it has more than 200 parts"),
    ],
)
def test_what_is_not_whole_is_told(body: bytes, kind: str, why: str) -> None:
    with pytest.raises(BrokenMultipart, match=why):
        split_parts(body, kind)


def test_what_is_put_together_is_read_by_others_and_by_us() -> None:
    parts = [Part("r@x", "text/xml", b"<a/>"), Part("p@x", "image/png", bytes(range(256)))]

    body, kind = join_parts(parts[0], parts[1:], {"type": "text/xml"})

    read = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    assert [each.get_content_type() for each in read.walk()] == [
        "multipart/related",
        "text/xml",
        "image/png",
    ]
    assert read.get_param("start") == "<r@x>"
    assert split_parts(body, kind) == parts


def test_attachments_are_found_by_every_way_to_refer_to_them() -> None:
    envelope = etree.fromstring(
        '<e xmlns:x="http://www.w3.org/2004/08/xop/include"><a><x:Include href="cid:1%402"/></a>'
        '<b href="cid:b"/><c>cid:c</c><d href="cid:gone"/><f>cid:gone</f></e>'
    )
    parts = [Part(name, "text/plain", name.encode()) for name in ("1@2", "b", "c", "unused")]

    beside = put_back(envelope, parts)

    texts = {node.tag: base64.b64decode(node.text or "").decode() for node in list(envelope)[:3]}
    assert texts == {"a": "1@2", "b": "b", "c": "c"}
    assert not len(envelope[0])
    assert (envelope[3].get("href"), envelope[4].text) == ("cid:gone", "cid:gone")
    assert [part.id for part in beside] == ["unused"]


def test_a_large_attachment_that_is_referred_to_again_and_again_is_no_reply() -> None:
    envelope = etree.fromstring("<e>" + '<a href="cid:big"/>' * 1000 + "</e>")

    with pytest.raises(BrokenMultipart, match="too often"):
        put_back(envelope, [Part("big", "image/png", b"x" * 1000)])
