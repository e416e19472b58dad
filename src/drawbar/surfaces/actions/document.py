"""Functions as an OpenAPI 3.1 document, as the Actions of ChatGPT and other clients that call HTTP read it.

Each function is the `POST /functions/NAME` that is there anyway, so it stands under the same rules as any other
call. `x-openai-isConsequential` follows the declared effect: such clients ask a person before a change.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version

from drawbar.compiler.function import Function
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.settings.model import ActionsSettings

LONGEST_TEXT = 300
"""Characters of an operation's summary and description that Actions take."""
LONGEST_PARAMETER = 700
"""Characters of a parameter's description that Actions take."""
_REFERENCE = "#/$defs/"
_OUTCOME: JsonObject = {
    "type": "object",
    "description": "What came of the call, and what to do next.",
    "required": ["outcome"],
    "properties": {
        "outcome": {
            "type": "string",
            "enum": ["succeeded", "refused", "failed", "indeterminate"],
            "description": "`indeterminate`: it may have happened; do not call again.",
        },
        "value": {"description": "What the function answered, when it succeeded."},
        "notes": {"type": "array", "items": {"type": "string"}},
        "code": {"type": ["string", "null"]},
        "message": {"type": "string"},
        "hint": {"type": ["string", "null"], "description": "What to do next."},
        "retryable": {"type": "boolean"},
    },
}
_STATUSES = {
    "200": "It succeeded",
    "400": "Refused: the arguments are wrong",
    "401": "No valid key",
    "403": "Refused: not allowed, or somebody has to agree",
    "404": "No such function, or nothing found",
    "502": "The system behind it said no",
    "503": "It is busy or unavailable",
    "504": "No answer in time; of a change: it may have happened",
}


def actions_document(
    functions: Iterable[Function], settings: ActionsSettings, base: str, *, open_to_all: bool
) -> JsonObject:
    """The document of those functions that can be called. `base` is where the gateway is reached."""
    components: JsonObject = {"Outcome": _OUTCOME}
    paths: JsonObject = {
        f"/functions/{function.name}": {"post": _operation(function, components)}
        for function in functions
        if function.callable
    }
    security: list[JsonValue] = [{"key": []}]
    if open_to_all:
        security.append({})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": settings.title,
            "description": settings.description,
            "version": version("drawbar"),
        },
        "servers": [{"url": base}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": security,
    }


def _operation(function: Function, components: JsonObject) -> JsonObject:
    text = function.description
    schema = _schema(function, components)
    body: JsonObject = {
        "required": bool(function.schema.get("required")),
        "content": {"application/json": {"schema": schema}},
    }
    outcome: JsonObject = {"application/json": {"schema": {"$ref": "#/components/schemas/Outcome"}}}
    return {
        "operationId": function.name,
        "tags": [function.adapter],
        "summary": _clipped(text.partition("\n")[0], LONGEST_TEXT) or function.name,
        "description": _clipped(text, LONGEST_TEXT),
        "x-openai-isConsequential": function.effect != "read",
        "requestBody": body,
        "responses": {
            status: {"description": what, "content": outcome} for status, what in _STATUSES.items()
        },
    }


def _schema(function: Function, components: JsonObject) -> JsonObject:
    """The arguments, whose definitions become components under names of their own."""
    definitions = function.schema.get("$defs")
    schema = {key: value for key, value in function.schema.items() if key != "$defs"}
    for name, inner in definitions.items() if isinstance(definitions, dict) else ():
        components[f"{function.name}.{name}"] = _moved(inner, function.name)
    moved = _moved(schema, function.name)
    properties = moved.get("properties") if isinstance(moved, dict) else None
    if isinstance(properties, dict):
        for each in properties.values():
            if isinstance(each, dict) and isinstance(text := each.get("description"), str):
                each["description"] = _clipped(text, LONGEST_PARAMETER)
    return moved if isinstance(moved, dict) else {}


def _moved(value: JsonValue, owner: str) -> JsonValue:
    """A copy whose references lead to components."""
    if isinstance(value, list):
        return [_moved(inner, owner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        key: f"#/components/schemas/{owner}.{inner.removeprefix(_REFERENCE)}"
        if key == "$ref" and isinstance(inner, str)
        else _moved(inner, owner)
        for key, inner in value.items()
    }


def _clipped(text: str, most: int) -> str:
    words = text.strip()
    return words if len(words) <= most else words[: most - 3].rstrip() + "..."


def plugin_manifest(settings: ActionsSettings, base: str, *, open_to_all: bool) -> JsonObject:
    """`ai-plugin.json`, by which a client finds the document and learns how to show who it is."""
    auth: JsonObject = {"type": "none"}
    if not open_to_all:
        auth = {
            "type": "service_http",
            "authorization_type": "bearer",
            "verification_tokens": {},
        }
    return {
        "schema_version": "v1",
        "name_for_human": settings.title,
        "name_for_model": settings.name,
        "description_for_human": settings.description,
        "description_for_model": settings.description,
        "auth": auth,
        "api": {"type": "openapi", "url": f"{base}/actions/openapi.json"},
        "logo_url": settings.logo_url or f"{base}/favicon.ico",
        "contact_email": settings.contact_email,
        "legal_info_url": settings.legal_info_url or base,
    }
