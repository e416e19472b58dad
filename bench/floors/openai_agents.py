"""A peer: the same run with openai-agents, in process: two model calls, 29 chunks, one SQLite call.

The model is a canned stream behind the client's own transport, so it costs what parsing costs.
Prints the seconds of each run, one a line.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import Mapping

import httpx2
from agents import (  # type: ignore[import-not-found]  # only in the peer's own environment
    Agent,
    OpenAIChatCompletionsModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

database = sqlite3.connect(sys.argv[1])
RUNS = int(sys.argv[2])


@function_tool  # type: ignore[untyped-decorator]  # likewise
def get_item(item_no: int) -> dict[str, object]:
    """One item."""
    row = database.execute(
        "select item_no, name, stock from items where item_no = ?", (item_no,)
    ).fetchone()
    return dict(zip(("item_no", "name", "stock"), row, strict=True))


def chunk(delta: Mapping[str, object], finish: str | None = None) -> bytes:
    body = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return f"data: {json.dumps(body)}\n\n".encode()


CALL = {
    "tool_calls": [
        {
            "index": 0,
            "id": "call_1",
            "type": "function",
            "function": {"name": "get_item", "arguments": ""},
        }
    ]
}
ARGUMENTS = {"tool_calls": [{"index": 0, "function": {"arguments": '{"item_no": 7}'}}]}
DONE = b"data: [DONE]\n\n"
FIRST = chunk(CALL) + chunk(ARGUMENTS) + chunk({}, "tool_calls") + DONE
SECOND = b"".join(chunk({"content": "word "}) for _ in range(25)) + chunk({}, "stop") + DONE


def answer(request: httpx2.Request) -> httpx2.Response:
    body = SECOND if b'"role":"tool"' in request.content.replace(b" ", b"") else FIRST
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)


async def main() -> None:
    set_tracing_disabled(disabled=True)
    client = AsyncOpenAI(
        api_key="none",
        base_url="http://model.invalid/v1",
        http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(answer)),
    )
    model = OpenAIChatCompletionsModel(model="m", openai_client=client)
    agent = Agent(name="bench", instructions="Answer.", tools=[get_item], model=model)
    for _ in range(RUNS):
        begun = time.perf_counter()
        streamed = Runner.run_streamed(agent, "item 7?")
        async for _event in streamed.stream_events():
            pass
        if not streamed.final_output.startswith("word word"):
            message = f"the agent answered {streamed.final_output!r}"
            raise RuntimeError(message)
        print(time.perf_counter() - begun, flush=True)


asyncio.run(main())
