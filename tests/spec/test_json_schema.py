from __future__ import annotations

from typing import Annotated

import jsonschema_rs
import pytest
from pydantic import BeforeValidator

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.json_schema import adapter_schema, settings_schema
from drawbar.spec.load import read_source
from drawbar.spec.model import LimitsSpec, Spec
from echo_kind import EchoKind

SCHEMA = adapter_schema({"echo": EchoKind()})
HEAD = "adapter: hr\nbackend: {kind: echo, port: 80}\n"


def accepts(schema: JsonObject, text: str) -> bool:
    data: JsonValue = read_source(text, "f")[0].data
    return jsonschema_rs.Draft202012Validator(schema).is_valid(data)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "functions: {get: {effect: read, says: x}}",
        HEAD + "functions: {get: {steps: [short, {say: long, times: 2}]}}",
        HEAD + "limits: {timeout: 20s, rate: 5/s, rows: 5}\nfunctions: {}",
        "adapter: hr\nbackend: {kind: echo, port: '${PORT}', verify: '${V:-true}'}\nfunctions: {}",
        HEAD + "functions: {}\ntests: [{name: x, call: {get: {}}, expect: {succeeded: 1}}]",
        HEAD + "functions: {get: {parameters: {a: {type: string, from: caller.subject}}}}",
    ],
)
def test_an_editor_takes_a_right_adapter(text: str) -> None:
    assert accepts(SCHEMA, text)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "adapter: HR\nbackend: {kind: echo}\nfunctions: {}",
        "adapter: hr\nbackend: {kind: other}\nfunctions: {}",
        "adapter: hr\nbackend: {kind: echo, prot: 80}\nfunctions: {}",
        "adapter: hr\nbackend: {kind: echo, port: x}\nfunctions: {}",
        HEAD + "functions: {Get: {}}",
        HEAD + "functions: {get: {steps: [5]}}",
        HEAD + "functions: {get: {steps: [{say: x, tmies: 2}]}}",
        HEAD + "functions: {get: {unknown: 1}}",
        HEAD + "limits: {timeout: 20}\nfunctions: {}",
        HEAD + "functions: {}\ntests: [{}]",
        HEAD + "unknown: 1\nfunctions: {}",
    ],
)
def test_an_editor_marks_a_wrong_adapter(text: str) -> None:
    assert not accepts(SCHEMA, text)


def test_descriptions_of_the_models_are_there_to_read() -> None:
    definitions = SCHEMA["$defs"]
    assert isinstance(definitions, dict)
    limits = definitions["LimitsSpec"]
    assert isinstance(limits, dict)
    assert limits["description"] == "How much of a backend its functions may use."


def test_settings_have_a_schema_of_their_own() -> None:
    schema = settings_schema(LimitsSpec)

    assert schema["title"] == "Drawbar settings"
    assert accepts(schema, "timeout: 20s\nconcurrency: ${N}\nrows: 5")
    assert not accepts(schema, "timeuot: 20s")


class Shouted(Spec):
    word: Annotated[str, BeforeValidator(str)] = "x"


def test_a_validator_before_a_scalar_changes_nothing() -> None:
    assert settings_schema(Shouted)["properties"] == {"word": {"default": "x", "type": "string"}}
