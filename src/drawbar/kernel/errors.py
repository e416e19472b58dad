"""Errors, sorted by who can put them right; an outcome that the model reads is a value, not an error.

* AuthorError    the author of an adapter: every problem, each with its place
* OperatorError  who deploys Drawbar: one line
* StoreError     the same, while Drawbar runs
* ClientError    who sends a request: an HTTP status, a code, a parameter and a message

Anything else that is raised is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands in a file; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file, and what to write instead.

    `code` never changes its meaning once released. `fix` may hold several lines.
    """

    place: Place
    code: str
    message: str
    fix: str | None = None
    severity: Severity = "error"

    def __str__(self) -> str:
        mark = "" if self.severity == "error" else f"{self.severity}: "
        head = f"{self.place}: {self.code} {mark}{self.message}"
        if self.fix is None:
            return head
        return head + "".join(f"\n    {line}" for line in self.fix.splitlines())


class DrawbarError(Exception):
    """What Drawbar raises on purpose."""


class AuthorError(DrawbarError):
    """Adapters or settings are wrong; carries every problem found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class OperatorError(DrawbarError):
    """The deployment is wrong: a missing secret, an occupied port, a store that cannot be opened."""


class StoreError(DrawbarError):
    """The store did not do what it was asked for: a full disk, a lost server, a lock held too long."""


class ClientError(DrawbarError):
    """A request is wrong. Shown in OpenAI's error envelope (assistants contract 1.1)."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        type: str = "invalid_request_error",  # noqa: A002 -- the field's name on the wire
        final: bool = False,
    ) -> None:
        """`final`: sending the request again would do its work again, so clients are told not to."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.param = param
        self.type = type
        self.final = final
