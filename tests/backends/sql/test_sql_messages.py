"""Messages of PostgreSQL's protocol, byte by byte. That a real server understands them is in `test_sql_lines`."""

from __future__ import annotations

import pytest

pytest.importorskip("psycopg")

from drawbar.backends.sql.databases.postgresql import messages

ROW = b"D\0\0\0\x13\0\x02\0\0\0\x05round\xff\xff\xff\xff"
READY = b"Z\0\0\0\x05I"


def read(*pieces: bytes) -> list[tuple[int, bytes]]:
    splitter = messages.Splitter()
    return [
        (kind, data[at:ends]) for piece in pieces for kind, data, at, ends in splitter.feed(piece)
    ]


def test_messages_are_the_same_however_they_are_cut_on_the_way() -> None:
    whole = ROW + READY + ROW

    for size in range(1, len(whole) + 1):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert read(*pieces) == [
            (messages.ROW, ROW[5:]),
            (messages.READY, b"I"),
            (messages.ROW, ROW[5:]),
        ]


def test_a_row_is_its_texts_and_nulls() -> None:
    assert messages.row_at(ROW, messages.HEAD) == [b"round", None]


def test_a_length_that_cannot_be_is_nonsense() -> None:
    with pytest.raises(messages.Nonsense):
        read(b"D\0\0\0\x03abc")


def test_a_statement_is_carried_out_with_its_values_for_at_most_two_rows() -> None:
    at = messages.target(b"s1", [1, 0])

    sent = messages.execute(at, [b"\0\x07", None])

    bind = b"\0s1\0\0\x02\0\x01\0\0\0\x02\0\0\0\x02\0\x07\xff\xff\xff\xff\0\0"
    length = (len(bind) + 4).to_bytes(4, "big")
    assert sent == b"B" + length + bind + b"E\0\0\0\x09\0\0\0\0\x02" + b"S\0\0\0\x04"


def test_columns_and_errors_are_told_by_name() -> None:
    shape = b"\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0"

    assert messages.columns_of(b"\0\x02no\0" + shape + b"n\0" + shape) == [(b"no", 23), (b"n", 23)]
    assert messages.fields_of(b"SERROR\0C22012\0Mdivision by zero\0\0") == {
        ord("S"): b"ERROR",
        ord("C"): b"22012",
        ord("M"): b"division by zero",
    }
    assert messages.status_of(b"in_hot_standby\0off\0") == (b"in_hot_standby", b"off")
