from __future__ import annotations

from pathlib import Path

import pytest
from mcp.types import Tool

from drawbar.compiler.dialects import DIALECTS, gemini_schema, render
from drawbar.compiler.function import Function
from drawbar.compiler.toolset import compile_adapter
from drawbar.kernel.values import JsonObject
from drawbar.spec.load import parse_adapter
from echo_kind import EchoKinds

TEXT = """
adapter: hr
backend: {kind: echo}
functions:
  find:
    description: Find people.
    parameters:
      name: {type: string, min_length: 2, description: Part of the name.}
      limit: {type: integer, default: 10}
  set: {description: Change., effect: write, idempotency: {repeatable: true}}
  drop: {description: Drop., effect: destroy}
  odd: {description: Odd., contract: {a: {type: array, prefixItems: [{type: string}]}}}
"""


def functions() -> dict[str, Function]:
    kinds = EchoKinds()
    compiled = compile_adapter(parse_adapter(TEXT, "a.yaml", Path(), kinds, {}), kinds)
    return {function.local_name: function for function in compiled.functions}


def test_strict_openai_reads_the_strict_schema() -> None:
    assert render(functions()["find"], "openai-strict") == {
        "type": "function",
        "function": {
            "name": "hr_find",
            "description": "Find people.",
            "parameters": {
                "type": "object",
                "properties": {
                    "name": {
                        "type": "string",
                        "description": "Part of the name. At least 2 characters.",
                    },
                    "limit": {"type": ["integer", "null"], "description": "Default: 10."},
                },
                "required": ["name", "limit"],
                "additionalProperties": False,
            },
            "strict": True,
        },
    }


def test_what_has_no_strict_form_is_offered_without() -> None:
    odd = functions()["odd"]

    assert render(odd, "openai-strict") == render(odd, "openai")
    assert render(odd, "openai") == {
        "type": "function",
        "function": {
            "name": "hr_odd",
            "description": "Odd.",
            "parameters": odd.schema,
            "strict": False,
        },
    }


def test_anthropic_reads_the_full_schema() -> None:
    find = functions()["find"]

    assert render(find, "anthropic") == {
        "name": "hr_find",
        "description": "Find people.",
        "input_schema": find.schema,
    }


@pytest.mark.parametrize(
    ("name", "hints"),
    [
        ("find", {"readOnlyHint": True, "openWorldHint": False}),
        (
            "set",
            {
                "readOnlyHint": False,
                "openWorldHint": False,
                "destructiveHint": False,
                "idempotentHint": True,
            },
        ),
        (
            "drop",
            {
                "readOnlyHint": False,
                "openWorldHint": False,
                "destructiveHint": True,
                "idempotentHint": False,
            },
        ),
    ],
)
def test_mcp_is_told_what_the_author_declared(name: str, hints: JsonObject) -> None:
    function = functions()[name]

    tool = render(function, "mcp")

    assert tool["annotations"] == hints
    assert tool["inputSchema"] == function.schema
    Tool.model_validate(tool)


def test_every_dialect_renders_every_function() -> None:
    for function in functions().values():
        for dialect in DIALECTS:
            assert "hr_" in str(render(function, dialect))


def test_gemini_reads_its_own_subset() -> None:
    assert render(functions()["find"], "gemini") == {
        "name": "hr_find",
        "description": "Find people.",
        "parameters": {
            "type": "OBJECT",
            "properties": {
                "name": {"type": "STRING", "minLength": 2, "description": "Part of the name."},
                "limit": {"type": "INTEGER", "default": 10},
            },
            "required": ["name"],
            "propertyOrdering": ["name", "limit"],
        },
    }


def test_gemini_gets_no_parameters_where_there_are_none() -> None:
    assert render(functions()["set"], "gemini") == {"name": "hr_set", "description": "Change."}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}),
        ({"type": "string", "enum": ["a", None]}, {"type": "STRING", "enum": ["a"]}),
        ({"const": "a"}, {"type": "STRING", "enum": ["a"]}),
        ({"const": True}, {"type": "BOOLEAN", "description": "One of true."}),
        (
            {"type": "integer", "enum": [1, 2], "description": "Stars."},
            {"type": "INTEGER", "description": "Stars. One of 1, 2."},
        ),
        ({"enum": []}, {"enum": []}),
        ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
        ({"type": "string", "format": "date"}, {"type": "STRING", "description": "Format: date."}),
        (
            {"type": "string", "examples": ["a", "b"]},
            {"type": "STRING", "description": 'For example "a", "b".'},
        ),
        (
            {"type": "number", "multipleOf": 0.5},
            {"type": "NUMBER", "description": "multipleOf: 0.5"},
        ),
        (
            {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "maxItems": 3},
            {
                "type": "ARRAY",
                "items": {"type": "STRING"},
                "maxItems": 3,
                "description": "uniqueItems: true",
            },
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            {"anyOf": [{"type": "STRING"}], "nullable": True},
        ),
        (
            {"oneOf": [{"type": "string"}, {"type": "integer"}]},
            {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]},
        ),
    ],
)
def test_what_gemini_cannot_say_goes_to_the_description(
    schema: JsonObject, expected: JsonObject
) -> None:
    assert gemini_schema(schema) == expected


def test_gemini_gets_references_written_out_once() -> None:
    task: JsonObject = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/Task"}},
    }
    schema: JsonObject = {
        "type": "object",
        "properties": {
            "first": {"$ref": "#/$defs/Task", "description": "Where it starts."},
            "second": {"$ref": "#/$defs/Task"},
            "lost": {"$ref": "#/$defs/Nothing"},
        },
        "$defs": {"Task": task},
    }
    written = {
        "type": "OBJECT",
        "properties": {
            "name": {"type": "STRING"},
            "next": {"type": "OBJECT", "description": "Again a Task."},
        },
        "propertyOrdering": ["name", "next"],
    }

    assert gemini_schema(schema)["properties"] == {
        "first": {**written, "description": "Where it starts."},
        "second": written,
        "lost": {"type": "OBJECT", "description": "Again a Nothing."},
    }
