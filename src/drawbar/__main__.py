"""`python -m drawbar` and the `drawbar` command."""

from __future__ import annotations

import sys

from drawbar.cli import main as run_verb


def main() -> None:
    sys.exit(run_verb())


if __name__ == "__main__":
    main()
