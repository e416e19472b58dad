import asyncio
import logging
import re
import time
from typing import Any

import pytest

from doubles import ANNA, Bench, function, parameter
from drawbar.compiler.function import FunctionLimits
from drawbar.dispatch.invocation import Invocation
from drawbar.dispatch.ledger import MemoryLedger
from drawbar.kernel.errors import Place, Problem, StoreError
from drawbar.kernel.outcome import Failed, Indeterminate, Outcome, Refused, Succeeded
from drawbar.kernel.ports import BackendError, Call, Cut, Intent, LedgerEntry, Reply
from drawbar.kernel.values import Caller, Effect
from drawbar.spec.model import (
    ApproveSpec,
    BreakerSpec,
    ErrorRuleSpec,
    IdempotencySpec,
    LimitsSpec,
    ReturnsSpec,
)
from drawbar.spec.scalars import Rate


def raising(error: Exception, *, sent: bool = True) -> Any:
    async def answer(call: Call) -> Reply:
        if sent:
            call.progress.mark_sent()
        raise error

    return answer


def never_answering(*, sent: bool) -> Any:
    async def answer(call: Call) -> Reply:
        if sent:
            call.progress.mark_sent()
        await asyncio.Event().wait()
        raise AssertionError

    return answer


QUICK = FunctionLimits(timeout=0.05)


async def test_a_reply_becomes_succeeded_and_one_audit_line() -> None:
    bench = Bench(function(), answer=Reply({"name": "Ann"}, notes=("from the archive",)))

    outcome = await bench.call(run_id="run_1")

    assert outcome == Succeeded({"name": "Ann"}, ("from the archive",))
    [entry] = bench.audit.entries
    assert (entry.caller, entry.run_id, entry.function, entry.effect) == (
        "anna",
        "run_1",
        "hr_get",
        "read",
    )
    assert (entry.decision, entry.outcome, entry.code) == ("allowed", "succeeded", None)
    assert len(entry.arguments_hash) == 64


async def test_an_invented_function_is_refused_with_the_nearest_real_one() -> None:
    bench = Bench(function("hr_get_leave"))

    outcome = await bench.call("hr_get_leaves")

    assert outcome == Refused(
        "unknown_function", "There is no function `hr_get_leaves`. Did you mean `hr_get_leave`?"
    )
    assert bench.audit.entries[0].effect is None


async def test_an_invented_function_with_no_near_name_lists_what_there_is() -> None:
    bench = Bench(function("hr_get"))

    assert (
        await bench.call("zzz")
    ).message == "There is no function `zzz`. Functions here: `hr_get`."
    assert (await bench.call("zzz", toolset=())).message == (
        "There is no function `zzz`. No functions are offered here; answer without calling any."
    )


async def test_a_function_outside_of_the_toolset_does_not_exist_for_the_model() -> None:
    bench = Bench(function("hr_get"), function("hr_fire"))

    outcome = await bench.call("hr_fire", toolset=("hr_get",))

    assert isinstance(outcome, Refused)
    assert outcome.code == "unknown_function"


async def test_a_function_whose_adapter_is_broken_says_why() -> None:
    broken = Problem(Place("adapters/hr.yaml", 3, 5), "DB102", "environment variable HR is not set")
    bench = Bench(function(problems=(broken,)))

    outcome = await bench.call()

    assert isinstance(outcome, Failed)
    assert outcome.code == "function_unavailable"
    assert "DB102 environment variable HR is not set" in outcome.message


async def test_allow_refuses_a_caller_before_the_arguments_are_looked_at() -> None:
    bench = Bench(
        function(allow="'boss' in caller.roles", parameters=[parameter("days", type="integer")])
    )

    outcome = await bench.call(arguments="no json")

    assert outcome == Refused(
        "not_allowed",
        "'anna' may not call `hr_get`. Do not try again; tell the user that this right is missing.",
    )


