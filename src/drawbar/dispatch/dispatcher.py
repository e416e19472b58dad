"""The one path from a guided invocation to an outcome, for every surface.

authorise -> validate -> fill -> approval -> limits -> ledger -> invoke -> map errors -> shape -> audit.
Outcomes are values: what a model wrote or a backend did never raises here.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace

from drawbar.compiler.function import Function, Toolset
from drawbar.dispatch.arguments import parse_arguments
from drawbar.dispatch.files import keep_files, read_files, with_files
from drawbar.dispatch.invocation import Invocation
from drawbar.dispatch.known import Known
from drawbar.dispatch.ledger import intent_of
from drawbar.dispatch.limits import Gate, GateClosedError
from drawbar.dispatch.lookup import LookedUp, look_up
from drawbar.dispatch.mapping import lost_outcome, outcome_of, unknown_outcome
from drawbar.dispatch.policy import Policy, find_function
from drawbar.dispatch.redact import Redactor
from drawbar.dispatch.results import keep_rows
from drawbar.dispatch.shape import cut_to_size, select_reply, shape_reply
from drawbar.kernel.errors import StoreError
from drawbar.kernel.files import Attachments, FileStore, NoFiles
from drawbar.kernel.ids import new_id
from drawbar.kernel.outcome import Failed, Indeterminate, Outcome, Refused, Succeeded
from drawbar.kernel.ports import (
    AnswersAtOnce,
    Audit,
    AuditEntry,
    Backend,
    BackendError,
    Call,
    Intent,
    Ledger,
    Mode,
    Progress,
    Reply,
)
from drawbar.kernel.results import ResultStore
from drawbar.kernel.ticker import Ticker, TimeLimit
from drawbar.kernel.values import Caller, JsonObject, arguments_hash
from drawbar.spec.model import LimitsSpec

_log = logging.getLogger(__name__)

_ENDS = (Succeeded, Refused, Failed, Indeterminate)
_UNWRITTEN = (
    "The journal of changes cannot be written, so the change was not sent. Ask the operator."
)
_ATTEMPTS = 3
"""How often a read is tried when the backend says that trying again may help."""
_BACKOFF = 0.1
"""Seconds before the second attempt; doubled before the third, each with jitter."""


@dataclass(slots=True)  # not frozen: made for each call, which costs twice as much when it is
class _Ready:
    """An invocation that may be executed: its function, and arguments with all that the gateway fills in."""

    invocation: Invocation
    known: Known
    function: Function
    arguments: JsonObject
    seconds: float
    """That it may take: the function's limit, or less when its caller has less time."""
    deadline: float
    mode: Mode
    progress: Progress = field(default_factory=Progress)
    sent: JsonObject | None = None
    """The arguments as the backend gets them, where those are others: with files instead of their ids."""


