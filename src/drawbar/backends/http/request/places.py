"""Which part of the request each parameter fills, and what of its schema that part adds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from drawbar.backends.http.options import HttpFunctionSpec
from drawbar.backends.http.request.request import (
    HEADER_PATTERN,
    PATH_PATTERN,
    PATH_PATTERN_ALONE,
    PATH_PATTERN_SLASHES,
    BodySlot,
    Slot,
)
from drawbar.compiler.files import is_file
from drawbar.compiler.kind import Parameter
from drawbar.kernel.values import JsonObject
from drawbar.spec.source import At, Report

_PLACE = re.compile(r"\{([^{}/]*)\}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset(
    (
        *("host", "connection", "keep-alive", "upgrade", "te", "trailer", "expect"),
        *("content-length", "content-type", "transfer-encoding", "accept-encoding"),
        *("proxy-authorization", "proxy-connection"),
    )
)
"""Headers by which requests are framed or routed; an adapter that could set them could smuggle one."""
_SCALARS = ("string", "integer", "number", "boolean")
_FIX = "write query.NAME, header.NAME, path.NAME, body.NAME (with dots for what is inside), or body"


def name_problem(name: str) -> str | None:
    """Why nobody but the HTTP client may set this header."""
    if not _TOKEN.fullmatch(name):
        return f"`{name}` is no header name"
    if name.lower() in _OURS:
        return f"{name} is set by the gateway itself"
    return None


class Places:
    """Collects the slots of one function; problems go to the report."""

    def __init__(self, method: str, spec: HttpFunctionSpec, report: Report, at: At) -> None:
        self._method = method
        self.spec = spec
        self.report = report
        self.at = at
        self._path: dict[str, bool] = {}
        """Names in the path template, and whether each is a segment of its own."""
        self._filled: set[str] = set()
        self._with_slashes: set[str] = set()
        self.query: list[Slot] = []
        self.headers: list[Slot] = []
        self.body: list[BodySlot] = []
        self.cookies: list[Slot] = []
        self.constant_headers: list[tuple[str, str]] = []

    def read_path(
        self, template: str, parameters: Sequence[Parameter]
    ) -> tuple[tuple[str | Slot, ...], ...]:
        """The segments, each made of literals and of the parameters that go there."""
        where = {}
        for parameter in parameters:
            to = parameter.to or parameter.name
            where[to.removeprefix("path.")] = parameter.name
        segments = []
        for text in template[1:].split("/"):
            parts = _PLACE.split(text)
            if any("{" in part or "}" in part for part in parts[::2]) or text in (".", ".."):
                self._problem("DB501", f"`{text}` is no part of a path")
            slots: list[str | Slot] = []
            for index, part in enumerate(parts):
                if index % 2:
                    self._path[part] = len([piece for piece in parts if piece]) == 1
                    name = where.get(part, part)
                    slots.append(Slot(name, part, slashes=name in self.spec.slashes))
                elif part or len(parts) == 1:
                    slots.append(quote(part, safe="%:@!$&'()*+,;=~-._"))
            segments.append(tuple(slots))
        return tuple(segments)

    def put(self, parameter: Parameter) -> Parameter:
        """Give the parameter its place; what comes back has that place's limits in its schema."""
        to = parameter.to or self._usual(parameter.name)
        place, _, name = to.partition(".")
        if place == "body":
            self._put_body(parameter, tuple(name.split(".")) if name else ())
        elif not name:
            self._wrong(parameter, "DB504", f"`{to}` is no place of a request", _FIX)
        elif place == "path":
            return self._put_path(parameter, name)
        elif place == "header":
            return self._put_header(parameter, name)
        elif place == "query":
            self._put_query(parameter, name)
        else:
            self._wrong(parameter, "DB504", f"`{to}` is no place of a request", _FIX)
        return parameter

    def fill_path(self, parameter: Parameter, name: str, *, scalar: bool) -> Parameter:
        """A place of the path as a document describes it."""
        self._filled.update((name, f"{name}+", f"+{name}", f"{name}*"))
        pattern = self._path_pattern(parameter, alone=self._path.get(name, True))
        return _with_pattern(parameter, pattern) if scalar else parameter

    def fill_header(self, parameter: Parameter, slot: Slot) -> Parameter:
        """A header as a document describes it."""
        if message := self._header_problem(parameter, slot.key):
            self._wrong(parameter, "DB510", message)
        self.headers.append(slot)
        return _with_pattern(parameter, HEADER_PATTERN) if slot.style is None else parameter

    def fill_body(self, parameter: Parameter, way: tuple[str, ...]) -> None:
        """A part of the body as a document describes it."""
        self.body.append(BodySlot(parameter.name, way))

    def check(self) -> None:
        """What shows only once every parameter has its place."""
        for name in self._path:
            if name not in self._filled:
                self._problem(
                    "DB502",
                    f"nothing fills {{{name}}}",
                    f"declare the parameter `{name}`, or give another one `to: path.{name}`",
                )
        for index, name in enumerate(self.spec.slashes):
            if name not in self._with_slashes:
                self.report.add(
                    (*self.at, "slashes", index),
                    "DB517",
                    f"no parameter `{name}` goes into the path",
                )
        ways = [slot.way for slot in self.body]
        for index, way in enumerate(ways):
            for other in ways[index + 1 :]:
                short = min(len(way), len(other))
                if way[:short] == other[:short]:
                    first, second = (self.body[index].parameter, self._name_of(other))
                    self._problem("DB509", f"`{first}` and `{second}` go to one place of the body")
        for slots in (self.query, self.headers):
            keys = [slot.key.lower() if slots is self.headers else slot.key for slot in slots]
            for key in sorted({key for key in keys if keys.count(key) > 1}):
                self._problem("DB509", f"two parameters go to `{key}`")

    def _usual(self, name: str) -> str:
        if name in self._path:
            return f"path.{name}"
        return f"query.{name}" if self._method in ("GET", "HEAD", "DELETE") else f"body.{name}"

    def _put_path(self, parameter: Parameter, name: str) -> Parameter:
        if name not in self._path:
            self._wrong(
                parameter, "DB503", f"the path has no {{{name}}}", f"put {{{name}}} into `request`"
            )
            return parameter
        if name in self._filled:
            self._wrong(parameter, "DB509", f"another parameter fills {{{name}}} already")
        self._filled.add(name)
        if not parameter.required and "default" not in parameter.schema:
            self._wrong(
                parameter,
                "DB508",
                "a part of the path cannot be left out",
                "take away `optional`, or give it a `default`",
            )
        if not self._is_scalar(parameter.schema):
            self._wrong(parameter, "DB508", "a part of the path holds one value, no list or object")
        return _with_pattern(parameter, self._path_pattern(parameter, alone=self._path[name]))

    def _path_pattern(self, parameter: Parameter, *, alone: bool) -> str:
        if parameter.name in self.spec.slashes:
            self._with_slashes.add(parameter.name)
            return PATH_PATTERN_SLASHES
        return PATH_PATTERN_ALONE if alone else PATH_PATTERN

    def _put_header(self, parameter: Parameter, name: str) -> Parameter:
        if message := self._header_problem(parameter, name):
            self._wrong(parameter, "DB510", message)
        if not self._is_scalar(parameter.schema):
            self._wrong(parameter, "DB508", "a header holds one value, no list or object")
        self.headers.append(Slot(parameter.name, name))
        return _with_pattern(parameter, HEADER_PATTERN)

    def _header_problem(self, parameter: Parameter, name: str) -> str | None:
        if message := name_problem(name):
            return message
        if name.lower() == "authorization" and parameter.source == "model":
            return "a model cannot fill Authorization; write `auth` under `backend`"
        return None

    def _put_query(self, parameter: Parameter, name: str) -> None:
        if not self._is_scalar(parameter.schema) and not self._is_flat_list(parameter.schema):
            self._wrong(parameter, "DB508", "the query holds values and lists of values, no object")
        self.query.append(Slot(parameter.name, name))

    def _put_body(self, parameter: Parameter, way: tuple[str, ...]) -> None:
        if self._method in ("GET", "HEAD"):
            self._wrong(
                parameter, "DB505", f"{self._method} has no body", "write `to: query.NAME` instead"
            )
        if "" in way:
            self._wrong(parameter, "DB504", f"`{parameter.to}` has an empty name in it", _FIX)
        if self.spec.body == "bytes" and (way or not is_file(parameter.schema)):
            self._wrong(
                parameter,
                "DB508",
                "a body of bytes is one file, and nothing else goes into it",
                "write `type: file` and `to: body`, or say where else it goes",
            )
        if self.spec.body in ("form", "multipart"):
            flat = self._is_scalar(parameter.schema) or self._is_flat_list(parameter.schema)
            if len(way) != 1 or not flat:
                self._wrong(
                    parameter, "DB508", "a form holds values and lists of values by one name each"
                )
                return
        self.body.append(BodySlot(parameter.name, way))

    def _is_scalar(self, schema: JsonObject) -> bool:
        return "type" not in schema or schema["type"] in _SCALARS

    def _is_flat_list(self, schema: JsonObject) -> bool:
        items = schema.get("items")
        return schema.get("type") == "array" and isinstance(items, dict) and self._is_scalar(items)

    def _name_of(self, way: tuple[str, ...]) -> str:
        return next(slot.parameter for slot in reversed(self.body) if slot.way == way)

    def _wrong(self, parameter: Parameter, code: str, message: str, fix: str | None = None) -> None:
        at = (*self.at, "parameters", parameter.name)
        if parameter.to is not None:
            at = (*at, "to")
        self.report.add(at, code, f"parameter `{parameter.name}`: {message}", fix=fix)

    def _problem(self, code: str, message: str, fix: str | None = None) -> None:
        word = "request" if self.spec.operation is None else "operation"
        self.report.add((*self.at, word), code, message, fix=fix)


_SAID = {
    PATH_PATTERN: "Without / and \\.",
    PATH_PATTERN_ALONE: "Without / and \\.",
    PATH_PATTERN_SLASHES: "Without \\, and without empty parts, . and .. between its slashes.",
    HEADER_PATTERN: "Visible ASCII only.",
}
"""The same in words, where a pattern stands already."""


def _with_pattern(parameter: Parameter, pattern: str) -> Parameter:
    """Publish what the place enforces, where the author's own words leave room for it."""
    schema = parameter.schema
    if parameter.source != "model" or schema.get("type") != "string":
        return parameter
    if any(word in schema for word in ("enum", "const", "format")):
        return parameter
    if "pattern" in schema:
        said = f"{schema.get('description', '')} {_SAID[pattern]}".strip()
        return replace(parameter, schema={**schema, "description": said})
    return replace(parameter, schema={**schema, "pattern": pattern})
