from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbar.compiler.strict import (
    LONG_ENUM,
    MAX_CHARACTERS,
    MAX_CHOICES,
    MAX_LEVELS,
    MAX_LONG_ENUM,
    MAX_PROPERTIES,
    Strict,
    nullable,
    strict_schema,
    type_of,
)
from drawbar.compiler.strict_values import from_strict
from drawbar.kernel.values import JsonObject, JsonValue


def arguments(*required: str, **properties: Any) -> JsonObject:  # schemas, written as keywords
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list[JsonValue](required),
        "additionalProperties": False,
    }


def test_a_schema_that_is_strict_already_is_the_same_object() -> None:
    schema = arguments("a", a={"type": "string", "enum": ["x", "y"]})

    strict = strict_schema(schema)

    assert strict == Strict(schema)
    assert strict.schema is schema


def test_what_the_model_is_not_held_to_is_told_to_it() -> None:
    schema = arguments(
        "a", a={"type": "string", "description": "A name", "minLength": 2, "$comment": "unseen"}
    )

    strict = strict_schema(schema)

    assert strict == Strict(
        arguments("a", a={"type": "string", "description": "A name. At least 2 characters."}),
        ("`min_length` of `a`",),
    )


def nested(levels: int) -> JsonObject:
    schema: JsonObject = arguments()
    for _ in range(levels - 1):
        schema = arguments("a", a=schema)
    return schema


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (nested(MAX_LEVELS + 1), f"is nested more than {MAX_LEVELS} levels deep"),
        (
            arguments(**{f"p{i}": {"type": "string"} for i in range(MAX_PROPERTIES + 1)}),
            f"it has {MAX_PROPERTIES + 1} properties; {MAX_PROPERTIES} is the limit",
        ),
        (
            arguments(a={"type": "integer", "enum": [*range(MAX_CHOICES + 1)]}),
            f"it has {MAX_CHOICES + 1} values of enums; {MAX_CHOICES} is the limit",
        ),
        (
            arguments(a={"const": "x" * MAX_CHARACTERS}),
            f"it has {MAX_CHARACTERS + 1} characters in names and enums; {MAX_CHARACTERS} is the limit",
        ),
        (
            arguments(a={"enum": [f"{i:0100}" for i in range(LONG_ENUM + 1)]}),
            f"the enum of `a` has {100 * (LONG_ENUM + 1)} characters; {MAX_LONG_ENUM} is the limit",
        ),
        (arguments(a={"enum": []}), "`a` takes a value of any type"),
        (arguments(a=False), "`a` takes no value at all"),
        (arguments(a={"type": "array", "items": False}), "`a` is a list of nothing"),
        ({"type": "object", "properties": {}}, "any argument is taken"),
        ({"anyOf": [arguments(), arguments()]}, "the arguments have several shapes"),
        (arguments(a={"allOf": [True]}), "`a` has to fit several schemas at once (allOf)"),
    ],
)
def test_what_is_beyond_strict_mode_has_no_strict_schema_and_says_why(
    schema: JsonObject, why: str
) -> None:
    strict = strict_schema(schema)

    assert strict.schema is None
    assert len(strict.lost) == 1
    assert why in strict.lost[0]


def test_the_limits_themselves_are_allowed() -> None:
    assert strict_schema(nested(MAX_LEVELS)).schema is not None
    assert (
        strict_schema(arguments(a={"type": "integer", "enum": [*range(MAX_CHOICES)]})).schema
        is not None
    )


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, {"type": ["string", "null"]}),
        ({"type": ["string", "null"], "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"type": ["string", "integer"]}, {"type": ["string", "integer", "null"]}),
        ({"type": "null"}, {"type": "null"}),
        ({"anyOf": [True]}, {"anyOf": [True, {"type": "null"}]}),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, {"anyOf": [{"type": "null"}, {"type": "string"}]}),
        ({"$ref": "#/$defs/A"}, {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}),
        (
            {"type": "integer", "const": 5, "description": "Five."},
            {"description": "Five.", "anyOf": [{"type": "integer", "const": 5}, {"type": "null"}]},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}], "description": "Two."},
            {"description": "Two.", "anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        ),
    ],
)  # fmt: skip
def test_what_may_be_left_out_may_be_null(schema: JsonObject, expected: JsonObject) -> None:
    assert nullable(schema) == expected


