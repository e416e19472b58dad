"""The quick way of a reading answers, records and counts as the general one does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from doubles import ANNA, Answer, Bench, TellingBackend, function, parameter
from drawbar.compiler.function import FunctionLimits
from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.dispatch.invocation import Invocation
from drawbar.kernel.files import Attachments
from drawbar.kernel.outcome import Outcome
from drawbar.kernel.ports import BackendError, Call, Cut, Progress, Reply
from drawbar.spec.model import BreakerSpec, ErrorRuleSpec, LimitsSpec, ReturnsSpec
from drawbar.spec.scalars import Rate


class QuickBackend(TellingBackend):
    """Answers at once what the test gave, or raises it; None: it has no time."""

    answers_at_once = True

    def __init__(self, answer: Answer | Reply, given: Reply | Exception | None) -> None:
        super().__init__(answer)
        self.given = given

    def invoke_at_once(self, binding: Any, call: Call) -> Reply | None:
        self.calls.append(call)
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


def answering(given: Reply | Exception) -> Answer:
    async def answer(call: Call) -> Reply:
        del call
        if isinstance(given, Exception):
            raise given
        return given

    return answer


class QuickBench(Bench):
    """The same dispatcher, with a backend that can do both."""

    def __init__(
        self, *functions: Any, given: Reply | Exception | None, limits: LimitsSpec | None = None
    ) -> None:
        super().__init__(*functions, limits=limits, secrets=["hunter2"])
        self.backend = QuickBackend(answering(given or Reply("late")), given)
        self.dispatcher = Dispatcher(
            self.dispatcher.toolset,
            {"hr": self.backend},
            ledger=self.ledger,
            audit=self.audit,
            limits={"hr": limits} if limits else None,
            redactor=self.dispatcher._redactor,
        )

    def at_once(self, arguments: Any = None, name: str = "hr_get", **rest: Any) -> Outcome | None:
        given = {} if arguments is None else arguments
        return self.dispatcher.at_once(Invocation(name, given, ANNA, "call_1", "python", **rest))


@dataclass(frozen=True)
class Case:
    given: Reply | Exception
    arguments: Any = None
    changes: Callable[[], dict[str, Any]] = dict


CASES = {
    "a reply": Case(Reply({"name": "Ann"})),
    "notes and cuts": Case(Reply([1, 2], ("old",), (Cut(2, 9, "rows", "Ask for less."),))),
    "a selection": Case(
        Reply({"a": {"b": 1}}), changes=lambda: {"returns": ReturnsSpec(select="a.b")}
    ),
    "a selection that does not fit": Case(
        Reply({"a": 1}), changes=lambda: {"returns": ReturnsSpec(select="length(a)")}
    ),
    "a masked field": Case(
        Reply({"iban": "DE1", "n": 1}), changes=lambda: {"returns": ReturnsSpec(redact=("iban",))}
    ),
    "a secret": Case(Reply({"text": "it is hunter2"})),
    "too long": Case(
        Reply(["x" * 100] * 50), changes=lambda: {"returns": ReturnsSpec(max_tokens=50)}
    ),
    "no": Case(BackendError("no such row", code="not_found", work="rolled_back")),
    "no, with a rule": Case(
        BackendError("no such row", code="not_found", work="rolled_back"),
        changes=lambda: {"errors": (ErrorRuleSpec(when={"code": "not_*"}, code="gone", hint="x"),)},
    ),
    "unknown work": Case(BackendError("lost", code="connection_lost", work="unknown")),
    "broken JSON": Case(Reply(1), '{"who": '),
    "a wrong argument": Case(
        Reply(1), {"who": 5}, changes=lambda: {"parameters": [parameter("who")]}
    ),
    "a caller who may not": Case(Reply(1), changes=lambda: {"allow": "'boss' in caller.roles"}),
    "a caller without a claim": Case(
        Reply(1),
        changes=lambda: {
            "parameters": [replace(parameter("site"), source="caller", value="caller.claims.site")]
        },
    ),
}


@pytest.mark.parametrize("what", CASES)
async def test_both_ways_answer_and_record_alike(what: str) -> None:
    case = CASES[what]
    one, other = (QuickBench(function(**case.changes()), given=case.given) for _ in range(2))

    at_once = one.at_once(case.arguments)
    patient = await other.call(arguments=case.arguments)

    assert at_once == patient
    [first], [second] = one.audit.entries, other.audit.entries
    assert first._replace(at=0.0, duration=0.0) == second._replace(at=0.0, duration=0.0)
    same, files = Progress(), Attachments()
    assert [
        replace(call, deadline=0.0, progress=same, files=files) for call in one.backend.calls
    ] == [replace(call, deadline=0.0, progress=same, files=files) for call in other.backend.calls]


async def test_a_bug_in_a_kind_is_an_outcome_at_once_too() -> None:
    bench = QuickBench(function(), given=ZeroDivisionError("x"))

    outcome = bench.at_once()

    assert outcome is not None
    assert (outcome.kind, bench.audit.entries[0].code) == ("failed", "internal_error")


@pytest.mark.parametrize(
    ("given", "functions"),
    [
        (None, {}),
        (BackendError("busy", code="backend_busy", retryable=True, work="not_started"), {}),
        (Reply(1), {"effect": "write"}),
        (Reply(1), {"name": "hr_other"}),
    ],
)
async def test_what_needs_patience_is_left_to_dispatch_without_a_trace(
    given: Reply | Exception | None, functions: dict[str, Any]
) -> None:
    bench = QuickBench(function(**functions), given=given)

    assert bench.at_once() is None
    assert bench.audit.entries == []


async def test_an_expired_deadline_and_a_full_or_counted_backend_are_left_to_dispatch() -> None:
    counted = QuickBench(function(), given=Reply(1), limits=LimitsSpec(rate=Rate(5, 60.0)))
    full = QuickBench(function(), given=Reply(1), limits=LimitsSpec(concurrency=1))
    await full.dispatcher._gate("hr").enter(float("inf"))

    assert counted.at_once() is None
    assert full.at_once() is None


async def test_failures_open_the_breaker_and_an_open_one_is_left_to_dispatch() -> None:
    lost = BackendError("lost", code="connection_lost", work="unknown")
    limits = LimitsSpec(breaker=BreakerSpec(failures=2))
    bench = QuickBench(function(limits=FunctionLimits(timeout=5.0)), given=lost, limits=limits)

    codes = [outcome.code if (outcome := bench.at_once()) else None for _ in range(3)]  # type: ignore[union-attr] # Failed

    assert codes == ["connection_lost", "connection_lost", None]
    assert (await bench.call()).code == "backend_unavailable"
