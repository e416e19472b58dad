"""What is the same for every call of a function, found out at the first one."""

from __future__ import annotations

from drawbar.compiler.function import Function
from drawbar.dispatch.arguments import ArgumentCheck
from drawbar.dispatch.lookup import has_lookups


class Known:
    """A function that can be called. `is_near`: its backend answers readings at once."""

    __slots__ = ("check", "function", "has_lookups", "is_quick", "keeps")

    def __init__(self, function: Function, *, is_near: bool, keeps: bool) -> None:
        self.function = function
        self.check = ArgumentCheck(function)
        self.has_lookups = has_lookups(function)
        self.keeps = keeps
        """All rows are read, however many the answer may show."""
        has_files = self.check.takes_files or bool(function.returns.files)
        waits = self.has_lookups or has_files or keeps
        self.is_quick = is_near and function.effect == "read" and not waits
        """An answer at once is worth a try."""
