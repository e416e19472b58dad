"""All benchmarks, or those named: `make bench`, `python bench/run.py direct blocking http soap runs streams start`.

Figures of one machine and one moment: compare ratios within a run, never figures of two runs. At the end
stands one table of everything that has a goal.
"""

from __future__ import annotations

import os
import sys

import blocking
import direct
import goals
import over_http
import over_soap
import run_cost
import start
import streams
from servers import LOAD_CORE

BENCHMARKS = {
    "direct": direct.run,
    "blocking": blocking.run,
    "http": over_http.run,
    "soap": over_soap.run,
    "runs": run_cost.run,
    "streams": streams.run,
    "start": start.run,
}


def main() -> int:
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        print(
            f"no benchmark is called {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}",
            file=sys.stderr,
        )
        return 2
    os.sched_setaffinity(0, {LOAD_CORE})  # servers have the other core for themselves
    findings = [finding for name in wanted for finding in BENCHMARKS[name]()]
    print(f"\n## Goals\n\n{goals.table(findings)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
