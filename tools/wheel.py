"""What a wheel holds beside the package: the example adapters and settings, so that `drawbar demo` needs no checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_HELD = ("adapters", "config")


class ExamplesHook(BuildHookInterface[Any]):
    def initialize(
        self,
        version: str,
        build_data: dict[str, Any],  # Any: hatchling's own
    ) -> None:
        """An editable install finds them in its checkout, or does without."""
        if version == "editable":
            return
        for name in _HELD:
            build_data["force_include"][str(Path(self.root, name))] = f"drawbar/demo/files/{name}"
