"""Which runs are whose: gateways that share a store, and runs that nobody looks after."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from drawbar.store.engine import Database
from drawbar.store.prepared import Prepared
from drawbar.store.tables import gateways, runs

_DEAD_AFTER = 10.0
"""Seconds without a sign of life after which a gateway's runs are taken over by others."""
_FORGOTTEN_AFTER = 86400.0
_SEEN = Prepared(sa.update(gateways).where(gateways.c.id == sa.bindparam("key")), ("seen_at",))
_ENTER = Prepared(sa.insert(gateways), ("id", "seen_at"))


class Gateways:
    """The gateway `owner` among those that share its store. A SQLite file is never shared."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner
        self._shared = database.dialect != "sqlite"

    async def beat(self) -> None:
        """Tell other gateways that this one lives. A store that is not shared needs no telling."""
        if not self._shared:
            return
        now = time.time()

        def work(connection: sa.Connection) -> None:
            if _SEEN.run(connection, {"key": self._owner, "seen_at": now}) == 0:
                _ENTER.run(connection, {"id": self._owner, "seen_at": now})
                dead = sa.delete(gateways).where(gateways.c.seen_at < now - _FORGOTTEN_AFTER)
                connection.execute(dead)

        await self._database.write(work)

    async def leave(self) -> None:
        """Let other gateways have this one's runs at once."""
        if self._shared:
            await self._database.execute(sa.delete(gateways).where(gateways.c.id == self._owner))

    async def orphans(self) -> Sequence[str]:
        """Runs to be worked on whose gateway is gone; of a store that is not shared, all of them.

        Those of this gateway are among them: it knows which it has.
        """
        query = (
            sa.select(runs.c.id)
            .where(runs.c.status.in_(("queued", "in_progress", "cancelling")))
            .order_by(runs.c.id)
        )
        if self._shared:
            alive = gateways.c.seen_at > time.time() - _DEAD_AFTER
            others = sa.select(gateways.c.id).where(alive, gateways.c.id != self._owner)
            query = query.where(runs.c.owner.not_in(others))
        return await self._database.read(lambda c: list(c.execute(query).scalars()))

    async def lost(self, epochs: Mapping[str, int]) -> Sequence[str]:
        """Of runs with the epochs that a worker knows: those that are another's or have ended."""
        query = sa.select(runs.c.id, runs.c.epoch, runs.c.status).where(runs.c.id.in_(epochs))

        def work(connection: sa.Connection) -> Sequence[str]:
            ours = {
                row.id
                for row in connection.execute(query)
                if row.epoch == epochs[row.id] and row.status in {"in_progress", "cancelling"}
            }
            return [run_id for run_id in epochs if run_id not in ours]

        return await self._database.read(work) if epochs else []

    async def expired(self, now: int) -> Sequence[str]:
        """Active runs whose time is over."""
        query = sa.select(runs.c.id).where(
            runs.c.status.in_(("queued", "in_progress", "requires_action")),
            runs.c.expires_at <= now,
        )
        return await self._database.read(lambda c: list(c.execute(query).scalars()))
