"""Numbers as MariaDB reads them: a decimal of it has at most 65 digits, and is cut without a word where it has more."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

_DIGITS, _FRACTION = 65, 30


def fitting(bound: Sequence[Any]) -> tuple[Any, ...]:
    """Values as they can be written there: a number that is no decimal of its is a double, as it was in JSON."""
    return tuple([_fitting(value) for value in bound])


def _fitting(value: Any) -> Any:  # a driver's own value
    if not isinstance(value, Decimal) or not value.is_finite():
        return value
    exponent = value.as_tuple().exponent
    if value.adjusted() >= _DIGITS or (isinstance(exponent, int) and -exponent > _FRACTION):
        return float(value)
    return value
