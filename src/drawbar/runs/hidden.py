"""What the server did before it handed calls to a client that keeps its conversation itself.

The client sends back its own calls and their outputs, but never saw the server's. They are kept here
under the ids of the client's calls and put back where those calls stand. In memory only: after an hour,
or a restart, the model has to look things up again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from drawbar.kernel.values import Caller
from drawbar.llm.chat import ChatMessage, ToolCall

_MOST = 10_000
_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _Kept:
    messages: tuple[ChatMessage, ...]
    subject: str
    until: float


class HiddenTurns:
    """Bounded: the oldest go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def keep(
        self, messages: tuple[ChatMessage, ...], calls: Iterable[ToolCall], caller: Caller
    ) -> None:
        """`messages` end with the turn of `calls` and the outputs of the server's calls beside them."""
        if len(messages) <= 1:
            return  # the client knows this turn as well as we do
        kept = _Kept(messages, caller.subject, time.monotonic() + _SECONDS)
        for call in calls:
            self._kept[call.id] = kept
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)

    def restore(self, messages: Sequence[ChatMessage], caller: Caller) -> tuple[ChatMessage, ...]:
        """The conversation with what its client could not know."""
        if not self._kept:
            return tuple(messages)
        return tuple(self._restored(messages, caller))

    def _restored(self, messages: Iterable[ChatMessage], caller: Caller) -> Iterator[ChatMessage]:
        for message in messages:
            kept = next(
                filter(None, (self._kept.get(call.id) for call in message.tool_calls)), None
            )
            mine = kept is not None and kept.subject == caller.subject
            if kept is None or not mine or kept.until < time.monotonic():
                yield message
            else:
                yield from kept.messages
