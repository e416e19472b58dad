"""Timers that nearly always are cancelled before they ring: one clock for all of them.

A timer of the event loop costs more to make and cancel than a short call takes. These share one timer
that looks at all of them every 20 ms, so they ring up to that much late and cost next to nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

TICK = 0.02
"""Seconds between two looks."""


class Alarm:
    """One timer; `cancel` may be called at any time, also after it rang."""

    __slots__ = ("_callback", "_owner", "_when")

    def __init__(self, owner: Ticker, when: float, callback: Callable[[], object]) -> None:
        self._owner = owner
        self._when = when
        self._callback = callback

    def cancel(self) -> None:
        self._owner.alarms.pop(id(self), None)

    def ring_if_due(self, now: float) -> None:
        if now >= self._when and self._owner.alarms.pop(id(self), None) is not None:
            self._callback()


class Ticker:
    """Belongs to the event loop that runs when its first alarm is set."""

    def __init__(self) -> None:
        self.alarms: dict[int, Alarm] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle = False

    def at(self, when: float, callback: Callable[[], object]) -> Alarm:
        """Call back at a moment of `time.monotonic()`, or up to a tick later."""
        alarm = Alarm(self, when, callback)
        self.alarms[id(alarm)] = alarm
        self._idle = False
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.get_running_loop()
            self._loop.call_later(TICK, self._tick)
        return alarm

    def _tick(self) -> None:
        now = time.monotonic()
        for alarm in list(self.alarms.values()):
            alarm.ring_if_due(now)
        if self.alarms or not self._idle:
            self._idle = not self.alarms
            if self._loop is not None:
                self._loop.call_later(TICK, self._tick)
        else:
            self._loop = None  # nothing to wait for in the last tick: sleep until an alarm is set


class TimeLimit:
    """`with TimeLimit(ticker, deadline):` as `asyncio.timeout_at`, up to a tick later.

    Raises TimeoutError when what runs inside is cut off by it. An error that the work makes of the
    cut-off wins, and so does a cancel that comes from elsewhere.
    """

    __slots__ = ("_alarm", "_before", "_expired", "_task", "_ticker", "_when")

    def __init__(self, ticker: Ticker, when: float) -> None:
        self._ticker = ticker
        self._when = when
        self._expired = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit needs a task that it can cut off")
        self._task = task
        self._before = task.cancelling()
        self._alarm = self._ticker.at(self._when, self._expire)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._alarm.cancel()
        if not self._expired:
            return
        others = self._task.uncancel() > self._before
        if isinstance(error, asyncio.CancelledError) and not others:
            raise TimeoutError from error

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()
