"""Bytes beside a value: a backend hands them over, the value has a reference, the core keeps them.

    {"file_id": "file-...", "filename": "invoice.pdf", "media_type": "application/pdf", "bytes": 48211}

A model reads the reference, a person downloads the bytes by its id. The other way round, an argument may be
the id of a file, and the core puts the bytes in its place before a kind sees it.
"""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from drawbar.kernel.errors import OperatorError
from drawbar.kernel.ids import new_id
from drawbar.kernel.values import JsonObject, JsonValue

INLINE = 1024
"""Bytes that stay in an answer, as base64, unless the adapter says otherwise."""
MOST = 100_000_000
"""Bytes of all files of one answer, unless the settings say otherwise."""
FILE_ID = r"file-[0-9A-HJKMNP-TV-Z]{24}"
"""A regular expression; see `kernel.ids`."""
_UNSAFE = re.compile(
    r'[\x00-\x1f\x7f-\x9f"*/:<>?\\|\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+'
)
_LONGEST_NAME = 150
_BEGINNINGS: Sequence[tuple[bytes, str]] = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"<?xml", "application/xml"),
)


@dataclass(frozen=True, slots=True)
class NewFile:
    """Bytes that came with a reply, before they are kept."""

    id: str
    filename: str
    media_type: str
    data: bytes

    def reference(self) -> JsonObject:
        """What stands in the value instead of the bytes."""
        return {
            "file_id": self.id,
            "filename": self.filename,
            "media_type": self.media_type,
            "bytes": len(self.data),
        }


@dataclass(frozen=True, slots=True)
class FileContent:
    """A kept file with all its bytes."""

    filename: str
    media_type: str
    data: bytes


class Attachments:
    """What a backend hands over during one call. May be used from any of its threads."""

    __slots__ = ("_most", "_size", "inline", "made")

    def __init__(self, inline: int = INLINE, most: int = MOST) -> None:
        self.inline = inline
        """Bytes up to this many a kind may leave in the value, where that has a form for them."""
        self.made: list[NewFile] = []
        self._most = most
        self._size = 0

    def add(
        self, data: bytes, *, media_type: str | None = None, filename: str | None = None
    ) -> JsonObject:
        """The reference to put in the value. Kept only if it is still there once the value is shaped.

        What is not said of it is guessed: the media type by its first bytes, the name by the media type.
        What would be too much for one answer is only described, and let go of.
        """
        media_type = (media_type or "").partition(";")[0].strip().lower() or guessed(data)
        new = NewFile(new_id("file-"), safe_filename(filename, media_type), media_type, data)
        self._size += len(data)
        if self._size > self._most:
            self._size -= len(data)
            return {
                "media_type": media_type,
                "bytes": len(data),
                "left_out": f"The files of one answer hold at most {self._most} bytes.",
            }
        self.made.append(new)
        return new.reference()

    def shown(
        self, data: bytes, *, media_type: str | None = None, filename: str | None = None
    ) -> JsonValue:
        """What stands for bytes of a type that says so: up to `inline` of them as base64, else a reference."""
        if len(data) <= self.inline:
            return base64.b64encode(data).decode()
        return self.add(data, media_type=media_type, filename=filename)

    def still_in(self, value: JsonValue) -> list[NewFile]:
        """Those that a value refers to: a selection or a cut may have left some out."""
        if not self.made:
            return []
        found = set(_file_ids(value))
        return [new for new in self.made if new.id in found]


class FileText(str):
    """What a kind sees in the place of the id of a file: its bytes as base64, and what is known of it."""

    __slots__ = ("content",)
    content: FileContent

    @classmethod
    def of(cls, content: FileContent) -> FileText:
        text = cls(base64.b64encode(content.data).decode())
        text.content = content
        return text


class FileStore(Protocol):
    """Where files are kept. A file is its owner's, and nobody else can tell that it exists."""

    @property
    def largest(self) -> int:
        """Bytes that a file may have, and all files of one answer together."""
        ...

    async def keep(self, files: Sequence[NewFile], *, owner: str, run_id: str | None) -> None:
        """All of them or none. Raises DrawbarError: one is too large, or the store failed."""
        ...

    async def content(self, file_id: str, *, owner: str) -> FileContent | None:
        """None: the owner has no such file."""
        ...


class NoFiles:
    """A `FileStore` for what has no store, such as the tests written in adapter files."""

    largest = MOST

    async def keep(self, files: Sequence[NewFile], *, owner: str, run_id: str | None) -> None:
        del files, owner, run_id
        raise OperatorError("no files are kept here")

    async def content(self, file_id: str, *, owner: str) -> FileContent | None:
        del file_id, owner
        return None


def guessed(data: bytes) -> str:
    """The media type, by how the bytes begin."""
    found = (name for beginning, name in _BEGINNINGS if data.startswith(beginning))
    return next(found, "application/octet-stream")


def safe_filename(name: str | None, media_type: str) -> str:
    """A name that is one on every system and leads nowhere: the last part of a path, nothing hidden in it."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    plain = _UNSAFE.sub("_", last).strip(" .")
    if not plain:
        return "file" + (mimetypes.guess_extension(media_type) or ".bin")
    stem, dot, ending = plain.rpartition(".")
    if len(plain) > _LONGEST_NAME and dot and len(ending) < 20:  # noqa: PLR2004 -- an ending is short
        return stem[: _LONGEST_NAME - len(ending) - 1] + dot + ending
    return plain[:_LONGEST_NAME]


def _file_ids(value: JsonValue) -> list[str]:
    match value:
        case list():
            return [found for item in value for found in _file_ids(item)]
        case dict():
            own = value.get("file_id")
            inner = [found for item in value.values() for found in _file_ids(item)]
            return [own, *inner] if isinstance(own, str) else inner
        case _:
            return []
