"""A ChatRequest as the body of a Chat Completions request, and what to leave out for servers that refuse it."""

from __future__ import annotations

import re
from collections.abc import Collection

import orjson

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.llm.chat import ChatMessage, ChatRequest, ToolCall, ToolSchema

DROPPABLE = ("stream_options", "parallel_tool_calls", "strict", "max_tokens", "arguments")
"""Fields that some servers refuse and whose absence changes nothing a caller can rely on.

`max_tokens` is sent as `max_completion_tokens` instead; `arguments` stands for calls in the history
whose arguments are not JSON, which some servers parse: those are then sent as an object holding the text.
"""

_NO_NAME = re.compile(r"[\s<|\\/>]+")


def request_body(request: ChatRequest, model: str, dropped: Collection[str] = ()) -> JsonObject:
    """The body, always streaming, without what is in `dropped`."""
    messages: list[JsonValue] = [
        _message(message, plain_arguments="arguments" not in dropped)
        for message in request.messages
    ]
    body: JsonObject = {"model": model, "messages": messages, "stream": True}
    if "stream_options" not in dropped:
        body["stream_options"] = {"include_usage": True}
    if request.tools:
        body["tools"] = [_tool(tool, strict="strict" not in dropped) for tool in request.tools]
        if request.tool_choice != "auto":
            body["tool_choice"] = _choice(request.tool_choice)
        if not request.parallel_tool_calls and "parallel_tool_calls" not in dropped:
            body["parallel_tool_calls"] = False
    if request.max_tokens is not None:
        name = "max_completion_tokens" if "max_tokens" in dropped else "max_tokens"
        body[name] = request.max_tokens
    for name in ("temperature", "top_p", "reasoning_effort"):
        if (value := getattr(request, name)) is not None:
            body[name] = value
    if request.response_format not in (None, "auto"):
        body["response_format"] = request.response_format
    return body


def refused_field(text: str, body: JsonObject, dropped: Collection[str]) -> str | None:
    """The droppable field that a server's refusal names, if it was sent and was not dropped before."""
    for name in DROPPABLE:
        if name not in dropped and _was_sent(name, body) and _names(text, name):
            return name
    return None


def _names(text: str, field: str) -> bool:
    if field == "arguments":  # servers tell of it in the words of their JSON parser
        return bool(
            re.search(r"arguments|json|expecting|delimiter|unterminated", text, re.IGNORECASE)
        )
    return re.search(rf"\b{field}\b", text) is not None


def _was_sent(field: str, body: JsonObject) -> bool:
    if field == "strict":
        return b'"strict":true' in orjson.dumps(body.get("tools"))
    if field == "arguments":
        messages = body["messages"]
        return isinstance(messages, list) and any(_has_broken_call(item) for item in messages)
    return field in body


def _has_broken_call(message: JsonValue) -> bool:
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    return isinstance(calls, list) and any(
        isinstance(call, dict)
        and isinstance(function := call["function"], dict)
        and not _is_object(str(function["arguments"]))
        for call in calls
    )


def _is_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _message(message: ChatMessage, *, plain_arguments: bool) -> JsonObject:
    body: JsonObject = {"role": message.role, "content": message.content}
    if message.tool_calls:
        body["content"] = message.content or None
        body["tool_calls"] = [
            _call(call, plain_arguments=plain_arguments) for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    if message.name and message.role in ("user", "assistant", "system"):
        body["name"] = _NO_NAME.sub("_", message.name)[:64]
    return body


def _call(call: ToolCall, *, plain_arguments: bool) -> JsonObject:
    arguments = call.arguments
    if not plain_arguments and not _is_object(arguments):
        arguments = orjson.dumps({"not_valid_json": arguments}).decode()
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _tool(tool: ToolSchema, *, strict: bool) -> JsonObject:
    function: JsonObject = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    if tool.strict and strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _choice(choice: str) -> JsonValue:
    kind, _, name = choice.partition(":")
    return {"type": "function", "function": {"name": name}} if kind == "function" else choice
