from __future__ import annotations

import pytest

from drawbar.llm.sse import SseReader

STREAM = (
    b": comment\n\ndata: one\n\nevent: x\nid: 5\ndata:two\ndata: lines\n\ndata:\n\nretry: 1\n\n"
    b"data: last"
)
PAYLOADS = [b"one", b"two\nlines", b"", b"last"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_payloads_are_the_same_however_the_bytes_are_cut(end: bytes, size: int) -> None:
    stream = STREAM.replace(b"\n", end)
    reader = SseReader()

    found = [
        payload
        for at in range(0, len(stream), size)
        for payload in reader.feed(stream[at : at + size])
    ]

    assert found + reader.rest() == PAYLOADS


def test_a_payload_is_given_as_soon_as_its_blank_line_is_there() -> None:
    reader = SseReader()

    assert reader.feed(b"data: a\n\ndata: b\n") == [b"a"]
    assert reader.feed(b"\n") == [b"b"]
    assert reader.rest() == []
