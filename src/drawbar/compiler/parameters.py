"""Parameters of a function: what the backend's contract says, overridden by what its author wrote.

The schemas are JSON Schema 2020-12, and objects in them are closed at every depth. All that is enforced stands
in them, so all that is enforced is published.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from drawbar.compiler.constraints import check_format, check_pattern, check_schema
from drawbar.compiler.files import FILE_PATTERN
from drawbar.compiler.kind import Parameter
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.model import FunctionSpec, ParameterSpec
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""What every model server takes as the name of a property."""
_CALLER = re.compile(r"caller\.(subject|roles|claims\.[A-Za-z_][A-Za-z0-9_-]*)")
_LOOKED_UP = {"string", "integer", "number"}
_KEYWORDS = {
    "description": "description",
    "format": "format",
    "minimum": "minimum",
    "maximum": "maximum",
    "multiple_of": "multipleOf",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "unique_items": "uniqueItems",
}


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a backend's contract says of one input; `to` is its place in the backend's request."""

    schema: JsonObject
    required: bool = True
    to: str | None = None


def merge_parameters(
    spec: FunctionSpec,
    inherited: Mapping[str, Inherited],
    report: Report,
    at: At,
    find: Callable[[str], Inherited | None] | None = None,
    *,
    untyped_fix: str = "add `type:`",
) -> tuple[Parameter, ...]:
    """The parameters of the function at `at`, such as `("functions", "cancel_leave")`.

    An author's parameter inherits from the contract's input that its `to` names (looked up in `inherited`, then
    with `find`), or that has its name; what the author wrote overrides. Any other needs a `type`, `const` or `from`.
    Inputs the author does not mention stay as they are, save those of which the author fills parts by `to`
    (`Request.Address` gives way to `Request.Address.City`). Those that stay come first, in the contract's order, with
    the author's overrides in place; the author's own follow. Problems are noted; broken parameters are left out.
    """
    merging = _Merging(inherited, report, at, find, untyped_fix)
    for name, parameter in spec.parameters.items():
        merging.add(name, parameter)
    return merging.finish()


class _Merging:
    """The parameters of one function while they are put together."""

    def __init__(
        self,
        inherited: Mapping[str, Inherited],
        report: Report,
        at: At,
        find: Callable[[str], Inherited | None] | None,
        untyped_fix: str,
    ) -> None:
        self.inherited = inherited
        self.by_to = {each.to: name for name, each in inherited.items() if each.to is not None}
        self.report = report
        self.at = (*at, "parameters")
        self.find = find
        self.untyped_fix = untyped_fix
        self.taken: dict[str, str] = {}
        """Names of the author by the names of the inherited that they stand for."""
        self.own: dict[str, Parameter | None] = {}
        self.parts: list[str] = []

    def add(self, name: str, spec: ParameterSpec) -> None:
        at = (*self.at, name)
        if not _NAME.fullmatch(name):
            self.report.add(
                at,
                "DB201",
                f"`{name}` is no name for a parameter",
                fix="use up to 64 letters, digits, _, . and -",
            )
        source = self._source(name, spec)
        if source is not None and spec.to is not None and spec.to not in self.by_to:
            self.parts.append(spec.to)
        if source is None and spec.type is None and not _is_filled(spec):
            self._nothing_to_inherit(name, spec, at)
            self.own[name] = None
            return
        self.own[name] = _parameter(name, spec, source, self.report, at)

    def _source(self, name: str, spec: ParameterSpec) -> Inherited | None:
        key = name if spec.to is None else self.by_to.get(spec.to)
        if key is not None and key in self.inherited:
            self.taken[key] = name
            return self.inherited[key]
        if spec.to is not None and self.find is not None:
            return self.find(spec.to)
        return None

    def _nothing_to_inherit(self, name: str, spec: ParameterSpec, at: At) -> None:
        if spec.to is not None and self.find is not None:
            meant = closest(spec.to, self.by_to)
            self.report.add(
                (*at, "to"),
                "DB202",
                f"the backend's contract has no input `{spec.to}`",
                fix=f"did you mean `{meant}`?" if meant else None,
            )
            return
        meant = closest(name, [key for key in self.inherited if key not in self.taken])
        fix = f"did you mean `{meant}`? " if meant else ""
        why = (
            f"the backend's contract has no input `{name}` to take it from"
            if self.inherited
            else "there is nothing to take it from"
        )
        self.report.add(
            at,
            "DB202",
            f"the `type` of `{name}` is missing, and {why}",
            fix=f"{fix}{self.untyped_fix}",
        )

    def finish(self) -> tuple[Parameter, ...]:
        merged: list[Parameter | None] = []
        for name, each in self.inherited.items():
            if name in self.taken:
                merged.append(self.own.pop(self.taken[name], None))
            elif not self._given_way(each) and name not in self.own:
                schema = closed(each.schema)
                merged.append(Parameter(name, schema, required=each.required, to=each.to))
        merged.extend(self.own.values())
        return tuple(parameter for parameter in merged if parameter is not None)

    def _given_way(self, each: Inherited) -> bool:
        return each.to is not None and any(to.startswith(each.to + ".") for to in self.parts)


def _is_filled(spec: ParameterSpec) -> bool:
    """Whether the gateway fills it; `const: null` does."""
    return spec.from_ is not None or "const" in spec.model_fields_set


def _parameter(
    name: str, spec: ParameterSpec, source: Inherited | None, report: Report, at: At
) -> Parameter | None:
    inherited = {} if source is None else source.schema
    schema = merged_schema(inherited, spec, report, at)
    to = spec.to if spec.to is not None else (None if source is None else source.to)
    if report.is_broken(at):
        return None
    filled: Literal["model", "const", "caller"] = "model"
    value: JsonValue = None
    if spec.from_ is not None:
        filled, value = "caller", spec.from_
        _check_from(spec, report, at)
    elif "const" in spec.model_fields_set:
        filled, value = "const", spec.const
    if filled != "model":
        _check_filled(spec, report, at)
    check_schema(schema, report, at, const=value if filled == "const" else None)
    if report.is_broken(at):
        return None
    required = _is_required(spec, source)
    if spec.lookup is not None and schema.get("type") not in _LOOKED_UP:
        report.add(
            (*at, "lookup"),
            "DB216",
            f"`lookup` finds one text or number, and `{name}` is of type {schema.get('type')}",
        )
        return None
    return Parameter(name, schema, required, to, filled, value, spec.lookup)


def _is_required(spec: ParameterSpec, source: Inherited | None) -> bool:
    if "default" in spec.model_fields_set:
        return False
    if spec.optional is not None:
        return not spec.optional
    return True if source is None else source.required


def _check_from(spec: ParameterSpec, report: Report, at: At) -> None:
    if not _CALLER.fullmatch(str(spec.from_)):
        report.add(
            (*at, "from"),
            "DB203",
            f"`{spec.from_}` is nothing that is known of a caller",
            fix="write caller.subject, caller.roles or caller.claims.NAME",
        )
    if "const" in spec.model_fields_set:
        report.add((*at, "const"), "DB204", "`from` and `const` exclude each other")


def _check_filled(spec: ParameterSpec, report: Report, at: At) -> None:
    for word in ("default", "enum", "examples", "lookup", "optional"):
        if word in spec.model_fields_set:
            report.add(
                (*at, word),
                "DB204",
                f"`{word}` has no meaning here: the gateway fills this parameter, not the model",
                fix=f"remove `{word}`",
            )


def merged_schema(inherited: JsonObject, spec: ParameterSpec, report: Report, at: At) -> JsonObject:
    """The contract's schema with the author's words over it."""
    changed = spec.type is not None and "type" in inherited and inherited["type"] != spec.type
    schema: JsonObject = {} if changed else closed(inherited)
    if changed and isinstance(inherited.get("description"), str):
        schema["description"] = inherited["description"]
    if spec.type == "file":
        schema |= {"type": "string", "pattern": FILE_PATTERN}
    elif spec.type is not None:
        schema["type"] = spec.type
    for word, keyword in _KEYWORDS.items():
        value = getattr(spec, word)
        if value is not None:
            schema[keyword] = value
    _set_values(schema, spec)
    if spec.format is not None:
        check_format(spec.format, schema.get("type"), report, at)
    if spec.pattern is not None:
        check_pattern(spec.pattern, report, at)
    if spec.items is not None:
        inner = schema.get("items")
        _check_inner(spec.items, inner, report, (*at, "items"))
        schema["items"] = merged_schema(
            inner if isinstance(inner, dict) else {}, spec.items, report, (*at, "items")
        )
    if spec.properties is not None:
        _merge_properties(schema, spec.properties, report, at)
    return schema


def _set_values(schema: JsonObject, spec: ParameterSpec) -> None:
    if spec.pattern is not None:
        schema["pattern"] = whole(spec.pattern)
    if spec.enum is not None:
        schema["enum"] = list(spec.enum)
    if "default" in spec.model_fields_set:
        schema["default"] = spec.default
    if spec.examples is not None:
        schema["examples"] = list(spec.examples)


def _merge_properties(
    schema: JsonObject, specs: Mapping[str, ParameterSpec], report: Report, at: At
) -> None:
    known = schema.get("properties")
    inherited = known if isinstance(known, dict) else {}
    required = schema.get("required")
    names = list(required) if isinstance(required, list) else []
    properties: JsonObject = dict(inherited)
    for name, spec in specs.items():
        inner_at = (*at, "properties", name)
        inner = inherited.get(name)
        if inherited and inner is None:
            meant = closest(name, inherited)
            report.add(
                inner_at,
                "DB202",
                f"the backend's contract has no `{name}` here",
                fix=f"did you mean `{meant}`?" if meant else f"it has {', '.join(inherited)}",
            )
            continue
        _check_inner(spec, inner, report, inner_at)
        properties[name] = merged_schema(
            inner if isinstance(inner, dict) else {}, spec, report, inner_at
        )
        source = None if inner is None else Inherited({}, name in names)
        needed = _is_required(spec, source)
        if needed and name not in names:
            names.append(name)
        elif not needed and name in names:
            names.remove(name)
    schema["properties"] = properties
    schema["required"] = list[JsonValue](names)
    schema["additionalProperties"] = False


def _check_inner(spec: ParameterSpec, inherited: JsonValue, report: Report, at: At) -> None:
    """A value inside another: the model fills all of it, and its place is its holder's."""
    words = (("to", "to"), ("from_", "from"), ("const", "const"), ("lookup", "lookup"))
    for word, key in words:
        if word in spec.model_fields_set:
            report.add(
                (*at, key),
                "DB204",
                f"`{key}` has no meaning inside another parameter",
                fix="make it a parameter of the function",
            )
    if spec.type is None and not (isinstance(inherited, dict) and inherited):
        report.add(at, "DB202", "`type` is missing, and there is nothing to take it from")


def closed(schema: JsonObject) -> JsonObject:
    """A copy in which no object takes properties that are not declared."""
    if not schema:
        return {}
    result = copy.deepcopy(schema)
    _close(result)
    return result


def _close(schema: JsonValue) -> None:
    if isinstance(schema, list):
        for inner in schema:
            _close(inner)
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties")
    if isinstance(properties, dict):
        schema.setdefault("additionalProperties", False)
        for inner in properties.values():
            _close(inner)
    for keyword in ("items", "anyOf", "oneOf", "allOf", "prefixItems"):
        _close(schema.get(keyword))
    definitions = schema.get("$defs")
    for inner in definitions.values() if isinstance(definitions, dict) else ():
        _close(inner)


def whole(pattern: str) -> str:
    """The pattern so that it has to match the whole text, as JSON Schema only searches."""
    anchored = pattern.startswith("^") and pattern.endswith("$") and not pattern.endswith("\\$")
    return pattern if anchored and "|" not in pattern else f"^(?:{pattern})$"
