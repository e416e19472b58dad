"""One piece of bytes that is made of arguments, or read into a value: for programs, sockets and queues.

Pure. What does not fit raises `BackendError`, since every transport would say the same about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drawbar.codecs.codec import Codec, CodecError
from drawbar.codecs.jsontext import JsonCodec
from drawbar.codecs.markup import XmlCodec
from drawbar.codecs.record import RecordCodec, RecordsCodec
from drawbar.codecs.text import TextCodec
from drawbar.codecs.wholefile import FileCodec
from drawbar.kernel.ports import BackendError, Call, Cut, Reply, WorkState
from drawbar.kernel.values import JsonObject, JsonValue

_ADVICE = "Ask again with arguments that match less."


@dataclass(frozen=True, slots=True)
class Payload:
    """What is sent. `members` are built into an object, or `whole` is the value itself."""

    codec: Codec
    whole: str | None = None
    members: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Parameter and its way in the object."""

    def encode(self, arguments: Mapping[str, JsonValue]) -> bytes:
        """Raises BackendError `invalid_arguments`, naming the field, for a value that does not fit."""
        value = arguments.get(self.whole) if self.whole is not None else _members(self, arguments)
        try:
            return self.codec.encode(value)
        except CodecError as error:
            names = (error.where, error.field)
            name = ", ".join(name for name in names if name) or "what is sent"
            raise refused(name, error.message) from error


def refused(name: str, why: str) -> BackendError:
    """A value that cannot be sent as it is."""
    return BackendError(
        f"{name}: {why}. Nothing was passed on.", code="invalid_arguments", work="not_started"
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """How an answer is read. `changes`: the work was done, whatever becomes of its answer."""

    codec: Codec
    changes: bool

    def read(
        self, data: bytes, call: Call, *, cut: bool = False, media_type: str | None = None
    ) -> Reply:
        """The value within the caps of the call; `cut`: there was more than `call.max_bytes`.

        `media_type` is what the transport says of the bytes, where it says anything.

        Raises BackendError `reply_too_large` for a form of which no part can be read alone, and
        `bad_reply` for what is not of this form.
        """
        if cut and not isinstance(self.codec, TextCodec | RecordsCodec) and not self._by_line():
            raise self._unusable(
                f"The answer is longer than the {call.max_bytes} bytes that are read; nothing of it is shown.",
                "reply_too_large",
                _ADVICE,
            )
        if isinstance(self.codec, FileCodec):
            return Reply(self.codec.attach(data, call, media_type))
        if cut:
            data = self._whole_part(data)
        if isinstance(self.codec, JsonCodec) and not data.strip():
            return Reply(None)
        try:
            value = self.codec.decode(data)
        except CodecError as error:
            raise self._unusable(f"The answer cannot be read: {error}.", "bad_reply") from error
        if isinstance(self.codec, TextCodec) and isinstance(value, str):
            value = value.removesuffix("\n").removesuffix("\r")
        return _capped(value, call, Cut(len(data), None, "bytes", _ADVICE) if cut else None)

    def _by_line(self) -> bool:
        return not isinstance(self.codec, JsonCodec | XmlCodec | RecordCodec | FileCodec)

    def _unusable(self, message: str, code: str, hint: str | None = None) -> BackendError:
        work: WorkState = "done" if self.changes else "unknown"
        return BackendError(message, code=code, work=work, hint=hint)

    def _whole_part(self, data: bytes) -> bytes:
        """What was read before the cut, without a last line, record or letter that is not whole."""
        codec = self.codec
        if isinstance(codec, RecordsCodec):
            return codec.layout.whole_part(data)
        if isinstance(codec, TextCodec):
            for length in range(len(data), max(0, len(data) - 4), -1):
                try:
                    codec.decode(data[:length])
                except CodecError:
                    continue
                return data[:length]
            return data
        return data[: data.rfind(b"\n") + 1]


def _capped(value: JsonValue, call: Call, cut: Cut | None) -> Reply:
    if isinstance(value, list) and len(value) > call.max_rows:
        total = None if cut else len(value)
        return Reply(value[: call.max_rows], cuts=(Cut(call.max_rows, total, "rows", _ADVICE),))
    return Reply(value, cuts=(cut,) if cut else ())


def _members(plan: Payload, arguments: Mapping[str, JsonValue]) -> JsonObject:
    whole: JsonObject = {}
    for parameter, way in plan.members:
        if parameter not in arguments:
            continue
        inner = whole
        for name in way[:-1]:
            following = inner.setdefault(name, {})
            if not isinstance(following, dict):  # `compile` refuses what could make this happen
                raise TypeError(f"{'.'.join(way)} goes into a value that is no object")
            inner = following
        inner[way[-1]] = arguments[parameter]
    return whole
