"""Where the demo's adapters and settings are: in the checkout, or in the installed package."""

from __future__ import annotations

from pathlib import Path

from drawbar.kernel.errors import OperatorError

_PACKAGE = Path(__file__).parent


def settings_file() -> Path:
    """`config/drawbar.yaml`, with `adapters/` beside its folder."""
    checkout, installed = _PACKAGE.parents[2], _PACKAGE / "files"
    roots = (checkout, installed) if _PACKAGE.parents[1].name == "src" else (installed,)
    for root in roots:
        if (root / "config" / "drawbar.yaml").is_file() and (root / "adapters").is_dir():
            return root / "config" / "drawbar.yaml"
    raise OperatorError(
        f"the demo's adapters are neither in {checkout} nor in {installed}; install drawbar again"
    )