async def test_allow_may_depend_on_the_arguments() -> None:
    bench = Bench(function(allow="args.days <= 5", parameters=[parameter("days", type="integer")]))

    assert isinstance(await bench.call(arguments={"days": 5}), Succeeded)
    assert (await bench.call(arguments={"days": 6})).code == "not_allowed"
    assert (await bench.call(arguments={"days": "x"})).code == "invalid_arguments"


@pytest.mark.parametrize("rule", ["caller.claims.level > 3", "caller.subject"])
async def test_a_rule_that_cannot_be_evaluated_refuses(rule: str) -> None:
    bench = Bench(function(allow=rule))

    assert (await bench.call()).code == "not_allowed"


async def test_a_call_that_needs_approval_is_not_sent() -> None:
    approve = ApproveSpec(when="args.days > 5", by="hr-lead")
    bench = Bench(
        function(approve=approve, effect="write", parameters=[parameter("days", type="integer")])
    )

    assert (await bench.call(arguments={"days": 6})).code == "approval_required"
    assert isinstance(await bench.call(arguments={"days": 5}), Succeeded)
    assert isinstance(await bench.call(arguments={"days": 6}, mode="dry_run"), Succeeded)
    assert (await Bench(function(approve=ApproveSpec(by="x"))).call()).code == "approval_required"


async def test_a_late_read_failed_and_may_be_tried_again() -> None:
    bench = Bench(function(limits=QUICK), answer=never_answering(sent=False))

    assert await bench.call() == Failed(
        "timeout",
        "The backend did not answer within 0.05 s.",
        retryable=True,
        hint="Ask for less, or try again later.",
    )


async def test_a_write_that_was_sent_and_not_answered_is_indeterminate() -> None:
    verify = IdempotencySpec(verify="show")
    bench = Bench(
        function("hr_cancel", effect="destroy", limits=QUICK, idempotency=verify),
        answer=never_answering(sent=True),
    )

    assert await bench.call("hr_cancel") == Indeterminate(
        "It was sent, and no answer came within 0.05 s.",
        "Call `hr_show` to see whether it happened.",
    )


async def test_a_write_that_never_left_failed() -> None:
    bench = Bench(function(effect="write", limits=QUICK), answer=never_answering(sent=False))

    assert isinstance(await bench.call(), Failed)


async def test_the_deadline_of_the_run_ends_a_call_earlier() -> None:
    loop = asyncio.get_running_loop()
    bench = Bench(function(), answer=never_answering(sent=False))

    outcome = await bench.call(deadline=loop.time() + 0.05)

    assert outcome.code == "timeout"
    assert "20 s" not in outcome.message  # the function's own limit was not what ended it
    assert re.search(r"within 0\.0\d+ s\.", outcome.message)


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        ("not_started", Failed("no", "it said no")),
        ("rolled_back", Failed("no", "it said no")),
        ("unknown", Indeterminate("it said no")),
        (
            "done",
            Succeeded(None, ("It was carried out, but its answer could not be used: it said no",)),
        ),
    ],
)
async def test_what_became_of_the_work_decides_the_outcome_of_a_write(
    work: Any, expected: Outcome
) -> None:
    error = BackendError("it said no", code="no", work=work)

    assert await Bench(function(effect="write"), answer=raising(error)).call() == expected


REPEATABLE = IdempotencySpec(repeatable=True)
SAFE = "It may have happened all the same; calling it again is safe."


async def test_a_lost_change_that_may_be_repeated_says_that_this_is_safe() -> None:
    error = BackendError("lost", code="connection_lost", work="unknown")
    bench = Bench(function(effect="write", idempotency=REPEATABLE), answer=raising(error))

    assert await bench.call() == Failed("connection_lost", "lost", retryable=True, hint=SAFE)


