"""Cold start and memory with 10, 1,000 and 10,000 functions: the gateway next to peers."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from deployments import make_database, make_gateway, sql_adapter, toolbox_file
from servers import free_port, npm_peer, running

FUNCTIONS = (10, 1_000, 10_000)


def commands(folder: Path, functions: int) -> Iterator[tuple[str, list[str], int]]:
    folder.mkdir()
    database = make_database(folder)
    port = free_port()
    adapter = sql_adapter(f"sqlite:///{database}", "items", functions)
    settings = make_gateway(folder / "gateway", port, {"shop": adapter})
    yield "drawbar", [sys.executable, "-m", "drawbar", "serve", "--settings", str(settings)], port
    if toolbox := npm_peer("toolbox", "@toolbox-sdk/server@1.12.0", "toolbox"):
        port = free_port()
        words = [
            "--tools-file",
            str(toolbox_file(folder, database, functions)),
            "--port",
            str(port),
        ]
        quiet = [
            "--disable-reload",
            "--disable-version-check",
            "--enable-api",
            "--log-level",
            "ERROR",
        ]
        yield "toolbox (Go)", [str(toolbox), *words, *quiet], port


def run(repeat: int = 3) -> None:
    print("\n## Start: until the first connection is accepted, CPU until then, memory then\n")
    print("| server | functions | ready, s | CPU, s | RSS, MiB |")
    print("|---|--:|--:|--:|--:|")
    for functions in FUNCTIONS:
        with tempfile.TemporaryDirectory() as name:
            for label, command, port in commands(Path(name) / "d", functions):
                with running(command, port):
                    pass  # fills the caches of Python and of the disk
                ready, cpu, memory = [], [], []
                for _ in range(repeat):
                    with running(command, port) as server:
                        ready.append(server.ready_after)
                        cpu.append(server.cpu())
                        memory.append(server.memory())
                medians = [statistics.median(values) for values in (ready, cpu, memory)]
                print(
                    f"| {label} | {functions:,} | {medians[0]:.2f} | {medians[1]:.2f} | {medians[2]:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    run()
