"""Cold start, memory, listing and the cost of a call with up to 10,000 functions: the gateway next to peers."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
from compare import Subject, compare
from deployments import (
    make_database,
    make_gateway,
    serve,
    sql_adapter,
    toolbox_command,
    toolbox_file,
)
from goals import Finding, ratio
from load import MCP_HEADERS, post
from servers import free_port, npm_peer, running

FUNCTIONS = (10, 1_000, 10_000)
CACHED, COMPILING, TOOLBOX = "drawbar, from cache", "drawbar, from YAML", "toolbox (Go)"
LIST = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}})
SECONDS = 2.0


def commands(folder: Path, functions: int) -> Iterator[tuple[str, list[str], int]]:
    folder.mkdir()
    database = make_database(folder)
    port = free_port()
    adapter = sql_adapter(f"sqlite:///{database}", "items", functions)
    settings = make_gateway(folder / "gateway", port, {"shop": adapter})
    yield CACHED, serve(settings), port
    port = free_port()
    settings = make_gateway(folder / "compiling", port, {"shop": adapter}, "cache: off\n")
    yield COMPILING, serve(settings), port
    if toolbox := npm_peer("toolbox", "@toolbox-sdk/server@1.12.0", "toolbox"):
        port = free_port()
        tools = toolbox_file(folder, database, functions)
        yield TOOLBOX, toolbox_command(toolbox, tools, port), port


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
    own, compiled, peer = (
        {count: start for (label, count), start in found.items() if label == name}
        for name in (CACHED, COMPILING, TOOLBOX)
    )
    memory = _memory(own)
    return [
        Finding("start with 10 functions", own[10].ready, 0.5, unit=" s"),
        Finding(
            "start with 10,000 functions, from cache, next to toolbox",
            ratio(own[10_000].ready, peer[10_000].ready if peer else None),
            1 / 6,
        ),
        Finding(
            "start with 10,000 functions, from YAML, next to toolbox",
            ratio(compiled[10_000].ready, peer[10_000].ready if peer else None),
            1 / 3,
        ),
        Finding("memory of 1,000 functions", memory, 2.2, 1.2, unit=" MiB"),
        Finding(
            "memory of 1,000 functions next to toolbox",
            ratio(memory, _memory(peer) if peer else None),
            1 / 30,
        ),
        *_with_many(),
    ]


def _with_many() -> list[Finding]:
    """Listing 10,000 functions next to toolbox, and what a call costs beside them."""
    body = orjson.dumps({"item_no": 7})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few, many = list(commands(folder / "few", 10)), list(commands(folder / "many", 10_000))
        of = {label: (command, port) for label, command, port in many}
        rest = _get("/functions")
        listings = [Subject("rest", "drawbar, GET /functions", *of[CACHED], rest, b"get_item_9999")]
        listing = post("/mcp", LIST, MCP_HEADERS)
        listings.append(
            Subject("mcp", "drawbar, tools/list", *of[CACHED], listing, b"get_item_9999")
        )
        if TOOLBOX in of:
            whole = _get("/api/toolset")
            listings += [
                Subject(
                    "toolbox", "toolbox, GET /api/toolset", *of[TOOLBOX], whole, b"get_item_9999"
                ),
                Subject(
                    "toolbox-mcp", "toolbox, tools/list", *of[TOOLBOX], listing, b"get_item_9999"
                ),
            ]
        found = compare("Listing 10,000 functions", listings, SECONDS)
        call = post("/functions/shop_get_item_7", body)
        calls = compare(
            "A call beside so many functions",
            [
                Subject("few", "10 functions", *few[0][1:], call, b"item 7"),
                Subject("many", "10,000 functions", *many[0][1:], call, b"item 7"),
            ],
            SECONDS,
        )
    return [
        Finding(
            "listing 10,000 functions, CPU next to toolbox", found.cpu("rest", "toolbox"), 1 / 3
        ),
        Finding(
            "listing 10,000 tools by MCP, CPU next to toolbox",
            found.cpu("mcp", "toolbox-mcp"),
            1 / 3,
        ),
        Finding("CPU of a call with 10,000 functions next to 10", calls.cpu("many", "few"), 1.05),
    ]


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def _memory(starts: dict[int, Start]) -> float:
    """MiB of a thousand functions, once everything else is there."""
    return (starts[10_000].memory - starts[1_000].memory) / 9
