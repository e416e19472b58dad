"""The values of a call as a driver takes them, and the exact request for a dry run."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

from drawbar.backends.sql.plan import Held, Slot, Statement, Values
from drawbar.kernel.values import JsonObject, JsonValue

Bound: TypeAlias = "tuple[Any, ...]"  # what a driver takes: its own types among Python's
Bind: TypeAlias = Callable[[Statement, Values], Bound]


def bind_sqlite(statement: Statement, values: Values) -> Bound:
    """Lists and objects as their JSON text; everything else as it is."""
    return tuple([_sqlite(slot.value(values)) for slot in statement.slots])


def _sqlite(value: Any) -> Any:  # see Values and Bound
    if isinstance(value, Held):
        return value.bound
    if isinstance(value, (list, dict)):
        return orjson.dumps(value).decode()
    return value


def postgresql_binder(json_type: Callable[[object], object]) -> Bind:
    """`json_type` wraps a list or an object as jsonb; the driver is imported late, so it is handed in."""

    def bind_slot(slot: Slot, values: Values) -> Any:  # a driver's own type, see Bound
        value = slot.value(values)
        if isinstance(value, Held):
            return value.bound
        if isinstance(value, float):
            return Decimal(repr(value))
        if isinstance(value, (list, dict)):
            return value if slot.form == "array" else json_type(value)
        if slot.form == "number" and isinstance(value, int) and not isinstance(value, bool):
            return Decimal(value)
        return value

    def bind(statement: Statement, values: Values) -> Bound:
        return tuple([bind_slot(slot, values) for slot in statement.slots])

    return bind


def describe(statement: Statement, values: Values) -> JsonObject:
    """A statement with its values beside it, in the driver's form and by name."""
    bound = [shown(slot.value(values)) for slot in statement.slots]
    return {
        "sql": statement.text,
        "values": bound,
        "named_sql": statement.named,
        "named_values": {
            slot.label: value for slot, value in zip(statement.slots, bound, strict=True)
        },
    }


def shown(value: Any) -> JsonValue:  # see Values
    """A value for people."""
    found: JsonValue = value.shown if isinstance(value, Held) else value
    return found
