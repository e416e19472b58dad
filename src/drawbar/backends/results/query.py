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
from drawbar.kernel.values import JsonObject, JsonValue

_EXACT = 2**53 - 1
_SUMS = Context(prec=1000)
"""Digits of a sum: no rounding of anything that a database holds."""
_MEAN_DIGITS = 28

Rows: TypeAlias = Sequence[JsonObject]


def select(rows: Rows, where: Iterable[Mapping[str, JsonValue]]) -> Rows:
    """The rows that meet all conditions."""
    for condition in where:
        column = str(condition["column"])
        check_columns(rows, [column])
        for word, test in _TESTS.items():
            if word in condition:
                wanted = condition[word]
                rows = [row for row in rows if test(row.get(column), wanted)]
    return rows


def order(rows: Rows, column: str | None, *, descending: bool) -> Rows:
    """Numbers as numbers, then texts; null last. Rows that are equal stay in their order."""
    if column is None:
        return rows
    check_columns(rows, [column])
    filled = [row for row in rows if row.get(column) is not None]
    filled.sort(key=lambda row: _place(row[column]), reverse=descending)
    return [*filled, *(row for row in rows if row.get(column) is None)]


def columns_of(rows: Rows) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def check_columns(rows: Rows, names: Iterable[str]) -> None:
    """Raises BackendError for a column that no row has."""
    for name in names:
        if rows and not any(name in row for row in rows):
            known = columns_of(rows)
            near = difflib.get_close_matches(name, known, 1, 0.6)
            meant = f" Did you mean `{near[0]}`?" if near else ""
            raise wrong(f"There is no column `{name}`.{meant} Columns here: {', '.join(known)}.")


def aggregate(
    rows: Rows, group_by: Sequence[str], compute: Sequence[Mapping[str, JsonValue]]
) -> list[JsonObject]:
    """One row for each group, in the order in which they come first."""
    asked = [(str(each["function"]), each.get("column")) for each in compute]
    check_columns(rows, [*group_by, *(str(name) for _, name in asked if name is not None)])
    groups: dict[bytes, list[JsonObject]] = {}
    for row in rows:
        groups.setdefault(orjson.dumps([row.get(name) for name in group_by]), []).append(row)
    if not groups and not group_by:
        groups[b""] = []
    found = []
    for group in groups.values():
        line: JsonObject = {name: group[0].get(name) for name in group_by}
        for function, column in asked:
            name = function if column is None else f"{function}_{column}"
            line[name] = _computed(function, column, group)
        found.append(line)
    return found


def wrong(message: str) -> BackendError:
    return BackendError(message, code="invalid_arguments", work="not_started")


def _computed(function: str, column: JsonValue, group: Rows) -> JsonValue:
    if column is None:
        if function != "count":
            raise wrong(f"`{function}` needs a `column`.")
        return len(group)
    values = [row[str(column)] for row in group if row.get(str(column)) is not None]
    if function == "count":
        return len(values)
    if not values:
        return None
    if function in {"min", "max"}:
        return (min if function == "min" else max)(values, key=_place)
    numbers = [_number_of(value, str(column)) for value in values]
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
