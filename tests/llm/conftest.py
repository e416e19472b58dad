from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import web

from drawbar.llm.chat import CallDelta, ChatEvent, ChatMessage, ChatRequest, TextDelta, ToolSchema

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class ModelServer:
    """A Chat Completions server on loopback; each request takes the next answer, the last one stays."""

    url: str
    answers: list[Handler] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client has gone away in the middle of an answer."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(orjson.loads(await request.read()))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        try:
            return await answer(request)
        except (asyncio.CancelledError, ConnectionError):
            self.gone.set()
            raise


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    app = web.Application()
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    model_server = ModelServer("")
    app.router.add_post("/v1/chat/completions", model_server.handle)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    model_server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield model_server
    await runner.cleanup()


def answers(status: int, body: str, kind: str = "application/json", **headers: str) -> Handler:
    """An answer in one piece; underscores of header names become dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, content_type=kind, headers=named)

    return answer


def streams(*pieces: bytes | asyncio.Event, lose: bool = False) -> Handler:
    """An event stream, a write a piece; an event is waited for; `lose` cuts the connection."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            if isinstance(piece, asyncio.Event):
                await piece.wait()
            else:
                await response.write(piece)
        if lose:
            assert request.transport is not None
            request.transport.close()
        return response

    return answer


def sse(*chunks: dict[str, Any] | str) -> bytes:
    """Each as one event; a text as it is, such as [DONE]."""
    return b"".join(
        b"data: " + (chunk.encode() if isinstance(chunk, str) else orjson.dumps(chunk)) + b"\n\n"
        for chunk in chunks
    )


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """One chunk of a stream."""
    return {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": fields, "finish_reason": finish}],
    }


def said(events: list[ChatEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def called(events: list[ChatEvent]) -> list[tuple[str, str]]:
    """Names and arguments of the calls, put together."""
    calls: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, CallDelta):
            if event.index not in calls:
                assert event.id
                assert event.name is not None
                calls[event.index] = [event.name, ""]
            calls[event.index][1] += event.arguments
    assert list(calls) == list(range(len(calls)))
    return [(name, arguments) for name, arguments in calls.values()]


BALANCE = ToolSchema(
    "hr_leave_balance",
    "Days of leave that an employee has left.",
    {"type": "object", "properties": {"employee": {"type": "string"}}, "required": ["employee"]},
    strict=True,
)
CANCEL = ToolSchema(
    "hr_cancel_leave", "Cancel a leave request.", {"type": "object", "properties": {}}, strict=False
)


def asking(text: str = "How many days?", **fields: Any) -> ChatRequest:
    fields.setdefault("tools", (BALANCE, CANCEL))
    return ChatRequest("default", (ChatMessage("user", text),), **fields)
