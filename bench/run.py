"""All benchmarks, or those named: `make bench`, `python bench/run.py direct runs start`.

Figures of one machine and one moment: compare ratios within a run, never figures of two runs.
"""

from __future__ import annotations

import sys

import direct
import run_cost
import start

BENCHMARKS = {"direct": direct.run, "runs": run_cost.run, "start": start.run}


def main() -> int:
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        print(
            f"no benchmark is called {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}",
            file=sys.stderr,
        )
        return 2
    for name in wanted:
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
