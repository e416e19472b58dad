"""Runs the `tests:` of adapter files, against the real backend or against a declared answer.

A test of a change without a declared answer would change the real system, so it runs only when asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from drawbar.app.gateway import Gateway
from drawbar.compiler.toolset import CompiledAdapter
from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.dispatch.invocation import Invocation
from drawbar.dispatch.ledger import MemoryLedger
from drawbar.kernel.ids import new_id
from drawbar.kernel.outcome import Outcome
from drawbar.kernel.ports import AuditEntry, BackendError, Call, Health, Reply
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from drawbar.spec.model import DeclaredAnswerSpec, TrialSpec

Verdict = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What came of one test; `reason` says what was expected and what came, or why it was skipped."""

    adapter: str
    name: str
    verdict: Verdict
    reason: str | None = None


class DeclaredBackend:
    """Answers what a test declares."""

    def __init__(self, declared: DeclaredAnswerSpec) -> None:
        self._declared = declared

    async def invoke(self, _binding: object, call: Call) -> Reply:
        call.progress.mark_sent()
        declared = self._declared
        if (fault := declared.fault) is not None:
            raise BackendError(
                fault.text, code="fault", work="rolled_back", facts={"fault": fault.code}
            )
        if (error := declared.error) is not None:
            raise BackendError(
                error.message,
                code=error.code,
                work=error.work,
                retryable=error.retryable,
                facts=error.facts,
            )
        return Reply(declared.reply)

    async def health(self) -> Health:
        return Health(ok=True, detail="declared in the test")

    async def close(self) -> None:
        """Nothing was opened."""


class _NoAudit:
    def record(self, entry: AuditEntry) -> None:
        """A test against a declared answer calls nothing, so there is nothing to account for."""


async def run_trial(
    gateway: Gateway, compiled: CompiledAdapter, test: TrialSpec, *, offline: bool, writes: bool
) -> TrialResult:
    """Run one test. Without `offline` the gateway has to be open."""

    def result(verdict: Verdict, reason: str | None = None) -> TrialResult:
        return TrialResult(compiled.name, test.name, verdict, reason)

    if len(test.call) != 1:
        return result("failed", "`call:` names one function with its arguments")
    [(local_name, arguments)] = test.call.items()
    prefix = compiled.adapter.prefix if compiled.adapter else ""
    function = gateway.toolset.get(prefix + local_name)
    if function is None:
        return result("failed", f"there is no function `{local_name}` in this adapter")
    if test.backend is None:
        if offline:
            return result("skipped", "needs the real backend")
        if function.effect != "read" and not writes:
            return result("skipped", "would change the real backend; run with --writes")
        dispatcher = gateway.dispatcher
    else:
        dispatcher = Dispatcher(
            gateway.toolset,
            {compiled.name: DeclaredBackend(test.backend)},
            ledger=MemoryLedger(),
            audit=_NoAudit(),
        )
    who = test.caller
    caller = Caller(who.subject, who.roles, who.claims) if who else gateway.default_caller()
    invocation = Invocation(function.name, arguments, caller, new_id("call_"), "cli")
    outcome = await dispatcher.dispatch(invocation)
    difference = unlike(test.expect.as_json(), outcome)
    return result("passed") if difference is None else result("failed", difference)


def unlike(expected: JsonObject, outcome: Outcome) -> str | None:
    """Where the outcome is not what was expected; None when it is.

    Of an object only the members named are compared, at every depth; lists are compared element by
    element; a text may hold `*` for any text.
    """
    [(kind, wanted)] = expected.items()
    came = outcome.as_json()
    if kind != outcome.kind:
        return f"expected {kind}, came {outcome.kind}: {came}"
    found = came["value"] if kind == "succeeded" else came
    difference = _difference(wanted, found, kind)
    return f"{difference}; all that came: {came}" if difference else None


def _difference(wanted: JsonValue, found: JsonValue, at: str) -> str | None:
    match wanted, found:
        case dict(), dict():
            missing = [f"{at}.{name} is missing" for name in wanted if name not in found]
            parts = [(part, found.get(name), f"{at}.{name}") for name, part in wanted.items()]
        case list(), list():
            uneven = len(wanted) != len(found)
            missing = [f"{at} has {len(found)} elements, expected {len(wanted)}"] if uneven else []
            parts = [
                (a, b, f"{at}[{i}]") for i, (a, b) in enumerate(zip(wanted, found, strict=False))
            ]
        case _:
            return None if _equal(wanted, found) else f"{at} is {found!r}, expected {wanted!r}"
    inner = (_difference(*part) for part in parts)
    return missing[0] if missing else next(filter(None, inner), None)


def _equal(wanted: JsonValue, found: JsonValue) -> bool:
    if isinstance(wanted, str) and isinstance(found, str) and "*" in wanted:
        pattern = ".*".join(map(re.escape, wanted.split("*")))
        return re.fullmatch(pattern, found, re.DOTALL) is not None
    return wanted == found and isinstance(wanted, bool) == isinstance(found, bool)
