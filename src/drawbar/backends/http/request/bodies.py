"""From the value of a body to its bytes, by media type."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import quote

import orjson
from lxml import etree

from drawbar.backends.http.request.styles import EXPLODED, JSON, Encode, Style, pairs, text_of
from drawbar.backends.http.request.xml_shape import XmlShape, element_of
from drawbar.compiler.files import FILE_PATTERN
from drawbar.kernel.files import FileText
from drawbar.kernel.values import JsonObject, JsonValue

BodyForm: TypeAlias = Literal["json", "form", "multipart", "text", "bytes", "xml"]
_CONTENT: JsonObject = {
    "file_id": {
        "type": "string",
        "pattern": FILE_PATTERN,
        "description": "The id of a file, instead of its content.",
    },
    "text": {"type": "string", "description": "The content, when it is text."},
    "base64": {
        "type": "string",
        "description": "The content in Base64, when it is short and not text.",
    },
}
CONTENT: JsonObject = {
    "type": "object",
    "properties": _CONTENT,
    "required": [],
    "additionalProperties": False,
}
"""How content that is not JSON is written in arguments."""
_FILENAME: JsonObject = {"type": "string", "description": "The file's own name when left out."}
FILE: JsonObject = {**CONTENT, "properties": {"filename": _FILENAME, **_CONTENT}}
"""How a file is written in arguments."""


class WrongContent(Exception):
    """A value that its media type cannot carry; the text says why."""


@dataclass(frozen=True, slots=True)
class Media:
    """How the body of one function is written."""

    form: BodyForm
    content_type: str
    styles: Mapping[str, Style] = field(default_factory=dict)
    """Of fields of a form that are not written in the usual way."""
    files: frozenset[str] = frozenset()
    """Fields of a multipart form that are files."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Media types of parts."""
    shape: XmlShape | None = None


def write(media: Media, value: JsonValue) -> tuple[bytes, str]:
    """The body and its Content-Type. Raises WrongContent."""
    match media.form:
        case "form":
            return _form(media, value), media.content_type
        case "multipart":
            return _multipart(media, value)
        case "text":
            return text_of(value).encode(), f"{media.content_type}; charset=utf-8"
        case "bytes":
            return _content(value), _own_type(value) or media.content_type
        case "xml":
            return _xml(media, value), media.content_type
        case _:
            return orjson.dumps(value), media.content_type


def _percent(text: str) -> str:
    return quote(text, safe="")


def _form(media: Media, value: JsonValue) -> bytes:
    written = (
        f"{key}={text}"
        for name, inner in _fields(value)
        for key, text in pairs(name, inner, _style(media, name, inner), _percent)
    )
    return "&".join(written).encode()


def _fields(value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    if not isinstance(value, dict):
        raise WrongContent("a form has fields, so its value is an object")
    yield from value.items()


def _style(media: Media, name: str, value: JsonValue) -> Style:
    """Without a word of the document a list repeats its field, and an object is JSON."""
    return media.styles.get(name) or (JSON if isinstance(value, dict) else EXPLODED)


def _multipart(media: Media, value: JsonValue) -> tuple[bytes, str]:
    """RFC 7578. The boundary follows from the content, so that a dry run shows what a run sends."""
    parts: list[bytes] = []
    for name, inner in _fields(value):
        items = inner if isinstance(inner, list) and media.styles.get(name) is None else [inner]
        for item in items:
            if item is not None:
                parts.extend(_parts(media, name, item))
    boundary = hashlib.sha256(b"\0".join(parts)).hexdigest()[:40]
    lines = [f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts]
    body = b"".join(lines) + f"--{boundary}--\r\n".encode()
    return body, f"{media.content_type}; boundary={boundary}"


def _parts(media: Media, name: str, value: JsonValue) -> Iterator[bytes]:
    kind = media.types.get(name)
    if name in media.files:
        kind = kind or _own_type(value) or "application/octet-stream"
        yield _part(name, _content(value), kind, _filename(value))
    elif name in media.styles and kind is None:
        for key, text in pairs(name, value, media.styles[name], _plain):
            yield _part(key.replace("%5B", "[").replace("%5D", "]"), text.encode(), None)
    elif isinstance(value, dict | list):
        yield _part(name, orjson.dumps(value), kind or "application/json")
    else:
        yield _part(name, text_of(value).encode(), kind)


def _plain(text: str) -> str:
    return text


def _part(name: str, content: bytes, kind: str | None, filename: str | None = None) -> bytes:
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    if filename is not None:
        head += f'; filename="{_quoted(filename)}"'
    if kind is not None:
        head += f"\r\nContent-Type: {kind}"
    return head.encode() + b"\r\n\r\n" + content


def _quoted(text: str) -> str:
    """As HTML forms do it (WHATWG, multipart/form-data encoding)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _content(value: JsonValue) -> bytes:
    """A file as arguments hold it: `text` or `base64`."""
    if isinstance(value, FileText):
        return value.content.data
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, dict):
        raise WrongContent("a file is an object with `file_id`, `text` or `base64`")
    text, encoded = value.get("text"), value.get("base64")
    if (text is None) == (encoded is None):
        how = "not given" if text is None else "given twice"
        raise WrongContent(f"its content is {how}; write one of `file_id`, `text` and `base64`")
    if encoded is None:
        return text_of(text).encode()
    if isinstance(encoded, FileText):
        return encoded.content.data
    try:
        return base64.b64decode(text_of(encoded), validate=True)
    except binascii.Error:
        raise WrongContent("`base64` is no Base64") from None


def _kept(value: JsonValue) -> FileText | None:
    """The file that arguments named by its id."""
    found = value.get("base64") if isinstance(value, dict) else value
    return found if isinstance(found, FileText) else None


def _own_type(value: JsonValue) -> str | None:
    kept = _kept(value)
    return None if kept is None else kept.content.media_type


def _filename(value: JsonValue) -> str:
    given = value.get("filename") if isinstance(value, dict) else None
    if given is not None:
        return text_of(given)
    kept = _kept(value)
    return "file" if kept is None else kept.content.filename


def _xml(media: Media, value: JsonValue) -> bytes:
    if isinstance(value, str):
        return value.encode()
    shape = media.shape or XmlShape("root")
    try:
        written: bytes = etree.tostring(
            element_of(shape, value), encoding="utf-8", xml_declaration=True
        )
    except ValueError as error:  # a character that XML does not have
        raise WrongContent(f"it cannot be written as XML: {error}") from None
    return written


def encoder(*, reserved: bool) -> Encode:
    """Percent-encoding; `reserved` leaves what only has a meaning between the parts of a URL."""
    safe = "/:?@!$'()*;," if reserved else ""
    return lambda text: quote(text, safe=safe)
