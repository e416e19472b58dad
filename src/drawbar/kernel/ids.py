"""Ids of API objects: a prefix and 24 characters that sort by the time they were made."""

from __future__ import annotations

import os
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no letter looks like a digit
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_DRAWN = 512
"""Random bytes asked of the system at a time: asking gives up the GIL, which costs more than the bytes."""

_lock = threading.Lock()
_last = 0
_random = b""


def new_id(prefix: str) -> str:
    """`prefix` with its separator, such as `run_` or `file-`. Later ids of one process sort later.

    Sixty of the 120 bits are random, so that an id cannot be guessed from another.
    """
    global _last, _random  # noqa: PLW0603 -- the clock may stand still between two ids; the order must not
    with _lock:
        _last = max(time.time_ns() // 1000, _last + 1)
        moment = _last
        if len(_random) < 8:  # noqa: PLR2004 -- what one id takes
            _random = os.urandom(_DRAWN)
        drawn, _random = _random[:8], _random[8:]
    number = (moment << 60) | int.from_bytes(drawn) >> 4
    return prefix + "".join([_PAIRS[(number >> shift) & 1023] for shift in range(110, -1, -10)])


def _forget() -> None:
    """A forked child must not repeat its parent's ids."""
    global _random  # noqa: PLW0603 -- see above
    _random = b""


os.register_at_fork(after_in_child=_forget)
