"""Results: all rows of a reading, line by line as JSON for the functions and as CSV for people.

Both are kept as files: the CSV is one of the caller's, the other is seen by nobody but the functions. They are
written while they are made, piece by piece, so a result takes no more memory than its rows do already.
"""

from __future__ import annotations

import asyncio
import csv
import io
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import orjson

from drawbar.kernel.ids import new_id
from drawbar.kernel.results import KeptResult, Snapshot, snapshot_of
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.settings import ResultSettings
from drawbar.store.files import CHUNK, REPLY, RESULT, FileLabel, Files

_AT_ONCE = 500
"""Rows that are written as JSON and CSV before the next ones."""
_MOST_REMEMBERED = 64_000_000
"""Bytes of JSON behind all snapshots that stay in memory. A model asks several questions of one result."""


class Results:
    """`kernel.results.ResultStore`."""

    def __init__(self, files: Files, settings: ResultSettings) -> None:
        self._files = files
        self._remembered: OrderedDict[str, tuple[int, Snapshot]] = OrderedDict()
        """Size and content, the one that was asked for last at the end."""
        self._reading = asyncio.Lock()
        self.lifetime = settings.keep
        self.rows = settings.rows
        self.bytes = settings.bytes

    async def keep(
        self, function: str, rows: Sequence[JsonObject], *, owner: str, run_id: str | None
    ) -> KeptResult:
        expires_at = int(time.time() + self.lifetime)
        lines, table = new_id("result_"), new_id("file-")
        labels = {
            lines: FileLabel(owner, function, "application/x-ndjson", RESULT, expires_at),
            table: FileLabel(owner, f"{function}.csv", "text/csv", REPLY, expires_at),
        }
        sizes = await self._files.store_pieces(labels, _pieces(lines, table, rows), run_id=run_id)
        label = labels[table]
        csv_file: JsonObject = {
            "file_id": table,
            "filename": label.filename,
            "media_type": label.media_type,
            "bytes": sizes[table],
        }
        return KeptResult(lines, csv_file)

    async def read(self, result_id: str, *, owner: str) -> Snapshot | None:
        file = await self._files.get(result_id, owner=owner, purpose=RESULT)
        if file is None:
            self._remembered.pop(result_id, None)
            return None
        async with self._reading:  # two questions at a time are answered by one reading
            known = self._remembered.get(result_id)
            if known is not None:
                self._remembered.move_to_end(result_id)
                return known[1]
            pieces = [piece async for piece in self._files.pieces(file)]
            snapshot = await asyncio.to_thread(read_lines, pieces)
            self._remember(result_id, file.bytes, snapshot)
        return snapshot

    def _remember(self, result_id: str, size: int, snapshot: Snapshot) -> None:
        self._remembered[result_id] = (size, snapshot)
        while sum(each for each, _ in self._remembered.values()) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)


def read_lines(pieces: list[bytes]) -> Snapshot:
    """What was written line by line, cut into pieces anywhere. The pieces are taken out of the list."""
    return snapshot_of(map(orjson.loads, _lines(pieces)))


def _lines(pieces: list[bytes]) -> Iterator[bytes]:
    pieces.reverse()
    rest = b""
    while pieces:
        *lines, rest = (rest + pieces.pop()).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _pieces(lines: str, table: str, rows: Sequence[JsonObject]) -> Iterator[tuple[str, bytes]]:
    """Pieces of two files by their ids, as they come."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    buffers = {lines: bytearray(), table: bytearray()}
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        writer.writerows([_cell(row.get(name)) for name in columns] for row in some)
        buffers[table] += text.getvalue().encode()
        text.seek(0)
        text.truncate()
        buffers[lines] += b"".join(orjson.dumps(row) + b"\n" for row in some)
        for name, buffer in buffers.items():
            while len(buffer) > CHUNK:
                yield name, bytes(buffer[:CHUNK])
                del buffer[:CHUNK]
    for name, buffer in buffers.items():
        yield name, bytes(buffer)


def _cell(value: JsonValue) -> str | int | float | None:
    """Lists and objects as JSON; null is an empty cell."""
    if isinstance(value, bool | list | dict):
        return orjson.dumps(value).decode()
    return value
