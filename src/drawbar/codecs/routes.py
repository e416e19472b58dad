"""Names of queues, subjects and topics that hold parameters, such as `rooms.{room_no}.book`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from drawbar.codecs.copybook.compile import Copybooks
from drawbar.codecs.message import Message, compile_message, message_parameters
from drawbar.codecs.message_spec import MessageFunctionSpec
from drawbar.codecs.payload import refused
from drawbar.codecs.template import Template, plain_text, read_template
from drawbar.codecs.text import find_encoding
from drawbar.compiler.kind import Parameter, Plan, compile_each
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.model import Adapter
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

_SCALARS = ("string", "integer", "number", "boolean")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one parameter may be within a route."""

    pattern: str
    """Published, and enforced again when a route is filled."""
    meaning: str


@dataclass(frozen=True, slots=True)
class Route:
    """A compiled route."""

    template: Template
    tokens: Tokens

    def fill(self, arguments: Mapping[str, JsonValue]) -> str:
        """Raises BackendError `invalid_arguments` for a value that would change where the message goes."""
        for name in self.template.parameters:
            text = plain_text(arguments.get(name))
            if not re.fullmatch(self.tokens.pattern, text):
                raise refused(name, f"it has to be {self.tokens.meaning}")
        return self.template.fill(arguments)


def compile_route(
    text: str,
    tokens: Tokens,
    parameters: dict[str, Parameter],
    report: Report,
    at: At,
) -> Route | None:
    """The route written at `at`; `parameters` gets the patterns that their place enforces."""
    template = read_template(text)
    if template is None:
        report.add(
            at,
            "DB809",
            f"`{text}` has a brace that stands alone",
            fix="write {name} for a parameter, and {{ or }} for a brace",
        )
        return None
    for name in template.parameters:
        parameter = parameters.get(name)
        if parameter is None:
            meant = closest(name, parameters)
            report.add(
                at,
                "DB809",
                f"there is no parameter `{name}`",
                fix=f"did you mean `{meant}`?" if meant else "declare it under `parameters`",
            )
        elif parameter.schema.get("type", "string") not in _SCALARS:
            report.add(
                at, "DB809", f"`{name}` is of type {parameter.schema['type']}, which is no name"
            )
        elif not parameter.required and "default" not in parameter.schema:
            report.add(at, "DB809", f"`{name}` may be missing, and then nothing would stand here")
        else:
            parameters[name] = _published(parameter, tokens)
    return Route(template, tokens)


def compile_routed(
    adapter: Adapter,
    report: Report,
    *,
    encoding: str,
    word: str,
    tokens: Tokens,
    bind: Callable[[MessageFunctionSpec, Route, Message], object],
) -> Mapping[str, Plan]:
    """Plans of functions that send a message along a route, which is written under `word`."""
    found = find_encoding(encoding)
    if found is None:
        report.add(("backend", "encoding"), "DB801", f"no encoding is called `{encoding}`")
    copybooks = Copybooks(adapter.folder, report)

    def plan(_: str, spec: MessageFunctionSpec, at: At) -> Plan | None:
        parameters = message_parameters(spec, copybooks, at)
        route = compile_route(getattr(spec, word), tokens, parameters, report, (*at, word))
        used = frozenset(route.template.parameters if route else ())
        message = compile_message(
            spec, parameters, copybooks, at, used=used, encoding=found or "utf-8"
        )
        if route is None or message is None:
            return None
        return Plan(tuple(parameters.values()), bind(spec, route, message))

    return compile_each(adapter, report, MessageFunctionSpec, plan)


def _published(parameter: Parameter, tokens: Tokens) -> Parameter:
    schema = parameter.schema
    closed = any(word in schema for word in ("pattern", "enum", "const", "format"))
    if parameter.source != "model" or schema.get("type", "string") != "string" or closed:
        return parameter
    added: JsonObject = {"pattern": f"^(?:{tokens.pattern})$"}
    return replace(parameter, schema={**schema, **added})
