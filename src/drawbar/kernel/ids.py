"""Ids of API objects: a prefix and 24 characters that sort by the time they were made."""

from __future__ import annotations

import os
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no letter looks like a digit
_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """`prefix` with its separator, such as `run_` or `file-`. Later ids of one process sort later."""
    global _last  # noqa: PLW0603 -- the clock may stand still between two ids; the order must not
    with _lock:
        _last = max(time.time_ns() // 1000, _last + 1)
        moment = _last
    number = (moment << 60) | int.from_bytes(os.urandom(8)) >> 4
    letters = []
    for _ in range(24):
        number, index = divmod(number, 32)
        letters.append(_ALPHABET[index])
    return prefix + "".join(reversed(letters))
