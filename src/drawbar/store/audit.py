"""The audit: append only, each line bound to the one before it by a hash.

A line's hash is SHA-256 over the previous hash, a line feed and the line as canonical JSON; the first
line follows `GENESIS`. Changing or removing a line breaks every hash after it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence

import orjson
import sqlalchemy as sa

from drawbar.kernel.ports import AuditEntry
from drawbar.kernel.values import canonical_json
from drawbar.store.engine import Database
from drawbar.store.prepared import Prepared, dumps
from drawbar.store.tables import audit

GENESIS = "0" * 64
_CHAIN_LOCK = 0x64726177  # of PostgreSQL: several gateways append to one chain
_LAST = Prepared(
    sa.select(audit.c.number, audit.c.hash)
    .order_by(audit.c.number.desc())
    .limit(sa.literal_column("1"))
)
_INSERT = Prepared(sa.insert(audit), ("number", "entry", "prev_hash", "hash"))
# One statement for a whole batch: each execution gives up the GIL and has to win it back.
_INSERT_ALL = sa.text(
    "insert into audit (number, entry, prev_hash, hash) "
    "select value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each(:rows)"
)
LINGER = 0.05
"""Seconds that a line may wait for others. What must survive a crash is the ledger's, not the audit's."""
_log = logging.getLogger("drawbar.store")


def chain_hash(previous: str, line: bytes) -> str:
    """`line` is an entry as canonical JSON."""
    return hashlib.sha256(previous.encode() + b"\n" + line).hexdigest()


def _append(connection: sa.Connection, lines: Sequence[bytes]) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CHAIN_LOCK)))
    last = _LAST.first(connection, {})
    number, previous = (last.number, last.hash) if last is not None else (0, GENESIS)
    rows = []
    for line in lines:
        number += 1
        current = chain_hash(previous, line)
        rows.append((number, line, previous, current))
        previous = current
    if connection.dialect.name == "sqlite":
        batch = [[number, line.decode(), before, current] for number, line, before, current in rows]
        connection.execute(_INSERT_ALL, {"rows": dumps(batch)})
        return
    _INSERT.run_many(
        connection,
        [
            {"number": number, "entry": orjson.Fragment(line), "prev_hash": before, "hash": current}
            for number, line, before, current in rows
        ],
    )


class AuditTrail:
    """`kernel.ports.Audit`. Lines that come while others are being written share the next commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[AuditEntry] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None

    def record(self, entry: AuditEntry) -> None:
        self._waiting.append(entry)
        if self._writing is None and self._timer is None:
            self._linger()

    def _linger(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LINGER, self._write)

    async def flush(self) -> None:
        """Return when every line recorded so far is on the disk, or was reported as lost."""
        while self._waiting or self._writing is not None:
            if self._writing is None:
                self._write()
            else:
                await asyncio.wait([self._writing])
                await asyncio.sleep(0)  # lets `_written` run

    async def verify(self) -> int | None:
        """The number of the first line that breaks the chain; None when it is whole."""

        def work(connection: sa.Connection) -> int | None:
            previous, expected = GENESIS, 1
            for row in connection.execute(sa.select(audit).order_by(audit.c.number)):
                whole = row.prev_hash == previous and row.hash == chain_hash(
                    previous, canonical_json(row.entry)
                )
                if row.number != expected or not whole:
                    return expected
                previous, expected = row.hash, expected + 1
            return None

        return await self._database.read(work)

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines = [canonical_json(entry.as_json()) for entry in self._waiting]
        self._waiting = []
        self._writing = self._database.write(lambda c: _append(c, lines))
        self._writing.add_done_callback(self._written)

    def _written(self, written: asyncio.Future[None]) -> None:
        self._writing = None
        if (error := written.exception()) is not None:
            _log.error("audit lines could not be written: %s", error)
        if self._waiting:
            self._linger()
