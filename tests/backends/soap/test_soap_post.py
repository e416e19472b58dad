"""The short way of a read and the library's: the same request arrives, and the same comes back."""

from __future__ import annotations

import gzip

import pytest

from drawbar.backends.soap.access.post import Post
from drawbar.kernel.ports import BackendError

from .soap_calls import make_call
from .soap_office import envelope, open_office

SENT = envelope('<t:GetLeave xmlns:t="urn:leave"><t:LeaveId>1</t:LeaveId></t:GetLeave>')
HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"x"', "Accept": "text/xml"}
ANSWERS = {
    "reply": (200, "text/xml; charset=utf-8", envelope("<a/>")),
    "fault": (500, "text/xml", envelope("<s:Fault/>")),
    "page": (502, "text/html", b"<html>Bad gateway</html>"),
    "empty": (202, "text/plain", b""),
    "too long": (200, "text/xml", b"x" * 5000),
    "refused": (401, "", b"no"),
}


async def made(post: Post, *, fresh: bool) -> object:
    call = make_call({}, max_bytes=4000)
    try:
        return await post.send(SENT, HEADERS, call, fresh=fresh), call.progress.sent
    except BackendError as error:
        return vars(error), call.progress.sent


@pytest.mark.parametrize("name", ANSWERS)
async def test_both_ways_bring_the_same_answer(name: str) -> None:
    with open_office(None) as office:
        office.raw(*ANSWERS[name])
        post = Post(office.url, 2)

        found = [await made(post, fresh=False), await made(post, fresh=True)]

        await post.close()
    assert found[0] == found[1]
    (one, other) = office.received
    for unimportant in ("accept-encoding", "user-agent", "connection"):
        other.headers.pop(unimportant, None)
    assert one.headers == other.headers


async def test_a_service_that_nobody_listens_for_is_told_alike() -> None:
    post = Post("http://127.0.0.1:1/", 2)

    found = [await made(post, fresh=False), await made(post, fresh=True)]

    assert found[0] == found[1]
    await post.close()


async def test_a_service_that_compresses_all_the_same_is_read_by_the_library() -> None:
    with open_office(None) as office:
        office.raw(200, "text/xml\r\nContent-Encoding: gzip", gzip.compress(envelope("<a/>")))
        post = Post(office.url, 2)

        answers = [await post.send(SENT, HEADERS, make_call({}), fresh=False) for _ in range(3)]

        await post.close()
    assert {answer.body for answer in answers} == {envelope("<a/>")}
    assert len(office.received) == 4  # the first one twice