class Dispatcher:
    """Validates, authorises and executes invocations."""

    def __init__(  # noqa: PLR0913 -- the ports that a call passes through
        self,
        toolset: Toolset,
        backends: Mapping[str, Backend],
        *,
        ledger: Ledger,
        audit: Audit,
        limits: Mapping[str, LimitsSpec] | None = None,
        redactor: Redactor | None = None,
        files: FileStore | None = None,
        results: ResultStore | None = None,
    ) -> None:
        """`backends` and `limits` are by adapter name. Without `results` no function keeps its rows."""
        self.toolset = toolset
        self._backends = backends
        self._ledger = ledger
        self._audit = audit
        self._limits = limits or {}
        self._redactor = redactor or Redactor()
        self._files: FileStore = files or NoFiles()
        self._results = results
        self._policy = Policy()
        self._ticker = Ticker()
        self._quick = {
            name: backend
            for name, backend in backends.items()
            if isinstance(backend, AnswersAtOnce) and backend.answers_at_once
        }
        self._functions: dict[str, Known] = {}
        self._gates: dict[str, Gate] = {}

    def at_once(self, invocation: Invocation) -> Outcome | None:
        """What `dispatch` would answer, where nothing of it has to wait: no task, no timer, no queue.

        None: nothing was done or counted, and `dispatch` has to do it. A reading that may be tried again
        is left to it, too.
        """
        known = self._known(invocation.function)
        if known is None or not known.is_quick:
            return None
        started = time.monotonic()
        given = parse_arguments(invocation.arguments)
        ready = self._prepare(invocation, given, "run")
        outcome = self._answered_at_once(ready) if isinstance(ready, _Ready) else ready
        if outcome is not None:
            self._record(invocation, given, "run", outcome, started)
        return outcome

    def _answered_at_once(self, ready: _Ready) -> Outcome | None:
        adapter = ready.function.adapter
        gate = self._gate(adapter)
        if not gate.is_free:
            return None
        call = self._call(ready, None)
        try:
            reply = self._quick[adapter].invoke_at_once(ready.function.binding, call)
        except Exception as error:  # noqa: BLE001 -- around a backend call: a bug in a kind must not end the run
            if isinstance(error, BackendError) and error.retryable:
                return None
            return self._of_error(error, ready, call, gate)[0]
        if reply is None:
            return None
        if call.files.made:
            return None  # keeping them takes waiting
        gate.breaker.succeeded()
        return shape_reply(ready.function, reply, self._redactor)

    async def dispatch(self, invocation: Invocation, *, mode: Mode = "run") -> Outcome:
        """Cancelling the task stops the backend's work; what became of it is settled before it ends."""
        started = time.monotonic()
        given = parse_arguments(invocation.arguments)
        looked_up = None
        known = self._known(invocation.function)
        if known is not None and known.has_lookups:
            looked_up = await self._looked_up(invocation, given)
        if isinstance(looked_up, LookedUp):
            given = looked_up.arguments
        ready = (
            looked_up if isinstance(looked_up, _ENDS) else self._prepare(invocation, given, mode)
        )
        if isinstance(ready, _Ready) and ready.known.check.takes_files:
            ready = await self._with_files(ready)
        if not isinstance(ready, _Ready):
            self._record(invocation, given, mode, ready, started)
            return ready
        try:
            outcome = await self._execute(ready)
        except asyncio.CancelledError:
            self._record(invocation, given, mode, _cancelled(ready), started)
            raise
        self._record(invocation, given, mode, outcome, started)
        if isinstance(looked_up, LookedUp) and isinstance(outcome, Succeeded):
            return replace(outcome, notes=(*looked_up.notes, *outcome.notes))
        return outcome

    async def _looked_up(
        self, invocation: Invocation, given: JsonObject | Refused
    ) -> LookedUp | Outcome | None:
        """What the caller's words stand for; None where there is nothing to look up, or the call is refused anyway.

        Looked up before anything else is decided, so that rules and approvals see the values.
        """
        known = self._offered(invocation)
        if not isinstance(known, Known) or isinstance(given, Refused):
            return None
        function = known.function
        admitted = known.check.check(given)
        if isinstance(admitted, Refused) or self._policy.refuses(function, invocation.caller, None):
            return None

        async def ask(name: str, arguments: JsonObject) -> Outcome:
            call_id = new_id("call_")
            asked = replace(
                invocation, function=name, arguments=arguments, call_id=call_id, toolset=None
            )
            return await self.dispatch(asked)

        return await look_up(function, admitted, ask)

    async def _with_files(self, ready: _Ready) -> _Ready | Refused:
        """With the content of files in the place of their ids; the ledger and the audit know the ids."""
        owner = ready.invocation.caller.subject
        sent = await read_files(ready.arguments, ready.function.schema, self._files, owner)
        if isinstance(sent, Refused):
            return sent
        ready.sent = sent
        return ready

    def _known(self, name: str) -> Known | None:
        """None: there is no such function, or it cannot be called."""
        known = self._functions.get(name)
        if known is None:
            function = self.toolset.get(name)
            if function is None or not function.callable:
                return None
            keeps = function.returns.keep and self._results is not None
            known = Known(function, is_near=function.adapter in self._quick, keeps=keeps)
            self._functions[name] = known
        return known

    def _offered(self, invocation: Invocation) -> Known | Refused | Failed:
        known, offered = self._known(invocation.function), invocation.toolset
        if known is not None and (offered is None or invocation.function in offered):
            return known
        found = find_function(self.toolset, invocation.function, offered)
        assert not isinstance(found, Function)  # noqa: S101 -- it would be known
        return found

    def _prepare(
        self, invocation: Invocation, given: JsonObject | Refused, mode: Mode
    ) -> _Ready | Outcome:
        known = self._offered(invocation)
        if not isinstance(known, Known):
            return known
        function = known.function
        arguments = self._admitted(known, invocation.caller, given)
        if isinstance(arguments, Refused):
            return arguments
        if mode == "run" and (refused := self._unapproved(function, invocation, arguments)):
            return refused
        filled = known.check.fill(arguments, invocation.caller)
        if isinstance(filled, Refused):
            return filled
        now, seconds = time.monotonic(), function.limits.timeout
        if invocation.deadline is not None:
            seconds = min(seconds, invocation.deadline - now)
        return _Ready(invocation, known, function, filled, seconds, now + seconds, mode)

    def _admitted(
        self, known: Known, caller: Caller, given: JsonObject | Refused
    ) -> JsonObject | Refused:
        """The valid arguments of a caller who may call this with them."""
        if refused := self._policy.refuses(known.function, caller, None):
            return refused
        arguments = given if isinstance(given, Refused) else known.check.check(given)
        if isinstance(arguments, Refused):
            return arguments
        return self._policy.refuses(known.function, caller, arguments) or arguments

    def _unapproved(
        self, function: Function, invocation: Invocation, arguments: JsonObject
    ) -> Refused | None:
        approve = function.approve
        if not approve or not self._policy.needs_approval(function, invocation.caller, arguments):
            return None
        return Refused(
            "approval_required",
            f"This call needs the agreement of somebody with the role `{approve.by}`, "
            "and nobody can give it here yet.",
        )

    async def _execute(self, ready: _Ready) -> Outcome:
        function = ready.function
        if ready.mode == "dry_run" or function.effect == "read":
            return await self._through_gate(ready, None)
        intent = intent_of(ready.invocation, function, ready.arguments)
        try:
            entry = await self._ledger.intend(intent)
        except StoreError as error:
            _log.error(
                "%s was not sent, as its intent could not be stored: %s", function.name, error
            )
            return Failed("ledger_unavailable", _UNWRITTEN)
        if entry is not None and entry.outcome is not None:
            return entry.outcome
        if entry is not None and not function.idempotency.repeatable:
            return unknown_outcome(
                function,
                "This change was sent before, and its answer was lost when the gateway stopped. "
                "It was not sent again.",
            )
        try:
            outcome = await self._through_gate(ready, intent)
        except asyncio.CancelledError:
            await _finish(self._settle(intent, _cancelled(ready)))
            raise
        await _finish(self._settle(intent, outcome))
        return outcome

    async def _settle(self, intent: Intent, outcome: Outcome) -> None:
        """What came of it is known, stored or not; where it is not, the ledger says that nobody knows."""
        try:
            await self._ledger.settle(intent, outcome)
        except StoreError as error:
            _log.error("%s: its outcome could not be stored: %s", intent.function, error)

    async def _through_gate(self, ready: _Ready, intent: Intent | None) -> Outcome:
        gate = self._gate(ready.function.adapter)
        if not gate.enter_at_once():
            try:
                await gate.enter(ready.deadline)
            except GateClosedError as closed:
                return closed.outcome
        try:
            return await self._with_retries(ready, gate, intent)
        finally:
            gate.leave()

    def _gate(self, adapter: str) -> Gate:
        gate = self._gates.get(adapter)
        if gate is None:
            gate = self._gates[adapter] = Gate(adapter, self._limits.get(adapter, LimitsSpec()))
        return gate

    async def _with_retries(self, ready: _Ready, gate: Gate, intent: Intent | None) -> Outcome:
        """A change is never sent twice by the gateway unless its adapter says that this is safe."""
        function = ready.function
        may_repeat = function.effect == "read" or function.idempotency.repeatable
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                outcome, rest = await self._attempt(ready, gate, intent)
            except asyncio.CancelledError:
                gate.breaker.abandoned()
                raise
            pause = _BACKOFF * 2 ** (attempt - 1) * (1 + random.random())  # noqa: S311 -- jitter, no secret
            last = attempt == _ATTEMPTS or not may_repeat
            if last or rest is None:
                break
            pause = max(pause, rest)
            if time.monotonic() + pause >= ready.deadline:
                break
            await asyncio.sleep(pause)
        return outcome

    async def _attempt(
        self, ready: _Ready, gate: Gate, intent: Intent | None
    ) -> tuple[Outcome, float | None]:
        """The outcome, and after how many seconds trying again may help; None: it does not."""
        function = ready.function
        call = self._call(ready, intent)
        backend = self._backends[function.adapter]
        try:
            with TimeLimit(self._ticker, call.deadline):
                reply = await backend.invoke(function.binding, call)
        except Exception as error:  # noqa: BLE001 -- around a backend call: a bug in a kind must not end the run
            return self._of_error(error, ready, call, gate)
        gate.breaker.succeeded()
        return await self._shaped(ready, reply, call.files), None

    async def _shaped(self, ready: _Ready, reply: Reply, files: Attachments) -> Succeeded | Failed:
        """What of the reply reaches the model; its files, and the rows of a cut answer where its author wants it, are kept."""
        function, invocation = ready.function, ready.invocation
        if ready.mode == "dry_run":
            shown = Succeeded(self._redactor.value(reply.value), reply.notes)
            return await keep_files(shown, files, self._files, invocation, shown.value)
        if names := function.returns.files:
            reply = with_files(reply, frozenset(names), files)
        whole = select_reply(function, reply, self._redactor)
        if isinstance(whole, Failed):
            return whole
        kept = None
        if self._results is not None and ready.known.keeps:
            more = bool(reply.cuts)
            kept = await keep_rows(function, whole, self._results, invocation, more=more)
        if kept is None:
            shown = cut_to_size(function, whole, reply.cuts)
            return await keep_files(shown, files, self._files, invocation, shown.value)
        # All rows that can be read by the handle have their files, not only those that are shown.
        shown = cut_to_size(function, kept)
        return await keep_files(shown, files, self._files, invocation, whole.value)

    def _call(self, ready: _Ready, intent: Intent | None) -> Call:
        function = ready.function
        most_rows, most_bytes = function.limits.rows, function.limits.bytes
        if self._results is not None and ready.known.keeps:
            most_rows, most_bytes = self._results.rows, self._results.bytes
        return Call(
            function.name,
            ready.arguments if ready.sent is None else ready.sent,
            ready.invocation.caller,
            ready.deadline,
            most_rows,
            most_bytes,
            ready.mode,
            intent.idempotency_key if intent else None,
            ready.progress,
            Attachments(function.returns.inline, self._files.largest),
        )

    def _of_error(
        self, error: Exception, ready: _Ready, call: Call, gate: Gate
    ) -> tuple[Outcome, float | None]:
        """The same as `_attempt` answers, and what the breaker makes of it."""
        function = ready.function
        if isinstance(error, BackendError):
            if error.retryable or error.work == "unknown":
                gate.breaker.failed()
            else:
                gate.breaker.succeeded()
            rest = (error.retry_after or 0.0) if error.retryable else None
            return outcome_of(error, function, self._redactor), rest
        if isinstance(error, TimeoutError):
            gate.breaker.failed()
            return _timed_out(ready), None
        gate.breaker.abandoned()
        return self._broke(error, function, call), None

    def _broke(self, error: Exception, function: Function, call: Call) -> Outcome:
        number = new_id("err_")
        _log.error("%s: %s broke inside its backend", number, function.name, exc_info=error)
        message = f"The gateway itself failed ({number}); the operator finds the cause in its log."
        if call.progress.sent and function.effect != "read":
            return unknown_outcome(function, message)
        return Failed("internal_error", message)

    def _record(
        self,
        invocation: Invocation,
        given: JsonObject | Refused,
        mode: Mode,
        outcome: Outcome,
        started: float,
    ) -> None:
        known = self._functions.get(invocation.function)
        function = self.toolset.get(invocation.function) if known is None else known.function
        refused = isinstance(outcome, Refused)
        self._audit.record(
            AuditEntry(
                at=time.time(),
                caller=invocation.caller.subject,
                surface=invocation.surface,
                run_id=invocation.run_id,
                call_id=invocation.call_id,
                function=invocation.function[:200],
                effect=function.effect if function else None,
                arguments_hash=arguments_hash(
                    str(invocation.arguments) if isinstance(given, Refused) else given
                ),
                decision="refused" if refused else "dry_run" if mode == "dry_run" else "allowed",
                outcome=outcome.kind,
                code=outcome.code if isinstance(outcome, Refused | Failed) else None,
                duration=time.monotonic() - started,
            )
        )


def _timed_out(ready: _Ready) -> Outcome:
    seconds = f"{ready.seconds:.3g} s"
    if ready.progress.sent and ready.function.effect != "read":
        message = f"It was sent, and no answer came within {seconds}."
        return lost_outcome(ready.function, "timeout", message)
    return Failed(
        "timeout",
        f"The backend did not answer within {seconds}.",
        retryable=True,
        hint="Ask for less, or try again later.",
    )


def _cancelled(ready: _Ready) -> Outcome:
    if ready.function.effect == "read":
        return Failed("cancelled", "It was cancelled before an answer came.")
    if ready.progress.sent:
        return unknown_outcome(
            ready.function, "It was sent, and then cancelled before an answer came."
        )
    return Failed("cancelled", "It was cancelled before anything was sent.")


async def _finish(work: Awaitable[None]) -> None:
    """Carry the work to its end even if this task is cancelled meanwhile, then pass the cancel on."""
    task = asyncio.ensure_future(work)
    cancelled = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    await task
    if cancelled is not None:
        raise cancelled
