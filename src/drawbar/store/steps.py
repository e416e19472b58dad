"""Steps of runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from drawbar.store.engine import Database
from drawbar.store.listing import read_page
from drawbar.store.prepared import Prepared
from drawbar.store.records import Listing, Page, Step
from drawbar.store.tables import run_steps, runs

_BODY = (
    "thread_id",
    "assistant_id",
    "step_details",
    "metadata",
    "last_error",
    "expired_at",
    "cancelled_at",
    "failed_at",
    "completed_at",
    "usage",
)
_INSERT = Prepared(
    sa.insert(run_steps), ("id", "run_id", "step_no", "created_at", "type", "status", "body")
)
_UPDATE = Prepared(
    sa.update(run_steps).where(run_steps.c.id == sa.bindparam("key")), ("status", "body")
)
_OF_RUN = Prepared(
    sa.select(run_steps)
    .where(run_steps.c.run_id == sa.bindparam("run"))
    .order_by(run_steps.c.step_no)
)
_OF_STOPPED_RUNS = Prepared(
    sa.select(run_steps)
    .join(runs, runs.c.id == run_steps.c.run_id)
    .where(
        runs.c.thread_id == sa.bindparam("thread"),
        sa.text("runs.status IN ('cancelled', 'expired', 'failed', 'incomplete')"),
        run_steps.c.type == sa.literal_column("'tool_calls'"),
    )
    .order_by(run_steps.c.id)
)
_BY_ID = Prepared(
    sa.select(run_steps).where(
        run_steps.c.id == sa.bindparam("key"), run_steps.c.run_id == sa.bindparam("run")
    )
)


def step_record(row: Any) -> Step:  # a row of `run_steps`
    return Step(
        id=row.id,
        created_at=row.created_at,
        run_id=row.run_id,
        step_no=row.step_no,
        type=row.type,
        status=row.status,
        **row.body,
    )


def _body(step: Step) -> dict[str, object]:
    return {name: getattr(step, name) for name in _BODY}


def insert_steps(connection: sa.Connection, new: Iterable[Step]) -> None:
    rows = [
        {
            "id": step.id,
            "run_id": step.run_id,
            "step_no": step.step_no,
            "created_at": step.created_at,
            "type": step.type,
            "status": step.status,
            "body": _body(step),
        }
        for step in new
    ]
    _INSERT.run_many(connection, rows)


def update_steps(connection: sa.Connection, changed: Iterable[Step]) -> None:
    rows = [{"key": step.id, "status": step.status, "body": _body(step)} for step in changed]
    _UPDATE.run_many(connection, rows)


def steps_of_run(connection: sa.Connection, run_id: str) -> list[Step]:
    """Oldest first."""
    return [step_record(row) for row in _OF_RUN.rows(connection, {"run": run_id})]


def steps_of_stopped_runs(connection: sa.Connection, thread_id: str) -> list[Step]:
    """Calls of the thread's runs that ended without an answer; oldest first."""
    return [step_record(row) for row in _OF_STOPPED_RUNS.rows(connection, {"thread": thread_id})]


class Steps:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, run_id: str, step_id: str) -> Step | None:
        def work(connection: sa.Connection) -> Step | None:
            row = _BY_ID.first(connection, {"key": step_id, "run": run_id})
            return None if row is None else step_record(row)

        return await self._database.read(work)

    async def list(self, run_id: str, page: Page) -> Listing[Step]:
        query = sa.select(run_steps).where(run_steps.c.run_id == run_id)
        return await self._database.read(
            lambda c: read_page(c, query, run_steps.c.id, page, step_record)
        )
