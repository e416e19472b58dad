"""One turn of the model: what it says, piece by piece to a listener, and whole in the end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from drawbar.llm.chat import (
    CallDelta,
    ChatEvent,
    ChatModel,
    ChatRequest,
    Finished,
    ModelError,
    TextDelta,
    ToolCall,
)


@dataclass(frozen=True, slots=True)
class Turn:
    text: str
    calls: tuple[ToolCall, ...]
    finished: Finished


class Listener(Protocol):
    """Hears a turn as it comes. `index` counts the calls of the turn from 0 without gaps."""

    def text(self, piece: str) -> None: ...

    def call(self, index: int, call_id: str, name: str) -> None:
        """A call begins; its arguments follow."""
        ...

    def arguments(self, index: int, piece: str) -> None: ...


async def take_turn(
    model: ChatModel,
    request: ChatRequest,
    listener: Listener,
    give_id: Callable[[str | None], str],
) -> Turn:
    """Let the model speak once. `give_id` turns the model's call ids into ones that are unique.

    Raises ModelError; a stream that ends without `Finished` is one.
    """
    hearing = Hearing(listener, give_id)
    async with listening(model, request) as events:
        async for event in events:
            match event:
                case TextDelta():
                    hearing.hear_text(event.text)
                case CallDelta():
                    hearing.hear_call(event)
                case Finished():
                    return hearing.turn(event)
    raise ModelError("The model's answer broke off.")


@asynccontextmanager
async def listening(
    model: ChatModel, request: ChatRequest
) -> AsyncIterator[AsyncIterator[ChatEvent]]:
    """The model's stream; leaving stops its request now, not when the garbage is collected."""
    stream = model.stream(request)
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


class Hearing:
    """What was said so far."""

    def __init__(self, listener: Listener, give_id: Callable[[str | None], str]) -> None:
        self._listener = listener
        self._give_id = give_id
        self._text: list[str] = []
        self._places: dict[int, int] = {}
        """The model's own index of a call -> its place in the turn."""
        self._calls: list[tuple[str, str, list[str]]] = []

    def hear_text(self, piece: str) -> None:
        if piece:
            self._text.append(piece)
            self._listener.text(piece)

    def hear_call(self, delta: CallDelta) -> None:
        place = self._places.get(delta.index)
        if place is None:
            place = self._places[delta.index] = len(self._calls)
            call_id, name = self._give_id(delta.id), delta.name or ""
            self._calls.append((call_id, name, []))
            self._listener.call(place, call_id, name)
        if delta.arguments:
            self._calls[place][2].append(delta.arguments)
            self._listener.arguments(place, delta.arguments)

    def turn(self, finished: Finished) -> Turn:
        calls = tuple(
            ToolCall(call_id, name, "".join(pieces)) for call_id, name, pieces in self._calls
        )
        return Turn("".join(self._text), calls, finished)
