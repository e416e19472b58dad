"""What an open SQL backend has to know of all its functions at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drawbar.backends.sql.plan import FreeQuery, Operation, Reading, Routine
from drawbar.compiler.kind import Plan


@dataclass(frozen=True, slots=True)
class Survey:
    """`queries` are asked by a login of their own, all others by the adapter's."""

    declared: bool
    """Some function has statements that its author wrote."""
    operates: bool
    """Some of them may be an operation, or a call that only reads."""
    changes: bool
    """Some operation changes something."""
    queries: tuple[FreeQuery, ...]
    routines: tuple[tuple[str | None, str], ...] = ()
    """Schema and name of what is called."""


def survey_of(plans: Mapping[str, Plan]) -> Survey:
    bindings = [plan.binding for plan in plans.values()]
    operations = [each for each in bindings if isinstance(each, Operation)]
    return Survey(
        declared=any(isinstance(each, Reading | Operation) for each in bindings),
        operates=bool(operations),
        changes=any(each.transaction != "reading" for each in operations),
        queries=tuple(each for each in bindings if isinstance(each, FreeQuery)),
        routines=tuple(_called(each.routine) for each in operations if each.routine is not None),
    )


def _called(routine: Routine) -> tuple[str | None, str]:
    schema = routine.signature.schema
    return None if schema is None else schema.name, routine.signature.name.name
