"""A folder of files that only this gateway's user has written, each whole or not there.

What is read from it decides what is sent to backends, so a folder or file that belongs to somebody else, or that
others may write, is not used. Root may have written it: an image can bring its entries with it.
"""

from __future__ import annotations

import os
import stat
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path

_MAGIC = b"drawbar compiled 1\n"
_SUM = 4
"""Bytes of the checksum, which finds half-written and damaged files; it is no protection against people."""


class Unusable(Exception):
    """The folder or a file in it cannot be used; the message says why."""


class Entries:
    """Files by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """The content; None where there is none. Raises Unusable."""
        path = self._folder / name
        try:
            _check_owner(self._folder, self._folder.stat())
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(path, error) from None
        with open(handle, "rb") as file:  # noqa: PTH123 -- a file that is open already
            _check_owner(path, os.fstat(handle))
            content = file.read()
        start = len(_MAGIC) + _SUM
        body = memoryview(content)[start:]
        wanted = _MAGIC + zlib.crc32(body).to_bytes(_SUM, "big")
        if content[:start] != wanted:
            message = f"{path} is damaged, or of another version"
            raise Unusable(message)
        return content[start:]

    def write(self, name: str, content: bytes) -> None:
        """Put the content there at once, over what was there. Raises Unusable."""
        written: Path | None = None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_owner(self._folder, self._folder.stat())
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".part")
            written = Path(temporary)
            with open(handle, "wb") as file:  # noqa: PTH123 -- a file that is open already
                file.write(_MAGIC + zlib.crc32(content).to_bytes(_SUM, "big"))
                file.write(content)
            written.replace(self._folder / name)
        except OSError as error:
            raise _unusable(self._folder, error) from None
        finally:
            if written is not None:
                with suppress(OSError):
                    written.unlink(missing_ok=True)

    def names(self) -> tuple[str, ...]:
        """Of all files that were written whole. Raises Unusable."""
        try:
            _check_owner(self._folder, self._folder.stat())
            with os.scandir(self._folder) as found:
                return tuple(each.name for each in found if not each.name.startswith("."))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _unusable(self._folder, error) from None

    def remove(self, name: str) -> None:
        """Nothing happens when it is gone. Raises Unusable."""
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(self._folder / name, error) from None


def _unusable(path: Path, error: OSError) -> Unusable:
    return Unusable(f"{path}: {error.strerror or error}")


def _check_owner(path: Path, found: os.stat_result) -> None:
    """Raises Unusable. Windows has no such owners and modes; there the rights of the folder decide."""
    if not hasattr(os, "geteuid"):
        return
    if found.st_uid not in {0, os.geteuid()}:
        message = f"{path} belongs to another user"
        raise Unusable(message)
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        message = f"{path} can be written by other users; take that right away (chmod go-w)"
        raise Unusable(message)
