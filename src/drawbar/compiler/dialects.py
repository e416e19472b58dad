"""A function as each protocol and model server wants to read it."""

from __future__ import annotations

from typing import Literal, get_args

import orjson

from drawbar.compiler.function import Function
from drawbar.compiler.strict import type_of
from drawbar.kernel.values import JsonObject, JsonValue

Dialect = Literal["openai-strict", "openai", "anthropic", "gemini", "mcp"]
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)


def render(function: Function, dialect: Dialect) -> JsonObject:
    """The declaration of a function. `openai-strict` falls back to `openai` where there is no strict form."""
    match dialect:
        case "openai-strict":
            return _openai(function, function.strict_schema)
        case "openai":
            return _openai(function, None)
        case "anthropic":
            return {
                "name": function.name,
                "description": function.description,
                "input_schema": function.schema,
            }
        case "gemini":
            return _gemini(function)
    return _mcp(function)


def _openai(function: Function, strict: JsonObject | None) -> JsonObject:
    """A tool of Chat Completions; in the Responses API the inner object stands beside `type`."""
    return {
        "type": "function",
        "function": {
            "name": function.name,
            "description": function.description,
            "parameters": function.schema if strict is None else strict,
            "strict": strict is not None,
        },
    }


def _mcp(function: Function) -> JsonObject:
    """A Tool of the Model Context Protocol; its hints say what the author declared."""
    hints: JsonObject = {"readOnlyHint": function.effect == "read", "openWorldHint": False}
    if function.effect != "read":
        hints["destructiveHint"] = function.effect == "destroy"
        hints["idempotentHint"] = function.idempotency.repeatable
    return {
        "name": function.name,
        "description": function.description,
        "inputSchema": function.schema,
        "annotations": hints,
    }


def _gemini(function: Function) -> JsonObject:
    """A FunctionDeclaration; one without arguments has no `parameters`."""
    declaration: JsonObject = {"name": function.name, "description": function.description}
    if function.schema["properties"]:
        declaration["parameters"] = gemini_schema(function.schema)
    return declaration


_GEMINI_KEPT = frozenset(
    {
        *("title", "description", "default", "minItems", "maxItems", "minLength", "maxLength"),
        *("minProperties", "maxProperties", "pattern", "minimum", "maximum", "required"),
    }
)
_GEMINI_FORMATS = {
    "STRING": frozenset({"date-time", "enum"}),
    "INTEGER": frozenset({"int32", "int64"}),
    "NUMBER": frozenset({"float", "double"}),
}
_GEMINI_DROPPED = frozenset(
    {
        *("type", "properties", "items", "anyOf", "oneOf", "$defs", "enum", "const", "format"),
        *("additionalProperties", "examples", "$ref"),
    }
)


def gemini_schema(schema: JsonObject) -> JsonObject:
    """The Schema object of the Gemini API: a subset of OpenAPI 3.0. What it cannot say goes to the description."""
    return _gemini_schema(schema, schema, ())


def _gemini_schema(schema: JsonObject, root: JsonObject, open_: tuple[str, ...]) -> JsonObject:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _gemini_reference(schema, reference, root, open_)
    result: JsonObject = {}
    said: list[str] = []
    _gemini_type(schema, result)
    _gemini_values(schema, result, said)
    for keyword, value in schema.items():
        if keyword in _GEMINI_KEPT:
            result[keyword] = value
        elif keyword not in _GEMINI_DROPPED:
            said.append(f"{keyword}: {orjson.dumps(value).decode()}")
    properties = schema.get("properties")
    if isinstance(properties, dict):
        result["properties"] = {
            name: _gemini_schema(inner, root, open_)
            for name, inner in properties.items()
            if isinstance(inner, dict)
        }
        result["propertyOrdering"] = list[JsonValue](properties)
    items = schema.get("items")
    if isinstance(items, dict):
        result["items"] = _gemini_schema(items, root, open_)
    _gemini_members(schema, result, root, open_)
    if said:
        result["description"] = " ".join([str(result.get("description", "")), *said]).strip()
    return result


def _gemini_reference(
    schema: JsonObject, reference: str, root: JsonObject, open_: tuple[str, ...]
) -> JsonObject:
    """References are written out; the inside of a thing within itself is only named."""
    name = reference.removeprefix("#/$defs/")
    definitions = root.get("$defs")
    inner = definitions.get(name) if isinstance(definitions, dict) else None
    description = schema.get("description")
    if name in open_ or not isinstance(inner, dict):
        return {"type": "OBJECT", "description": f"{description or ''} Again a {name}.".strip()}
    result = _gemini_schema(inner, root, (*open_, name))
    return {**result, "description": description} if description is not None else result


def _gemini_type(schema: JsonObject, result: JsonObject) -> None:
    kind = schema.get("type")
    kinds = [each for each in (kind if isinstance(kind, list) else [kind]) if isinstance(each, str)]
    wanted = [each.upper() for each in kinds if each != "null"]
    if len(wanted) == 1:
        result["type"] = wanted[0]
    elif wanted:
        result["anyOf"] = [{"type": each} for each in wanted]
    if "null" in kinds:
        result["nullable"] = True


def _gemini_values(schema: JsonObject, result: JsonObject, said: list[str]) -> None:
    choices = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(choices, list):
        texts = [choice for choice in choices if choice is not None]
        if all(isinstance(choice, str) for choice in texts):
            result["enum"] = list[JsonValue](texts)
        else:
            listed = ", ".join(orjson.dumps(choice).decode() for choice in texts)
            said.append(f"One of {listed}.")
        if "type" not in result and "anyOf" not in schema and choices:
            result["type"] = type_of(choices[0]).upper()
    form = schema.get("format")
    if isinstance(form, str):
        if form in _GEMINI_FORMATS.get(str(result.get("type")), ()):
            result["format"] = form
        else:
            said.append(f"Format: {form}.")
    examples = schema.get("examples")
    if isinstance(examples, list) and examples:
        said.append(f"For example {', '.join(orjson.dumps(each).decode() for each in examples)}.")


def _gemini_members(
    schema: JsonObject, result: JsonObject, root: JsonObject, open_: tuple[str, ...]
) -> None:
    members = schema.get("anyOf") or schema.get("oneOf")
    if not isinstance(members, list):
        return
    shapes = [member for member in members if isinstance(member, dict)]
    if any(member.get("type") == "null" for member in shapes):
        result["nullable"] = True
    result["anyOf"] = [
        _gemini_schema(member, root, open_) for member in shapes if member.get("type") != "null"
    ]
