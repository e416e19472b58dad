"""What becomes of bytes beside a value."""

from __future__ import annotations

import re

import pytest

from drawbar.kernel.files import FILE_ID, Attachments, safe_filename


@pytest.mark.parametrize(
    ("given", "media_type", "name"),
    [
        ("report.pdf", "application/pdf", "report.pdf"),
        ("../../etc/passwd", "text/plain", "passwd"),
        ("C:\\Windows\\boot.ini", "text/plain", "boot.ini"),
        ("a\u202efdp.exe", "application/pdf", "a_fdp.exe"),
        ('x"; rm -rf.txt', "text/plain", "x_; rm -rf.txt"),
        ("line\r\nbreak.txt", "text/plain", "line_break.txt"),
        ("...", "application/pdf", "file.pdf"),
        (None, "image/png", "file.png"),
        ("", "application/x-nobody-knows", "file.bin"),
        ("a" * 300 + ".tar", "application/x-tar", "a" * 146 + ".tar"),
        ("für März.csv", "text/csv", "für März.csv"),
    ],
)
def test_a_filename_leads_nowhere_and_hides_nothing(
    given: str | None, media_type: str, name: str
) -> None:
    assert safe_filename(given, media_type) == name


def test_bytes_are_referred_to_by_what_they_are() -> None:
    attachments = Attachments()

    reference = attachments.add(b"%PDF-1.7 ...")

    file_id = reference.pop("file_id")
    assert re.fullmatch(FILE_ID, str(file_id))
    assert reference == {"filename": "file.pdf", "media_type": "application/pdf", "bytes": 12}
    assert attachments.made[0].data == b"%PDF-1.7 ..."


def test_only_what_a_value_still_refers_to_is_kept() -> None:
    attachments = Attachments()
    first, second = attachments.add(b"1"), attachments.add(b"2")

    assert attachments.still_in({"rows": [{"scan": second}]}) == [attachments.made[1]]
    assert attachments.still_in({"scans": [first, second]}) == attachments.made
    assert attachments.still_in("file_id") == []


def test_more_than_one_answer_may_hold_is_described_and_let_go_of() -> None:
    attachments = Attachments(most=10)
    attachments.add(b"12345678")

    assert attachments.add(b"123", media_type="text/plain") == {
        "media_type": "text/plain",
        "bytes": 3,
        "left_out": "The files of one answer hold at most 10 bytes.",
    }
    assert attachments.add(b"12")["file_id"]
    assert [len(file.data) for file in attachments.made] == [8, 2]
