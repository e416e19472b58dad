"""Files: a row of what is known of each, its bytes in pieces beside it.

They are kept where everything else is, so that one backup has all of it and every machine that shares the
store can read them. A file is written and read piece by piece, and is there once its last piece is.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from drawbar.kernel.errors import DrawbarError, StoreError
from drawbar.kernel.files import FileContent, NewFile
from drawbar.kernel.ids import new_id
from drawbar.settings import FileSettings
from drawbar.spec.scalars import size_text
from drawbar.store.engine import Database
from drawbar.store.listing import read_page
from drawbar.store.records import Listing, Page, StoredFile
from drawbar.store.tables import file_chunks
from drawbar.store.tables import files as files_table

CHUNK = 262_144
"""Bytes of one piece: what is in memory of a file that is sent or received."""
_TOGETHER = 8
"""Pieces that share a commit when a file is made here."""
_ABANDONED = 3600
"""Seconds after which an upload whose last piece did not come is deleted."""
REPLY = "assistants_output"
"""The purpose of what functions answered with, as the Files API calls it."""
RESULT = "result"
"""The purpose of what only functions of the gateway read; the Files API does not show it."""


class FileTooLarge(DrawbarError):
    """More bytes than the settings allow."""

    def __init__(self, largest: int) -> None:
        super().__init__(
            f"it is larger than {size_text(largest)}, the limit of this gateway (`files: {{largest: ...}}`)"
        )
        self.largest = largest


@dataclass(frozen=True, slots=True)
class FileLabel:
    """What is known of a file before its bytes."""

    owner: str
    filename: str
    media_type: str
    purpose: str
    expires_at: int | None = None
    """Unix seconds."""


def file_record(row: Any) -> StoredFile:  # a row of `files`
    return StoredFile(
        id=row.id,
        created_at=row.created_at,
        owner=row.owner,
        run_id=row.run_id,
        purpose=row.purpose,
        filename=row.filename,
        media_type=row.media_type,
        bytes=row.bytes,
        expires_at=row.expires_at,
    )


class Files:
    """`kernel.files.FileStore`, and what the Files API needs. Only its owner finds a file."""

    def __init__(self, database: Database, settings: FileSettings) -> None:
        self._database = database
        self._keep = settings.keep
        self.largest = settings.largest

    async def keep(self, files: Sequence[NewFile], *, owner: str, run_id: str | None) -> None:
        """What a function answered with; it expires as the settings say, and goes with its thread."""
        for new in files:
            self.check_size(len(new.data))
        expires_at = int(time.time() + self._keep)
        rows = []
        for new in files:
            label = FileLabel(owner, new.filename, new.media_type, REPLY, expires_at)
            rows.append(_row(new.id, label) | {"run_id": run_id, "bytes": len(new.data)})
        pieces = [piece for new in files for piece in _pieces(new)]

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.insert(files_table), rows)
            connection.execute(sa.insert(file_chunks), pieces)

        await self._database.write(work)

    async def store_pieces(
        self,
        labels: Mapping[str, FileLabel],
        pieces: Iterator[tuple[str, bytes]],
        *,
        run_id: str | None,
    ) -> dict[str, int]:
        """Files by id, of whatever size, that are written while their pieces are made: all of them or none.

        Each has at least one piece. Returns their sizes.
        """
        sizes, counts = dict.fromkeys(labels, 0), dict.fromkeys(labels, 0)
        begun = {**_begun(), "run_id": run_id}
        rows = [_row(key, label) | begun for key, label in labels.items()]
        await self._database.write(_inserted(files_table, rows))
        try:
            while some := await asyncio.to_thread(list, itertools.islice(pieces, _TOGETHER)):
                rows = []
                for key, data in some:
                    rows.append({"file_id": key, "number": counts[key], "data": data})
                    sizes[key] += len(data)
                    counts[key] += 1
                await self._database.write(_inserted(file_chunks, rows))
            await self._database.write(_finished(labels, sizes))
        except BaseException:
            await self._database.execute(
                sa.delete(files_table).where(files_table.c.id.in_(list(labels)))
            )
            raise
        return sizes

    async def upload(self, label: FileLabel, data: AsyncIterator[bytes]) -> StoredFile:
        """Write what comes, piece by piece. Raises FileTooLarge; of a file that is not whole nothing stays."""
        key, size, number = new_id("file-"), 0, 0
        await self._database.execute(sa.insert(files_table), _row(key, label) | _begun())
        try:
            async for piece in data:
                size += len(piece)
                self.check_size(size)
                row = {"file_id": key, "number": number, "data": piece}
                await self._database.execute(sa.insert(file_chunks), row)
                number += 1
            await self._database.write(_finished({key: label}, {key: size}))
        except BaseException:
            await self._database.execute(sa.delete(files_table).where(files_table.c.id == key))
            raise
        kept = await self.get(key, owner=label.owner)
        assert kept is not None  # noqa: S101 -- written just now
        return kept

    def check_size(self, size: int) -> None:
        if size > self.largest:
            raise FileTooLarge(self.largest)

    async def get(
        self, file_id: str, *, owner: str, purpose: str | None = None
    ) -> StoredFile | None:
        query = _of(owner, purpose).where(files_table.c.id == file_id)

        def work(connection: sa.Connection) -> StoredFile | None:
            row = connection.execute(query).first()
            return None if row is None else file_record(row)

        return await self._database.read(work)

    async def list(
        self, page: Page, *, owner: str, purpose: str | None = None
    ) -> Listing[StoredFile]:
        query = _of(owner, purpose)
        return await self._database.read(
            lambda c: read_page(c, query, files_table.c.id, page, file_record)
        )

    async def pieces(self, file: StoredFile) -> AsyncIterator[bytes]:
        """The bytes, one piece in memory at a time."""
        left, number = file.bytes, 0
        while left > 0:
            piece = await self._database.read(_piece(file.id, number))
            left -= len(piece)
            number += 1
            yield piece

    async def content(
        self, file_id: str, *, owner: str, purpose: str | None = None
    ) -> FileContent | None:
        file = await self.get(file_id, owner=owner, purpose=purpose)
        if file is None:
            return None
        data = b"".join([piece async for piece in self.pieces(file)])
        return FileContent(file.filename, file.media_type, data)

    async def delete(self, file_id: str, *, owner: str) -> bool:
        statement = sa.delete(files_table).where(
            files_table.c.id == file_id,
            files_table.c.owner == owner,
            files_table.c.purpose != RESULT,
        )
        return await self._database.execute(statement) > 0

    async def delete_due(self, now: int, *, batch: int = 20) -> int:
        """Delete at most `batch` files whose time is over; how many that were."""
        due = sa.select(files_table.c.id).where(files_table.c.expires_at <= now).limit(batch)
        ids = await self._database.read(lambda c: list(c.execute(due).scalars()))
        if not ids:
            return 0
        return await self._database.execute(sa.delete(files_table).where(files_table.c.id.in_(ids)))


def _row(key: str, label: FileLabel) -> dict[str, object]:
    return {
        "id": key,
        "created_at": int(time.time()),
        "owner": label.owner,
        "run_id": None,
        "purpose": label.purpose,
        "filename": label.filename,
        "media_type": label.media_type,
        "bytes": 0,
        "status": "processed",
        "expires_at": label.expires_at,
    }


def _begun() -> dict[str, object]:
    """What differs while a file is not whole."""
    return {"status": "uploaded", "expires_at": int(time.time()) + _ABANDONED}


def _inserted(table: sa.Table, rows: list[dict[str, object]]) -> Callable[[sa.Connection], None]:
    def work(connection: sa.Connection) -> None:
        connection.execute(sa.insert(table), rows)

    return work


def _finished(
    labels: Mapping[str, FileLabel], sizes: Mapping[str, int]
) -> Callable[[sa.Connection], None]:
    def work(connection: sa.Connection) -> None:
        for key, label in labels.items():
            whole = {"status": "processed", "expires_at": label.expires_at, "bytes": sizes[key]}
            connection.execute(sa.update(files_table).where(files_table.c.id == key).values(whole))

    return work


def _pieces(new: NewFile) -> Iterator[dict[str, object]]:
    """At least one, so that there is something to insert of an empty file, too."""
    for number, start in enumerate(range(0, max(len(new.data), 1), CHUNK)):
        data = new.data[start : start + CHUNK]
        yield {"file_id": new.id, "number": number, "data": data}


def _of(owner: str, purpose: str | None) -> sa.Select[Any]:  # rows of `files`
    """The files of an owner that are whole and have not expired; of any purpose that is shown, or of one."""
    lasting = sa.or_(
        files_table.c.expires_at.is_(None), files_table.c.expires_at > int(time.time())
    )
    meant = files_table.c.purpose != RESULT if purpose is None else files_table.c.purpose == purpose
    return sa.select(files_table).where(
        files_table.c.owner == owner, files_table.c.status == "processed", lasting, meant
    )


def _piece(file_id: str, number: int) -> Callable[[sa.Connection], bytes]:
    query = sa.select(file_chunks.c.data).where(
        file_chunks.c.file_id == file_id, file_chunks.c.number == number
    )

    def work(connection: sa.Connection) -> bytes:
        data = connection.execute(query).scalar()
        if data is None:
            raise StoreError(f"{file_id} was deleted while it was read")
        return bytes(data)

    return work
