"""Events of runs as they are kept: one row an event, or one row for several deltas in a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from drawbar.kernel.values import JsonValue
from drawbar.store.engine import Database
from drawbar.store.prepared import Prepared
from drawbar.store.tables import run_events, runs


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """`data` belongs to events `first_seq` to `seq`; how it holds several is up to `runs.events`."""

    run_id: str
    first_seq: int
    seq: int
    name: str
    data: JsonValue


_INSERT = Prepared(sa.insert(run_events), ("run_id", "first_seq", "seq", "name", "data"))
_AFTER = Prepared(
    sa.select(run_events)
    .where(run_events.c.run_id == sa.bindparam("run"), run_events.c.seq > sa.bindparam("after"))
    .order_by(run_events.c.seq)
)


def insert_events(connection: sa.Connection, new: Iterable[StoredEvent]) -> None:
    rows = [
        {
            "run_id": event.run_id,
            "first_seq": event.first_seq,
            "seq": event.seq,
            "name": event.name,
            "data": event.data,
        }
        for event in new
    ]
    _INSERT.run_many(connection, rows)


def events_after(connection: sa.Connection, run_id: str, seq: int) -> list[StoredEvent]:
    rows = _AFTER.rows(connection, {"run": run_id, "after": seq})
    return [StoredEvent(row.run_id, row.first_seq, row.seq, row.name, row.data) for row in rows]


class Events:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(self, run_id: str, seq: int) -> list[StoredEvent]:
        """What ends later than `seq`, in order; the first one may begin before it."""
        return await self._database.read(lambda c: events_after(c, run_id, seq))

    async def delete_due(self, now: int, *, batch: int = 100) -> int:
        """Delete the events of at most `batch` runs whose time is over; how many runs that were."""

        def work(connection: sa.Connection) -> int:
            due = sa.select(runs.c.id).where(runs.c.events_until <= now).limit(batch)
            ids = list(connection.execute(due).scalars())
            if ids:
                connection.execute(sa.delete(run_events).where(run_events.c.run_id.in_(ids)))
                connection.execute(
                    sa.update(runs).where(runs.c.id.in_(ids)).values(events_until=None)
                )
            return len(ids)

        return await self._database.write(work)
