"""The clock that ends work beyond its time."""

from __future__ import annotations

import threading
import time

import pytest

from drawbar.backends.sql.databases.watchdog import Watchdog
from drawbar.backends.sql.session import Allowed
from drawbar.backends.sql.stop import Stop


def test_an_interrupt_that_fails_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    watchdog, stop = Watchdog(), Stop()
    tries: list[int] = []
    stopped = threading.Event()

    def interrupt() -> None:
        tries.append(len(tries))
        if len(tries) == 1:
            message = "the object is already closed"
            raise RuntimeError(message)
        stopped.set()

    stop.arm(interrupt)
    with watchdog.watching(Allowed(stop, time.monotonic(), None)):
        assert stopped.wait(5)
    watchdog.close()

    assert "could not be interrupted: the object is already closed" in caplog.text
