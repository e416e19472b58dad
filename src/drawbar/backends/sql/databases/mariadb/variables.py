"""How values come out of a procedure of MariaDB: by variables of the session, which are read after all result sets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from drawbar.backends.sql.plan import Routine, Slot, Statement, render
from drawbar.backends.sql.signature import Argument

_CAST = re.compile(
    r"(?P<word>datetime|timestamp|float|date|time|decimal|numeric|dec|fixed)(?P<lengths>\([\d, ]+\))?"
)
_FORGOTTEN = {"numeric": "decimal", "dec": "decimal", "fixed": "decimal", "timestamp": "datetime"}


def variables_of(routine: Routine, slots: Sequence[Slot]) -> Routine:
    """The routine with a variable for each argument that comes out."""
    arguments = routine.signature.arguments or ()
    if not any(each.comes_out for each in arguments):
        return routine
    given: list[str | Slot] = []
    called: list[str | Slot] = [f"call {routine.signature.called}("]
    taken: list[str] = []
    cleared: list[str] = []
    waiting = iter(slots)
    for number, each in enumerate(arguments, 1):
        called += [", "] if number > 1 else []
        variable = f"@drawbar_{number}"
        if not each.comes_out:
            called.append(next(waiting))
            continue
        called.append(variable)
        cleared.append(f"{variable} = null")
        taken.append(f"{_as_declared(variable, each)} as `{each.name}`")
        if each.goes_in:
            given += [", " if given else "set ", f"{variable} = ", next(waiting)]
    dialect = routine.dialect
    return replace(
        routine,
        statement=_called(
            render([*called, ")"], dialect, changes=routine.statement.changes, answers=False)
        ),
        given=_called(render(given, dialect, answers=False)) if given else None,
        taken=render([f"select {', '.join(taken)}"], dialect),
        cleared=_called(render([f"set {', '.join(cleared)}"], dialect, answers=False)),
    )


def _called(statement: Statement) -> Statement:
    return replace(statement, calls=True)


def _as_declared(variable: str, argument: Argument) -> str:
    """A variable keeps a value and forgets its type: a moment becomes a text, a float a double."""
    match = _CAST.fullmatch(argument.type)
    if match is None or (
        not match["lengths"] and match["word"] in {"decimal", *_FORGOTTEN} - {"timestamp"}
    ):
        return variable
    word = match["word"]
    return f"cast({variable} as {_FORGOTTEN.get(word, word)}{match['lengths'] or ''})"
