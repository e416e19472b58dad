"""How much of a backend may be used: calls at a time, calls in a period, and a breaker.

All three are per backend and per process. Waiting counts against the deadline of the call.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

from drawbar.kernel.outcome import Failed
from drawbar.kernel.places import Places
from drawbar.spec.model import BreakerSpec, LimitsSpec
from drawbar.spec.scalars import Rate

DEFAULT_CONCURRENCY = 8


class Breaker:
    """Opens after so many failures in a row; then one call at a time may try again."""

    def __init__(self, options: BreakerSpec) -> None:
        self._options = options
        self._failures = 0
        self._opened_at = 0.0
        self._trying = False

    def seconds_closed(self) -> float:
        """Seconds until a call may pass; 0 lets it pass. The first one after the wait is the trial."""
        if self._failures < self._options.failures:
            return 0.0
        left = self._opened_at + self._options.open_for - time.monotonic()
        if left > 0:
            return left
        if self._trying:
            return max(1.0, self._options.open_for)
        self._trying = True
        return 0.0

    @property
    def is_closed(self) -> bool:
        """Whether calls pass, and none of them is a trial."""
        return self._failures < self._options.failures

    def succeeded(self) -> None:
        self._failures = 0
        self._trying = False

    def failed(self) -> None:
        self._failures += 1
        self._trying = False
        self._opened_at = time.monotonic()

    def abandoned(self) -> None:
        """The call ended without saying anything of the backend: the next one may be the trial."""
        self._trying = False


class RateWindow:
    """At most `count` calls in any period of `seconds` (a sliding window of start times)."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._starts: deque[float] = deque()

    def seconds_to_wait(self) -> float:
        """0 takes a place in the window."""
        now = time.monotonic()
        while self._starts and self._starts[0] <= now - self._rate.seconds:
            self._starts.popleft()
        if len(self._starts) < self._rate.count:
            self._starts.append(now)
            return 0.0
        return self._starts[0] + self._rate.seconds - now


class GateClosedError(Exception):
    """The call may not start; `outcome` says why and when to try again."""

    def __init__(self, outcome: Failed) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


class Gate:
    """What every call to one backend passes through."""

    def __init__(self, backend: str, limits: LimitsSpec) -> None:
        self._backend = backend
        self._places = Places(limits.concurrency or DEFAULT_CONCURRENCY)
        self._rate = RateWindow(limits.rate) if limits.rate else None
        self.breaker = Breaker(limits.breaker or BreakerSpec())

    @property
    def is_free(self) -> bool:
        """Whether a call would pass without waiting, and without being counted."""
        return self._rate is None and self._places.is_free and self.breaker.is_closed

    def enter_at_once(self) -> bool:
        """`enter` where nothing has to be waited for or decided."""
        return self._rate is None and self.breaker.is_closed and self._places.take()

    async def enter(self, deadline: float) -> None:
        """Take one of the places, to be given back by `leave`; GateClosedError when none is free in time."""
        if self._rate is not None:
            await self._wait_for_rate(self._rate, deadline)
        if not self._places.take():
            await self._wait_for_place(deadline)
        try:
            self._check_breaker()
        except GateClosedError:
            self._places.give_back()
            raise

    def leave(self) -> None:
        self._places.give_back()

    async def _wait_for_place(self, deadline: float) -> None:
        try:
            await self._places.wait(deadline)
        except TimeoutError:
            raise GateClosedError(
                Failed(
                    "backend_busy",
                    f"All places at `{self._backend}` stayed taken until the time-out; nothing was sent.",
                    retryable=True,
                    hint="Try again later.",
                )
            ) from None

    def _check_breaker(self) -> None:
        if wait := self.breaker.seconds_closed():
            raise GateClosedError(
                Failed(
                    "backend_unavailable",
                    f"`{self._backend}` failed several times in a row, so it is left alone for now; "
                    "nothing was sent.",
                    retryable=True,
                    hint=f"Try again in {max(1, round(wait))} seconds.",
                )
            )

    async def _wait_for_rate(self, rate: RateWindow, deadline: float) -> None:
        while wait := rate.seconds_to_wait():
            if time.monotonic() + wait >= deadline:
                raise GateClosedError(
                    Failed(
                        "rate_limited",
                        f"`{self._backend}` may not be called more often right now; nothing was sent.",
                        retryable=True,
                        hint=f"Try again in {max(1, round(wait))} seconds.",
                    )
                )
            await asyncio.sleep(wait)
