"""Open run streams: what one costs in memory, what a thousand cost when nothing happens, how many events go out.

The listeners join runs of a scripted model: one that says nothing, then one that talks as fast as it can.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import load
import orjson
from deployments import make_database, make_gateway, serve, sql_adapter
from goals import Finding
from load import post, read_answer
from run_cost import create_assistant
from servers import Server, free_port, running

SILENT_RUNS = 20
LISTENERS = 50
"""Of each silent run."""
TALKING_RUNS = 10
CROWD = 20
"""Listeners of each run that talks."""
WORDS = 1000
IDLE = 16.0
"""Seconds; every stream gets one sign of life within."""
SCRIPT = f"""
rules:
  - {{when: wait, turns: [{{hang: true}}]}}
  - when: talk
    turns:
      - [{{say: "listen ", delay: 3s}}, {{say: "word ", times: {WORDS}}}]
"""


class Listener(asyncio.Protocol):
    """Reads a stream and counts its events, as cheaply as it can."""

    def __init__(self, request: bytes, answered: asyncio.Future[None]) -> None:
        self._request = request
        self._answered = answered
        self._end = b""
        self.events = 0
        self.first = 0.0
        self.last = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self._request)  # type: ignore[attr-defined]  # of TCP

    def data_received(self, data: bytes) -> None:
        if not self._answered.done():
            if b" 200 " not in data[:16]:
                self._answered.set_exception(RuntimeError(f"the server answered {data[:400]!r}"))
                return
            self._answered.set_result(None)
        words = data.count(b"thread.message.delta\nid:")
        if words:
            self.events += words
            self.last = time.perf_counter()
            self.first = self.first or self.last
        if b"event: done" in (self._end + data) and not self.done.done():
            self.done.set_result(None)
        self._end = data[-20:]


@dataclass
class Crowd:
    """Listeners of some runs."""

    listeners: list[Listener] = field(default_factory=list)

    async def join(self, port: int, path: str, count: int) -> None:
        loop = asyncio.get_running_loop()
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        waiting = []
        for _ in range(count):
            answered: asyncio.Future[None] = loop.create_future()
            waiting.append(answered)
            _, listener = await loop.create_connection(
                lambda answered=answered: Listener(request, answered),  # type: ignore[misc]  # mypy cannot infer it
                "127.0.0.1",
                port,
            )
            self.listeners.append(listener)
        await asyncio.gather(*waiting)

    def leave(self) -> None:
        for listener in self.listeners:
            listener.transport.close()
        self.listeners.clear()


async def start_run(port: int, assistant: str, words: str) -> str:
    """The path of its events."""
    body = {
        "assistant_id": assistant,
        "thread": {"messages": [{"role": "user", "content": words}]},
    }
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post("/v1/threads/runs", orjson.dumps(body)))
    run = orjson.loads(await read_answer(reader))
    writer.close()
    return f"/v1/threads/{run['thread_id']}/runs/{run['id']}/events"


async def open_silent(server: Server, assistant: str) -> tuple[float, float]:
    """KiB of a stream, and the share of a core that all of them take while nothing happens."""
    paths = [await start_run(server.port, assistant, "wait") for _ in range(SILENT_RUNS)]
    crowd = Crowd()
    await crowd.join(server.port, paths[0], LISTENERS)  # what the first streams load is not theirs
    crowd.leave()
    await asyncio.sleep(1)
    before = server.memory()
    for path in paths:
        await crowd.join(server.port, path, LISTENERS)
    await asyncio.sleep(1)
    memory = (server.memory() - before) / len(crowd.listeners) * 1024
    cpu = server.cpu()
    await asyncio.sleep(IDLE)
    idle = (server.cpu() - cpu) / IDLE
    crowd.leave()
    return memory, idle


async def talk(server: Server, assistant: str) -> tuple[float, float]:
    """Events a second that reach listeners, and microseconds of CPU for each."""
    paths = [await start_run(server.port, assistant, "talk") for _ in range(TALKING_RUNS)]
    crowd = Crowd()
    for path in paths:
        await crowd.join(server.port, path, CROWD)
    cpu = server.cpu()
    await asyncio.gather(*(listener.done for listener in crowd.listeners))
    used = server.cpu() - cpu
    expected = TALKING_RUNS * CROWD * (WORDS + 1)
    count = sum(listener.events for listener in crowd.listeners)
    if count != expected:
        message = f"{count} pieces reached the listeners, {expected} were said"
        raise RuntimeError(message)
    took = max(each.last for each in crowd.listeners) - min(each.first for each in crowd.listeners)
    crowd.leave()
    return count / took, used / count * 1e6


def run() -> list[Finding]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        adapter = sql_adapter(f"sqlite:///{make_database(folder)}", "items")
        port = free_port()
        model = "model: {provider: scripted, script: script.yaml}\n"
        settings = make_gateway(folder / "gateway", port, {"shop": adapter}, model)
        (folder / "gateway" / "script.yaml").write_text(SCRIPT)
        with running(serve(settings), port) as server:
            assistant = asyncio.run(create_assistant(port))
            memory, idle = load.run(open_silent(server, assistant))
            talks = [load.run(talk(server, assistant)) for _ in range(3)]
    rate, cpu = (statistics.median(column) for column in zip(*talks, strict=True))
    print("\n## Open run streams, server on one core\n")
    print("| streams | memory each, KiB | CPU while silent | events/s | CPU an event, us |")
    print("|---|--:|--:|--:|--:|")
    silent = SILENT_RUNS * LISTENERS
    print(f"| {silent:,} of {SILENT_RUNS} silent runs | {memory:.1f} | {idle:.2%} | - | - |")
    print(
        f"| {TALKING_RUNS * CROWD} of {TALKING_RUNS} talking runs | - | - | {rate:,.0f} | {cpu:.1f} |"
    )
    return [
        Finding("streams: memory of an open one", memory, 20, unit=" KiB"),
        Finding(f"streams: CPU of {silent:,} silent ones", idle * 100, 1, unit=" %"),
        Finding(
            "streams: events/s of a core, by its CPU", 1e6 / cpu, 25_000, better="more", unit=""
        ),
    ]
