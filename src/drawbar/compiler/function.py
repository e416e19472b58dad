"""A compiled function: everything that dispatch and the surfaces need to know, and nothing of YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drawbar.compiler.kind import Parameter
from drawbar.kernel.errors import Place, Problem
from drawbar.kernel.values import Effect, JsonObject
from drawbar.spec.model import ApproveSpec, ErrorRuleSpec, IdempotencySpec, ReturnsSpec


@dataclass(frozen=True, slots=True)
class FunctionLimits:
    """The limits that hold for one function: its own, else its adapter's, else the defaults."""

    timeout: float = 20.0
    """Seconds."""
    rows: int = 500
    bytes: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Function:
    """What a model can call. With `problems` of severity error it is listed but cannot be called."""

    name: str
    """As the model sees it: prefix and local name, at most 64 characters."""
    local_name: str
    adapter: str
    kind: str
    description: str
    effect: Effect
    parameters: tuple[Parameter, ...]
    schema: JsonObject
    """JSON Schema 2020-12 of the model's arguments, closed; what the dispatcher enforces."""
    strict_schema: JsonObject | None
    """The same for OpenAI's strict mode; None where the shape cannot be written so."""
    binding: Any  # the kind's own type
    limits: FunctionLimits
    allow: str | None = None
    approve: ApproveSpec | None = None
    idempotency: IdempotencySpec = IdempotencySpec()
    errors: tuple[ErrorRuleSpec, ...] = ()
    returns: ReturnsSpec = ReturnsSpec()
    problems: tuple[Problem, ...] = ()
    place: Place | None = None

    @property
    def callable(self) -> bool:
        return not any(problem.severity == "error" for problem in self.problems)


Toolset = Mapping[str, Function]
"""Compiled functions by name, in the order of their files."""
