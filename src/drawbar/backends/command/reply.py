"""What came of a run: values of its output, or what its exit code says."""

from __future__ import annotations

import signal

from drawbar.backends.command.process import Ended
from drawbar.backends.command.request import Binding
from drawbar.codecs.codec import CodecError
from drawbar.codecs.record import RecordsCodec
from drawbar.kernel.ports import BackendError, Call, Cut, Reply

_LONGEST = 1000
"""Characters of a message."""
_ADVICE = "Ask again with arguments that match less."


def read_reply(binding: Binding, ended: Ended, call: Call, encoding: str) -> Reply:
    """Raises BackendError for an exit code other than 0 and for output that cannot be used."""
    if ended.code not in (0, None):
        raise _failure(binding, ended, ended.code or 0, encoding)
    if ended.cut and binding.output in ("json", "record"):
        raise BackendError(
            f"The program wrote more than the {call.max_bytes} bytes that are read; nothing of it is shown.",
            code="reply_too_large",
            work="done" if binding.changes else "unknown",
            hint=_ADVICE,
        )
    data = _whole_part(binding, ended.output) if ended.cut else ended.output
    if binding.output == "json" and not data.strip():
        return Reply(None)
    try:
        value = binding.codec.decode(data)
    except CodecError as error:
        raise BackendError(
            f"What the program wrote cannot be read as {binding.output}: {error}.",
            code="bad_reply",
            work="done" if binding.changes else "unknown",
        ) from error
    cuts: tuple[Cut, ...] = ()
    if isinstance(value, str) and binding.output == "text":  # the line end, as `$(...)` drops it
        value = value.removesuffix("\n").removesuffix("\r")
    if ended.cut:
        cuts = (_cut_of_bytes(len(data)),)
    if isinstance(value, list) and len(value) > call.max_rows:
        total = None if ended.cut else len(value)
        value = value[: call.max_rows]
        cuts = (Cut(call.max_rows, total, "rows", _ADVICE),)
    return Reply(value, cuts=cuts)


def _cut_of_bytes(kept: int) -> Cut:
    return Cut(kept, None, "bytes", _ADVICE)


def _whole_part(binding: Binding, data: bytes) -> bytes:
    """What was read before the cut, without a last line, record or letter that is not whole."""
    codec = binding.codec
    if isinstance(codec, RecordsCodec) and not codec.layout.lines:
        return data[: len(data) // codec.layout.width * codec.layout.width]
    if binding.output == "text":
        for length in range(len(data), max(0, len(data) - 4), -1):
            try:
                codec.decode(data[:length])
            except CodecError:
                continue
            return data[:length]
        return data
    return data[: data.rfind(b"\n") + 1]


def _failure(binding: Binding, ended: Ended, code: int, encoding: str) -> BackendError:
    """A code that the author declared is the program's own no; of any other nobody knows."""
    facts: dict[str, str | int] = {"exit": code}
    said = ended.errors.decode(encoding, "replace").strip()
    said = said or ended.output.decode(encoding, "replace").strip()
    if code < 0:
        facts["signal"] = _name(-code)
        message = f"The program was ended by {facts['signal']}." + (f" {said}" if said else "")
    else:
        message = said or f"The program ended with code {code} and said nothing."
    if len(message) > _LONGEST:
        message = "..." + message[-_LONGEST:]
    return BackendError(
        message,
        code=binding.exit_codes.get(code, "command_failed"),
        work="rolled_back" if code in binding.declared else "unknown",
        facts=facts,
    )


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
