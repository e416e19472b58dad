"""Stopping what a worker thread does, from the event loop, without ever hitting someone else's work.

The thread says which connection it uses and when it begins to commit. Whoever wants to stop it interrupts
that connection while the thread cannot give it back, and never once the commit has begun.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Stopped(Exception):
    """Raised in the worker thread when its work is no longer wanted."""


class Stop:
    """One call's stop signal. `expired`: its time ran out while it worked.

    `arm`, `commit_begins` and `disarm` belong to the thread, the rest to others.
    """

    __slots__ = ("_interrupt", "_lock", "committing", "expired", "signal")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._interrupt: Callable[[], None] | None = None
        self.committing = False
        self.expired = False
        self.signal = threading.Event()

    @property
    def wanted(self) -> bool:
        return self.signal.is_set()

    def arm(self, interrupt: Callable[[], None]) -> None:
        """From here on `interrupt` stops what the thread's connection does. Raises Stopped."""
        with self._lock:
            if self.signal.is_set():
                raise Stopped
            self._interrupt = interrupt

    def commit_begins(self) -> None:
        """After this the work is done or unknown, never stopped. Raises Stopped."""
        with self._lock:
            if self.signal.is_set():
                raise Stopped
            self.committing = True
            self._interrupt = None

    def check(self) -> None:
        """Between two statements. Raises Stopped."""
        if self.signal.is_set():
            raise Stopped

    def disarm(self) -> None:
        """The connection is given back; an interrupt under way ends first."""
        with self._lock:
            self._interrupt = None

    def expire(self) -> None:
        """Its time is over: interrupt what runs, if anything does. Belongs to the watchdog."""
        with self._lock:
            if self._interrupt is not None:
                self.expired = True
                self._interrupt()

    def trigger(self) -> None:
        """Stop the work. Takes as long as the interrupt does, so not for the event loop."""
        with self._lock:
            self.signal.set()
            if self._interrupt is not None:
                self._interrupt()
