"""Chunks of a Chat Completions stream as ChatEvents, whatever a server makes of the format.

Servers leave out ids, number every call 0, repeat ids and names in each chunk, send calls whole and
arguments as objects, call the last reason `function_call`, or nothing. What the model wrote is not
touched: arguments are passed on as text, valid or not.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import orjson

from drawbar.kernel.ids import new_id
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.llm.chat import CallDelta, ChatEvent, Finished, TextDelta
from drawbar.llm.written_calls import WrittenCalls, as_text

Reason = Literal["stop", "tool_calls", "length", "content_filter"]


@dataclass(slots=True)
class _Call:
    """A call under way. It is announced once its name is known."""

    index: int
    server_index: int | None
    chunk: int
    id: str | None
    name: str = ""
    arguments: str = ""
    announced: bool = False


class Answer:
    """One answer, put together from its chunks."""

    def __init__(self, names: Collection[str]) -> None:
        """`names` are the functions that calls left in the text may name."""
        self._written = WrittenCalls(names)
        self._calls: list[_Call] = []
        self._chunk = 0
        self._reason: str | None = None
        self.begun = False
        """A part of an answer has come, if only that it is empty."""
        self._usage = (0, 0)
        self.characters = 0
        """Of text and arguments, so far."""

    @property
    def complete(self) -> bool:
        """The server has said why it stopped."""
        return self._reason is not None

    def take(self, chunk: JsonObject) -> list[ChatEvent]:
        """The events of one chunk."""
        self._chunk += 1
        if isinstance(usage := chunk.get("usage"), dict):
            self._usage = (_count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return []
        choice = choices[0]
        self.begun = True
        if isinstance(reason := choice.get("finish_reason"), str) and reason:
            self._reason = reason
        delta = choice.get("delta") or choice.get("message")
        return self._take_delta(delta) if isinstance(delta, dict) else []

    def end(self) -> list[ChatEvent]:
        """What was kept back, and `Finished`."""
        text, written = self._written.end()
        events = self._said(text)
        for call in self._calls:
            if not call.announced:
                events.append(self._announce(call))
        first = len(self._calls)
        for offset, (name, arguments) in enumerate(written):
            call = _Call(first + offset, None, self._chunk, None, name, arguments)
            self._calls.append(call)
            events.append(self._announce(call))
        events.append(Finished(self._finish_reason(), *self._usage))
        return events

    def _take_delta(self, delta: JsonObject) -> list[ChatEvent]:
        events: list[ChatEvent] = []
        for text in (_text(delta.get("content")), _text(delta.get("refusal"))):
            if text:
                events += self._said(self._written.feed(text))
        calls = delta.get("tool_calls")
        if isinstance(calls, dict):
            calls = [calls]
        if isinstance(legacy := delta.get("function_call"), dict):
            calls = [{"index": 0, "function": legacy}]
        for entry in calls if isinstance(calls, list) else []:
            if isinstance(entry, dict):
                events += self._take_call(entry)
        return events

    def _said(self, text: str) -> list[ChatEvent]:
        self.characters += len(text)
        return [TextDelta(text)] if text else []

    def _take_call(self, entry: JsonObject) -> list[ChatEvent]:
        function = entry.get("function")
        if not isinstance(function, dict):
            function = entry
        name = function.get("name")
        name = name if isinstance(name, str) else ""
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else ""
        if arguments is not None and not isinstance(arguments, str):
            text = as_text(arguments)
        call_id = entry.get("id")
        call = self._find(entry.get("index"), call_id if isinstance(call_id, str) else "", name)
        if not call.announced:
            call.name += name
        call.arguments += text
        self.characters += len(text)
        if call.announced:
            return [CallDelta(call.index, text)] if text else []
        return [self._announce(call)] if call.name else []

    def _find(self, index: JsonValue, call_id: str, name: str) -> _Call:
        """The call that a piece belongs to: an id decides, then the server's index, then the last."""
        server_index = index if isinstance(index, int) else None
        named = next((call for call in self._calls if call_id and call.id == call_id), None)
        if named is None:
            last = self._last(server_index, name)
            if last is not None and self._continues(last, call_id, name):
                return last
        elif server_index is None or named.server_index == server_index:
            return named
        # An id that another call has already is not taken: two calls need two ids.
        own_id = call_id if call_id and named is None else None
        made = _Call(len(self._calls), server_index, self._chunk, own_id)
        self._calls.append(made)
        return made

    def _last(self, server_index: int | None, name: str) -> _Call | None:
        """The newest call of this index; without one, a piece that names nothing goes on with the newest of all."""
        same = [call for call in self._calls if call.server_index == server_index]
        if same:
            return same[-1]
        return self._calls[-1] if self._calls and server_index is None and not name else None

    def _continues(self, call: _Call, call_id: str, name: str) -> bool:
        if call_id and call.id is not None:
            return False  # another id than this call's
        if not name or not call.announced:
            return True
        return name == call.name and call.chunk != self._chunk and not _is_json(call.arguments)

    def _announce(self, call: _Call) -> CallDelta:
        call.announced = True
        if call.id is None:
            call.id = new_id("call_")
        return CallDelta(call.index, call.arguments, id=call.id, name=call.name)

    def _finish_reason(self) -> Reason:
        if self._reason in ("length", "max_tokens"):
            return "length"
        if self._reason == "content_filter":
            return "content_filter"
        return "tool_calls" if self._calls else "stop"


def _count(usage: JsonObject, name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _text(content: JsonValue) -> str:
    """Content is a text, null, or a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
