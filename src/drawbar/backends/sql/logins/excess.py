"""What a login may do although nothing of its adapter needs it, and the statement that would mend it.

The database is asked for its own word on that; nothing is tried out. PostgreSQL, MariaDB, Firebird and H2 are, also
behind ODBC and JDBC; others are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drawbar.backends.sql.plan import FreeTable, Statement
from drawbar.backends.sql.session import Session

_MOST_ROWS = 10_000
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Wide:
    """One thing that a login may do and nothing needs."""

    message: str
    """What follows "the login ...", such as `may insert into public.courses`."""
    mend: str
    """The statement, or the command, that takes it away."""
    is_grave: bool = True
    """Whether it can change something, or read a table, that its adapter does not declare."""

    def __str__(self) -> str:
        return f"{self.message}; mend it with: {self.mend}"


@dataclass(frozen=True, slots=True)
class Needed:
    """What functions need of a login."""

    changes: bool = False
    """Some function changes something."""
    tables: tuple[FreeTable, ...] | None = None
    """What free queries read by it; None: other functions use it, and what they read is not looked at."""
    routines: tuple[tuple[str | None, str], ...] = ()
    """Schema (None: not said) and name of what is called by it."""

    def calls(self, schema: str, name: str) -> bool:
        return (None, name) in self.routines or (schema, name) in self.routines


def rows(session: Session, text: str) -> Sequence[Sequence[str]]:
    """Answers of a question of ours; every column of it is a text."""
    return session.select(Statement(text, (), text), {}).fetch(_MOST_ROWS)


def named(names: Sequence[str]) -> str:
    """The first few of them."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
