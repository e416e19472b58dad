"""Drawbar lets a language model call the systems you already run.

import drawbar

gateway = drawbar.load("config/drawbar.yaml")
async with gateway:
    outcome = await gateway.call("stores_get_part", {"part_no": "104200"})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drawbar.app.gateway import Gateway, load
    from drawbar.kernel.outcome import Failed, Indeterminate, Outcome, Refused, Succeeded
    from drawbar.kernel.values import Caller

__all__ = [
    "Caller",
    "Failed",
    "Gateway",
    "Indeterminate",
    "Outcome",
    "Refused",
    "Succeeded",
    "load",
]

_HOMES = {
    "Gateway": "drawbar.app.gateway",
    "load": "drawbar.app.gateway",
    "Caller": "drawbar.kernel.values",
}


def __getattr__(name: str) -> Any:  # whatever `name` stands for
    # `drawbar --help` imports this package and must not pay for the whole gateway.
    if name not in __all__:
        message = f"module 'drawbar' has no attribute {name!r}"
        raise AttributeError(message)
    import importlib  # noqa: PLC0415 -- see above

    return getattr(importlib.import_module(_HOMES.get(name, "drawbar.kernel.outcome")), name)
