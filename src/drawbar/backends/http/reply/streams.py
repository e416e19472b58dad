"""Replies that come bit by bit: a JSON value on each line, or server-sent events (HTML standard, 9.2.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

from drawbar.codecs.codec import CodecError
from drawbar.codecs.jsontext import JsonCodec
from drawbar.kernel.values import JsonObject, JsonValue

StreamForm: TypeAlias = Literal["ndjson", "events"]
_JSON = JsonCodec()
_END_OF_LINE = re.compile(r"\r\n|\r|\n")
_END_OF_EVENT = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_MEDIA: dict[str, StreamForm] = {
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/jsonlines": "ndjson",
    "application/x-jsonlines": "ndjson",
    "text/event-stream": "events",
}
_DECLARED: dict[str, StreamForm] = {"ndjson": "ndjson", "events": "events"}


def form_of(media: str) -> StreamForm | None:
    """By a media type in lower case."""
    return _MEDIA.get(media)


def declared(reply: str | None) -> StreamForm | None:
    """By what an adapter says of a reply."""
    return _DECLARED.get(reply or "")


def count(form: StreamForm, data: bytes) -> int:
    """Whole elements, roughly: for knowing when there are enough."""
    return data.count(b"\n") if form == "ndjson" else len(_END_OF_EVENT.findall(data))


def elements(form: StreamForm, data: bytes, *, whole: bool) -> list[JsonValue]:
    """All of them; of a stream that was cut those that had come to their end. Raises CodecError."""
    if form == "events":
        return list(_events(data.decode(errors="replace"), whole=whole))
    lines = data.split(b"\n")
    if not whole:
        lines = lines[:-1]
    return [_line(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _line(number: int, line: bytes) -> JsonValue:
    try:
        return _JSON.decode(line)
    except CodecError as error:
        raise CodecError("not JSON", where=f"line {number}") from error


def _events(text: str, *, whole: bool) -> Iterator[JsonValue]:
    """`data` is what JSON it holds, else its text; `event` and `id` where they are given."""
    lines = _END_OF_LINE.split(text.removeprefix("\ufeff"))
    data: list[str] = []
    named: JsonObject = {}
    for line in [*lines, ""] if whole else lines[:-1]:
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            elif name in ("event", "id"):
                named[name] = value
            continue
        if data:
            yield {**named, "data": _value("\n".join(data))}
        data, named = [], {}


def _value(text: str) -> JsonValue:
    try:
        return _JSON.decode(text.encode())
    except CodecError:
        return text
