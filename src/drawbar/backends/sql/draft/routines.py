"""The calls that a draft offers: procedures and functions of the database that can be called as they tell themselves.

Those that say they only read are always offered, the others where they were asked for. A person decides about each effect,
since no database keeps a routine to what it says.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from drawbar.backends.sql.compile.argument_types import schema_of
from drawbar.backends.sql.databases.drivers import open_database
from drawbar.backends.sql.draft.tables import looks_secret
from drawbar.backends.sql.live.column_words import sentence
from drawbar.backends.sql.live.routines import LISTED, LiveRoutine, list_routines
from drawbar.backends.sql.session import Allowed
from drawbar.backends.sql.stop import Stop
from drawbar.backends.sql.url import Target
from drawbar.compiler.draft import Node, Noted, snake_case
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.ports import BackendError

_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class RoutineDraft:
    """One routine."""

    live: LiveRoutine
    dialect: str

    @property
    def key(self) -> str:
        """What its function stands for, in the lock."""
        return f"call {self.live.signature}"

    @property
    def name(self) -> str:
        return self.live.signature.name.name

    def why_not(self) -> str | None:
        """What keeps it from being drafted."""
        for each in self.live.signature.arguments or ():
            if each.goes_in and not each.name:
                return "it has arguments without names"
            if each.goes_in and looks_secret(each.name):
                return f"its argument {each.name} looks secret"
            if each.goes_in and not each.comes_out and schema_of(each.type) is None:
                return f"no parameter can hold its argument {each.name} of type {each.type}"
        return None

    def words(self) -> tuple[dict[str, Node], str]:
        """With the comment above it."""
        live = self.live
        said = sentence(live.comment or "")
        guessed = f"{' '.join(snake_case(self.name).split('_')).capitalize()}."
        description: Node = said or Noted(guessed, beside="from its name")
        words: dict[str, Node] = {
            "description": description,
            "effect": Noted(live.effect, beside="decide"),
            "call": str(live.signature),
        }
        is_function = live.signature.sort == "function"
        if self.dialect == "postgresql" and is_function and live.answers in {"value", "row"}:
            words["rows"] = "one"
        if self.dialect == "firebird" and live.answers == "rows":
            words["rows"] = "many"
        above = f"The database calls it {live.volatility}." if live.volatility else ""
        if self.dialect == "mariadb" and not is_function:
            above += "\nName its result sets, if it has some: `results: {rows: many}`."
        return words, above.strip()


def read_routines(
    target: Target, schemas: tuple[str, ...], wants: Callable[[str, str], bool]
) -> list[RoutineDraft]:
    """Those that are wanted, by their name and the name with its schema. Raises OperatorError."""
    dialect = target.dialect
    if dialect.name not in LISTED:
        return []
    database = open_database(target, 1, changes=False)
    try:
        allowed = Allowed(Stop(), time.monotonic() + _WITHIN)
        with database.reading(allowed, snapshot=True) as session:
            found = [
                live
                for schema in schemas or (None,)
                for live in list_routines(session, dialect, schema)
            ]
    except BackendError as error:
        message = f"the routines of the database cannot be read: {error.message}"
        raise OperatorError(message) from None
    finally:
        database.close()
    return [
        RoutineDraft(live, dialect.name)
        for live in found
        if wants(live.signature.name.name, live.signature.called)
    ]
