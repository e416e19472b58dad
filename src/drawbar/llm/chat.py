"""The port to a language model: messages and function schemas in, a stream of what it says out.

A model is told about functions and answers with guided invocations; it calls nothing itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from drawbar.kernel.values import JsonObject, JsonValue

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A guided invocation as the model wrote it: `arguments` is its text, valid JSON or not."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a conversation. `content` is a text or a list of Chat Completions content parts."""

    role: Role
    content: str | list[JsonValue]
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ToolSchema:
    """A function as a model reads it."""

    name: str
    description: str
    parameters: JsonObject
    strict: bool


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """`tool_choice` is `none`, `auto`, `required`, or the name of a function as `function:NAME`."""

    model: str
    messages: tuple[ChatMessage, ...]
    tools: tuple[ToolSchema, ...] = ()
    tool_choice: str = "auto"
    parallel_tool_calls: bool = True
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    response_format: JsonValue = None
    reasoning_effort: str | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class CallDelta:
    """A piece of a guided invocation. The first one of an index has its id and name; `arguments` is appended."""

    index: int
    arguments: str = ""
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """Always last. Tokens are 0 where the model server does not count."""

    reason: Literal["stop", "tool_calls", "length", "content_filter"]
    prompt_tokens: int = 0
    completion_tokens: int = 0


ChatEvent: TypeAlias = TextDelta | CallDelta | Finished


class ModelError(Exception):
    """The model gave no usable answer; `code` is a code of the run's `last_error`."""

    def __init__(
        self,
        message: str,
        *,
        code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"] = "server_error",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class ChatModel(Protocol):
    """A language model, or what stands in for one."""

    label: str
    """Shown to people, such as `gpt-5 at http://llm.internal/v1` or `rules, not a model`."""

    def stream(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        """Raises ModelError. Cancelling the consumer stops the request."""
        ...

    async def close(self) -> None: ...
