"""Records of variable length, each behind a word of four bytes that says how long it is.

The word is two bytes of length, the highest first, and two that are zero unless a record is spread over several
blocks. IBM counts the word in the length (z/OS DFSMS "Using Data Sets", "Record descriptor word"); GnuCOBOL's
sequential files of variable records, as it writes them by itself, do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from drawbar.codecs.codec import CodecError
from drawbar.codecs.record import RecordLayout
from drawbar.kernel.values import JsonObject, JsonValue

Separator: TypeAlias = Literal["line", "none", "rdw", "gnucobol"]
WORD = 4
_MOST = 0xFFFF


@dataclass(frozen=True, slots=True)
class Described:
    """Fills the port `drawbar.codecs.record.RecordLayout`."""

    inner: RecordLayout
    counts_itself: bool

    @property
    def lines(self) -> bool:
        return False

    def encode(self, value: JsonValue) -> bytes:
        data = self.inner.encode(value)
        length = len(data) + (WORD if self.counts_itself else 0)
        if length > _MOST:
            raise CodecError(f"is {len(data)} bytes, more than a record descriptor word can say")
        return length.to_bytes(2, "big") + bytes(2) + data

    def decode(self, data: bytes, number: int = 1) -> JsonObject:
        return self.inner.decode(data, number)

    def split(self, data: bytes) -> Iterator[bytes]:
        """The records without their words. Raises CodecError for a word that is none."""
        start, number = 0, 1
        while start < len(data):
            end = self._end(data, start, number)
            if end is None or end > len(data):
                raise CodecError("ends before it is whole", where=f"record {number}")
            yield data[start + WORD : end]
            start, number = end, number + 1

    def whole_part(self, data: bytes) -> bytes:
        start, number = 0, 1
        try:
            while (end := self._end(data, start, number)) is not None and end <= len(data):
                start, number = end, number + 1
        except CodecError:
            return data  # so that `split` comes to that word, and tells it
        return data[:start]

    def _end(self, data: bytes, start: int, number: int) -> int | None:
        """Where the record at `start` ends; None: not even its word is whole."""
        word = data[start : start + WORD]
        if len(word) < WORD:
            return None
        length = int.from_bytes(word[:2], "big") + (0 if self.counts_itself else WORD)
        if length < WORD or word[2:] != bytes(2):
            told = f"{word.hex(' ')} is no record descriptor word of a whole record"
            raise CodecError(told, where=f"record {number}, byte {start + 1}")
        return start + length


def described(layout: RecordLayout, separator: Separator) -> RecordLayout:
    """The layout, behind words where `separator` says so."""
    if separator in ("rdw", "gnucobol"):
        return Described(layout, counts_itself=separator == "rdw")
    return layout
