"""A database in a file has no logins: who may write the file may change it past the gateway."""

from __future__ import annotations

import stat
from pathlib import Path

from drawbar.backends.sql.logins.excess import Wide


def of_file(path: Path, *, is_grave: bool) -> tuple[Wide, ...]:
    """Nothing where there is no such file, which is told when it is used."""
    if not path.exists():
        return ()
    found = []
    for what, each in (("the file", path), ("the folder", path.parent)):
        mode = each.stat().st_mode
        is_shared = (
            stat.S_ISDIR(mode) and mode & stat.S_ISVTX
        )  # as /tmp: others cannot replace what is there
        if mode & stat.S_IWOTH and not is_shared:
            message = (
                f"does not matter, since everybody on this machine may write {what} {each.name}"
            )
            found.append(Wide(message, f"chmod o-w '{each}'", is_grave))
    return tuple(found)
