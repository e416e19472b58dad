"""From the bytes of a reply to values: by content type, under the caps, down to the part that matters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.message import Message
from functools import lru_cache

from drawbar.backends.http.reply.streams import StreamForm, declared, elements, form_of
from drawbar.backends.http.request.request import Binding
from drawbar.codecs.codec import Codec, CodecError
from drawbar.codecs.delimited import CsvCodec
from drawbar.codecs.jsontext import JsonCodec
from drawbar.codecs.markup import XmlCodec
from drawbar.codecs.text import TextCodec, find_encoding
from drawbar.kernel.ports import BackendError, Cut, Reply, WorkState
from drawbar.kernel.values import JsonObject, JsonValue

_JSON, _XML = JsonCodec(), XmlCodec()
_READ = frozenset({"application/json", "application/xml"})
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)


class Unusable(Exception):
    """A reply that arrived whole and cannot be used; the text says why and what was expected."""


@lru_cache(maxsize=256)
def media_type(header: str) -> tuple[str, str | None]:
    """Media type in lower case and charset of a `Content-Type` header."""
    charset = _CHARSET.search(header)
    return header.partition(";")[0].strip().lower(), charset[1].lower() if charset else None


def read_value(
    binding: Binding, body: bytes, content_type: str, charset: str, *, whole: bool = True
) -> JsonValue:
    """The part that matters of a 2xx reply; null where it is empty. Raises Unusable.

    A stream that was cut (`whole` is false) holds the elements that had come to their end.
    """
    form = declared(binding.reply)
    if form is None and binding.reply is None:
        form = form_of(media_type(content_type)[0])
    if form is not None:
        return _streamed(form, body, binding, whole=whole)
    value = read_whole(binding, body, content_type, charset)
    return at_pointer(value, binding.response) if body else None


def _streamed(form: StreamForm, body: bytes, binding: Binding, *, whole: bool) -> JsonValue:
    try:
        found = elements(form, body, whole=whole)
    except CodecError as error:
        raise Unusable(f"the reply was read as {form}: {error}") from error
    return [at_pointer(each, binding.response) for each in found]


def read_whole(binding: Binding, body: bytes, content_type: str, charset: str) -> JsonValue:
    """The value of a 2xx reply; null where it is empty. Raises Unusable."""
    if not body:
        return None
    media, named = media_type(content_type)
    form = binding.reply or _form(media, body)
    encoding = find_encoding(named or charset)
    if encoding is None:
        raise Unusable(f"the reply's charset `{named}` is unknown")
    try:
        value = _codec(form, encoding).decode(_in_utf8(form, body, encoding))
    except CodecError as error:
        raise Unusable(
            f"the reply is labelled {media or 'nothing'} and was read as {form}: {error}"
        ) from error
    return value


def _form(media: str, body: bytes) -> str:
    if media == "application/json" or media.endswith("+json"):
        return "json"
    if media in ("application/xml", "text/xml") or media.endswith("+xml"):
        return "xml"
    if media == "text/csv":
        return "csv"
    if media == "text/html":
        raise Unusable(
            "the reply is an HTML page, most often a login or error page of something in between; "
            "write `reply: text` for a function whose answer is one"
        )
    if media.startswith("text/"):
        return "text"
    if not media:
        return "json" if body.lstrip()[:1] in (b"{", b"[") else "text"
    raise Unusable(
        f"the reply is {media}, where JSON, XML, CSV or text belongs; "
        "`reply:` says which one it is when the label is wrong"
    )


def is_file(binding: Binding, headers: Mapping[str, str]) -> bool:
    """Whether a reply is handed over as it is: what no codec reads, and a page that is sent as a download."""
    if binding.reply is not None:
        return binding.reply == "file"
    media, _ = media_type(headers.get("content-type", ""))
    if media == "text/html":
        return headers.get("content-disposition", "").lower().startswith("attachment")
    known = media in _READ or media.endswith(("+json", "+xml")) or media.startswith("text/")
    known = known or form_of(media) is not None
    return bool(media) and not known


def filename(headers: Mapping[str, str]) -> str | None:
    """The name that a reply has for itself (RFC 6266), as it says it: nothing is made safe here."""
    message = Message()
    message["Content-Disposition"] = headers.get("content-disposition", "")
    return message.get_filename()


def _codec(form: str, encoding: str) -> Codec:
    match form:
        case "json":
            return _JSON
        case "xml":
            return _XML  # the document says its own encoding
        case "csv":
            return CsvCodec(encoding=encoding)
        case _:
            return TextCodec(encoding)


def _in_utf8(form: str, body: bytes, encoding: str) -> bytes:
    """JSON is UTF-8 by its standard; systems older than that say which charset they write."""
    if form != "json" or encoding == "utf-8":
        return body.removeprefix(b"\xef\xbb\xbf") if form == "json" else body
    return TextCodec(encoding).decode(body).encode()


def at_pointer(value: JsonValue, pointer: tuple[str, ...]) -> JsonValue:
    """RFC 6901."""
    for depth, part in enumerate(pointer):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif (
            isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value)
        ):
            value = value[int(part)]
        else:
            raise Unusable(f"the reply has no /{'/'.join(pointer[: depth + 1])}")
    return value


def capped(value: JsonValue, binding: Binding, most: int) -> Reply:
    """At most `most` elements of the reply's list, or of each list that is a member of the reply."""
    if isinstance(value, list):
        if len(value) <= most:
            return Reply(value)
        return Reply(value[:most], cuts=(_cut(len(value), binding, most, "the list"),))
    if not isinstance(value, dict):
        return Reply(value)
    long = {
        name: member
        for name, member in value.items()
        if isinstance(member, list) and len(member) > most
    }
    if not long:
        return Reply(value)
    short: JsonObject = {name: member[:most] for name, member in long.items()}
    return Reply(
        {**value, **short},
        cuts=tuple(_cut(len(rows), binding, most, f"`{name}`") for name, rows in long.items()),
    )


def _cut(total: int, binding: Binding, most: int, what: str) -> Cut:
    return Cut(most, total, "rows", f"{what.capitalize()} was cut. {advice(binding)}")


def advice(binding: Binding) -> str:
    """How to ask for less, in terms of the function's own parameters."""
    if binding.paging:
        names = ", ".join(binding.paging)
        return f"Ask again with other values of {names}, or with narrower arguments."
    return "Ask again with arguments that match less."


def too_large(binding: Binding, most: int, work: WorkState) -> BackendError:
    return BackendError(
        f"The reply is larger than the {most} bytes that are read; nothing of it is shown.",
        code="reply_too_large",
        work=work,
        hint=advice(binding),
    )
