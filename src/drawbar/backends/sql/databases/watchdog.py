"""The clock of databases that do not stop by themselves."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from drawbar.backends.sql.session import Allowed
from drawbar.backends.sql.stop import Stop

_log = logging.getLogger("drawbar.sql")
_AGAIN = 0.05
"""Seconds between two interrupts of the same work."""


class Watched(NamedTuple):
    """Work whose time ends at `until`."""

    until: float
    number: int
    stop: Stop


class Watchdog:
    """One thread that interrupts what works beyond its time, for databases that do not stop by themselves.

    An interrupt between two statements hits nothing, so it is repeated until the work has ended.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: list[Watched] = []
        self._ended: set[int] = set()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._numbers = itertools.count()

    @contextmanager
    def watching(self, allowed: Allowed, grace: float = 0.0) -> Iterator[None]:
        """`grace`: seconds for a database that has a limit of its own."""
        number = next(self._numbers)
        with self._changed:
            heapq.heappush(self._watched, Watched(allowed.until + grace, number, allowed.stop))
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="sql-watch", daemon=True)
                self._thread.start()
            elif self._watched[0].number == number:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._ended.add(number)

    def _watch(self) -> None:
        while (due := self._due()) is not None:
            try:
                due.stop.expire()
            except Exception as error:  # noqa: BLE001 -- of any driver; others' time is watched on, and it is tried again
                _log.warning("work beyond its time could not be interrupted: %s", error)
            with self._changed:
                again = Watched(time.monotonic() + _AGAIN, due.number, due.stop)
                heapq.heappush(self._watched, again)

    def _due(self) -> Watched | None:
        """The next whose time is over, as soon as it is; None when there is nothing to watch any more."""
        with self._changed:
            while not self._closed:
                while self._watched and self._watched[0].number in self._ended:
                    self._ended.discard(heapq.heappop(self._watched).number)
                if not self._watched:
                    self._changed.wait()
                    continue
                left = self._watched[0].until - time.monotonic()
                if left <= 0:
                    return heapq.heappop(self._watched)
                self._changed.wait(left)
        return None

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
