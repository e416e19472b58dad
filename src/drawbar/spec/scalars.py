"""Scalars of the adapter language that carry a unit: durations, sizes, rates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB)", re.IGNORECASE)
_BYTES = {"b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
_RATE = re.compile(r"(\d+)/(s|min|h)")
_PERIOD = {"s": 1.0, "min": 60.0, "h": 3600.0}


def parse_duration(value: object) -> float:
    """Seconds. `20s`, `500ms`, `2m`, `1.5h`; a bare number is refused, since its unit is a guess."""
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        return float(match[1]) * _SECONDS[match[2]]
    message = f"{value!r} is not a duration; write a number with its unit, such as 20s, 500ms or 2m"
    raise ValueError(message)


def duration_text(seconds: float) -> str:
    """The inverse of `parse_duration`, in the largest unit that leaves a whole number."""
    units = [unit for unit in ("d", "h", "m", "s") if seconds % _SECONDS[unit] == 0 and seconds]
    if units:
        return f"{seconds / _SECONDS[units[0]]:.0f}{units[0]}"
    return f"{seconds:g}s"


def size_text(size: int) -> str:
    """The inverse of `parse_size`, likewise."""
    units = [unit for unit in ("GB", "MB", "KB") if size % _BYTES[unit.lower()] == 0 and size]
    return f"{size // _BYTES[units[0].lower()]}{units[0]}" if units else f"{size}B"


def parse_size(value: object) -> int:
    """Bytes. `1MB`, `64KB`, `200B`."""
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        return int(float(match[1]) * _BYTES[match[2].lower()])
    message = f"{value!r} is not a size; write a number with its unit, such as 64KB or 1MB"
    raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` calls in any `seconds`."""

    count: int
    seconds: float

    def __str__(self) -> str:
        unit = {seconds: name for name, seconds in _PERIOD.items()}[self.seconds]
        return f"{self.count}/{unit}"


def parse_rate(value: object) -> Rate:
    """`120/min`, `5/s`, `1000/h`."""
    if isinstance(value, Rate):
        return value
    if isinstance(value, str) and (match := _RATE.fullmatch(value)) and int(match[1]) > 0:
        return Rate(int(match[1]), _PERIOD[match[2]])
    message = f"{value!r} is not a rate; write calls per s, min or h, such as 120/min"
    raise ValueError(message)


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(duration_text, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["20s"]}),
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(size_text, when_used="json"),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(B|KB|MB|GB)$", "examples": ["1MB"]}
    ),
]
RateText = Annotated[
    Rate,
    BeforeValidator(parse_rate),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": f"^{_RATE.pattern}$", "examples": ["120/min"]}),
]
