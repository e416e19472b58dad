"""Cold start and memory with 10, 1,000 and 10,000 functions: the gateway next to peers."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deployments import (
    make_database,
    make_gateway,
    serve,
    sql_adapter,
    toolbox_command,
    toolbox_file,
)
from goals import Finding, ratio
from servers import free_port, npm_peer, running

FUNCTIONS = (10, 1_000, 10_000)


def commands(folder: Path, functions: int) -> Iterator[tuple[str, list[str], int]]:
    folder.mkdir()
    database = make_database(folder)
    port = free_port()
    adapter = sql_adapter(f"sqlite:///{database}", "items", functions)
    settings = make_gateway(folder / "gateway", port, {"shop": adapter})
    yield "drawbar", serve(settings), port
    if toolbox := npm_peer("toolbox", "@toolbox-sdk/server@1.12.0", "toolbox"):
        port = free_port()
        tools = toolbox_file(folder, database, functions)
        yield "toolbox (Go)", toolbox_command(toolbox, tools, port), port


@dataclass(frozen=True)
class Start:
    """Medians: seconds until ready, seconds of CPU until then, MiB then."""

    ready: float
    cpu: float
    memory: float


def measure(command: list[str], port: int, repeat: int) -> Start:
    with running(command, port):
        pass  # fills the caches of Python and of the disk
    starts = []
    for _ in range(repeat):
        with running(command, port) as server:
            starts.append(Start(server.ready_after, server.cpu(), server.memory()))
    return Start(
        statistics.median(each.ready for each in starts),
        statistics.median(each.cpu for each in starts),
        statistics.median(each.memory for each in starts),
    )


def run(repeat: int = 3) -> list[Finding]:
    print("\n## Start: until the first connection is accepted, CPU until then, memory then\n")
    print("| server | functions | ready, s | CPU, s | RSS, MiB |")
    print("|---|--:|--:|--:|--:|")
    found: dict[tuple[str, int], Start] = {}
    for functions in FUNCTIONS:
        with tempfile.TemporaryDirectory() as name:
            for label, command, port in commands(Path(name) / "d", functions):
                start = found[label, functions] = measure(command, port, repeat)
                print(
                    f"| {label} | {functions:,} | {start.ready:.2f} | {start.cpu:.2f} | {start.memory:.0f} |",
                    flush=True,
                )
    own, peer = (
        {count: start for (label, count), start in found.items() if label == name}
        for name in ("drawbar", "toolbox (Go)")
    )
    memory = _memory(own)
    return [
        Finding("start with 10 functions", own[10].ready, 0.5, unit=" s"),
        Finding(
            "start with 10,000 functions, from cache, next to toolbox",
            ratio(own[10_000].ready, peer[10_000].ready if peer else None),
            1 / 6,
        ),
        Finding("memory of 1,000 functions", memory, 2.2, 1.2, unit=" MiB"),
        Finding(
            "memory of 1,000 functions next to toolbox",
            ratio(memory, _memory(peer) if peer else None),
            1 / 30,
        ),
    ]


def _memory(starts: dict[int, Start]) -> float:
    """MiB of a thousand functions, once everything else is there."""
    return (starts[10_000].memory - starts[1_000].memory) / 9
