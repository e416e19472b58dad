"""A kind whose backend lives in the gateway's own process: it repeats, counts and waits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from drawbar.compiler.kind import Plan
from drawbar.compiler.parameters import merge_parameters
from drawbar.kernel.ports import Backend, BackendError, Call, Cut, Health, Reply
from drawbar.kernel.values import JsonValue
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec, SecretText
from drawbar.spec.source import At, Report

Does = Literal["repeat", "count", "wait"]


class ParrotBackendSpec(BackendSpec):
    """A parrot."""

    token: SecretText | None = Field(
        None, description="What the parrot is asked with; never shown."
    )


class ParrotFunctionSpec(FunctionSpec):
    """What the parrot does."""

    does: Does = Field(
        description="repeat its one argument, count up to it, or wait that many seconds."
    )


class ParrotBackend:
    """Fills the port `drawbar.kernel.ports.Backend`."""

    changes: ClassVar[int] = 0
    """Of all parrots of this process."""

    def __init__(self) -> None:
        self._calls: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def invoke(self, binding: tuple[Does, bool], call: Call) -> Reply:
        does, changes = binding
        if call.mode == "dry_run":
            return Reply({"request": dict(call.arguments)})
        [value] = call.arguments.values()
        if changes:
            call.progress.mark_sent()
            ParrotBackend.changes += 1
        if does == "repeat":
            return Reply(value)
        if does == "count" and isinstance(value, int):
            numbers: list[JsonValue] = list(range(min(value, call.max_rows)))
            cut = (
                (Cut(call.max_rows, value, "rows", "Ask for fewer."),)
                if value > call.max_rows
                else ()
            )
            return Reply(numbers, cuts=cut)
        return await self._wait(float(str(value)))

    async def _wait(self, seconds: float) -> Reply:
        sleeping = asyncio.ensure_future(asyncio.sleep(seconds))
        self._calls.add(sleeping)
        try:
            await sleeping
        except asyncio.CancelledError:
            if self._closed:
                raise BackendError("The parrot flew away.", code="backend_unavailable") from None
            raise
        finally:
            sleeping.cancel()
            self._calls.discard(sleeping)
        return Reply(None)

    async def health(self) -> Health:
        return Health(ok=True, detail="a parrot always answers")

    async def close(self) -> None:
        self._closed = True
        for call in self._calls:
            call.cancel()


class ParrotKind:
    """Fills the port `drawbar.compiler.kind.Kind`."""

    name = "parrot"
    options: type[BackendSpec] = ParrotBackendSpec
    function: type[FunctionSpec] = ParrotFunctionSpec
    codes: Mapping[str, str] = {"PAR01": "a function with other than one parameter"}

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        plans = {}
        for name, spec in adapter.functions.items():
            assert isinstance(spec, ParrotFunctionSpec)
            at: At = ("functions", name)
            parameters = merge_parameters(spec, {}, report, at)
            if len(parameters) != 1:
                report.add(at, "PAR01", "a parrot says one thing", fix="declare one parameter")
            if not report.is_broken(at):
                plans[name] = Plan(parameters, (spec.does, spec.effect != "read"))
        return plans

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        del adapter, plans, workers
        return ParrotBackend()


KIND = ParrotKind()
