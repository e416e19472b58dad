"""The journal of changes: an intent is on the disk before the first byte leaves for a backend."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from drawbar.kernel.outcome import Outcome, outcome_from_json
from drawbar.kernel.ports import Intent, LedgerEntry
from drawbar.store.engine import Database
from drawbar.store.prepared import Prepared
from drawbar.store.tables import invocations

_STATES = {
    "succeeded": "done",
    "refused": "failed",
    "failed": "failed",
    "indeterminate": "unknown",
}
_INSERT = Prepared(
    sa.insert(invocations),
    (
        "run_id",
        "call_id",
        "function",
        "arguments_hash",
        "effect",
        "idempotency_key",
        "state",
        "intended_at",
    ),
)
_IS_CALL = sa.and_(
    invocations.c.run_id == sa.bindparam("run"), invocations.c.call_id == sa.bindparam("call")
)
_BY_KEY = Prepared(sa.select(invocations.c.outcome).where(_IS_CALL))
_OF_RUN = Prepared(
    sa.select(invocations.c.call_id, invocations.c.function, invocations.c.outcome).where(
        invocations.c.run_id == sa.bindparam("run")
    )
)
_SETTLE = Prepared(sa.update(invocations).where(_IS_CALL), ("state", "settled_at", "outcome"))


@dataclass(frozen=True, slots=True)
class Change:
    """A change that a run has begun; `outcome` None: nobody knows how it ended."""

    call_id: str
    function: str
    outcome: Outcome | None


def changes_of_run(connection: sa.Connection, run_id: str) -> list[Change]:
    return [
        Change(row.call_id, row.function, row.outcome and outcome_from_json(row.outcome))
        for row in _OF_RUN.rows(connection, {"run": run_id})
    ]


class StoredLedger:
    """`kernel.ports.Ledger` over the table `invocations`. Its rows outlive their runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def intend(self, intent: Intent) -> LedgerEntry | None:
        key = {"run": intent.run_id or "", "call": intent.call_id}
        row = {
            "run_id": intent.run_id or "",
            "call_id": intent.call_id,
            "function": intent.function,
            "arguments_hash": intent.arguments_hash,
            "effect": intent.effect,
            "idempotency_key": intent.idempotency_key,
            "state": "intended",
            "intended_at": time.time(),
        }

        def work(connection: sa.Connection) -> LedgerEntry | None:
            known = _BY_KEY.first(connection, key)
            if known is not None:
                outcome = None if known.outcome is None else outcome_from_json(known.outcome)
                return LedgerEntry(outcome)
            _INSERT.run(connection, row)
            return None

        return await self._database.write(work)

    async def settle(self, intent: Intent, outcome: Outcome) -> None:
        values = {
            "run": intent.run_id or "",
            "call": intent.call_id,
            "state": _STATES[outcome.kind],
            "settled_at": time.time(),
            "outcome": outcome.as_json(),
        }

        def work(connection: sa.Connection) -> None:
            _SETTLE.run(connection, values)

        await self._database.write(work)
