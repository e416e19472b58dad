"""Keeps the signal handlers of the Java machine in their place.

Java code faults on purpose, to find a null, and goes on in the machine's handler. Firebird's engine, where it works in the
same process, sets those signals back to what kills the process; so they are looked at before Java is used again.
"""

from __future__ import annotations

import ctypes
import sys

_SIGNALS = (4, 7, 8, 11)
"""SIGILL, SIGBUS, SIGFPE, SIGSEGV, as Linux numbers them."""
_SIZE = 512
"""Bytes; more than a `struct sigaction` has anywhere."""
_POINTER = ctypes.sizeof(ctypes.c_void_p)
"""Its first part, which is the function; the rest may hold what was there before."""
_kept: dict[int, ctypes.Array[ctypes.c_char]] = {}


def keep_handlers() -> None:
    """Remember those that are set now: the machine has just been started."""
    if sys.platform == "linux":
        _kept.update({number: _handler(number) for number in _SIGNALS})


def restore_handlers() -> None:
    """Put them back where they are not the ones that were kept."""
    for number, kept in _kept.items():
        if _handler(number).raw[:_POINTER] != kept.raw[:_POINTER]:
            ctypes.CDLL(None).sigaction(number, kept, None)


def _handler(number: int) -> ctypes.Array[ctypes.c_char]:
    found = ctypes.create_string_buffer(_SIZE)
    ctypes.CDLL(None).sigaction(number, None, found)
    return found
