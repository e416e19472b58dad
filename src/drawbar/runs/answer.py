"""The loop without a run, for Chat Completions: messages in; text and the client's calls out.

Server-side functions are executed inside and never shown as `tool_calls`. What they answered is kept
for a while under the ids of the client's calls that follow, so that the model still knows it when the
client comes back with its outputs (the client cannot send back what it never saw).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.dispatch.invocation import Surface
from drawbar.dispatch.shape import text_for_model
from drawbar.kernel.ids import new_id
from drawbar.kernel.outcome import Refused
from drawbar.kernel.values import Caller, JsonValue
from drawbar.llm.chat import (
    CallDelta,
    ChatMessage,
    ChatModel,
    ChatRequest,
    Finished,
    ModelError,
    TextDelta,
    ToolCall,
    ToolSchema,
)
from drawbar.runs.calls import CallSite, carry_out
from drawbar.runs.hidden import HiddenTurns
from drawbar.runs.offer import server_tools, with_results
from drawbar.runs.turn import Hearing, Turn, listening


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


class _Unheard:
    """Hears nothing: text is passed on by the loop itself, calls once they are whole."""

    def text(self, piece: str) -> None: ...

    def call(self, index: int, call_id: str, name: str) -> None: ...

    def arguments(self, index: int, piece: str) -> None: ...


class Answers:
    """Answers conversations that clients keep themselves. One object serves all requests."""

    def __init__(self, model: ChatModel, dispatcher: Dispatcher, *, rounds: int) -> None:
        self._model = model
        self._dispatcher = dispatcher
        self._rounds = rounds
        self._hidden = HiddenTurns()

    async def answer(self, order: AnswerOrder) -> AsyncGenerator[AnswerEvent, None]:
        """Raises ModelError, also when `rounds` model turns brought no answer.

        Closing the iterator stops the model and the calls under way.
        """
        conversation = _Conversation(order, self._hidden.restore(order.messages, order.caller))
        toolset = self._dispatcher.toolset
        functions = tuple(order.functions)
        tools = (*server_tools(functions, toolset), *order.client_tools)
        for number in range(self._rounds):
            offered = with_results(functions, conversation.outputs(), toolset)
            if offered != functions:
                functions = offered
                tools = (*server_tools(functions, toolset), *order.client_tools)
            request = conversation.request(tools, first=number == 0)
            async with aclosing(self._speak(request)) as said:
                async for event in said:
                    if isinstance(event, Turn):
                        turn = event
                    else:
                        yield event
            conversation.count(turn)
            if not turn.calls or turn.finished.reason in {"length", "content_filter"}:
                yield conversation.answered(turn.finished.reason)
                return
            mine, theirs = conversation.share_out(turn)
            async with aclosing(self._carry_out(order, functions, conversation, mine)) as done:
                async for told in done:
                    yield told
            if theirs:
                self._hidden.keep(conversation.hidden(), theirs, order.caller)
                for call in theirs:
                    yield ClientCall(call)
                yield conversation.answered("tool_calls")
                return
        raise ModelError(
            f"The model called functions in {self._rounds} turns without giving an answer."
        )

    async def _speak(self, request: ChatRequest) -> AsyncGenerator[TextDelta | Turn, None]:
        """Pieces of text as they come, and last the whole turn."""
        hearing = Hearing(_Unheard(), lambda wish: wish or new_id("call_"))
        async with listening(self._model, request) as events:
            async for event in events:
                match event:
                    case TextDelta():
                        hearing.hear_text(event.text)
                        yield event
                    case CallDelta():
                        hearing.hear_call(event)
                    case Finished():
                        yield hearing.turn(event)
                        return
        raise ModelError("The model's answer broke off.")

    async def _carry_out(
        self,
        order: AnswerOrder,
        functions: tuple[str, ...],
        conversation: _Conversation,
        calls: Sequence[ToolCall],
    ) -> AsyncGenerator[ServerCall | ServerOutput, None]:
        for call in calls:
            yield ServerCall(call)
        site = CallSite(order.caller, order.surface, functions)
        outputs: dict[str, str] = {}
        tasks = [
            asyncio.ensure_future(self._one(call, site, allowed=conversation.may_call()))
            for call in calls
        ]
        try:
            for finished in asyncio.as_completed(tasks):
                output = await finished
                outputs[output.call.id] = output.output
                yield output
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)
        conversation.tell(calls, outputs)

    async def _one(self, call: ToolCall, site: CallSite, *, allowed: bool) -> ServerOutput:
        if not allowed:
            refused = Refused(
                "too_many_calls",
                "The most calls that this request allows have been made. Answer with what is known.",
            )
            return ServerOutput(call, text_for_model(refused, call.name), ok=False)
        told = await carry_out(self._dispatcher, call, site)
        return ServerOutput(call, told.output, told.ok)


class _Conversation:
    """One request's conversation as it grows."""

    def __init__(self, order: AnswerOrder, messages: tuple[ChatMessage, ...]) -> None:
        self._order = order
        self._messages = list(messages)
        self._known = len(messages)
        self._client_names = {tool.name for tool in order.client_tools}
        self._calls_left = order.max_calls
        self._prompt = 0
        self._completion = 0

    def request(self, tools: tuple[ToolSchema, ...], *, first: bool) -> ChatRequest:
        order = self._order
        return ChatRequest(
            model=order.model,
            messages=tuple(self._messages),
            tools=tools,
            tool_choice=order.tool_choice if first or order.tool_choice == "none" else "auto",
            parallel_tool_calls=order.parallel_tool_calls,
            temperature=order.temperature,
            top_p=order.top_p,
            max_tokens=order.max_tokens,
            response_format=order.response_format,
            reasoning_effort=order.reasoning_effort,
        )

    def outputs(self) -> Iterator[str]:
        """What functions answered, as far as it is known."""
        for message in self._messages:
            if message.role == "tool":
                yield str(message.content)

    def count(self, turn: Turn) -> None:
        self._prompt += turn.finished.prompt_tokens
        self._completion += turn.finished.completion_tokens

    def share_out(self, turn: Turn) -> tuple[list[ToolCall], list[ToolCall]]:
        """The server's and the client's calls of a turn.

        Ids are the ledger's names for calls where there is no run, and ours for what is kept, so they
        are made new; the client's calls keep the model's id when there is nothing to keep.
        """
        alone = all(call.name in self._client_names for call in turn.calls)
        keep_ids = alone and len(self._messages) == self._known
        calls = [call if keep_ids else replace(call, id=new_id("call_")) for call in turn.calls]
        self._messages.append(ChatMessage("assistant", turn.text, tuple(calls)))
        mine = [call for call in calls if call.name not in self._client_names]
        return mine, [call for call in calls if call.name in self._client_names]

    def may_call(self) -> bool:
        if self._calls_left is None:
            return True
        self._calls_left -= 1
        return self._calls_left >= 0

    def tell(self, calls: Sequence[ToolCall], outputs: dict[str, str]) -> None:
        """Outputs in the order of the calls."""
        for call in calls:
            output = outputs[call.id]
            self._messages.append(ChatMessage("tool", output, tool_call_id=call.id, name=call.name))

    def hidden(self) -> tuple[ChatMessage, ...]:
        """What the client does not know of this conversation, its own calls included."""
        return tuple(self._messages[self._known :])

    def answered(
        self, reason: Literal["stop", "tool_calls", "length", "content_filter"]
    ) -> Answered:
        return Answered(reason, self._prompt, self._completion)
