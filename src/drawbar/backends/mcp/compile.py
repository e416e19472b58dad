"""From an MCP adapter to bindings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import jsonschema_rs

from drawbar.backends.mcp.options import McpBackendSpec, McpFunctionSpec
from drawbar.backends.mcp.tools import Tool, ToolsError, read_tools
from drawbar.compiler.draft import Draft, DraftWish
from drawbar.compiler.kind import Parameter, Plan, compile_each, options_of
from drawbar.compiler.parameters import Inherited, merge_parameters
from drawbar.kernel.ports import Backend
from drawbar.kernel.values import JsonObject, JsonValue, canonical_json
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

CODES = {
    "DB961": "a URL that is not http:// or https://, or words that belong to the other way to reach a server",
    "DB962": "a file of tools that is not there or cannot be read",
    "DB963": "a tool that is not in the file, or whose input schema cannot be used",
    "DB964": "a parameter that the tool does not take",
    "DB965": "a function without a declared effect",
    "DB966": "a header or variable that cannot be set",
}
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OLD_REFERENCE = "#/definitions/"
"""Of JSON Schema before 2019-09, which many servers still write."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One function, compiled. `names` are the tool's, by ours."""

    tool: str
    names: Mapping[str, str]
    wraps: bool
    changes: bool


class McpKind:
    """Fills the port `drawbar.compiler.draft.DraftingKind`."""

    name = "mcp"
    options: type[BackendSpec] = McpBackendSpec
    function: type[FunctionSpec] = McpFunctionSpec
    codes: Mapping[str, str] = CODES

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        backend = options_of(adapter, McpBackendSpec)
        _check(backend, report)
        tools = _tools(adapter, report)

        def plan(name: str, spec: McpFunctionSpec, at: At) -> Plan | None:
            _check_effect(spec, report, at)
            tool = None if tools is None else _find(spec.tool or name, tools, report, at)
            return None if tool is None else _plan(spec, tool, report, at)

        return compile_each(adapter, report, McpFunctionSpec, plan)

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        from drawbar.backends.mcp.backend import McpBackend  # noqa: PLC0415 -- the client takes a while to import

        del workers  # nothing here blocks
        backend = options_of(adapter, McpBackendSpec)
        tools = read_tools(adapter.folder / backend.tools)
        used = {plan.binding.tool for plan in plans.values()}
        promised = {name: tool for name, tool in tools.items() if name in used}
        return McpBackend(backend, adapter.name, adapter.folder, promised)

    def draft(self, source: str, wish: DraftWish) -> Draft:
        """From a running server at a URL, or one that a command starts."""
        from drawbar.backends.mcp.draft import draft_adapter  # noqa: PLC0415 -- nobody else needs it

        return draft_adapter(source, wish)


KIND = McpKind()


def _check(backend: McpBackendSpec, report: Report) -> None:
    if backend.url is not None and not _is_url(backend.url):
        report.add(
            ("backend", "url"),
            "DB961",
            "this is no address of an MCP server",
            fix="write http(s)://HOST/PATH",
        )
    for word in ("env",) if backend.url is not None else ("headers", "tls"):
        if word in backend.model_fields_set:
            other = "url" if backend.url is not None else "command"
            report.add(("backend", word), "DB961", f"`{word}` has no meaning with `{other}`")
    for word, pattern in (("headers", _HEADER), ("env", _ENV_NAME)):
        for name, value in getattr(backend, word).items():
            text = value.reveal()
            if not pattern.fullmatch(name) or any(mark in text for mark in "\r\n\0"):
                report.add(("backend", word, name), "DB966", f"`{name}` or its value cannot be set")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _tools(adapter: Adapter, report: Report) -> Mapping[str, Tool] | None:
    path = adapter.folder / options_of(adapter, McpBackendSpec).tools
    report.files.add(path)
    try:
        return read_tools(path)
    except ToolsError as error:
        report.add(
            ("backend", "tools"),
            "DB962",
            str(error),
            fix="`drawbar new mcp` writes it, from a URL or a command",
        )
        return None


