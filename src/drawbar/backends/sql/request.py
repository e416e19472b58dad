"""The values of a call as a driver takes them, and the exact request for a dry run."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

from drawbar.backends.sql.plan import Held, Slot, Statement, Values
from drawbar.backends.sql.reply import cell
from drawbar.kernel.values import JsonObject, JsonValue

_JSON = (str, int, float, list, dict, type(None))
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


def bind_marks(statement: Statement, values: Values) -> list[Any]:
    """A value for each mark: exact decimals, and JSON for lists and objects; a list of `in` stays a list."""
    bound: list[Any] = []  # see Bound
    for slot in statement.slots:
        value = slot.value(values)
        if isinstance(value, Held):
            value = value.bound
            bound.append(orjson.dumps(value).decode() if isinstance(value, (dict, list)) else value)
        elif isinstance(value, float):
            bound.append(Decimal(repr(value)))
        elif isinstance(value, dict) or (isinstance(value, list) and slot.form != "array"):
            bound.append(orjson.dumps(value).decode())
        else:
            bound.append(value)
    return bound


def spread(
    statement: Statement, values: Values, empty: str, *, is_format: bool = False
) -> tuple[str, Bound]:
    """The statement with a mark for each element of a list; `empty` stands for a list without any.

    The mark is `?`; `is_format`: it is `%s`, and a `%` of the author is written twice.
    """
    texts, mark = statement.texts, "?"
    if is_format:
        texts, mark = tuple([part.replace("%", "%%") for part in texts]), "%s"
    text = [texts[0]]
    flat: list[Any] = []  # see Bound
    bound = bind_marks(statement, values)
    for value, slot, part in zip(bound, statement.slots, texts[1:], strict=True):
        if slot.form == "array":
            elements = value if isinstance(value, list) else [] if value is None else [value]
            text.append(f"({', '.join([mark] * len(elements))})" if elements else empty)
            flat += [Decimal(repr(each)) if isinstance(each, float) else each for each in elements]
        else:
            text.append(mark)
            flat.append(value)
        text.append(part)
    return "".join(text), tuple(flat)


def postgresql_binder(json_type: Callable[[object], object]) -> Bind:
    """`json_type` wraps a list or an object as jsonb; the driver is imported late, so it is handed in."""

    def bind_slot(slot: Slot, values: Values) -> Any:  # a driver's own type, see Bound
        value = slot.value(values)
        if isinstance(value, Held):
            return value.bound
        if slot.form == "text" and isinstance(value, (int, float)):
            return str(value)
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
    found = value.shown if isinstance(value, Held) else value
    plain: JsonValue = found if isinstance(found, _JSON) else cell(found)
    return plain
