"""What can be wrong with a copybook."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from drawbar.kernel.errors import Place, Problem

CODES = {
    "DB821": "a copybook that cannot be read",
    "DB822": "something in a copybook that is not the description of data",
    "DB823": "a PICTURE that cannot be read, or that does not go with its USAGE",
    "DB824": "data of a form that records do not take",
    "DB825": "a name that is not in the copybook, or not once",
    "DB827": "a word beside `copybook` that does not go with the field it names",
    "DB828": "warning: a level 66, which is another name for bytes that are read already",
}


class CopybookError(Exception):
    """The first thing that is wrong, at its place; `files` were read or looked for until then."""

    def __init__(
        self,
        place: Place,
        code: str,
        message: str,
        files: Iterable[Path] = (),
        *,
        fix: str | None = None,
    ) -> None:
        super().__init__(message)
        self.problem = Problem(place, code, message, fix)
        self.files = frozenset(files)