async def test_a_late_change_that_may_be_repeated_says_that_this_is_safe() -> None:
    bench = Bench(
        function(effect="write", idempotency=REPEATABLE, limits=QUICK),
        answer=never_answering(sent=True),
    )

    assert await bench.call() == Failed(
        "timeout", "It was sent, and no answer came within 0.05 s.", retryable=True, hint=SAFE
    )


async def test_a_change_that_may_be_repeated_is_sent_again_after_a_crash() -> None:
    bench = Bench(function(effect="write", idempotency=REPEATABLE), answer=Reply("done"))
    await bench.ledger.intend(Intent(None, "call_1", "hr_get", "", "write", ""))

    assert await bench.call() == Succeeded("done")


async def test_a_read_is_tried_again_when_the_backend_says_that_this_may_help() -> None:
    answers = iter([BackendError("busy", code="busy", retryable=True, work="not_started"), None])

    async def answer(_: Call) -> Reply:
        if error := next(answers):
            raise error
        return Reply("second time")

    assert await Bench(function(), answer=answer).call() == Succeeded("second time")


@pytest.mark.parametrize("effect", ["read", "write"])
async def test_a_backend_is_left_alone_for_as_long_as_it_asks(effect: Effect) -> None:
    at: list[float] = []

    async def answer(_: Call) -> Reply:
        at.append(time.monotonic())
        if len(at) == 1:
            raise BackendError("busy", retryable=True, work="not_started", retry_after=0.6)
        return Reply("second time")

    repeatable = IdempotencySpec(repeatable=True)
    bench = Bench(function(effect=effect, idempotency=repeatable), answer=answer)

    assert await bench.call() == Succeeded("second time")
    assert len(at) == 2
    assert at[1] - at[0] >= 0.6


async def test_a_backend_that_asks_for_more_time_than_there_is_is_not_tried_again() -> None:
    error = BackendError("busy", code="busy", retryable=True, work="not_started", retry_after=60)
    bench = Bench(function(), answer=raising(error))

    assert await bench.call() == Failed("busy", "busy", retryable=True)
    assert len(bench.backend.calls) == 1


async def test_a_write_is_sent_once_whatever_the_backend_says() -> None:
    error = BackendError("busy", code="busy", retryable=True, work="not_started")
    bench = Bench(function(effect="write"), answer=raising(error))

    await bench.call()

    assert len(bench.backend.calls) == 1


async def test_the_first_rule_that_matches_names_the_error() -> None:
    rules = (
        ErrorRuleSpec(when={"fault": "HR-9*"}, code="other"),
        ErrorRuleSpec(
            when={"fault": "HR-204*", "status": 500},
            code="not_found",
            message="No such leave.",
            hint="Ask for the personnel number.",
            retryable=False,
        ),
    )
    error = BackendError(
        "x",
        code="fault",
        work="rolled_back",
        retryable=True,
        facts={"fault": "HR-204.1", "status": 500},
    )
    bench = Bench(function(effect="write", errors=rules), answer=raising(error))

    assert await bench.call() == Failed(
        "not_found", "No such leave.", hint="Ask for the personnel number."
    )


async def test_a_rule_needs_every_fact_it_names() -> None:
    rules = (ErrorRuleSpec(when={"code": "fault", "status": 404}, code="not_found"),)
    error = BackendError("x", code="fault", work="not_started", facts={"status": 500})

    assert (await Bench(function(errors=rules), answer=raising(error)).call()).code == "fault"


async def test_a_bug_in_a_backend_is_told_by_number_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(function(), answer=raising(ZeroDivisionError("secret formula")))

    with caplog.at_level(logging.ERROR):
        outcome = await bench.call()

    assert isinstance(outcome, Failed)
    assert outcome.code == "internal_error"
    assert "secret formula" not in outcome.message
    assert "secret formula" in caplog.text


async def test_a_bug_after_a_write_was_sent_leaves_its_outcome_unknown() -> None:
    bench = Bench(function(effect="write"), answer=raising(ZeroDivisionError()))

    assert isinstance(await bench.call(), Indeterminate)


