"""A database whose driver is not installed: the backend opens all the same, and each call says what to install."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NoReturn, TypeVar

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.plan import Statement, Values
from drawbar.backends.sql.session import Allowed, NotAtOnce, Session
from drawbar.kernel.ports import BackendError

T = TypeVar("T")


class AbsentDatabase:
    """Answers nothing."""

    answers_at_once = False

    def __init__(self, dialect: Dialect, broken: str | None = None) -> None:
        """`broken` says why a driver that is installed cannot be loaded."""
        self._dialect = dialect
        self._broken = broken

    def at_once(self, work: Callable[[Session], T], *, snapshot: bool) -> T:
        raise NotAtOnce(work, snapshot)

    def reading(
        self, allowed: Allowed, *, snapshot: bool, single: bool = False
    ) -> AbstractContextManager[Session]:
        del allowed, snapshot, single
        self._raise()

    def changing(self, allowed: Allowed) -> AbstractContextManager[Session]:
        del allowed
        self._raise()

    def explain(self, statement: Statement, values: Values, allowed: Allowed) -> list[str]:
        del statement, values, allowed
        self._raise()

    def close(self) -> None:
        """Nothing was opened."""

    def _raise(self) -> NoReturn:
        message = (
            f"the driver of {self._dialect.title} cannot be loaded: {self._broken}"
            if self._broken
            else f"the driver of {self._dialect.title} is not installed; "
            f"install drawbar[{self._dialect.extra}]"
        )
        raise BackendError(message, code="backend_unavailable", work="not_started")
