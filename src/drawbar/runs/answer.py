"""The loop without a run, for Chat Completions: messages in; text and the client's calls out.

Server-side functions are executed inside and never shown as `tool_calls`. What they answered is kept
for a while under the ids of the client's calls that follow, so that the model still knows it when the
client comes back with its outputs (the client cannot send back what it never saw).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.dispatch.invocation import Surface
from drawbar.kernel.values import Caller, JsonValue
from drawbar.llm.chat import ChatMessage, ChatModel, TextDelta, ToolCall, ToolSchema


@dataclass(frozen=True, slots=True)
class AnswerOrder:
    """`functions` are executed here, `client_tools` go to the client (see `offer.resolve_offer`)."""

    model: str
    messages: tuple[ChatMessage, ...]
    caller: Caller
    functions: tuple[str, ...] = ()
    client_tools: tuple[ToolSchema, ...] = ()
    tool_choice: str = "auto"
    """`none`, `auto`, `required` or `function:NAME`."""
    parallel_tool_calls: bool = True
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    response_format: JsonValue = None
    reasoning_effort: str | None = None
    surface: Surface = "chat"
    max_calls: int | None = None
    """Most server-side calls; those beyond are refused to the model."""


@dataclass(frozen=True, slots=True)
class ServerCall:
    """A server-side call is about to be made; Responses shows it as `mcp_call`."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class ServerOutput:
    """What the model is told of it. `ok` when the outcome is Succeeded."""

    call: ToolCall
    output: str
    ok: bool


@dataclass(frozen=True, slots=True)
class ClientCall:
    """A whole call that the client has to carry out."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class Answered:
    """Always last. Tokens are sums over all turns."""

    reason: Literal["stop", "tool_calls", "length", "content_filter"]
    prompt_tokens: int
    completion_tokens: int


AnswerEvent: TypeAlias = TextDelta | ServerCall | ServerOutput | ClientCall | Answered


class Answers:
    """Answers conversations that clients keep themselves. One object serves all requests."""

    def __init__(self, model: ChatModel, dispatcher: Dispatcher, *, rounds: int) -> None: ...

    def answer(self, order: AnswerOrder) -> AsyncIterator[AnswerEvent]:
        """Raises ModelError, also when `rounds` model turns brought no answer.

        Closing the iterator stops the model and the calls under way.
        """
        raise NotImplementedError
