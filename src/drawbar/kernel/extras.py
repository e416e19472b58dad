"""Libraries that come with an extra of Drawbar and are imported when first needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from drawbar.kernel.ports import BackendError


def import_extra(module: str, extra: str) -> ModuleType:
    """Raises BackendError that names the extra when the library is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BackendError(
            f"The library `{module}` is not installed; install drawbar[{extra}].",
            code="backend_unavailable",
            work="not_started",
        ) from error
