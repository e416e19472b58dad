"""A whole run over HTTP, stored and streamed, with a model that costs nothing, next to openai-agents.

Two model turns, 29 pieces, one call of a function that reads one row of SQLite. The gateway stores the
thread, the run, its steps and events; the peer keeps everything in memory and serves nobody.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson
from deployments import make_database, make_gateway, serve, sql_adapter
from goals import Finding, ratio
from load import post, read_answer
from servers import SERVER_CORE, Server, free_port, python_peer, running

SCRIPT = """
turns:
  - calls: [{name: shop_get_item_0, arguments: {item_no: 7}, pieces: 2}]
  - {say: "word ", times: 25}
"""


async def create_assistant(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = orjson.dumps({"model": "default", "metadata": {"toolset": "all"}})
    writer.write(post("/v1/assistants", body))
    assistant = orjson.loads(await read_answer(reader))
    writer.close()
    return str(assistant["id"])


async def drive_runs(port: int, assistant: str, *, connections: int, seconds: float) -> list[float]:
    """Seconds of each run, from the request to the end of its stream."""
    body = {
        "assistant_id": assistant,
        "stream": True,
        "thread": {"messages": [{"role": "user", "content": "item 7?"}]},
    }
    request = post("/v1/threads/runs", orjson.dumps(body))
    ends = time.perf_counter() + seconds
    taken: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (begun := time.perf_counter()) < ends:
            writer.write(request)
            stream = await read_answer(reader)
            if b"event: thread.run.completed" not in stream or stream.count(b"word ") < 25:
                message = f"the run did not complete: {stream[-600:]!r}"
                raise RuntimeError(message)
            taken.append(time.perf_counter() - begun)
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return taken


async def measure(server: Server, seconds: float) -> tuple[float, float, float]:
    """Median seconds of a run at one connection; runs a second and CPU of a run at sixteen."""
    assistant = await create_assistant(server.port)
    await drive_runs(server.port, assistant, connections=4, seconds=seconds / 3)
    alone = await drive_runs(server.port, assistant, connections=1, seconds=seconds)
    before = server.cpu()
    many = await drive_runs(server.port, assistant, connections=16, seconds=seconds)
    cpu = (server.cpu() - before) / len(many)
    return statistics.median(alone), len(many) / seconds, cpu


def peer_seconds(database: Path) -> float | None:
    python = python_peer("openai-agents", "openai-agents")
    if python is None:
        return None
    program = Path(__file__).parent / "floors" / "openai_agents.py"
    done = subprocess.run(
        [python, program, str(database), "200"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),
    )
    if done.returncode:
        print(f"openai-agents did not run: {done.stderr.splitlines()[-1:]}", file=sys.stderr)
        return None
    return statistics.median([float(line) for line in done.stdout.split()][50:])


def run(seconds: float = 4.0) -> list[Finding]:
    print("\n## A run: two model turns, 29 pieces, one call; the model itself costs nothing\n")
    print("| engine | p50 alone, ms | runs/s at 16 | CPU a run, ms | next to openai-agents |")
    print("|---|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = make_database(folder)
        peer = peer_seconds(database)
        port = free_port()
        (folder / "gateway").mkdir()
        (folder / "gateway" / "script.yaml").write_text(SCRIPT)
        settings = make_gateway(
            folder / "gateway",
            port,
            {"shop": sql_adapter(f"sqlite:///{database}", "items")},
            "model: {provider: scripted, script: script.yaml}\n",
        )
        with running(serve(settings), port) as server:
            alone, rate, cpu = asyncio.run(measure(server, seconds))
    next_to = ratio(alone, peer)
    shown = f"{next_to:.2f}x" if next_to else "-"
    print(
        f"| drawbar: HTTP, stored, streamed | {alone * 1000:.2f} | {rate:.0f} | {cpu * 1000:.2f} | {shown} |"
    )
    if peer:
        print(f"| openai-agents: in process, nothing stored | {peer * 1000:.2f} | - | - | 1x |")
    return [
        Finding("run: time next to openai-agents in process", next_to, 1 / 5, 1 / 10),
        Finding("run: time added to the model's own", alone * 1000, 1.8, 1, unit=" ms"),
        Finding("run: runs/s on a core", rate, 500, 900, better="more", unit=""),
    ]
