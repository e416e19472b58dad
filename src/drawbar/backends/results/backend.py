"""The backend of the functions that read a kept result. It never changes anything, and asks only the store."""

from __future__ import annotations

import asyncio
from typing import Any

from drawbar.backends.results.query import aggregate, check_columns, order, select
from drawbar.kernel.errors import DrawbarError
from drawbar.kernel.ports import BackendError, Call, Health, Reply
from drawbar.kernel.results import ResultStore, Snapshot, snapshot_of
from drawbar.kernel.values import JsonValue


class ResultsBackend:
    """A `kernel.ports.Backend` over the results of a store."""

    def __init__(self, results: ResultStore) -> None:
        self._results = results

    async def invoke(self, binding: Any, call: Call) -> Reply:  # "page", "search" or "aggregate"
        if call.mode == "dry_run":
            return Reply({"request": f"{binding} of {call.arguments['result']}"})
        result_id = str(call.arguments["result"])
        try:
            snapshot = await self._results.read(result_id, owner=call.caller.subject)
        except DrawbarError as error:
            raise BackendError(
                str(error), code="backend_unavailable", retryable=True, work="not_started"
            ) from error
        if snapshot is None:
            raise BackendError(
                f"You have no result `{result_id}`.",
                code="not_found",
                work="not_started",
                hint="It may have expired: call the function that it came from again.",
            )
        answer = _aggregated if binding == "aggregate" else _shown
        return Reply(await asyncio.to_thread(answer, snapshot, dict(call.arguments)))

    async def health(self) -> Health:
        return Health(ok=True, detail="reads the store of the gateway")

    async def close(self) -> None:
        """The store is closed by its owner."""


def _shown(snapshot: Snapshot, asked: Any) -> JsonValue:  # validated arguments
    selected = select(snapshot, asked.get("where", ()))
    found = order(snapshot, selected, asked.get("order_by"), descending=asked["descending"])
    skip, columns = asked["skip"], asked.get("columns")
    check_columns(snapshot, columns or ())
    shown = [snapshot.row(number, columns) for number in found[skip : skip + asked["count"]]]
    more = len(found) - skip - len(shown)
    return {
        "result": asked["result"],
        "total": len(found),
        "rows": [*shown],
        "more_after_these": max(0, more),
    }


def _aggregated(snapshot: Snapshot, asked: Any) -> JsonValue:  # validated arguments
    selected = select(snapshot, asked.get("where", ()))
    groups = snapshot_of(aggregate(snapshot, selected, asked.get("group_by", ()), asked["compute"]))
    numbers = order(
        groups, range(groups.count), asked.get("order_by"), descending=asked["descending"]
    )
    return {
        "result": asked["result"],
        "total_groups": groups.count,
        "groups": [groups.row(number) for number in numbers[: asked["count"]]],
    }
