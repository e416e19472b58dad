"""Results: all rows of a reading, line by line as JSON for the functions and as CSV for people.

Both are kept as files: the CSV is one of the caller's, the other is seen by nobody but the functions.
"""

from __future__ import annotations

import asyncio
import csv
import io
import time
from collections.abc import Sequence

import orjson

from drawbar.kernel.files import NewFile
from drawbar.kernel.ids import new_id
from drawbar.kernel.results import KeptResult
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.settings import ResultSettings
from drawbar.store.files import REPLY, RESULT, Files


class Results:
    """`kernel.results.ResultStore`."""

    def __init__(self, files: Files, settings: ResultSettings) -> None:
        self._files = files
        self.lifetime = settings.keep
        self.rows = settings.rows
        self.bytes = settings.bytes

    async def keep(
        self, function: str, rows: Sequence[JsonObject], *, owner: str, run_id: str | None
    ) -> KeptResult:
        lines, table = await asyncio.to_thread(_encoded, rows)
        result = NewFile(new_id("result_"), function, "application/x-ndjson", lines)
        shown = NewFile(new_id("file-"), f"{function}.csv", "text/csv", table)
        expires_at = int(time.time() + self.lifetime)
        await self._files.store(
            ((result, RESULT), (shown, REPLY)), owner=owner, run_id=run_id, expires_at=expires_at
        )
        return KeptResult(result.id, shown.reference())

    async def read(self, result_id: str, *, owner: str) -> list[JsonObject] | None:
        content = await self._files.content(result_id, owner=owner, purpose=RESULT)
        return None if content is None else await asyncio.to_thread(_rows_of, content.data)


def _rows_of(lines: bytes) -> list[JsonObject]:
    rows: list[JsonObject] = [orjson.loads(line) for line in lines.splitlines()]
    return rows


def _encoded(rows: Sequence[JsonObject]) -> tuple[bytes, bytes]:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    lines = b"\n".join(orjson.dumps(row) for row in rows)
    return lines, table.getvalue().encode()


def _cell(value: JsonValue) -> str | int | float | None:
    """Lists and objects as JSON; null is an empty cell."""
    if isinstance(value, bool | list | dict):
        return orjson.dumps(value).decode()
    return value