def _check_effect(spec: McpFunctionSpec, report: Report, at: At) -> None:
    if "effect" not in spec.model_fields_set:
        report.add(
            at,
            "DB965",
            "the effect of a tool has to be declared: its server's own word does not count",
            fix="write `effect: read`, `write` or `destroy`",
        )


def _find(name: str, tools: Mapping[str, Tool], report: Report, at: At) -> Tool | None:
    tool = tools.get(name)
    if tool is None:
        meant = closest(name, tools)
        report.add(
            (*at, "tool"),
            "DB963",
            f"the server has no tool `{name}`",
            fix=f"did you mean `{meant}`?" if meant else f"it has {', '.join(tools) or 'none'}",
        )
    return tool


def _plan(spec: McpFunctionSpec, tool: Tool, report: Report, at: At) -> Plan | None:
    inherited = _inherited(tool, report, at)
    if inherited is None:
        return None
    parameters = merge_parameters(spec, inherited, report, at)
    if not _takes_more(tool.inputs):
        for parameter in parameters:
            _check_parameter(parameter, inherited, report, at)
    names = {each.name: each.to or each.name for each in parameters}
    binding = Binding(tool.name, names, tool.wraps, changes=spec.effect != "read")
    return Plan(parameters, binding, tool.description)


def _inherited(tool: Tool, report: Report, at: At) -> dict[str, Inherited] | None:
    """None when the schema cannot be used, which is reported."""
    schema = _renewed(tool.inputs)
    assert isinstance(schema, dict)  # noqa: S101 -- of an object it makes one
    properties, required = schema.get("properties", {}), schema.get("required", [])
    combined = [word for word in ("anyOf", "oneOf", "allOf", "$ref", "not") if word in schema]
    if not isinstance(properties, dict) or not isinstance(required, list) or combined:
        report.add(
            (*at, "tool"),
            "DB963",
            f"the input schema of `{tool.name}` is not one of an object with properties",
        )
        return None
    try:
        jsonschema_rs.Draft202012Validator(schema)
    except ValueError as error:
        report.add((*at, "tool"), "DB963", f"the input schema of `{tool.name}` is none: {error}")
        return None
    definitions = schema.get("$defs")
    found: dict[str, Inherited] = {}
    for name, inner in properties.items():
        own: JsonObject = dict(inner) if isinstance(inner, dict) else {}
        if definitions and b'"$ref"' in canonical_json(own):
            own["$defs"] = definitions
        found[name] = Inherited(own, name in required, name)
    return found


def _renewed(value: JsonValue) -> JsonValue:
    """In the words of JSON Schema 2020-12."""
    if isinstance(value, list):
        return [_renewed(each) for each in value]
    if not isinstance(value, dict):
        return value
    found: JsonObject = {}
    for key, inner in value.items():
        if key == "$ref" and isinstance(inner, str):
            found[key] = inner.replace(_OLD_REFERENCE, "#/$defs/")
        elif key == "properties" and isinstance(inner, dict):
            found[key] = {name: _renewed(each) for name, each in inner.items()}
        elif key not in ("$schema", "$id"):
            found["$defs" if key == "definitions" else key] = _renewed(inner)
    return found


def _takes_more(schema: JsonObject) -> bool:
    return schema.get("additionalProperties", False) is not False


def _check_parameter(
    parameter: Parameter, inherited: Mapping[str, Inherited], report: Report, at: At
) -> None:
    name = parameter.to or parameter.name
    if name not in inherited:
        meant = closest(name, inherited)
        report.add(
            (*at, "parameters", parameter.name),
            "DB964",
            f"the tool takes no `{name}`",
            fix=f"did you mean `{meant}`?"
            if meant
            else f"it takes {', '.join(inherited) or 'nothing'}",
        )
