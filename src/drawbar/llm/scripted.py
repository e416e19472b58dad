"""A model that says what it was told to say: for tests and journeys, where a real model would be chance.

A turn is what the model says to one request. In a test:

    model = ScriptedModel([
        invoke("hr_leave_balance", {"employee": "4711"}) + invoke("hr_get_employee", '{"broken": '),
        lambda request: say(f"It says {request.messages[-1].content}"),
        say("One moment") + [gate, ModelError("overloaded", code="rate_limit_exceeded")],
    ])

`script_file.py` reads the same from a file, for a server that runs as a process of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from drawbar.kernel.values import JsonValue
from drawbar.llm.chat import CallDelta, ChatEvent, ChatRequest, Finished, ModelError, TextDelta

SCRIPTED_USAGE = (10, 5)
"""Prompt and completion tokens of a turn that does not end with a `Finished` of its own."""


@dataclass(frozen=True, slots=True)
class Invoke:
    """One whole guided invocation; the calls of a turn are numbered in their order."""

    name: str
    arguments: str
    id: str | None = None
    pieces: int = 1


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds of silence. In a test prefer an `asyncio.Event`, which waits exactly long enough."""

    seconds: float


Item: TypeAlias = ChatEvent | Invoke | Pause | ModelError | asyncio.Event
Turn: TypeAlias = Sequence[Item] | Callable[[ChatRequest], "Sequence[Item] | AsyncIterator[Item]"]


def say(text: str, *, pieces: int | None = None) -> list[Item]:
    """The text, word by word, or in `pieces` pieces of about equal length."""
    return [TextDelta(piece) for piece in _split(text, pieces)]


def invoke(
    name: str,
    arguments: dict[str, JsonValue] | str | None = None,
    *,
    id: str | None = None,  # noqa: A002 -- the field's name on the wire
    pieces: int = 1,
) -> list[Item]:
    """One call. `arguments` as text is passed on untouched, so it may be broken JSON.

    Several calls of one turn are added: `invoke("a") + invoke("b")`. Without an id the calls of a
    model are `call_1`, `call_2`, ... in the order in which it makes them.
    """
    text = arguments if isinstance(arguments, str) else orjson.dumps(arguments or {}).decode()
    return [Invoke(name, text, id, pieces)]


class ScriptedModel:
    """Takes one turn a request, in order, or asks a callable for each; records what it was asked."""

    label = "scripted, not a model"

    def __init__(
        self, turns: Iterable[Turn] | Callable[[ChatRequest], Turn], *, label: str | None = None
    ) -> None:
        if label is not None:
            self.label = label
        self._choose = turns if callable(turns) else None
        self._turns = [] if callable(turns) else list(turns)
        self.requests: list[ChatRequest] = []
        self.closed = False
        self._calls = 0

    def add(self, *turns: Turn) -> None:
        """More turns, after those that are left."""
        self._turns.extend(turns)

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        self.requests.append(request)
        turn = self._next(request)
        if callable(turn):
            said = turn(request)
            items = said if isinstance(said, AsyncIterator) else _each(said)
        else:
            items = _each(turn)
        index = -1
        async for item in items:
            if isinstance(item, Finished):
                yield item
                return
            if isinstance(item, Invoke):
                index += 1
                for delta in self._call(item, index):
                    yield delta
            elif isinstance(item, CallDelta | TextDelta):
                index = max(index, item.index) if isinstance(item, CallDelta) else index
                yield item
                await asyncio.sleep(0)  # a real stream lets others run between its pieces
            else:
                await _pass(item)
        yield Finished("stop" if index < 0 else "tool_calls", *SCRIPTED_USAGE)

    async def close(self) -> None:
        self.closed = True

    def _next(self, request: ChatRequest) -> Turn:
        if self._choose is not None:
            return self._choose(request)
        number = len(self.requests)
        if number > len(self._turns):
            last = request.messages[-1] if request.messages else None
            message = (
                f"the scripted model has {len(self._turns)} turns and was asked for turn {number}; "
                f"the last message was {last!r}"
            )
            raise AssertionError(message)
        return self._turns[number - 1]

    def _call(self, call: Invoke, index: int) -> Iterable[CallDelta]:
        self._calls += 1
        pieces = _split(call.arguments, call.pieces) or [""]
        call_id = call.id or f"call_{self._calls}"
        yield CallDelta(index, pieces[0], id=call_id, name=call.name)
        for piece in pieces[1:]:
            yield CallDelta(index, piece)


async def _each(items: Sequence[Item]) -> AsyncIterator[Item]:
    for item in items:
        yield item


async def _pass(item: Pause | ModelError | asyncio.Event) -> None:
    if isinstance(item, ModelError):
        raise item
    if isinstance(item, Pause):
        await asyncio.sleep(item.seconds)
    else:
        await item.wait()


def _split(text: str, pieces: int | None) -> list[str]:
    if pieces is None:
        words = text.split(" ")
        return [*(word + " " for word in words[:-1]), words[-1]] if text else []
    size = max(1, -(-len(text) // max(1, pieces)))
    return [text[start : start + size] for start in range(0, len(text), size)]
