"""Files in the store: whole or not there, the owner's alone, gone in time and with their thread."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from drawbar.kernel.files import NewFile
from drawbar.kernel.ids import new_id
from drawbar.settings import FileSettings
from drawbar.store.database import Store
from drawbar.store.files import CHUNK, FileLabel, FileTooLarge
from drawbar.store.records import Page
from drawbar.store.tables import file_chunks

LABEL = FileLabel("anna", "a.bin", "application/octet-stream", "user_data")


async def pieces_of(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), CHUNK):
        yield data[start : start + CHUNK]


async def count_chunks(store: Store) -> int:
    count = sa.select(sa.func.count()).select_from(file_chunks)
    return await store._database.read(lambda c: c.execute(count).scalar_one())


@pytest.mark.parametrize("size", [0, 1, CHUNK, 2 * CHUNK + 1])
async def test_what_is_uploaded_is_read_again(store: Store, size: int) -> None:
    data = os.urandom(size)

    kept = await store.files.upload(LABEL, pieces_of(data))

    content = await store.files.content(kept.id, owner="anna")
    assert kept.bytes == size
    assert content is not None
    assert content.data == data
    assert await store.files.content(kept.id, owner="bert") is None


@pytest.mark.parametrize("size", [0, CHUNK + 5])
async def test_what_a_function_answered_with_is_read_again(store: Store, size: int) -> None:
    new = NewFile(new_id("file-"), "a.pdf", "application/pdf", os.urandom(size))

    await store.files.keep([new], owner="anna", run_id=None)

    content = await store.files.content(new.id, owner="anna")
    assert content is not None
    assert (content.filename, content.media_type, content.data) == (
        "a.pdf",
        "application/pdf",
        new.data,
    )


async def test_an_upload_that_breaks_off_leaves_nothing(store: Store) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"x" * CHUNK
        assert (await store.files.list(Page(), owner="anna")).data == ()  # not whole, so not there
        raise ConnectionError("the client went away")

    with pytest.raises(ConnectionError):
        await store.files.upload(LABEL, breaking())

    assert await count_chunks(store) == 0


async def test_what_a_killed_gateway_left_half_written_is_deleted_later(store: Store) -> None:
    written, forever = asyncio.Event(), asyncio.Event()

    async def killed() -> AsyncIterator[bytes]:
        yield b"x" * CHUNK
        written.set()
        await forever.wait()

    upload = asyncio.ensure_future(store.files.upload(LABEL, killed()))
    await asyncio.wait_for(written.wait(), 5)
    now = int(time.time())
    assert await store.files.delete_due(now) == 0

    assert await store.files.delete_due(now + 3700) == 1

    assert await count_chunks(store) == 0
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload


async def test_too_much_is_refused(sqlite_url: str) -> None:
    store = await Store.open(sqlite_url, files=FileSettings.model_validate({"largest": "100KB"}))
    new = NewFile(new_id("file-"), "a", "text/plain", b"x" * 100_001)

    with pytest.raises(FileTooLarge, match="larger than 100KB"):
        await store.files.keep([new], owner="anna", run_id=None)
    with pytest.raises(FileTooLarge):
        await store.files.upload(LABEL, pieces_of(new.data))

    assert await count_chunks(store) == 0
    await store.close()


async def test_a_file_that_has_expired_is_gone_before_it_is_deleted(store: Store) -> None:
    past = FileLabel("anna", "a", "text/plain", "user_data", expires_at=int(time.time()) - 1)
    data = pieces_of(b"x")
    with pytest.raises(AssertionError):
        await store.files.upload(past, data)  # it is not found again

    assert (await store.files.list(Page(), owner="anna")).data == ()
