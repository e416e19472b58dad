"""The schema of OpenAI's strict mode (stub, next slice)."""

from __future__ import annotations

from dataclasses import dataclass

from drawbar.kernel.values import JsonObject


@dataclass(frozen=True, slots=True)
class Strict:
    schema: JsonObject | None
    lost: tuple[str, ...] = ()


def strict_schema(schema: JsonObject) -> Strict:
    return Strict(None)
