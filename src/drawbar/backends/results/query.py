"""Filters, order and sums over rows: exact, with numbers that are written as texts counted as numbers.

A decimal of a database is a text in an answer, so that no reader rounds it. Here it is the number that it says.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Context, Decimal, InvalidOperation, localcontext
from typing import Any, TypeAlias

import orjson

from drawbar.kernel.ports import BackendError
from drawbar.kernel.results import Snapshot
from drawbar.kernel.values import JsonObject, JsonValue

_EXACT = 2**53 - 1
_SUMS = Context(prec=1000)
"""Digits of a sum: no rounding of anything that a database holds."""
_MEAN_DIGITS = 28

Numbers: TypeAlias = Sequence[int]
"""Of rows, from 0."""


def select(snapshot: Snapshot, where: Iterable[Mapping[str, JsonValue]]) -> Numbers:
    """The rows that meet all conditions."""
    found: Numbers = range(snapshot.count)
    for condition in where:
        name = str(condition["column"])
        check_columns(snapshot, [name])
        column = snapshot.columns.get(name, ())
        for word, test in _TESTS.items():
            if word in condition:
                wanted = condition[word]
                found = [number for number in found if test(column[number], wanted)]
    return found


def order(snapshot: Snapshot, found: Numbers, name: str | None, *, descending: bool) -> Numbers:
    """Numbers as numbers, then texts; null last. Rows that are equal stay in their order."""
    if name is None:
        return found
    check_columns(snapshot, [name])
    column = snapshot.columns.get(name, ())
    places = {number: _place(column[number]) for number in found if column[number] is not None}
    filled = sorted(places, key=places.__getitem__, reverse=descending)
    return [*filled, *(number for number in found if number not in places)]


def check_columns(snapshot: Snapshot, names: Iterable[str]) -> None:
    """Raises BackendError for a column that no row has."""
    for name in names:
        if snapshot.count and name not in snapshot.columns:
            known = list(snapshot.columns)
            near = difflib.get_close_matches(name, known, 1, 0.6)
            meant = f" Did you mean `{near[0]}`?" if near else ""
            raise wrong(f"There is no column `{name}`.{meant} Columns here: {', '.join(known)}.")


def aggregate(
    snapshot: Snapshot,
    found: Numbers,
    group_by: Sequence[str],
    compute: Sequence[Mapping[str, JsonValue]],
) -> list[JsonObject]:
    """One row for each group of those found, in the order in which they come first."""
    asked = [(str(each["function"]), each.get("column")) for each in compute]
    names = [str(name) for _, name in asked if name is not None]
    check_columns(snapshot, [*group_by, *names])
    groups: dict[bytes, list[int]] = {}
    for number in found:
        key = orjson.dumps([snapshot.value(number, name) for name in group_by])
        groups.setdefault(key, []).append(number)
    if not groups and not group_by:
        groups[b""] = []
    lines = []
    for group in groups.values():
        line: JsonObject = {name: snapshot.value(group[0], name) for name in group_by}
        for function, column in asked:
            name = function if column is None else f"{function}_{column}"
            line[name] = _computed(function, column, snapshot, group)
        lines.append(line)
    return lines


def wrong(message: str) -> BackendError:
    return BackendError(message, code="invalid_arguments", work="not_started")


def _computed(function: str, column: JsonValue, snapshot: Snapshot, group: Numbers) -> JsonValue:
    if column is None:
        if function != "count":
            raise wrong(f"`{function}` needs a `column`.")
        return len(group)
    name = str(column)
    values = [value for number in group if (value := snapshot.value(number, name)) is not None]
    if function == "count":
        return len(values)
    if not values:
        return None
    if function in {"min", "max"}:
        return (min if function == "min" else max)(values, key=_place)
    numbers = [_number_of(value, name) for value in values]
    with localcontext(_SUMS):
        total = sum(numbers, Decimal(0))
    if function == "sum":
        return _shown(total, whole=all(isinstance(value, int) for value in values))
    with localcontext(prec=max(_MEAN_DIGITS, len(total.as_tuple().digits))):
        return _shown(total / len(numbers), whole=False)


def _shown(number: Decimal, *, whole: bool) -> JsonValue:
    """A whole number that every reader keeps is one; every other is a text, as in the rows."""
    if whole and abs(number) <= _EXACT:
        return int(number)
    return f"{number:f}"


def _number_of(value: JsonValue, column: str) -> Decimal:
    number = _decimal(value)
    if number is None:
        shown = orjson.dumps(value).decode()[:60]
        raise wrong(
            f"`{column}` holds {shown}, which is no number; it can be counted and compared."
        )
    return number


def _decimal(value: JsonValue) -> Decimal | None:
    """The exact number that a value is or says; a truth value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _place(value: JsonValue) -> tuple[int, Any]:  # a Decimal or a text, told apart by the number
    number = _decimal(value)
    return (1, _text(value)) if number is None else (0, number)


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _equals(value: JsonValue, wanted: JsonValue) -> bool:
    if value is None:
        return False
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return _place(value) == _place(wanted)


def _contains(value: JsonValue, wanted: JsonValue) -> bool:
    return value is not None and str(wanted).casefold() in _text(value).casefold()


def _at_least(value: JsonValue, wanted: JsonValue) -> bool:
    place, bound = _place(value), _place(wanted)
    return value is not None and place[0] == bound[0] and bool(place[1] >= bound[1])


def _at_most(value: JsonValue, wanted: JsonValue) -> bool:
    place, bound = _place(value), _place(wanted)
    return value is not None and place[0] == bound[0] and bool(place[1] <= bound[1])


def _is_empty(value: JsonValue, wanted: JsonValue) -> bool:
    return (value is None) is bool(wanted)


_TESTS: Mapping[str, Callable[[JsonValue, JsonValue], bool]] = {
    "equals": _equals,
    "contains": _contains,
    "at_least": _at_least,
    "at_most": _at_most,
    "empty": _is_empty,
}
