"""From validated arguments to the exact request: pure, and the same for a run and a dry run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import quote

import orjson

from drawbar.backends.http.request.bodies import Media, WrongContent, encoder, write
from drawbar.backends.http.request.dialect import Dialect
from drawbar.backends.http.request.paging import Pages
from drawbar.backends.http.request.styles import EXPLODED, Style, joined, pairs, text_of
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonObject, JsonValue

_UNSAFE_IN_PATH = re.compile(r"[/\\\x00-\x1f\x7f]")
_UNSAFE_WITH_SLASHES = re.compile(r"[\\\x00-\x1f\x7f]|(?:^|/)\.{0,2}(?:/|$)")
HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")

PATH_PATTERN = r"^[^/\\\x00-\x1f\x7f]+$"
PATH_PATTERN_ALONE = r"^\.{0,2}[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*$"
"""For a segment of its own, which can be neither `.` nor `..`; without look-ahead, which OpenAI's strict mode lacks."""
PATH_PATTERN_SLASHES = (
    r"^\.{0,2}[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*"
    r"(/\.{0,2}[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*)*$"
)
"""With slashes between parts none of which is empty, `.` or `..`."""
HEADER_PATTERN = r"^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$"
"""What is enforced here is published in the schema by `compile`, by these patterns."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A parameter and its name on the wire."""

    parameter: str
    key: str
    style: Style | None = None
    """How a value with parts is written; without one a list is repeated, and anything else is one value."""
    literal: Callable[[JsonValue], str] | None = None
    """How a value is written in a language of the URL's own, whose keys are sent as they are."""

    slashes: bool = False
    """In a path: `/` in a value is sent as %2F, instead of being refused."""

    def text(self, value: JsonValue) -> str:
        return text_of(value) if self.literal is None else self.literal(value)


class Composed(Protocol):
    """A query parameter that is made of several arguments."""

    @property
    def key(self) -> str: ...

    def text(self, arguments: Mapping[str, JsonValue]) -> str | None:
        """None where nothing is to be sent. Raises WrongContent."""
        ...


@dataclass(frozen=True, slots=True)
class BodySlot:
    """A parameter and where it goes in the body; an empty way is the whole body."""

    parameter: str
    way: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """One function, compiled: where each argument goes and how the reply is read."""

    function: str
    method: str
    segments: tuple[tuple[str | Slot, ...], ...]
    """The path between its slashes; literal parts are percent-encoded already. Empty: the backend's own URL."""
    constant_query: str = ""
    query: tuple[Slot, ...] = ()
    composed: Composed | None = None
    headers: tuple[Slot, ...] = ()
    constant_headers: tuple[tuple[str, str], ...] = ()
    cookies: tuple[Slot, ...] = ()
    body: tuple[BodySlot, ...] = ()
    form: bool = False
    media: Media | None = None
    """How the body is written when that is neither plain JSON nor a plain form."""
    dialect: Dialect | None = None
    """Owns the body, and how the answer is read."""
    needs_body: bool = True
    """Whether a body without any value in it is sent."""
    changes: bool = False
    """The function's effect is not `read`."""
    response: tuple[str, ...] = ()
    reply: Literal["json", "text", "xml", "csv", "file", "ndjson", "events"] | None = None
    pages: Pages | None = None
    precondition: Precondition | None = None
    paging: tuple[str, ...] = ()
    """Parameters of the model that look like paging, for the advice given with a cut."""


@dataclass(frozen=True, slots=True)
class Precondition:
    """The state that a change depends on."""

    function: str
    """What reads it, by the name that the adapter gives it."""
    reading: Binding
    at: tuple[str, ...] = ()
    """Where the ETag is in its reply; empty: in the header."""
    fixed: Mapping[str, JsonValue] = field(default_factory=dict)
    """Values of the reading's own parameters that the gateway fills."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What every request of a backend carries beside its arguments. Never shown but `masked`."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""

    def masked(self) -> Identity:
        query = f"{self.query.partition('=')[0]}=***" if self.query else ""
        return Identity(dict.fromkeys(self.headers, "***"), query)


@dataclass(frozen=True, slots=True)
class Request:
    """Ready to be sent. `target` is the path and query, encoded, to be put behind scheme and host."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None


