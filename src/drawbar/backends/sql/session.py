"""The port inside the kind: what a dialect has to offer. All of it blocks, and runs in a worker thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from drawbar.backends.sql.plan import Held, Statement, Values
from drawbar.backends.sql.reply import Rows
from drawbar.backends.sql.stop import Stop
from drawbar.kernel.ports import BackendError


@dataclass(frozen=True, slots=True)
class Allowed:
    """How long a piece of work may take (`until` is a moment of `time.monotonic()`), and what stops it earlier."""

    stop: Stop
    until: float


@dataclass(frozen=True, slots=True)
class Changed:
    """What a statement did: rows changed or answered, and its result rows if it has any."""

    count: int
    columns: tuple[str, ...] = ()
    rows: Sequence[Sequence[object]] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Rows that were looked up, to be used by later statements; `empty` is a row of nulls."""

    rows: Sequence[Mapping[str, Held]]
    empty: Mapping[str, Held]


class Session(Protocol):
    """One connection inside one transaction. Result rows are valid until the next statement."""

    def select(self, statement: Statement, values: Values) -> Rows: ...

    def look_up(self, statement: Statement, values: Values, most: int) -> Found:
        """At most `most` rows, as values that keep their type."""
        ...

    def change(self, statement: Statement, values: Values) -> Changed: ...


class Database(Protocol):
    """A database whose connections are pooled. Every error is raised as BackendError."""

    def reading(self, allowed: Allowed, *, snapshot: bool) -> AbstractContextManager[Session]:
        """A session that cannot write. `snapshot`: several selects that see one state."""
        ...

    def changing(self, allowed: Allowed) -> AbstractContextManager[Session]:
        """A transaction: committed when the block ends, undone when it raises."""
        ...

    def explain(self, statement: Statement, values: Values, allowed: Allowed) -> list[str]:
        """How the database would carry it out, line by line; nothing is carried out."""
        ...

    def close(self) -> None: ...


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