async def test_a_write_is_written_down_before_it_is_sent_and_settled_after() -> None:
    seen: list[object] = []

    class Kept:
        async def intend(self, intent: Intent) -> LedgerEntry | None:
            seen.append(("intend", intent.effect, intent.call_id))
            return None

        async def settle(self, intent: Intent, outcome: Outcome) -> None:
            seen.append(("settle", outcome))

    async def answer(call: Call) -> Reply:
        seen.append(("sent", call.idempotency_key is not None))
        return Reply("done")

    await Bench(function(effect="write"), answer=answer, ledger=Kept()).call()

    assert seen == [("intend", "write", "call_1"), ("sent", True), ("settle", Succeeded("done"))]


async def test_a_call_that_was_settled_before_is_answered_from_the_ledger() -> None:
    bench = Bench(function(effect="write"), answer=Reply("done"))

    first = await bench.call()
    second = await bench.call()

    assert first == second == Succeeded("done")
    assert len(bench.backend.calls) == 1


async def test_a_write_begun_by_a_gateway_that_died_is_not_sent_again() -> None:
    class Remembering:
        async def intend(self, _: Intent) -> LedgerEntry | None:
            return LedgerEntry(None)

        async def settle(self, _: Intent, outcome: Outcome) -> None:
            raise AssertionError(outcome)

    bench = Bench(function(effect="write"), ledger=Remembering())

    outcome = await bench.call()

    assert isinstance(outcome, Indeterminate)
    assert "not sent again" in outcome.message
    assert bench.backend.calls == []


async def test_a_change_that_cannot_be_written_down_is_not_sent() -> None:
    class Full(MemoryLedger):
        async def intend(self, intent: Intent) -> LedgerEntry | None:
            raise StoreError("the disk is full")

    bench = Bench(function(effect="write"), ledger=Full())

    outcome = await bench.call()

    assert isinstance(outcome, Failed)
    assert outcome.code == "ledger_unavailable"
    assert bench.backend.calls == []


async def test_a_change_that_was_made_is_told_though_the_ledger_cannot_keep_it() -> None:
    class Full(MemoryLedger):
        async def settle(self, intent: Intent, outcome: Outcome) -> None:
            raise StoreError("the disk is full")

    bench = Bench(function(effect="write"), answer=Reply("done"), ledger=Full())

    assert await bench.call() == Succeeded("done")
    assert isinstance(await bench.call(), Indeterminate)  # nobody knows it any more


async def cancelled_while_running(bench: Bench) -> Outcome:
    """Cancel the call when the backend has it; what the ledger says afterwards."""
    task = asyncio.ensure_future(bench.call())
    while not bench.backend.calls:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    entry = await bench.ledger.intend(Intent(None, "call_1", "hr_get", "", "write", ""))
    assert entry is not None
    assert entry.outcome is not None
    return entry.outcome


async def test_a_cancelled_write_that_had_left_is_settled_as_unknown() -> None:
    bench = Bench(function(effect="write"), answer=never_answering(sent=True))

    assert isinstance(await cancelled_while_running(bench), Indeterminate)
    assert (bench.audit.entries[0].outcome, bench.audit.entries[0].code) == ("indeterminate", None)


async def test_a_cancelled_write_that_had_not_left_did_nothing() -> None:
    bench = Bench(function(effect="write"), answer=never_answering(sent=False))

    assert await cancelled_while_running(bench) == Failed(
        "cancelled", "It was cancelled before anything was sent."
    )


async def test_a_cancelled_read_is_audited_as_such() -> None:
    bench = Bench(function(), answer=never_answering(sent=True))
    task = asyncio.ensure_future(bench.call())
    while not bench.backend.calls:
        await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (bench.audit.entries[0].outcome, bench.audit.entries[0].code) == ("failed", "cancelled")


