"""A lock file beside a SQLite store, so that two gateways never work on one file.

The operating system drops the lock when its process ends, however it ends.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from drawbar.kernel.errors import OperatorError

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """Held from creation to `release`; raises OperatorError when another process has it."""

    def __init__(self, path: Path) -> None:
        self._handle: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _take(self._handle)
        except OSError:
            holder = os.read(self._handle, 32).decode(errors="replace").strip()
            self.release()
            who = f" (process {holder})" if holder else ""
            message = (
                f"{path.with_suffix('')} is in use by another gateway{who}. Stop that one first, "
                "or use a PostgreSQL store for several."
            )
            raise OperatorError(message) from None
        os.ftruncate(self._handle, 0)
        os.write(self._handle, str(os.getpid()).encode())

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
