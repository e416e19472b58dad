"""The types that a live database tells of the functions of an adapter, as they are pinned and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drawbar.backends.sql.execute.keyset import whole
from drawbar.backends.sql.live.infer import infer_types
from drawbar.backends.sql.plan import Binding, Keyset, Operation, Query, Reading, Statement, render
from drawbar.backends.sql.url import Target
from drawbar.compiler.kind import Plan
from drawbar.spec.model import Adapter


def told_types(target: Target, adapter: Adapter, plans: Mapping[str, Plan]) -> Mapping[str, str]:
    """By `FUNCTION.PARAMETER` and `FUNCTION -> COLUMN`. Raises OperatorError."""
    statements = {name: list(statements_of(plan.binding)) for name, plan in plans.items()}
    readings = {name for name, plan in plans.items() if isinstance(plan.binding, Reading)}
    found = infer_types(target, statements, readings)
    filled = {f"{name}.{each}" for name in plans for each in adapter.functions[name].parameters}
    return {key: kind for key, kind in found.items() if " -> " in key or key in filled}


def statements_of(binding: Binding) -> Iterator[Statement]:
    """All that a function may send, each optional condition in its place."""
    if isinstance(binding, Reading):
        sortings = binding.sortings.values() or (binding.query,)
        yield from map(_whole, (*sortings, *binding.children.values()))
    elif isinstance(binding, Operation):
        yield from _of_operation(binding)


def _of_operation(operation: Operation) -> Iterator[Statement]:
    yield from (_whole(each.query) for each in operation.lets)
    yield from (_whole(each.query) for each in operation.guards)
    for step in operation.steps:
        if step.test is not None:
            yield _whole(step.test.query)
        yield step.statement
    if operation.once is not None:
        yield from (operation.once.find, operation.once.begin, operation.once.end)


def _whole(sorting: Query | Keyset) -> Statement:
    if isinstance(sorting, Keyset):
        return whole(sorting)
    if sorting.filters is None:
        return sorting.statement
    return render(sorting.filters.pieces(sorting.filters.conditions), sorting.dialect)
