"""The bytes of one answer as ChatEvents, from a stream or from a server that answers in one piece."""

from __future__ import annotations

from collections.abc import Collection

import orjson

from drawbar.kernel.values import JsonObject
from drawbar.llm.attempt import AttemptFailed, of_error_object, shortened, words
from drawbar.llm.chat import ChatEvent
from drawbar.llm.deltas import Answer
from drawbar.llm.sse import SseReader

_WHOLE = 4_000_000
"""Most bytes of one piece, or of an answer that comes in one piece."""


class Reading:
    """Raises AttemptFailed for what is no answer, or only the beginning of one."""

    def __init__(self, names: Collection[str], content_type: str = "") -> None:
        """`names` are the functions that calls left in the text may name."""
        self._sse = SseReader()
        self._answer = Answer(names)
        self._content_type = content_type.partition(";")[0].strip()
        self._head = b""
        self.payloads = 0
        """Pieces that came so far; comments that only keep a connection open do not count."""
        self.done = False
        """Nothing more needs to be read."""

    @property
    def characters(self) -> int:
        """Of text and arguments, so far."""
        return self._answer.characters

    def feed(self, chunk: bytes) -> list[ChatEvent]:
        """The events of some bytes, cut anywhere."""
        if not self.payloads:
            self._head = (self._head + chunk)[:_WHOLE]
        payloads = self._sse.feed(chunk)
        if self._sse.pending > _WHOLE:
            message = f"sent more than {_WHOLE} bytes without an end of the piece"
            raise AttemptFailed(message, again=False)
        return self._take(payloads)

    def end(self) -> list[ChatEvent]:
        """The last events, when the connection has ended or the server has said that it is done."""
        events = self._take(self._sse.rest())
        if not self.payloads:
            events += self._answer.take(self._whole())
        elif not (self.done or self._answer.complete):
            raise AttemptFailed(self.broken_off("the connection ended"))
        if not self._answer.begun:
            raise AttemptFailed("sent an empty answer")
        return events + self._answer.end()

    def broken_off(self, cause: str) -> str:
        """The failure of a connection that was lost in the middle."""
        if not self.characters:
            return f"sent no answer: {cause}"
        return f"broke off after {self.characters} characters: {cause}"

    def _take(self, payloads: list[bytes]) -> list[ChatEvent]:
        events: list[ChatEvent] = []
        for payload in payloads:
            if self.done:
                break
            self.payloads += 1
            if payload.strip() == b"[DONE]":
                self.done = True
                break
            try:
                chunk = orjson.loads(payload)
            except orjson.JSONDecodeError as error:
                message = f"sent a piece that is not JSON: {_shown(payload)}"
                raise AttemptFailed(message, again=False) from error
            events += self._chunk(chunk, payload)
        return events

    def _chunk(self, chunk: object, payload: bytes) -> list[ChatEvent]:
        if not isinstance(chunk, dict):
            message = f"sent a piece that is no Chat Completions chunk: {_shown(payload)}"
            raise AttemptFailed(message, again=False)
        if chunk.get("error"):
            raise of_error_object(chunk["error"])
        return self._answer.take(chunk)

    def _whole(self) -> JsonObject:
        """The answer of a server that does not stream."""
        if not self._head.strip():
            raise AttemptFailed("sent an empty answer")
        try:
            whole = orjson.loads(self._head)
        except orjson.JSONDecodeError as error:
            kind = f" ({self._content_type})" if self._content_type else ""
            message = (
                f"answered with something that is no Chat Completions stream{kind}: "
                f"{_shown(self._head)}; check settings.model.base_url"
            )
            raise AttemptFailed(message, again=False) from error
        if isinstance(whole, dict) and whole.get("error"):
            raise of_error_object(whole["error"])
        if not isinstance(whole, dict) or not isinstance(whole.get("choices"), list):
            message = f"answered with JSON that holds no choices: {_shown(self._head)}"
            raise AttemptFailed(message, again=False)
        return whole


def _shown(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return words(text) if text.lstrip().startswith("<") else shortened(text)
