"""Kept results: whole whatever their size, lean while they are written, and parsed once for several questions."""

from __future__ import annotations

import asyncio
import csv
import io
import time
import tracemalloc
from typing import Any

import pytest

from drawbar.kernel.values import JsonObject
from drawbar.store import files as files_module
from drawbar.store import results as results_module
from drawbar.store.database import Store
from drawbar.store.files import CHUNK
from store.test_files import count_chunks


def some_rows(count: int) -> list[JsonObject]:
    return [{"no": no, "name": f"item {no}, with some words", "more": [no]} for no in range(count)]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """One entry for each time that a result was parsed."""
    counted: list[Any] = []
    read = results_module.read_lines

    def counting(pieces: list[bytes]) -> Any:
        counted.append(len(pieces))
        return read(pieces)

    monkeypatch.setattr(results_module, "read_lines", counting)
    return counted


@pytest.mark.parametrize("count", [0, 1, 500, 20_000])
async def test_what_is_kept_is_read_again(store: Store, count: int) -> None:
    rows = some_rows(count)

    kept = await store.results.keep("list", rows, owner="anna", run_id=None)

    snapshot = await store.results.read(kept.id, owner="anna")
    assert snapshot is not None
    assert [snapshot.row(number) for number in range(snapshot.count)] == rows
    table = await store.files.content(str(kept.csv["file_id"]), owner="anna")
    assert table is not None
    assert kept.csv["bytes"] == len(table.data)
    lines = list(csv.reader(io.StringIO(table.data.decode())))
    assert [line[:1] for line in lines[1:]] == [[str(no)] for no in range(count)]


async def test_a_result_is_written_while_it_is_made(sqlite: Store) -> None:
    rows = some_rows(40_000)
    tracemalloc.start()
    try:
        kept = await sqlite.results.keep("list", rows, owner="anna", run_id=None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert int(str(kept.csv["bytes"])) > 4 * CHUNK
    assert peak < 3 * files_module._TOGETHER * CHUNK


async def test_several_questions_of_a_result_parse_it_once(store: Store, parsed: list[Any]) -> None:
    kept = await store.results.keep("list", some_rows(10), owner="anna", run_id=None)

    asked = [store.results.read(kept.id, owner="anna") for _ in range(3)]
    found = await asyncio.gather(*asked)
    again = await store.results.read(kept.id, owner="anna")

    assert len(parsed) == 1
    assert all(each is again for each in found)


async def test_a_parsed_result_is_still_its_owners_alone_and_ends_with_its_time(
    store: Store, parsed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await store.results.keep("list", some_rows(3), owner="anna", run_id=None)
    await store.results.read(kept.id, owner="anna")

    assert await store.results.read(kept.id, owner="bert") is None
    assert await store.results.read(kept.id, owner="anna") is not None
    later = time.time() + store.results.lifetime + 1
    monkeypatch.setattr("drawbar.store.files.time.time", lambda: later)
    assert await store.results.read(kept.id, owner="anna") is None
    assert store.results._remembered == {}


async def test_only_so_much_stays_parsed(
    store: Store, parsed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [
        await store.results.keep("list", some_rows(10), owner="anna", run_id=None) for _ in range(3)
    ]
    size = sum(len(line) for line in map(str, some_rows(10)))
    monkeypatch.setattr(results_module, "_MOST_REMEMBERED", 2 * size)

    for each in (kept[0], kept[1], kept[0], kept[2], kept[0]):
        await store.results.read(each.id, owner="anna")

    assert len(parsed) == 3
    await store.results.read(kept[1].id, owner="anna")
    assert len(parsed) == 4


async def test_of_a_result_that_breaks_off_nothing_stays(store: Store) -> None:
    rows: list[Any] = [*some_rows(20_000), {"no": {1, 2}}]

    with pytest.raises(TypeError):
        await store.results.keep("list", rows, owner="anna", run_id=None)

    assert await count_chunks(store) == 0
