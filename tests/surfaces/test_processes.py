"""`drawbar serve` and `drawbar mcp` as processes, with an SQLite backend of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters

from drawbar.cli import main

SETTINGS = """\
adapters: [../adapters]
store: sqlite:///../var/drawbar.db
anonymous: {subject: guest, roles: [staff]}
model: {provider: scripted, script: script.yaml}
listen: {drain: 5s}
"""
SCRIPT = """\
turns:
  - {calls: [{name: shop_find, arguments: {part_no: "4711"}}]}
  - {say: There are 12.}
"""
ADAPTER = """\
adapter: shop
description: Parts.
backend: {kind: sql, url: "sqlite:///./shop.db"}
functions:
  find:
    description: Find a part by its number.
    sql: select part_no, stock from parts where part_no = :part_no
    parameters:
      part_no: {type: string, description: The number on the shelf.}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name, text in {
        "config/drawbar.yaml": SETTINGS,
        "config/script.yaml": SCRIPT,
        "adapters/shop.yaml": ADAPTER,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    with sqlite3.connect(tmp_path / "adapters/shop.db") as database:
        database.execute("create table parts (part_no text primary key, stock integer)")
        database.execute("insert into parts values ('4711', 12)")
    database.close()
    return tmp_path


@asynccontextmanager
async def process(place: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "drawbar",
        *arguments,
        cwd=place,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def line_with(running: asyncio.subprocess.Process, message: str) -> dict[str, Any]:
    assert running.stderr is not None
    async with asyncio.timeout(30):
        async for line in running.stderr:
            data: dict[str, Any] = orjson.loads(line)
            if data["message"] == message:
                return data
    raise AssertionError(f"the process ended without saying {message!r}")


async def test_serve_answers_until_it_is_asked_to_stop(place: Path) -> None:
    """With a broken adapter beside the sound one, which does not stop the start."""
    broken = ADAPTER.replace("adapter: shop", "adapter: bar").replace("sql: select", "sql: slect")
    (place / "adapters/bar.yaml").write_text(broken)
    async with process(place, "serve", "--port", "0") as running:
        url = (await line_with(running, "listening"))["url"]
        async with httpx2.AsyncClient(base_url=url, timeout=10) as http:
            called = await http.post("/functions/shop_find", json={"part_no": "4711"})
            made = await http.post(
                "/v1/assistants", json={"model": "default", "metadata": {"toolset": "all"}}
            )
            chat = await http.post(
                "/v1/chat/completions",
                json={
                    "model": made.json()["id"],
                    "messages": [{"role": "user", "content": "How many?"}],
                },
            )
            page = await http.get("/console/")
            listed = (await http.get("/functions")).json()["data"]
        running.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(running.wait(), 10)

    assert called.json()["value"] == [{"part_no": "4711", "stock": 12}]
    assert chat.json()["choices"][0]["message"]["content"] == "There are 12."
    assert page.headers["content-type"].startswith("text/html")
    assert {each["name"]: each["callable"] for each in listed} == {
        "bar_find": False,
        "shop_find": True,
    }
    assert code == 0


async def test_a_stream_under_way_is_finished_before_the_process_ends(place: Path) -> None:
    script = "turns:\n  - [{say: One}, {delay: 1s}, {say: two}]\n"
    (place / "config/script.yaml").write_text(script)
    async with process(place, "serve", "--port", "0") as running:
        url = (await line_with(running, "listening"))["url"]
        async with httpx2.AsyncClient(base_url=url, timeout=10) as http:
            assistant = (await http.post("/v1/assistants", json={"model": "default"})).json()["id"]
            body = {
                "assistant_id": assistant,
                "stream": True,
                "thread": {"messages": [{"role": "user", "content": "x"}]},
            }
            text = ""
            async with http.stream("POST", "/v1/threads/runs", json=body) as response:
                async for piece in response.aiter_text():
                    if "thread.message.delta" in piece and "thread.message.delta" not in text:
                        running.send_signal(signal.SIGTERM)
                    text += piece
        code = await asyncio.wait_for(running.wait(), 10)

    assert "event: thread.run.completed\n" in text
    assert text.endswith("event: done\ndata: [DONE]\n\n")
    assert code == 0


def test_an_occupied_port_is_one_clear_line(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = place / "config/drawbar.yaml"
        code = main(["serve", "--settings", str(settings), "--port", str(port)])

    assert code == 3
    assert capsys.readouterr().err.splitlines() == [
        (
            f"cannot listen on 127.0.0.1:{port}: Address already in use; "
            "set `listen: {port: ...}`, DRAWBAR_LISTEN__PORT or --port"
        )
    ]


@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
async def test_mcp_speaks_over_stdio_as_the_caller_of_its_flags(place: Path, era: Any) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "drawbar", "mcp", "--subject", "anna", "--role", "staff"],
        cwd=place,
        env=dict(os.environ),
    )
    async with asyncio.timeout(40), Client(server, mode=era) as client:
        tools = (await client.list_tools()).tools
        answer = await client.call_tool("shop_find", {"part_no": "4711"})

    assert [tool.name for tool in tools] == ["shop_find"]
    assert not answer.is_error
    assert '"stock":12' in answer.content[0].text  # type: ignore[union-attr] # a text
    with sqlite3.connect(place / "var/drawbar.db") as store:
        entries = [orjson.loads(row[0]) for row in store.execute("select entry from audit")]
    store.close()
    assert [(entry["caller"], entry["surface"]) for entry in entries] == [("anna", "mcp")]


async def test_mcp_over_stdio_ends_cleanly_when_it_is_asked_to(place: Path) -> None:
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "drawbar", "mcp"),
        cwd=place,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert running.stdin is not None
    assert running.stdout is not None
    try:
        hello = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        }
        request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        running.stdin.write(orjson.dumps(request) + b"\n")
        answer = orjson.loads(await asyncio.wait_for(running.stdout.readline(), 40))
        running.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(running.wait(), 10)
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()

    assert answer["result"]["serverInfo"]["name"] == "drawbar"
    assert code == 0


def test_help_ends_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("serve", "mcp"):
        with pytest.raises(SystemExit) as ended:
            main([verb, "--help"])
        assert ended.value.code == 0
        assert f"drawbar {verb}" in capsys.readouterr().out.splitlines()[-1]
