"""What an operation would do, found out by reading only: which statements, how often, with which values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from drawbar.backends.sql.execute.operation import Turn, passes, prepare, turns
from drawbar.backends.sql.execute.page import statement_of
from drawbar.backends.sql.plan import (
    Held,
    HeldRows,
    Kept,
    Operation,
    Reading,
    Statement,
    Step,
    Values,
)
from drawbar.backends.sql.request import describe
from drawbar.backends.sql.session import Session
from drawbar.kernel.values import JsonObject


@dataclass(frozen=True, slots=True)
class Shown:
    """A statement as it would be carried out, in one turn of one step."""

    statement: Statement
    values: Values
    facts: JsonObject
    """Which turn, and whether `if` or `unless` lets it be done."""
    explained: bool = True
    """Whether the database is asked how it would carry it out: once for each statement."""

    def described(self) -> JsonObject:
        return describe(self.statement, self.values) | self.facts


def rehearse(session: Session | None, operation: Operation, values: Values) -> list[Shown]:
    """Look up and check as in the real call, then show each statement. Raises what `prepare` does.

    Without a session nothing is looked up, checked or tested.
    """
    known: dict[str, Any] = dict(values)  # see Values
    if session is not None:
        known = prepare(session, operation, values)
    kept: set[str] = set()
    shown: list[Shown] = []
    for step in operation.steps:
        shown += _turns_of(session, step, known, kept)
        if step.kept is not None:
            known[step.kept.name] = _unknown(step.kept)
            kept.add(step.kept.name)
    if operation.routine is not None:
        shown += [Shown(each, known, {}, explained=False) for each in operation.routine.statements]
    return shown


def of_reading(reading: Reading, values: Values) -> list[Shown]:
    """The select and those of its lists."""
    statements = [statement_of(reading, values)]
    statements += [query.statement_for(values) for query in reading.children.values()]
    return [Shown(statement, values, {}) for statement in statements]


def _turns_of(
    session: Session | None, step: Step, known: Values, kept: set[str]
) -> Iterator[Shown]:
    for turn in _turns(session, step, known, kept):
        facts: JsonObject = {}
        if turn.count:
            facts["turn"] = f"{turn.number} of {turn.count}"
        elif step.walks:
            facts["turn"] = "once for each element, which are not known yet"
        done: bool | None = True
        if step.test is not None:
            done = _passes(session, step, turn.values, kept)
            facts["done"] = "not known before it is carried out" if done is None else done
        yield Shown(step.statement, turn.values, facts, done is not False and turn.number <= 1)


def _turns(session: Session | None, step: Step, known: Values, kept: set[str]) -> Sequence[Turn]:
    names = {walk.over for walk in step.walks}
    if names & kept or (session is None and not names <= known.keys()):
        return [Turn({**known, **{walk.variable: _Unknown(walk.over) for walk in step.walks}})]
    return list(turns(step.walks, known))


def _passes(session: Session | None, step: Step, values: Values, kept: set[str]) -> bool | None:
    assert step.test is not None  # noqa: S101 -- asked by the caller
    asked = {slot.name for slot in step.test.query.statement.slots}
    unknown = {name for name in asked if isinstance(values.get(name), _Unknown)}
    if session is None or asked & kept or unknown:
        return None
    return passes(session, step, values)


class _Unknown(dict[str, Held]):
    """A row that is made only when the statements are carried out; each of its fields is null until then."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def get(self, key: str, default: object = None) -> Held:
        del default
        return Held(f"({key} of {self._name})", None)


def _unknown(kept: Kept) -> Any:  # see Values
    if kept.shape == "list":
        return HeldRows([])
    return _Unknown(kept.name) if kept.shape == "row" else Held(f"({kept.name})", None)