_ACCEPT = {
    "json": "application/json",
    "xml": "application/xml, text/xml",
    "csv": "text/csv",
    "text": "text/plain, */*;q=0.5",
    "ndjson": "application/x-ndjson, application/jsonl, application/json;q=0.5",
    "events": "text/event-stream",
    "file": "*/*",
    None: "application/json, */*;q=0.5",
}


def render(
    binding: Binding,
    arguments: Mapping[str, JsonValue],
    base_path: str,
    identity: Identity,
    idempotency_key: str | None = None,
) -> Request:
    """Raises BackendError `invalid_arguments` for a value that cannot be carried where it belongs."""
    target = base_path + _path(binding, arguments) or "/"
    query = _query(binding, arguments, identity)
    if query:
        target = f"{target}?{query}"
    accept = _ACCEPT[binding.reply] if binding.dialect is None else binding.dialect.accept
    headers = {"Accept": accept, "User-Agent": "drawbar", **identity.headers}
    headers.update(binding.constant_headers)
    for slot in binding.headers:
        if (value := arguments.get(slot.parameter)) is not None:
            headers[slot.key] = _header(slot, value)
    if binding.cookies:
        _add_cookies(binding, arguments, headers)
    if binding.changes and idempotency_key is not None:
        headers.setdefault("Idempotency-Key", idempotency_key)
    body = _encoded_body(binding, arguments, headers)
    return Request(binding.method, target, headers, body)