async def test_a_cancel_while_the_ledger_settles_is_passed_on_after_it_settled() -> None:
    settling = asyncio.Event()
    go_on = asyncio.Event()
    settled: list[Outcome] = []

    class Slow:
        async def intend(self, _: Intent) -> LedgerEntry | None:
            return None

        async def settle(self, _: Intent, outcome: Outcome) -> None:
            settling.set()
            await go_on.wait()
            settled.append(outcome)

    task = asyncio.ensure_future(Bench(function(effect="write"), ledger=Slow()).call())
    await settling.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert settled == [Succeeded("fine")]


async def test_a_dry_run_leaves_no_intent_and_masks_secrets() -> None:
    bench = Bench(
        function(effect="write"), answer=Reply({"request": "POST hunter22"}), secrets=["hunter22"]
    )

    assert await bench.call(mode="dry_run") == Succeeded({"request": "POST ***"})
    assert bench.backend.calls[0].mode == "dry_run"
    assert await bench.ledger.intend(Intent(None, "call_1", "", "", "write", "")) is None
    assert bench.audit.entries[0].decision == "dry_run"


async def test_secrets_are_masked_in_replies_notes_and_errors() -> None:
    reply = Reply({"hunter22": ["is hunter22", 1]}, notes=("hunter22!",))
    error = BackendError(
        "bad hunter22", code="x", hint="hunter22", detail=["hunter22"], work="not_started"
    )

    assert await Bench(function(), answer=reply, secrets=["hunter22"]).call() == Succeeded(
        {"***": ["is ***", 1]}, ("***!",)
    )
    assert await Bench(function(), answer=raising(error), secrets=["hunter22"]).call() == Failed(
        "x", "bad ***", hint="***", detail=["***"]
    )


async def test_calls_beyond_the_concurrency_wait_for_a_place() -> None:
    running = 0
    most = 0

    async def answer(_: Call) -> Reply:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return Reply(None)

    bench = Bench(function(), answer=answer, limits=LimitsSpec(concurrency=2))

    await asyncio.gather(*(bench.call(call_id=f"call_{number}") for number in range(9)))

    assert (most, len(bench.backend.calls)) == (2, 9)


async def test_a_call_that_gets_no_place_in_time_was_not_sent() -> None:
    bench = Bench(
        function("hr_slow", limits=FunctionLimits(timeout=9)),
        function(limits=QUICK),
        answer=never_answering(sent=False),
        limits=LimitsSpec(concurrency=1),
    )
    slow = asyncio.ensure_future(bench.call("hr_slow"))
    while not bench.backend.calls:
        await asyncio.sleep(0)

    outcome = await bench.call()
    slow.cancel()

    assert outcome.code == "backend_busy"
    assert len(bench.backend.calls) == 1


async def test_a_rate_that_is_used_up_says_when_to_try_again() -> None:
    bench = Bench(function(), limits=LimitsSpec(rate=Rate(1, 3600.0)))

    await bench.call()
    outcome = await bench.call()

    assert outcome == Failed(
        "rate_limited",
        "`hr` may not be called more often right now; nothing was sent.",
        retryable=True,
        hint="Try again in 3600 seconds.",
    )


async def test_a_short_wait_for_the_rate_is_waited_out() -> None:
    bench = Bench(function(), limits=LimitsSpec(rate=Rate(1, 0.02)))

    assert [await bench.call(), await bench.call()] == [Succeeded("fine"), Succeeded("fine")]


async def test_a_backend_that_fails_in_a_row_is_left_alone_then_tried_once() -> None:
    healthy = False

    async def answer(_: Call) -> Reply:
        if not healthy:
            raise BackendError("down", code="backend_unavailable", work="unknown")
        return Reply("up")

    breaker = BreakerSpec.model_construct(failures=2, open_for=0.05)
    bench = Bench(function(), answer=answer, limits=LimitsSpec(breaker=breaker))

    await bench.call()
    await bench.call()
    left_alone = await bench.call()
    assert left_alone.code == "backend_unavailable"
    assert len(bench.backend.calls) == 2

    await asyncio.sleep(0.06)
    healthy = True
    assert await bench.call() == Succeeded("up")
    assert await bench.call() == Succeeded("up")