def test_types_of_values_are_named_as_json_schema_does() -> None:
    values: list[JsonValue] = [None, True, 1, 1.5, "a", [], {}]
    assert [type_of(value) for value in values] == [
        *("null", "boolean", "integer", "number", "string", "array", "object")
    ]


def test_an_enum_of_several_types_and_uniqueness_that_is_not_asked_for_lose_nothing() -> None:
    schema = arguments(
        "a",
        "b",
        a={"enum": ["x", 1]},
        b={"type": "array", "items": {"type": "string"}, "uniqueItems": False},
    )

    assert strict_schema(schema) == Strict(
        arguments(
            "a",
            "b",
            a={"type": ["string", "integer"], "enum": ["x", 1]},
            b={"type": "array", "items": {"type": "string"}},
        )
    )


@pytest.mark.parametrize(
    ("schema", "strict", "written", "read"),
    [
        (
            {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2},
            {
                "type": "array",
                "items": arguments(
                    "name", "value", name={"type": "string"}, value={"type": "integer"}
                ),
                "maxItems": 2,
                "description": "Each name once, with its value.",
            },
            [{"name": "x", "value": 1}],
            {"x": 1},
        ),
        (
            {"type": ["object", "null"], "additionalProperties": True, "description": "Free"},
            {"type": ["string", "null"], "description": "Free. A JSON object, written as text."},
            '{"x": [1]}',
            {"x": [1]},
        ),
        (
            {"description": "Anything."},
            {
                "type": ["string", "number", "boolean", "null"],
                "description": "Anything. A list or an object is written as JSON text.",
            },
            "[1, {}]",
            [1, {}],
        ),
        (
            {"type": "array"},
            {
                "type": "array",
                "items": {
                    "type": ["string", "number", "boolean", "null"],
                    "description": "A list or an object is written as JSON text.",
                },
            },
            ["plain", 1, '{"x": 1}', "{broken"],
            ["plain", 1, {"x": 1}, "{broken"],
        ),
    ],
)
def test_what_has_no_known_shape_is_written_in_another_form_and_read_back(
    schema: JsonObject, strict: JsonObject, written: JsonValue, read: JsonValue
) -> None:
    whole = arguments("a", a=schema)

    assert strict_schema(whole) == Strict(arguments("a", a=strict))
    assert from_strict({"a": written}, whole, whole) == {"a": read}


def test_of_an_open_object_with_known_properties_the_model_is_told_those() -> None:
    known: JsonObject = {"x": {"type": "integer"}}
    whole = arguments("a", a={"type": "object", "properties": known, "additionalProperties": True})

    strict = strict_schema(whole)

    assert strict.lost == ("the inside of `a`",)
    assert strict.schema == arguments(
        "a",
        a={
            "type": "string",
            "description": 'A JSON object, written as text. It has {"x":{"type":"integer"}}.',
        },
    )


def test_what_may_be_left_out_is_left_out_in_the_alternative_that_is_meant() -> None:
    cat = arguments("kind", kind={"const": "cat"}, lives={"type": "integer"})
    dog = arguments("kind", kind={"enum": ["dog"]}, tricks={"type": "integer"})
    whole = arguments("pet", pet={"anyOf": [cat, dog, {"type": "string"}, {"type": "null"}]})

    def read(pet: JsonValue) -> Any:
        return from_strict({"pet": pet}, whole, whole)["pet"]

    assert read({"kind": "dog", "tricks": None}) == {"kind": "dog"}
    assert read({"kind": "cat", "lives": None}) == {"kind": "cat"}
    assert read({"kind": "cow", "lives": None}) == {"kind": "cow", "lives": None}
    assert read("rex") == "rex"
    assert read(None) is None
    assert read(7) == 7