def describe(request: Request, host: str) -> str:
    """The request as it would stand on the wire."""
    lines = [f"{request.method} {request.target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    if request.body is not None:
        lines.append(f"Content-Length: {len(request.body)}")
    body = b"" if request.body is None else request.body
    return "\n".join(lines) + "\n\n" + body.decode(errors="backslashreplace")


def _path(binding: Binding, arguments: Mapping[str, JsonValue]) -> str:
    if not binding.segments:
        return ""
    parts = []
    for segment in binding.segments:
        if len(segment) == 1 and isinstance(segment[0], str):
            parts.append(segment[0])
        else:
            parts.append(_segment(segment, arguments))
    return "/" + "/".join(parts)


def _segment(segment: tuple[str | Slot, ...], arguments: Mapping[str, JsonValue]) -> str:
    text = ""
    last = ""
    for part in segment:
        if isinstance(part, str):
            text += part
            continue
        last = part.parameter
        value = arguments.get(last)
        text += _path_value(part, value) if part.style is None else _styled_segment(part, value)
    if text in (".", ".."):
        raise _refused(last, f"{text!r} would lead to another path of the backend")
    return text


def _path_value(slot: Slot, value: JsonValue) -> str:
    name = slot.parameter
    text = _literal(slot, value)
    if not text:
        raise _refused(name, "it is part of the path and cannot be empty")
    if slot.slashes:
        if _UNSAFE_WITH_SLASHES.search(text):
            why = "it is part of the path, where \\ and control characters cannot stand, nor an empty part, . or .."
            raise _refused(name, why)
    elif _UNSAFE_IN_PATH.search(text):
        raise _refused(
            name, "it is part of the path, where / \\ and control characters cannot stand"
        )
    return _encoded(name, text)


def _literal(slot: Slot, value: JsonValue) -> str:
    try:
        return slot.text(value)
    except WrongContent as error:
        raise _refused(slot.parameter, str(error)) from None


def _styled_segment(slot: Slot, value: JsonValue) -> str:
    def checked(text: str) -> str:
        return _path_value(Slot(slot.parameter, slot.key), text)

    if slot.style is None or value is None or value in ([], {}):
        raise _refused(slot.parameter, "it is part of the path and cannot be empty")
    return joined(slot.key, value, slot.style, checked)


def _encoded(name: str, text: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:  # half a surrogate pair
        raise _refused(name, "it holds half a character") from error


def _query(binding: Binding, arguments: Mapping[str, JsonValue], identity: Identity) -> str:
    parts = [binding.constant_query] if binding.constant_query else []
    for slot in binding.query:
        value = arguments.get(slot.parameter)
        if slot.style is None:
            parts.extend(_pairs(slot, value))
        elif value is not None:
            parts.extend(_styled_pairs(slot, slot.style, value))
    if binding.composed is not None:
        try:
            text = binding.composed.text(arguments)
        except WrongContent as error:
            raise _refused(binding.composed.key, str(error)) from None
        parts.extend(
            ()
            if text is None
            else [f"{binding.composed.key}={_encoded(binding.composed.key, text)}"]
        )
    if identity.query:
        parts.append(identity.query)
    return "&".join(parts)


def _pairs(slot: Slot, value: JsonValue) -> Iterator[str]:
    """`key=value`, once for each element of a list; nothing for null."""
    key = quote(slot.key, safe="") if slot.literal is None else slot.key
    for item in value if isinstance(value, list) else [value]:
        if item is not None:
            yield f"{key}={_encoded(slot.parameter, _literal(slot, item))}"


def _styled_pairs(slot: Slot, style: Style, value: JsonValue) -> Iterator[str]:
    encode = encoder(reserved=style.reserved)
    try:
        for key, text in pairs(slot.key, value, style, encode):
            yield f"{key}={text}"
    except UnicodeEncodeError as error:
        raise _refused(slot.parameter, "it holds half a character") from error


def _add_cookies(
    binding: Binding, arguments: Mapping[str, JsonValue], headers: dict[str, str]
) -> None:
    found = [
        pair
        for slot in binding.cookies
        if (value := arguments.get(slot.parameter)) is not None
        for pair in _styled_pairs(slot, slot.style or EXPLODED, value)
    ]
    if found:
        headers["Cookie"] = "; ".join(found)


def _header(slot: Slot, value: JsonValue) -> str:
    text = text_of(value)
    if slot.style is not None:
        text = joined(slot.key, value, slot.style, str)
    if not HEADER_VALUE.fullmatch(text):
        raise _refused(
            slot.parameter,
            f"it is the value of the header {slot.key}, which holds visible ASCII characters and inner blanks only",
        )
    return text


def _encoded_body(
    binding: Binding, arguments: Mapping[str, JsonValue], headers: dict[str, str]
) -> bytes | None:
    """The bytes of the body; their Content-Type is added to the headers."""
    if binding.dialect is None and binding.media is None:
        return _plain_body(binding, arguments, headers)
    given = [slot.parameter for slot in binding.body if slot.parameter in arguments]
    try:
        if binding.dialect is not None:
            body, kind = binding.dialect.write(_whole(binding, arguments)), binding.dialect.media
        elif binding.media is not None and (given or binding.needs_body):
            body, kind = write(binding.media, _whole(binding, arguments))
        else:
            return None
    except WrongContent as error:
        raise _refused(given[0] if given else "body", str(error)) from None
    except UnicodeEncodeError as error:
        raise _refused(given[0], "it holds half a character") from error
    if body is not None:
        headers["Content-Type"] = kind
    return body


def _plain_body(
    binding: Binding, arguments: Mapping[str, JsonValue], headers: dict[str, str]
) -> bytes | None:
    if not binding.body:
        return None
    if not binding.form:
        headers["Content-Type"] = "application/json"
        return orjson.dumps(_whole(binding, arguments))
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    pairs = [
        pair
        for slot in binding.body
        for pair in _pairs(Slot(slot.parameter, slot.way[0]), arguments.get(slot.parameter))
    ]
    return "&".join(pairs).encode()


def _whole(binding: Binding, arguments: Mapping[str, JsonValue]) -> JsonValue:
    """The value of the body: one argument, or an object put together of several."""
    if binding.body and not binding.body[0].way:
        return arguments.get(binding.body[0].parameter)
    whole: JsonObject = {}
    for slot in binding.body:
        if slot.parameter in arguments:
            _put(whole, slot.way, arguments[slot.parameter])
    return whole


def _put(whole: JsonObject, way: tuple[str, ...], value: JsonValue) -> None:
    for name in way[:-1]:
        inner = whole.setdefault(name, {})
        if not isinstance(inner, dict):  # `compile` refuses adapters in which this could happen
            raise TypeError(f"{'.'.join(way)} goes into a value that is no object")
        whole = inner
    whole[way[-1]] = value


def _refused(name: str, why: str) -> BackendError:
    return BackendError(
        f"{name} was not sent: {why}.", code="invalid_arguments", work="not_started"
    )