async def test_only_one_call_tries_a_backend_that_was_left_alone() -> None:
    go_on = asyncio.Event()
    failing = True

    async def answer(_: Call) -> Reply:
        if failing:
            raise BackendError("down", work="unknown")
        await go_on.wait()
        return Reply("up")

    breaker = BreakerSpec.model_construct(failures=1, open_for=0.0)
    bench = Bench(function(), answer=answer, limits=LimitsSpec(breaker=breaker))
    await bench.call()
    failing = False
    trial = asyncio.ensure_future(bench.call())
    while len(bench.backend.calls) < 2:
        await asyncio.sleep(0)

    assert isinstance(await bench.call(), Failed | Succeeded)
    go_on.set()
    assert await trial == Succeeded("up")


async def test_a_cancelled_trial_lets_the_next_call_try() -> None:
    failing = True

    async def answer(_: Call) -> Reply:
        if failing:
            raise BackendError("down", work="unknown")
        await asyncio.Event().wait()
        raise AssertionError

    breaker = BreakerSpec.model_construct(failures=1, open_for=0.0)
    bench = Bench(function(), answer=answer, limits=LimitsSpec(breaker=breaker))
    await bench.call()
    failing = False
    for number in (2, 3):
        trial = asyncio.ensure_future(bench.call())
        while len(bench.backend.calls) < number:
            await asyncio.sleep(0)
        trial.cancel()
        with pytest.raises(asyncio.CancelledError):
            await trial

    assert len(bench.backend.calls) == 3


async def test_a_cap_says_how_much_is_missing_and_how_to_get_it() -> None:
    reply = Reply(
        [1, 2], cuts=(Cut(2, 9, "rows", "Narrow the search."), Cut(2, None, "rows", "Ask again."))
    )

    assert (await Bench(function(), answer=reply).call()).notes == (
        "Cut: these are the first 2 of 9 rows. Narrow the search.",
        "Cut: these are the first 2 rows; there are more. Ask again.",
    )


async def test_returns_selects_and_masks() -> None:
    returns = ReturnsSpec(select="{id: Leave.Id, pay: Leave.Pay}", redact=("pay",))
    reply = Reply({"Leave": {"Id": 7, "Pay": {"iban": "DE1"}, "Other": 1}})

    assert await Bench(function(returns=returns), answer=reply).call() == Succeeded(
        {"id": 7, "pay": "***"}
    )


async def test_a_selection_that_does_not_fit_the_reply_says_so() -> None:
    returns = ReturnsSpec(select="length(@)")

    outcome = await Bench(function(returns=returns), answer=Reply(7)).call()

    assert isinstance(outcome, Failed)
    assert outcome.code == "bad_reply"


async def test_the_backend_gets_the_limits_of_the_function() -> None:
    bench = Bench(function(limits=FunctionLimits(timeout=9, rows=3, bytes=77)))

    await bench.dispatcher.dispatch(Invocation("hr_get", "{}", Caller("x"), "c", "cli"))

    [call] = bench.backend.calls
    assert (call.max_rows, call.max_bytes, call.function, call.caller.subject) == (
        3,
        77,
        "hr_get",
        "x",
    )
    assert 8 < call.remaining() <= 9


async def test_the_audit_names_arguments_by_a_hash_of_their_meaning() -> None:
    bench = Bench(function(parameters=[parameter("a"), parameter("b")]))

    await bench.call(arguments='{"a": "1", "b": "2"}')
    await bench.call(arguments={"b": "2", "a": "1"})
    await bench.call(arguments="not json")

    hashes = [entry.arguments_hash for entry in bench.audit.entries]
    assert hashes[0] == hashes[1] != hashes[2]
    assert ANNA.subject == bench.audit.entries[0].caller
