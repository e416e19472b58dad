"""Ids of API objects: a prefix and 24 characters that sort by the time they were made."""

from __future__ import annotations

import os
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no letter looks like a digit
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_LETTERS = (_ALPHABET * 8).encode()
"""A letter for each value of a byte, all equally often."""
_RANDOM = 12
"""Random letters of an id."""
_DRAWN = 40 * _RANDOM
"""Random bytes asked of the system at a time: asking gives up the GIL, which costs more than the bytes."""
_SLOW_BITS = 20
"""Of the microseconds; what is above them stays the same for a second."""

_lock = threading.Lock()
_last = 0
_random = ""
_slow = (-1, "")
"""The slow part of the last id's moment, and its eight letters."""


def new_id(prefix: str) -> str:
    """`prefix` with its separator, such as `run_` or `file-`. Later ids of one process sort later.

    Sixty of the 120 bits are random, so that an id cannot be guessed from another.
    """
    global _last, _random, _slow  # noqa: PLW0603 -- the clock may stand still between two ids; the order must not
    with _lock:
        moment = _last = max(time.time_ns() // 1000, _last + 1)
        slow = moment >> _SLOW_BITS
        if slow != _slow[0]:
            _slow = (slow, "".join([_PAIRS[(slow >> shift) & 1023] for shift in (30, 20, 10, 0)]))
        if not _random:
            _random = os.urandom(_DRAWN).translate(_LETTERS).decode()
        drawn, _random = _random[:_RANDOM], _random[_RANDOM:]
        first = _slow[1]
    return f"{prefix}{first}{_PAIRS[moment >> 10 & 1023]}{_PAIRS[moment & 1023]}{drawn}"


def _forget() -> None:
    """A forked child must not repeat its parent's ids."""
    global _random  # noqa: PLW0603 -- see above
    _random = ""


os.register_at_fork(after_in_child=_forget)
