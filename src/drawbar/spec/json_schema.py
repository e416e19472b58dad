"""JSON Schemas of adapter and settings files, for editors; made from the models that check those files."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel
from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonSchemaMode,
    JsonSchemaValue,
    models_json_schema,
)
from pydantic_core import core_schema

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.load import KindWords
from drawbar.spec.model import AdapterFile, TrialSpec

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MODE: JsonSchemaMode = "validation"
_REFERENCE: JsonObject = {
    "type": "string",
    "pattern": r"\$\{.+\}",
    "description": "A reference: ${NAME}, ${NAME:-default} or ${file:PATH}.",
}
_ANNOTATIONS = ("description", "title", "default", "examples")


class _Generator(GenerateJsonSchema):
    """Knows that a validator before a model is there to take its short form, a text."""

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        inner = super().function_before_schema(schema)
        if "$ref" in inner and "json_schema_input_schema" not in schema:
            return {"anyOf": [{"type": "string"}, inner]}
        return inner


def adapter_schema(kinds: Mapping[str, KindWords]) -> JsonObject:
    """The schema of adapter files with these kinds; `backend.kind` decides about the other words."""
    models: list[type[BaseModel]] = [AdapterFile, TrialSpec]
    for kind in kinds.values():
        models += [kind.options, kind.function]
    references, document = models_json_schema(
        [(model, _MODE) for model in models], by_alias=True, schema_generator=_Generator
    )
    definitions = document["$defs"]
    head = definitions.pop(_name(references[AdapterFile, _MODE]))
    for name, kind in kinds.items():
        options = definitions[_name(references[kind.options, _MODE])]
        options["properties"]["kind"] = {"const": name}
    properties = head["properties"]
    properties["adapter"]["pattern"] = "^[a-z][a-z0-9_]*$"
    properties["backend"] = {
        "type": "object",
        "description": properties["backend"]["description"],
        "required": ["kind"],
        "properties": {"kind": {"enum": list(kinds)}},
    }
    properties["functions"]["propertyNames"] = {"pattern": "^[a-z][a-z0-9_]*$"}
    properties["tests"]["items"] = references[TrialSpec, _MODE]
    head["allOf"] = [
        _for_kind(name, references[kind.options, _MODE], references[kind.function, _MODE])
        for name, kind in kinds.items()
    ]
    head["$defs"] = definitions
    return _document(head, "Drawbar adapter", "One backend and the functions on it.")


def _name(reference: JsonValue) -> str:
    assert isinstance(reference, dict)  # noqa: S101 -- pydantic answers {"$ref": ...}
    return str(reference["$ref"]).rpartition("/")[2]


def _for_kind(name: str, options: JsonValue, function: JsonValue) -> JsonObject:
    return {
        "if": {
            "properties": {"backend": {"properties": {"kind": {"const": name}}}},
            "required": ["backend"],
        },
        "then": {
            "properties": {"backend": options, "functions": {"additionalProperties": function}}
        },
    }


def settings_schema(
    model: type[BaseModel], kinds: Mapping[str, type[BaseModel]] | None = None
) -> JsonObject:
    """The schema of a settings file; `kinds` are the models of what stands under `kinds:`, by kind."""
    models = [(each, _MODE) for each in (model, *(kinds or {}).values())]
    references, document = models_json_schema(models, by_alias=True, schema_generator=_Generator)
    definitions = document["$defs"]
    schema = definitions.pop(_name(references[model, _MODE]))
    if kinds:
        schema["properties"]["kinds"] |= {
            "properties": {name: references[each, _MODE] for name, each in kinds.items()},
            "additionalProperties": False,
        }
    if definitions:
        schema["$defs"] = definitions
    return _document(schema, "Drawbar settings", str(schema.get("description", "")))


def _document(schema: JsonObject, title: str, description: str) -> JsonObject:
    written = _with_references(schema)
    assert isinstance(written, dict)  # noqa: S101 -- a schema with properties stays an object
    return {"$schema": _DIALECT, **written, "title": title, "description": description}


def _with_references(value: JsonValue) -> JsonValue:
    """Where a number, true/false or a text of a certain form stands, a reference may stand as well."""
    if isinstance(value, list):
        return [_with_references(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    result = {
        key: inner if key in ("const", "enum", "default", "examples") else _with_references(inner)
        for key, inner in value.items()
        if key != "title"
    }
    if value.get("type") in ("integer", "number", "boolean") or (
        value.get("type") == "string" and "pattern" in value
    ):
        around = {key: result.pop(key) for key in _ANNOTATIONS if key in result}
        return {**around, "anyOf": [result, _REFERENCE]}
    return result
