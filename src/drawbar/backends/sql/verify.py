"""Every declared statement, shown to the live server: it plans each and carries out none.

A server that is asked with nulls may not know a type that a call would tell it, which is no mistake of the statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from drawbar.backends.sql.backend import SqlBackend
from drawbar.backends.sql.compile.adapter import compile_adapter
from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.execute.calls import MISMATCH
from drawbar.backends.sql.live.declared import check_routine
from drawbar.backends.sql.live.routines import LISTED
from drawbar.backends.sql.live.told import statements_of, told_types
from drawbar.backends.sql.options import SqlBackendSpec
from drawbar.backends.sql.pins import AnyType
from drawbar.backends.sql.plan import Operation, Routine, Statement
from drawbar.backends.sql.session import Allowed, Database
from drawbar.backends.sql.signature import counted
from drawbar.backends.sql.url import Target, parse_url
from drawbar.compiler.diagnosis import Finding, Verified
from drawbar.compiler.kind import Parameter, Plan
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.model import Adapter
from drawbar.spec.source import Report

_WITHIN = 120.0
"""Seconds for all statements of an adapter."""
_LOST = frozenset({"backend_unavailable", "backend_denied", "backend_busy", "cancelled", "timeout"})
_NOT_KNOWN = frozenset({"42P18", "42P08", "42725", "42804"})
"""PostgreSQL cannot tell the type of a placeholder, or which of several functions is meant."""
_SAMPLES: Mapping[str, JsonValue] = {
    "integer": 0,
    "number": 0.0,
    "boolean": False,
    "array": [],
    "object": {},
}


async def verify(adapter: Adapter, backend: SqlBackend) -> Verified:
    """Raises BackendError when the database is lost."""
    spec = adapter.backend
    assert isinstance(spec, SqlBackendSpec)  # noqa: S101 -- the loader used this kind's own model
    target = parse_url(spec, adapter.folder)
    # What has no type yet is looked at, too: the database may tell it.
    plans = compile_adapter(adapter, Report(adapter.source), AnyType())

    wide = [
        Finding("auth", "", "DB393", each, None, "warning") for each in await backend.check_login()
    ]

    def look(database: Database, allowed: Allowed) -> Verified:
        looked = Looked()
        check_statements(database, target.dialect, plans, allowed, looked)
        findings = (*wide, *looked.findings)
        return Verified(looked.told(target.dialect), findings, _types(target, adapter, plans))

    return await backend.examine(look, _WITHIN)


def _types(target: Target, adapter: Adapter, plans: Mapping[str, Plan]) -> Mapping[str, str]:
    try:
        return told_types(target, adapter, plans)
    except OperatorError as error:
        raise BackendError(str(error), code="backend_unavailable", work="not_started") from None


@dataclass(slots=True)
class Looked:
    """What came of the statements."""

    planned: int = 0
    unasked: int = 0
    """A driver that has no word for a plan can only carry them out."""
    findings: list[Finding] = field(default_factory=list)

    def told(self, dialect: Dialect) -> str:
        which = "the statement" if self.planned == 1 else f"all {self.planned} statements"
        told = f"{dialect.title} can carry out {which}"
        if not self.unasked:
            return told
        untold = f"tells of {counted(self.unasked, 'statement')} only when it is carried out"
        return f"{told}, and {untold}" if self.planned else f"{dialect.title} {untold}"


def check_statements(
    database: Database,
    dialect: Dialect,
    plans: Mapping[str, Plan],
    allowed: Allowed,
    looked: Looked,
) -> None:
    """Ask for the plan of each, and note what the server says against it."""
    for name, plan in plans.items():
        values = samples(plan.parameters)
        seen: set[str] = set()
        for statement in statements_of(plan.binding):
            said = _refused(database, statement, values, allowed, looked)
            if said is not None and said not in seen:
                seen.add(said)
                looked.findings.append(_finding(name, f"{dialect.title} refuses its SQL: {said}"))
        if isinstance(plan.binding, Operation) and plan.binding.routine is not None:
            if dialect.name not in LISTED:
                looked.unasked += 1
                continue
            looked.planned += 1
            said = _mismatch(database, plan.binding.routine, allowed)
            looked.findings += [] if said is None else [_finding(name, said)]


def _finding(function: str, message: str) -> Finding:
    fix = "the database has changed, or the login may not see it"
    return Finding("query", function, "DB391", message, fix)


def _mismatch(database: Database, routine: Routine, allowed: Allowed) -> str | None:
    """How a routine differs from what is declared; a call cannot be planned without carrying it out."""
    try:
        with database.reading(allowed, snapshot=True) as session:
            check_routine(session, routine)
    except BackendError as error:
        if error.code != MISMATCH:
            raise
        return error.message
    return None


def _refused(
    database: Database, statement: Statement, values: JsonObject, allowed: Allowed, looked: Looked
) -> str | None:
    looked.planned += 1
    try:
        database.explain(statement, values, allowed)
    except BackendError as error:
        if error.code == "not_explained":
            looked.planned -= 1
            looked.unasked += 1
            return None
        if error.code in _LOST:
            raise
        state = error.facts.get("sqlstate")
        is_untyped = state in _NOT_KNOWN or (state == "42883" and "unknown" in error.message)
        return None if is_untyped else error.message
    return None


def samples(parameters: Iterable[Parameter]) -> JsonObject:
    """A value of the right type for each, where null would leave the server without one."""
    return {each.name: _SAMPLES.get(str(each.schema.get("type"))) for each in parameters}
