"""The ports between the core and what is plugged into it: backends, the ledger, the audit.

A backend owns its wire and nothing else. It never decides who may call, never retries a change, never
writes an outcome: it answers with a Reply or raises a BackendError that says what became of the work.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from drawbar.kernel.files import Attachments
from drawbar.kernel.outcome import Outcome
from drawbar.kernel.values import Caller, Effect, JsonObject, JsonValue

Mode = Literal["run", "dry_run"]

WorkState = Literal["not_started", "rolled_back", "done", "unknown"]
"""What became of the work at the backend when a call did not end well.

* not_started  the request never left, or the backend refused it before doing anything
* rolled_back  it was begun and undone
* done         it was carried out; only the answer could not be used
* unknown      it was sent and may or may not have been carried out
"""


class Progress:
    """How far a call has come; judged when it is cut off by its deadline or a cancel."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        self.sent = False

    def mark_sent(self) -> None:
        """A backend says this just before the first byte that can change something leaves."""
        self.sent = True


@dataclass(slots=True)  # not frozen: made for each call, which costs twice as much when it is
class Call:
    """One invocation as a backend gets it: validated, authorised, gateway values filled in.

    The cancel signal is the cancellation of the task that runs `invoke`. A backend that is cancelled
    stops the work at its peer within a second, then lets CancelledError out (what became of the work
    is judged by `progress`) or raises a BackendError that says what became of it.
    """

    function: str
    arguments: Mapping[str, JsonValue]
    caller: Caller
    deadline: float
    """A moment of `time.monotonic()`; the core cancels at it, a backend may stop earlier."""
    max_rows: int = 500
    max_bytes: int = 1_000_000
    mode: Mode = "run"
    idempotency_key: str | None = None
    progress: Progress = field(default_factory=Progress)
    files: Attachments = field(default_factory=Attachments)
    """Where bytes go that have no place in a value: `files.add(data)` gives the reference for it."""

    def remaining(self) -> float:
        """Seconds until the deadline, never below zero."""
        return max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True, slots=True)
class Cut:
    """A cap was hit: how much is here, of how much (None where nobody counted), and the way on."""

    kept: int
    total: int | None
    unit: Literal["rows", "bytes", "items", "characters"]
    how_to_get_the_rest: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a backend answered, before it is shaped for the model.

    In mode `dry_run` the value describes the exact request that would be sent, with its secrets masked.
    """

    value: JsonValue
    notes: tuple[str, ...] = ()
    cuts: tuple[Cut, ...] = ()


class BackendError(Exception):
    """A call that did not end well, in the backend's words.

    `code` is stable and snake_case. `facts` are what an adapter's `errors:` rules can match, such as
    `{"fault": "HR-204"}`, `{"status": 404}`, `{"constraint": "pk"}`, `{"exit": 2}`. `retry_after` are the seconds
    that the backend wants to be left alone before it is tried again. `argument` is set where nothing was sent, since
    this argument of the call was wrong: the call is refused.
    """

    def __init__(  # noqa: PLR0913 -- each is a fact that the dispatcher decides by
        self,
        message: str,
        *,
        code: str = "backend_error",
        retryable: bool = False,
        work: WorkState = "unknown",
        hint: str | None = None,
        detail: JsonValue = None,
        facts: Mapping[str, str | int] | None = None,
        retry_after: float | None = None,
        argument: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.retryable = retryable
        self.work = work
        self.hint = hint
        self.detail = detail
        self.facts = dict(facts or {})
        self.retry_after = retry_after
        self.argument = argument


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a backend can be reached now; `detail` says what was tried and what came of it."""

    ok: bool
    detail: str
    denied: bool = False
    """Whether it answers, and refuses who asks."""


class Backend(Protocol):
    """A private system that was opened. Opening never connects; the first call does."""

    async def invoke(self, binding: Any, call: Call) -> Reply:  # each kind knows its own binding
        """Carry the call out, or describe it when `call.mode` is `dry_run`."""
        ...

    async def health(self) -> Health:
        """Try the cheapest thing that proves the backend answers, within five seconds."""
        ...

    async def close(self) -> None:
        """Let go of connections, processes and threads; nothing is left behind."""
        ...


@runtime_checkable
class AnswersAtOnce(Protocol):
    """What a backend offers beside `invoke` when some of its readings need no waiting at all."""

    answers_at_once: bool
    """Whether it is worth asking."""

    def invoke_at_once(self, binding: Any, call: Call) -> Reply | None:
        """Exactly what `invoke` would answer or raise, in this thread within a few milliseconds.

        None: nothing was done, and `invoke` has to do it. Never called for a change or a dry run.
        """
        ...


@runtime_checkable
class ChecksLogin(Protocol):
    """What a backend offers beside `invoke` when its system can say what a login may do."""

    async def check_login(self) -> tuple[str, ...]:
        """What it may do although no function needs it, each with its mend. Asked once. Raises BackendError."""
        ...


@dataclass(frozen=True, slots=True)
class Intent:
    """A change that is about to be sent. The row is committed before the first byte leaves."""

    run_id: str | None
    call_id: str
    function: str
    arguments_hash: str
    effect: Effect
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the ledger knew of a call before this attempt; `outcome` None: begun, end unknown."""

    outcome: Outcome | None


class Ledger(Protocol):
    """The journal of changes: what was about to be sent, and what came of it."""

    async def intend(self, intent: Intent) -> LedgerEntry | None:
        """Commit the intent. An entry is returned, and nothing written, if the call was begun before."""
        ...

    async def settle(self, intent: Intent, outcome: Outcome) -> None:
        """Record what came of it."""
        ...


class AuditEntry(NamedTuple):
    """One line of the audit: who called what, what was decided, what came of it, how long it took."""

    at: float
    """Unix seconds."""
    caller: str
    surface: str
    run_id: str | None
    call_id: str
    function: str
    effect: Effect | None
    """None when no such function exists."""
    arguments_hash: str
    decision: Literal["allowed", "refused", "dry_run"]
    outcome: str
    code: str | None
    duration: float
    """Seconds."""

    def as_json(self) -> JsonObject:
        return self._asdict()


class Audit(Protocol):
    """Where audit lines go. Recording does not wait; closing the store flushes."""

    def record(self, entry: AuditEntry) -> None: ...
