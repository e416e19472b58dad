"""A guided invocation: which function, which arguments, for whom. Nothing has been called yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from drawbar.kernel.values import Caller, JsonValue

Surface = Literal["runs", "chat", "mcp", "functions", "cli", "python"]


@dataclass(slots=True)  # not frozen: made for each call, which costs twice as much when it is
class Invocation:
    """`call_id` is unique within its run, or altogether where there is no run."""

    function: str
    arguments: str | Mapping[str, JsonValue]
    """The model's own text, valid JSON or not, or a mapping that a surface has parsed."""
    caller: Caller
    call_id: str
    surface: Surface
    run_id: str | None = None
    toolset: Collection[str] | None = None
    """Names that may be called here; None allows every function."""
    deadline: float | None = None
    """A moment of `time.monotonic()` that ends the call even if the function's own limit is later."""
