"""What an open SQL backend has to know of all its functions at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drawbar.backends.sql.plan import FreeQuery, Operation, Reading
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


def survey_of(plans: Mapping[str, Plan]) -> Survey:
    bindings = [plan.binding for plan in plans.values()]
    operations = [each for each in bindings if isinstance(each, Operation)]
    return Survey(
        declared=any(isinstance(each, Reading | Operation) for each in bindings),
        operates=bool(operations),
        changes=any(each.transaction != "reading" for each in operations),
        queries=tuple(each for each in bindings if isinstance(each, FreeQuery)),
    )
