"""The backend of the functions that read a kept result. It never changes anything, and asks only the store."""

from __future__ import annotations

import asyncio
from typing import Any

from drawbar.backends.results.query import aggregate, check_columns, order, select
from drawbar.kernel.errors import DrawbarError
from drawbar.kernel.ports import BackendError, Call, Health, Reply
from drawbar.kernel.results import ResultStore
from drawbar.kernel.values import JsonObject, JsonValue


class ResultsBackend:
    """A `kernel.ports.Backend` over the results of a store."""

    def __init__(self, results: ResultStore) -> None:
        self._results = results

    async def invoke(self, binding: Any, call: Call) -> Reply:  # "page", "search" or "aggregate"
        if call.mode == "dry_run":
            return Reply({"request": f"{binding} of {call.arguments['result']}"})
        result_id = str(call.arguments["result"])
        try:
            rows = await self._results.read(result_id, owner=call.caller.subject)
        except DrawbarError as error:
            raise BackendError(
                str(error), code="backend_unavailable", retryable=True, work="not_started"
            ) from error
        if rows is None:
            raise BackendError(
                f"You have no result `{result_id}`.",
                code="not_found",
                work="not_started",
                hint="It may have expired: call the function that it came from again.",
            )
        answer = _aggregated if binding == "aggregate" else _shown
        return Reply(await asyncio.to_thread(answer, rows, dict(call.arguments)))

    async def health(self) -> Health:
        return Health(ok=True, detail="reads the store of the gateway")

    async def close(self) -> None:
        """The store is closed by its owner."""


def _shown(rows: list[JsonObject], asked: Any) -> JsonValue:  # validated arguments
    found = order(
        select(rows, asked.get("where", ())), asked.get("order_by"), descending=asked["descending"]
    )
    skip, columns = asked["skip"], asked.get("columns")
    shown = found[skip : skip + asked["count"]]
    if columns is not None:
        check_columns(rows, columns)
        shown = [{name: row.get(name) for name in columns} for row in shown]
    more = len(found) - skip - len(shown)
    return {
        "result": asked["result"],
        "total": len(found),
        "rows": [*shown],
        "more_after_these": max(0, more),
    }


def _aggregated(rows: list[JsonObject], asked: Any) -> JsonValue:  # validated arguments
    groups = aggregate(
        select(rows, asked.get("where", ())), asked.get("group_by", ()), asked["compute"]
    )
    groups = [*order(groups, asked.get("order_by"), descending=asked["descending"])]
    return {
        "result": asked["result"],
        "total_groups": len(groups),
        "groups": [*groups[: asked["count"]]],
    }
