"""From a function's `method:` to a dialect: the order of its parameters, and their types on the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from drawbar.backends.http.options import HttpFunctionSpec
from drawbar.backends.http.request.dialect import Dialect
from drawbar.backends.http.request.places import Places
from drawbar.backends.http.rpc.jsonrpc import JsonRpc
from drawbar.backends.http.rpc.xmlrpc import INT32, INT64, Shape, WireType, XmlRpc
from drawbar.compiler.kind import Parameter
from drawbar.kernel.values import JsonObject
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

_METHOD = re.compile(r"[A-Za-z0-9_.:/]+")
_FITS: Mapping[WireType, str] = {
    "int": "integer",
    "i8": "integer",
    "double": "number",
    "string": "string",
    "dateTime.iso8601": "string",
    "base64": "string",
}
_MOMENT = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?$"
_BASE64 = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


def compile_method(
    protocol: Literal["json-rpc", "xml-rpc"],
    spec: HttpFunctionSpec,
    parameters: tuple[Parameter, ...],
    places: Places,
    report: Report,
    at: At,
) -> tuple[Dialect, tuple[Parameter, ...]]:
    """The dialect, and the parameters with what it enforces in their schemas. Problems go to the report."""
    method = spec.method or ""
    if protocol == "json-rpc":
        if spec.types:
            report.add((*at, "types"), "DB531", "`types` are those of XML-RPC; JSON has its own")
        by_name = spec.params != "positional"
        order = None if by_name else _order(parameters, places, report, at)
        return JsonRpc(method, order), parameters
    if not _METHOD.fullmatch(method):
        report.add(
            (*at, "method"),
            "DB531",
            f"`{method}` is no method of XML-RPC",
            fix="its name has letters, digits, _ . : and / only",
        )
    if spec.params == "named":
        report.add((*at, "params"), "DB531", "XML-RPC knows parameters by their position only")
    order = _order(parameters, places, report, at)
    typing = _Typing(spec.types, report, (*at, "types"))
    ways = {slot.parameter: slot.way[0] for slot in places.body if slot.way}
    typed = tuple(
        replace(each, schema=typing.of(ways[each.name], each.name, each.schema))
        if each.name in ways
        else each
        for each in parameters
    )
    typing.check()
    return XmlRpc(method, order, typing.shapes), typed


def _order(
    parameters: Sequence[Parameter], places: Places, report: Report, at: At
) -> tuple[str, ...]:
    found = []
    left_out = None
    by_name = {each.name: each for each in parameters}
    for slot in places.body:
        where = (*at, "parameters", slot.parameter)
        parameter = by_name[slot.parameter]
        if len(slot.way) != 1:
            report.add(
                where,
                "DB533",
                f"`{slot.parameter}` is no parameter of its own, and they go by position",
            )
            continue
        found.append(slot.way[0])
        if not parameter.required and "default" not in parameter.schema:
            left_out = slot.parameter
        elif left_out is not None:
            report.add(
                where,
                "DB533",
                f"`{slot.parameter}` stands behind `{left_out}`, which may be left out: it would move to its place",
                fix=f"put `{left_out}` at the end, or give it a `default`",
            )
    return tuple(found)


class _Typing:
    """Types on the wire, by `types` and by the parameters' own schemas."""

    def __init__(self, types: Mapping[str, WireType], report: Report, at: At) -> None:
        self._types = types
        self._report = report
        self._at = at
        self._known: set[str] = set()
        self.shapes: dict[str, Shape] = {}

    def of(self, key: str, name: str, schema: JsonObject) -> JsonObject:
        """The schema of a parameter with the limits of its type; its shape is kept by `key`."""
        shape, typed = self._typed(name, schema)
        self.shapes[key] = shape
        return typed

    def check(self) -> None:
        for way in self._types:
            if way not in self._known:
                meant = closest(way, self._known)
                self._report.add(
                    (*self._at, way),
                    "DB532",
                    f"no parameter is called `{way}`",
                    fix=f"did you mean `{meant}`?" if meant else None,
                )

    def _typed(self, way: str, schema: JsonObject) -> tuple[Shape, JsonObject]:
        """Elements of a list have the way of their list."""
        self._known.add(way)
        items, properties = schema.get("items"), schema.get("properties")
        if isinstance(items, dict):
            inner, changed = self._typed(way, items)
            return Shape(item=inner), {**schema, "items": changed}
        if isinstance(properties, dict):
            members = {
                name: self._typed(f"{way}.{name}", part)
                for name, part in properties.items()
                if isinstance(part, dict)
            }
            shape = Shape(members={name: inner for name, (inner, _) in members.items()})
            written = {name: changed for name, (_, changed) in members.items()}
            return shape, {**schema, "properties": {**properties, **written}}
        wire = self._wire(way, schema)
        return Shape(wire), _limited(schema, wire)

    def _wire(self, way: str, schema: JsonObject) -> WireType | None:
        kind, wanted = schema.get("type"), self._types.get(way)
        if wanted is not None:
            if _FITS[wanted] != kind:
                message = f"a {wanted} is made of a parameter of type {_FITS[wanted]}, not {kind}"
                self._report.add((*self._at, way), "DB532", message)
            return wanted
        if kind == "string":
            return "dateTime.iso8601" if schema.get("format") == "date-time" else "string"
        return {"integer": "int", "number": "double"}.get(str(kind))  # type: ignore[return-value]  # both are WireType


def _limited(schema: JsonObject, wire: WireType | None) -> JsonObject:
    """With what the type on the wire enforces, where the author says nothing narrower."""
    if wire in ("int", "i8"):
        least, most = INT32 if wire == "int" else INT64
        lower, upper = schema.get("minimum"), schema.get("maximum")
        return {
            **schema,
            "minimum": max(lower, least) if isinstance(lower, int | float) else least,
            "maximum": min(upper, most) if isinstance(upper, int | float) else most,
        }
    if wire == "dateTime.iso8601" and schema.get("format") != "date-time":
        return {"pattern": _MOMENT, **schema}
    return {"pattern": _BASE64, **schema} if wire == "base64" else schema