# Schemas as the compiler makes them, and instances of their strict forms.

names = st.sampled_from(["a", "b", "c", "long_name"])
words = st.sampled_from(["", "x", "yes", "meat", "0"])


@st.composite
def scalars(draw: st.DrawFn) -> JsonObject:
    kind = draw(st.sampled_from(["string", "integer", "number", "boolean"]))
    schema: JsonObject = {"type": kind}
    if draw(st.booleans()):
        schema["description"] = draw(words)
    if kind == "string":
        match draw(st.integers(0, 3)):
            case 0:
                schema["enum"] = [*draw(st.lists(words, min_size=1, max_size=3, unique=True))]
            case 1:
                schema["pattern"] = "^(?:[a-z]{1,3})$"
    elif kind in ("integer", "number") and draw(st.booleans()):
        schema["minimum"] = draw(st.integers(-5, 5))
    if draw(st.booleans()) and "enum" not in schema and "pattern" not in schema:
        schema["type"] = [kind, "null"]
    return schema


def compound(inner: st.SearchStrategy[JsonObject]) -> st.SearchStrategy[JsonObject]:
    def array(items: JsonObject) -> JsonObject:
        return {"type": "array", "items": items, "maxItems": 3}

    def mapping(values: JsonObject) -> JsonObject:
        return {"type": "object", "additionalProperties": values}

    def either(schema: JsonObject) -> JsonObject:
        return {"anyOf": [schema, {"type": "null"}]}

    return inner.map(array) | inner.map(mapping) | objects(inner) | objects(inner).map(either)


def objects(inner: st.SearchStrategy[JsonObject]) -> st.SearchStrategy[JsonObject]:
    @st.composite
    def build(draw: st.DrawFn) -> JsonObject:
        properties = draw(st.dictionaries(names, inner, max_size=3))
        return arguments(*(name for name in properties if draw(st.booleans())), **properties)

    return build()


schemas = objects(st.recursive(scalars(), compound, max_leaves=6))


def instances(schema: Any) -> st.SearchStrategy[Any]:
    """Values of a strict schema, made from it alone."""
    if "anyOf" in schema:
        return st.one_of([instances(member) for member in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([_of_kind(kind, schema) for kind in kinds])


def _of_kind(kind: str, schema: Any) -> st.SearchStrategy[Any]:
    if kind == "string":
        return st.from_regex(r"[a-z]{1,3}", fullmatch=True) if "pattern" in schema else words
    if kind == "array":
        return st.lists(instances(schema["items"]), max_size=3)
    if kind == "object":
        return st.fixed_dictionaries({k: instances(v) for k, v in schema["properties"].items()})
    least = schema.get("minimum", -9)
    return {
        "null": st.none(),
        "integer": st.integers(least, 99),
        "number": st.floats(least, 99),
        "boolean": st.booleans(),
    }[kind]


@given(st.data())
def test_what_strict_mode_lets_a_model_write_fits_the_full_schema(data: st.DataObject) -> None:
    schema = data.draw(schemas)
    strict = strict_schema(schema)
    assert strict.schema is not None
    assert strict.lost == ()

    instance = data.draw(instances(strict.schema))

    jsonschema_rs.Draft202012Validator(strict.schema).validate(instance)
    jsonschema_rs.Draft202012Validator(schema).validate(from_strict(instance, schema, schema))


@given(schemas)
def test_every_object_of_a_strict_schema_is_closed_and_requires_all_it_has(
    schema: JsonObject,
) -> None:
    strict = strict_schema(schema).schema
    assert strict is not None
    jsonschema_rs.meta.validate(strict)

    def check(value: Any) -> None:
        if isinstance(value, dict):
            if "properties" in value and isinstance(value["properties"], dict):
                assert value["required"] == list(value["properties"])
                assert value["additionalProperties"] is False
            for inner in value.values():
                check(inner)
        elif isinstance(value, list):
            for inner in value:
                check(inner)

    check(strict)
