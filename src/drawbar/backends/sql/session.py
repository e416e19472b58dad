"""The port inside the kind: what a dialect has to offer. All of it blocks, and runs in a worker thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from drawbar.backends.sql.plan import Held, Routine, Statement, Values
from drawbar.backends.sql.reply import Rows, cell
from drawbar.backends.sql.stop import Stop
from drawbar.kernel.ports import BackendError

T = TypeVar("T")

AT_ONCE = 0.002
"""Seconds that a reading may keep the event loop waiting."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the caller is, as the database is told for one transaction."""

    settings: tuple[tuple[str, str], ...] = ()
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """How long a piece of work may take (`until` is a moment of `time.monotonic()`), and what stops it earlier."""

    stop: Stop
    until: float
    identity: Identity | None = None
    """For whom it is done; None: for the login."""

    def remaining(self) -> float:
        """Seconds; below zero when the time is over."""
        return self.until - time.monotonic()


@dataclass(frozen=True, slots=True)
class Changed:
    """What a statement did: rows changed or answered, and its result rows if it has any."""

    count: int
    columns: tuple[str, ...] = ()
    rows: Sequence[Sequence[object]] = ()
    typed: Callable[[], Found] | None = None
    """The rows with the database's own types; None where a value brings its type along."""


@dataclass(frozen=True, slots=True)
class Found:
    """Rows that were looked up, to be used by later statements; `empty` is a row of nulls."""

    rows: Sequence[Mapping[str, Held]]
    empty: Mapping[str, Held]


def found_of(columns: tuple[str, ...], rows: Sequence[Sequence[object]]) -> Found:
    """Rows of values that bring their type along."""
    held = [
        {name: Held(cell(value), value) for name, value in zip(columns, row, strict=True)}
        for row in rows
    ]
    return Found(held, dict.fromkeys(columns, Held(None, None)))


@dataclass(slots=True)
class Arrived:
    """Rows that are here already."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]  # a driver's values

    def fetch(self, count: int) -> Sequence[Sequence[Any]]:  # as above
        """The first ones; asked once."""
        return self.rows[:count]


class Unanswered(Exception):
    """A question was not answered without a thread; the way with a thread has to do it."""


class Session(Protocol):
    """One connection inside one transaction. Result rows are valid until the next statement."""

    def select(self, statement: Statement, values: Values, *, single: bool = False) -> Rows:
        """`single`: one row is expected, so a second one is the last that is looked at."""
        ...

    def look_up(self, statement: Statement, values: Values, most: int) -> Found:
        """At most `most` rows, as values that keep their type."""
        ...

    def change(self, statement: Statement, values: Values) -> Changed: ...


class Answers(Protocol):
    """What a routine answers: its result sets in their order, and after the last of them what came out."""

    def sets(self) -> Iterator[Rows | None]:
        """Each is valid until the next is asked for; None: a cursor that was not opened."""
        ...

    def out(self) -> tuple[tuple[str, ...], Sequence[Any]]:  # a driver's values
        """Names and values of the arguments that came out."""
        ...


class OwnRows:
    """The answer of a routine that has rows by itself, and nothing else."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def sets(self) -> Iterator[Rows | None]:
        yield self._rows

    def out(self) -> tuple[tuple[str, ...], Sequence[Any]]:  # as in Answers
        return (), ()


@runtime_checkable
class CallsRoutines(Protocol):
    """What a session offers besides where the database has routines."""

    def call(self, routine: Routine, values: Values) -> Answers: ...


class NotAtOnce(Exception):
    """It would take longer than an event loop may be kept waiting."""


class Database(Protocol):
    """A database whose connections are pooled. Every error is raised as BackendError."""

    answers_at_once: bool
    """Whether short readings need no thread: the database is in this process, not behind a network."""

    def at_once(self, work: Callable[[Session], T], *, snapshot: bool) -> T:
        """A reading in the thread of the event loop. Raises NotAtOnce."""
        ...

    def reading(
        self, allowed: Allowed, *, snapshot: bool, single: bool = False
    ) -> AbstractContextManager[Session]:
        """A session that cannot write. `snapshot`: several selects that see one state; `single`: one `single` select."""
        ...

    def changing(self, allowed: Allowed) -> AbstractContextManager[Session]:
        """A transaction: committed when the block ends, undone when it raises."""
        ...

    def explain(self, statement: Statement, values: Values, allowed: Allowed) -> list[str]:
        """How the database would carry it out, line by line; nothing is carried out."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class AsksAlone(Protocol):
    """What a database offers besides when one select of one row needs no thread, since its driver can wait
    in the event loop.
    """

    async def ask_alone(self, statement: Statement, values: Values, until: float) -> Arrived:
        """At most two rows. Raises BackendError as `reading` does, or Unanswered."""
        ...

    async def hang_up(self) -> None:
        """Stop what is asked so, and let go of its connections."""
        ...


@runtime_checkable
class LetsRoutinesCommit(Protocol):
    """What a database offers besides when its procedures may end transactions, if there is none around them."""

    def unguarded(self, allowed: Allowed) -> AbstractContextManager[Session]:
        """A session without a transaction of ours; what was raised in it may have been done in part."""
        ...


def was_stopped() -> BackendError:
    return BackendError(
        "the call was stopped; its work was undone", code="cancelled", work="rolled_back"
    )


def took_too_long() -> BackendError:
    return BackendError(
        "the database did not finish in time, and the statement was stopped",
        code="timeout",
        retryable=False,
        work="rolled_back",
        hint="Ask for less at a time.",
    )


def in_part(error: BackendError) -> BackendError:
    """A routine that ends transactions by itself may have done so before it failed."""
    if error.work == "unknown":
        return error
    return BackendError(
        f"{error.message}; what the procedure had committed before stays",
        code=error.code,
        work="unknown",
        detail=error.detail,
        facts=error.facts,
    )
