"""Schemas of OpenAPI documents become JSON Schema 2020-12 that says what a request may hold."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from drawbar.backends.http.openapi.bundle import Bundle
from drawbar.backends.http.openapi.documents import (
    BrokenReference,
    Documents,
    UnreadableDocument,
    parse_document,
)
from drawbar.backends.http.openapi.schemas import Schemas


def schemas(tmp_path: Path, text: str, version: str = "3.0") -> Schemas:
    path = tmp_path / "api.yaml"
    path.write_text(textwrap.dedent(text))
    return Schemas(Documents(path), version)


def whole(tmp_path: Path, text: str, version: str = "3.0") -> Any:
    made = schemas(tmp_path, text, version)
    reference = made.write({"$ref": "#/components/schemas/it"})["$ref"]
    return made.definition(str(reference).removeprefix("#/$defs/"))


IT = "components: {schemas: {it: "


@pytest.mark.parametrize(
    ("version", "schema", "expected"),
    [
        ("3.0", "{type: string, nullable: true}", {"type": ["string", "null"]}),
        ("3.1", '{type: [string, "null"]}', {"type": ["string", "null"]}),
        (
            "3.0",
            "{type: string, nullable: true, enum: [a]}",
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            "3.1",
            '{anyOf: [{type: string}, {type: "null"}]}',
            {"type": ["string", "null"]},
        ),
        (
            "3.0",
            "{type: integer, minimum: 3, exclusiveMinimum: true, maximum: 9}",
            {"type": "integer", "exclusiveMinimum": 3, "maximum": 9},
        ),
        ("3.1", "{type: integer, exclusiveMinimum: 3}", {"type": "integer", "exclusiveMinimum": 3}),
        ("3.0", "{type: string, format: date}", {"type": "string", "format": "date"}),
        (
            "3.0",
            "{type: string, format: google-duration}",
            {"type": "string", "description": "Format: google-duration."},
        ),
        ("3.0", "{type: string, enum: [1, 2]}", {"type": "string", "enum": ["1", "2"]}),
        ("3.0", "{type: string, enum: [no, on]}", {"type": "string", "enum": ["no", "on"]}),
        ("3.0", "{enum: [1, true]}", {"enum": [1, True]}),
        ("3.1", "{const: 5}", {"const": 5}),
        (
            "3.0",
            "{type: integer, default: 20, description: How many}",
            {"type": "integer", "description": "How many. Default: 20."},
        ),
        (
            "3.0",
            '{type: string, pattern: "(?<x", description: Odd}',
            {"type": "string", "description": "Odd. Has to match (?<x"},
        ),
        ("3.0", '{type: string, pattern: "/^a$/"}', {"type": "string", "pattern": "^a$"}),
        ("3.0", "{type: array}", {"type": "array", "items": {}}),
        ("3.0", "{type: object}", {"type": "object", "additionalProperties": True}),
        (
            "3.0",
            "{type: object, additionalProperties: {type: integer}}",
            {"type": "object", "additionalProperties": {"type": "integer"}},
        ),
        ("3.0", "{}", {}),
        ("3.0", "{type: String}", {"type": "string"}),
    ],
)
def test_a_value_is_written_in_one_form_whatever_the_version(
    tmp_path: Path, version: str, schema: str, expected: Any
) -> None:
    assert whole(tmp_path, f"{IT}{schema}}}}}", version) == expected


def test_all_of_is_merged_and_the_closed_object_has_the_properties_of_all(tmp_path: Path) -> None:
    text = """
        components:
          schemas:
            base: {type: object, required: [a], properties: {a: {type: string}, c: {type: number}}}
            it:
              allOf:
                - $ref: "#/components/schemas/base"
                - {required: [b], properties: {b: {type: boolean}, c: {type: integer, minimum: 1}}}
              description: Both.
        """

    assert whole(tmp_path, text) == {
        "type": "object",
        "description": "Both.",
        "properties": {
            "a": {"type": "string"},
            "c": {"type": "integer", "minimum": 1},
            "b": {"type": "boolean"},
        },
        "required": ["a", "b"],
        "additionalProperties": False,
    }


def test_what_only_a_server_writes_is_not_offered(tmp_path: Path) -> None:
    text = """
        components:
          schemas:
            stamp: {type: string, readOnly: true}
            it:
              type: object
              required: [id, name, made]
              properties:
                id: {type: integer, readOnly: true}
                made: {$ref: "#/components/schemas/stamp"}
                name: {type: string}
                secret: {type: string, writeOnly: true}
        """

    found = whole(tmp_path, text)

    assert list(found["properties"]) == ["name", "secret"]
    assert found["required"] == ["name"]


def test_alternatives_with_a_discriminator_say_which_one_they_are(tmp_path: Path) -> None:
    text = """
        components:
          schemas:
            cat: {type: object, properties: {kind: {type: string}, lives: {type: integer}}}
            dog: {type: object, properties: {kind: {type: string}, tricks: {type: integer}}}
            it:
              oneOf: [{$ref: "#/components/schemas/cat"}, {$ref: "#/components/schemas/dog"}]
              discriminator:
                propertyName: kind
                mapping: {feline: "#/components/schemas/cat", canine: dog}
        """

    found = whole(tmp_path, text)

    assert [each["properties"]["kind"] for each in found["anyOf"]] == [
        {"type": "string", "enum": ["feline"]},
        {"type": "string", "enum": ["canine"]},
    ]
    assert [each["required"] for each in found["anyOf"]] == [["kind"], ["kind"]]


def test_a_schema_with_a_discriminator_stands_for_its_heirs(tmp_path: Path) -> None:
    text = """
        swagger: "2.0"
        definitions:
          pet: {type: object, discriminator: kind, required: [kind], properties: {kind: {type: string}}}
          cat: {allOf: [{$ref: "#/definitions/pet"}, {properties: {lives: {type: integer}}}]}
          lion: {allOf: [{$ref: "#/definitions/cat"}, {properties: {mane: {type: boolean}}}]}
        """
    made = schemas(tmp_path, text, "2.0")

    pet = made.write({"$ref": "#/definitions/pet"})

    assert pet == {"$ref": "#/$defs/pet"}
    assert made.definition("pet") == {"anyOf": [{"$ref": "#/$defs/cat"}, {"$ref": "#/$defs/lion"}]}
    lion: Any = made.definition("lion")
    assert lion["properties"]["kind"] == {"type": "string", "enum": ["lion"]}
    assert list(lion["properties"]) == ["kind", "lives", "mane"]


def test_what_holds_beside_alternatives_holds_for_each_of_them(tmp_path: Path) -> None:
    text = """
        components:
          schemas:
            it:
              type: object
              properties: {a: {type: string}, b: {type: string}}
              anyOf: [{required: [a]}, {required: [b]}]
        """

    found = whole(tmp_path, text)

    assert [each["required"] for each in found["anyOf"]] == [["a"], ["b"]]
    assert all(list(each["properties"]) == ["a", "b"] for each in found["anyOf"])


def test_a_circle_is_a_reference_to_itself(tmp_path: Path) -> None:
    text = """
        components:
          schemas:
            it:
              type: object
              properties: {name: {type: string}, inside: {type: array, items: {$ref: "#/components/schemas/it"}}}
        """

    found = whole(tmp_path, text)

    assert found["properties"]["inside"]["items"] == {"$ref": "#/$defs/it"}


def test_words_beside_a_reference_are_kept(tmp_path: Path) -> None:
    text = """
        components:
          schemas:
            place: {type: object, properties: {x: {type: number}}}
            it:
              type: object
              properties:
                from: {$ref: "#/components/schemas/place", description: Where it begins}
                to: {allOf: [{$ref: "#/components/schemas/place"}], nullable: true}
        """

    found = whole(tmp_path, text)

    assert found["properties"] == {
        "from": {"description": "Where it begins.", "$ref": "#/$defs/place"},
        "to": {"anyOf": [{"$ref": "#/$defs/place"}, {"type": "null"}]},
    }


def test_references_reach_files_beside_the_document_and_back(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/port.yaml").write_text(
        "port: {type: object, properties: {code: {$ref: 'codes.json#/code'}, of: {$ref: '../api.yaml#/x'}}}"
    )
    (tmp_path / "parts/codes.json").write_text('{"code": {"type": "string", "maxLength": 3}}')
    made = schemas(tmp_path, "x: {type: boolean}")

    found = made.write({"$ref": "parts/port.yaml#/port"})

    assert found == {"$ref": "#/$defs/port"}
    port: Any = made.definition("port")
    assert made.definition(port["properties"]["code"]["$ref"].rpartition("/")[2]) == {
        "type": "string",
        "maxLength": 3,
    }
    assert made.definition(port["properties"]["of"]["$ref"].rpartition("/")[2]) == {
        "type": "boolean"
    }


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("#/components/schemas/none", "leads nowhere"),
        ("gone.yaml#/x", "the file `gone.yaml` cannot be used: No such file or directory"),
        ("../../secret.yaml#/x", "is not beside the document"),
        ("/etc/passwd", "is not beside the document"),
        ("https://example.com/x.json#/a", "nothing is fetched while compiling"),
        ("#/a", "leads to itself"),
    ],
)
def test_a_reference_that_cannot_be_followed_says_why(
    tmp_path: Path, reference: str, why: str
) -> None:
    made = schemas(tmp_path, "a: {$ref: '#/b'}\nb: {$ref: '#/a'}\n")

    with pytest.raises(BrokenReference, match=why):
        made.documents.followed({"$ref": reference})


def test_yaml_means_what_yaml_1_2_says() -> None:
    text = "{a: no, b: 2020-01-02, c: 012, d: 1e3, e: ~, on: 0.5, f: &x {g: 1}, h: {<<: *x, i: 2}}"

    assert parse_document(text.encode()) == {
        "a": "no",
        "b": "2020-01-02",
        "c": "012",
        "d": 1000.0,
        "e": None,
        "on": 0.5,
        "f": {"g": 1},
        "h": {"g": 1, "i": 2},
    }


@pytest.mark.parametrize(
    "text",
    [
        "{a: [}",
        "&a {b: *a}",
        "!!python/object:os.system {}",
        "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n"
            for n in range(9)
        ),
        '{"a": ',
    ],
)
def test_what_is_no_document_is_refused_without_harm(text: str) -> None:
    with pytest.raises(UnreadableDocument):
        parse_document(text.encode())


def test_json_and_yaml_of_one_document_are_read_alike() -> None:
    document = {"openapi": "3.1.0", "paths": {"/a": {"get": {"x": [1, 2.5, None, True, "on"]}}}}

    assert parse_document(json.dumps(document).encode()) == document
    assert parse_document(yaml.safe_dump(document).encode()) == document


@pytest.mark.parametrize(
    ("either", "word"),
    [
        # each can say what the other cannot, and both take the rest
        ("[{properties: {a: {}, c: {}}}, {properties: {b: {}, c: {}}}]", "oneOf"),
        ("[{required: [a], properties: {a: {}}}, {required: [b], properties: {b: {}}}]", "oneOf"),
        ("[{type: string}, {type: integer}]", "oneOf"),
        # enforced, no value would be left for one of them
        ("[{properties: {a: {}}}, {properties: {a: {}, b: {}}}]", "anyOf"),
        ("[{type: integer}, {type: number}]", "anyOf"),
        ("[{type: string, enum: [x]}, {type: string}]", "anyOf"),
        ("[{type: string, format: date}, {type: string, format: date-time}]", "anyOf"),
        ("[{properties: {a: {}}}, {}]", "anyOf"),
    ],
)
def test_one_of_is_enforced_where_each_alternative_can_be_said(
    tmp_path: Path, either: str, word: str
) -> None:
    made = schemas(tmp_path, f"x: {{oneOf: {either}}}")

    written = Bundle([root := made.write({"$ref": "#/x"})], made.definition).whole(root)

    assert word in json.dumps(written)
    assert ({"oneOf": "anyOf", "anyOf": "oneOf"}[word]) not in json.dumps(written)
    assert "x-exactly-one" not in json.dumps(written)


def test_a_comment_behind_a_tab_is_one_and_a_text_keeps_its_tabs() -> None:
    text = b"a: |\n  one\n  \t# no comment\nb:\n\t\t# a comment\n\t\n  c: 1\n"

    assert parse_document(text) == {"a": "one\n\t# no comment\n", "b": {"c": 1}}


def test_a_tab_in_front_of_a_key_is_no_yaml() -> None:
    with pytest.raises(UnreadableDocument):
        parse_document(b"a:\n\tb: 1\n")
