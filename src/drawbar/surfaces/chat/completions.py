"""POST /v1/chat/completions: an assistant behind the API that every chat front end speaks.

The assistant's instructions come first, then the messages of the client. Functions of this server are
executed inside and never shown: a client that saw a call would try to make it. Functions that the
client brought are handed to it as `tool_calls`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import orjson
from pydantic import BaseModel

from drawbar.kernel.errors import ClientError
from drawbar.kernel.ids import new_id
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from drawbar.llm.chat import ChatMessage, ModelError, Role, TextDelta, ToolCall
from drawbar.runs.answer import (
    Answered,
    AnswerEvent,
    AnswerOrder,
    Answers,
    ClientCall,
    ServerCall,
)
from drawbar.runs.offer import check_choice, resolve_offer
from drawbar.store.records import Assistant
from drawbar.surfaces.assistants.objects import as_json
from drawbar.surfaces.assistants.requests import FunctionChoice, TextPart
from drawbar.surfaces.chat.named import find_assistant
from drawbar.surfaces.chat.requests import (
    AssistantMessage,
    ChatMessageBody,
    CreateCompletion,
    ToolMessage,
)
from drawbar.surfaces.errors import envelope
from drawbar.surfaces.exchange import Exchange
from drawbar.surfaces.front import Routes
from drawbar.surfaces.patience import while_connected
from drawbar.surfaces.services import Services
from drawbar.surfaces.streaming import EventStream, closing
from drawbar.surfaces.validation import parse_body

_STATUS = {"server_error": 502, "rate_limit_exceeded": 429, "invalid_prompt": 400}


class Completions:
    """The endpoint."""

    def __init__(self, services: Services, answers: Answers) -> None:
        self._services = services
        self._answers = answers

    def add_to(self, routes: Routes) -> None:
        routes.add("POST", "/v1/chat/completions", self.create)

    async def create(self, exchange: Exchange) -> None:
        body = parse_body(CreateCompletion, exchange.body)
        assistant = await find_assistant(self._services.store, body.model)
        order = self._order(body, assistant, exchange.caller)
        reply = _Reply(body.model)
        async with (
            while_connected(exchange.receive),
            closing(self._answers.answer(order)) as events,
        ):
            if body.stream:
                usage = bool(body.stream_options and body.stream_options.include_usage)
                await _stream(exchange, reply, events, usage=usage)
            else:
                await exchange.answer(orjson.dumps(await _whole(reply, events)))

    def _order(self, body: CreateCompletion, assistant: Assistant, caller: Caller) -> AnswerOrder:
        brought = [tool.model_dump(mode="json", exclude_unset=True) for tool in body.tools or ()]
        offer = resolve_offer(
            [*assistant.tools, *brought],
            assistant.metadata.get("toolset"),
            self._services.toolset,
            self._services.toolsets,
        )
        if isinstance(body.tool_choice, FunctionChoice):
            check_choice(body.tool_choice.function.name, offer)
        messages = [_chat_message(message) for message in body.messages]
        if assistant.instructions:
            messages.insert(0, ChatMessage("system", assistant.instructions))
        return AnswerOrder(
            model=assistant.model,
            messages=tuple(messages),
            caller=caller,
            functions=offer.functions,
            client_tools=offer.client_tools,
            tool_choice=_choice(body),
            parallel_tool_calls=body.parallel_tool_calls is not False,
            temperature=_first(body.temperature, assistant.temperature),
            top_p=_first(body.top_p, assistant.top_p),
            max_tokens=body.max_completion_tokens or body.max_tokens,
            response_format=as_json(body.response_format) or assistant.response_format,
            reasoning_effort=body.reasoning_effort or assistant.reasoning_effort,
        )


@dataclass(slots=True)
class _Reply:
    """What is the same in every chunk of one answer."""

    model: str
    id: str = field(default_factory=lambda: new_id("chatcmpl-"))
    created: int = field(default_factory=lambda: int(time.time()))

    def object(self, kind: str, choices: Sequence[JsonValue], **more: JsonValue) -> JsonObject:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": [*choices],
            **more,
        }

    def chunk(self, delta: JsonObject, finish: str | None, **more: JsonValue) -> bytes:
        choice: JsonObject = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": finish,
        }
        return _frame(self.object("chat.completion.chunk", [choice], **more))


async def _whole(reply: _Reply, events: AsyncIterator[AnswerEvent]) -> JsonObject:
    texts: list[str] = []
    calls: list[JsonValue] = []
    made: list[str] = []
    end = Answered("stop", 0, 0)
    try:
        async for event in events:
            if isinstance(event, TextDelta):
                texts.append(event.text)
            elif isinstance(event, ClientCall):
                calls.append(_call(event.call))
            elif isinstance(event, ServerCall):
                made.append(event.call.name)
            elif isinstance(event, Answered):
                end = event
    except ModelError as error:
        raise _model_failed(error, made) from error
    message: JsonObject = {
        "role": "assistant",
        "content": "".join(texts) if texts or not calls else None,
        "refusal": None,
    }
    if calls:
        message["tool_calls"] = calls
    choice: JsonObject = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": end.reason,
    }
    return reply.object("chat.completion", [choice], usage=_usage(end))


async def _stream(
    exchange: Exchange, reply: _Reply, events: AsyncIterator[AnswerEvent], *, usage: bool
) -> None:
    """The headers wait for the first event, so a model that cannot be reached is an HTTP error."""
    stream = EventStream(exchange.send, ping=b": ping\n\n")
    more: JsonObject = {"usage": None} if usage else {}
    opened = False
    made: list[str] = []
    calls = 0
    try:
        async for event in events:
            if not opened:
                opened = True
                await stream.open()
                role: JsonObject = {"role": "assistant", "content": "", "refusal": None}
                await stream.write(reply.chunk(role, None, **more))
            if isinstance(event, TextDelta):
                await stream.write(reply.chunk({"content": event.text}, None, **more))
            elif isinstance(event, ClientCall):
                delta: JsonObject = {"tool_calls": [{"index": calls, **_call(event.call)}]}
                await stream.write(reply.chunk(delta, None, **more))
                calls += 1
            elif isinstance(event, ServerCall):
                made.append(event.call.name)
            elif isinstance(event, Answered):
                await stream.write(reply.chunk({}, event.reason, **more))
                if usage:
                    total = reply.object("chat.completion.chunk", [], usage=_usage(event))
                    await stream.write(_frame(total))
        await stream.close(b"data: [DONE]\n\n")
    except ModelError as error:
        failed = _model_failed(error, made)
        if not opened:
            raise failed from error
        await stream.close(b"data: " + envelope(failed) + b"\n\n")
    finally:
        stream.quiet()


def _frame(data: JsonObject) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


def _usage(end: Answered) -> JsonObject:
    return {
        "prompt_tokens": end.prompt_tokens,
        "completion_tokens": end.completion_tokens,
        "total_tokens": end.prompt_tokens + end.completion_tokens,
    }


def _call(call: ToolCall) -> JsonObject:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _model_failed(error: ModelError, made: Sequence[str] = ()) -> ClientError:
    """`made`: functions of this server that were called before; the SDKs would have them called again."""
    kind = "invalid_request_error" if error.code == "invalid_prompt" else "server_error"
    message = error.message
    if made:
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(made))
        message += (
            f" Before that, functions of this server were called: {names}. What they changed stays."
        )
    return ClientError(
        message, status=_STATUS[error.code], code=error.code, type=kind, final=bool(made)
    )


def _chat_message(message: ChatMessageBody) -> ChatMessage:
    content = _content(message.content)
    if isinstance(message, ToolMessage):
        return ChatMessage("tool", content, tool_call_id=message.tool_call_id)
    if isinstance(message, AssistantMessage):
        calls = tuple(
            ToolCall(call.id, call.function.name, call.function.arguments)
            for call in message.tool_calls or ()
        )
        return ChatMessage("assistant", content, tool_calls=calls, name=message.name)
    role: Role = "user" if message.role == "user" else "system"
    return ChatMessage(role, content, name=message.name)


def _content(content: str | Sequence[BaseModel] | None) -> str | list[JsonValue]:
    """Text parts become one text, which every model server takes; images stay parts."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = [part.text for part in content if isinstance(part, TextPart)]
    if len(texts) == len(content):
        return "\n".join(texts)
    return [as_json(part) for part in content]


def _choice(body: CreateCompletion) -> str:
    choice = body.tool_choice
    if choice is None or isinstance(choice, str):
        return choice or "auto"
    return f"function:{choice.function.name}"


def _first(given: float | None, kept: float | None) -> float | None:
    return kept if given is None else given
