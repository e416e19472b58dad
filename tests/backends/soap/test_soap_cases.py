"""One construct of XSD a file: what is published for it, and that what is sent for it is valid.

A case has three parts: a fragment of XSD, YAML for `parameters:` (often none), the expected schema.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from lxml import etree

from drawbar.backends import InstalledKinds
from drawbar.backends.soap.compile import Binding
from drawbar.backends.soap.message.check import body_check
from drawbar.backends.soap.message.reply import Reading
from drawbar.backends.soap.message.request import body_of, nested
from drawbar.compiler.function import Function
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.spec.load import parse_adapter

from .instances import Instances
from .soap_contract import schema_around, write_contract

CASES = sorted((Path(__file__).parent / "cases").glob("*.case"))
IMPORTING = Path(__file__).parent / "cases" / "well_known_schemas.case"
BEYOND = Path(__file__).parent / "cases" / "beyond_json_schema.case"
LINE = "----------\n"


def compile_case(path: Path, folder: Path) -> tuple[CompiledAdapter, str, dict[str, Any]]:
    fragment, own, expected = path.read_text().split(LINE)
    write_contract(fragment, folder)
    parameters = textwrap.indent(own or "{}\n", "      ")
    text = f"""
adapter: case
backend: {{kind: soap, wsdl: case.wsdl, endpoint: "http://nowhere.invalid/"}}
functions:
  call:
    operation: Call
    description: Case.
    parameters:
{parameters}
"""
    kinds = InstalledKinds()
    adapter = compile_adapter(parse_adapter(text, "case.yaml", folder, kinds, {}), kinds)
    return adapter, fragment, json.loads(expected)


def only(adapter: CompiledAdapter) -> Function:
    assert [str(each) for each in adapter.problems if each.severity == "error"] == []
    return adapter.functions[0]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_schema_of(path: Path, tmp_path: Path) -> None:
    adapter, _, expected = compile_case(path, tmp_path)

    assert only(adapter).schema == expected


@pytest.mark.parametrize(
    "path", [each for each in CASES if each not in {BEYOND, IMPORTING}], ids=lambda path: path.stem
)
def test_everything_the_schema_allows_is_valid_xml_and_comes_back(
    path: Path, tmp_path: Path
) -> None:
    adapter, fragment, _ = compile_case(path, tmp_path)
    function = only(adapter)
    binding = function.binding
    assert isinstance(binding, Binding)
    whole = etree.XMLSchema(etree.fromstring(schema_around(fragment)))
    validator = jsonschema_rs.Draft202012Validator(function.schema, validate_formats=True)
    filled = {each.name: each.value for each in function.parameters if each.source == "const"}
    filled |= {each.name: "1042" for each in function.parameters if each.source == "caller"}

    for seed in range(25):
        arguments = Instances(function.schema, seed, dense=seed / 24).make()
        validator.validate(arguments)
        values = nested({**arguments, **filled}, binding.places)
        body = body_of(binding.operation, values)
        assert body is not None
        whole.assertValid(body)
        again = etree.fromstring(etree.tostring(body))
        Reading(binding.contract.shapes).root(again, binding.operation.reply)


@pytest.mark.parametrize(
    ("changed", "value"),
    [("Later", "2019-12-31"), ("Odd", "latin"), ("Padded", 1000), ("Fewer", "2XX")],
)
def test_what_json_schema_cannot_say_is_checked_against_the_xsd(
    tmp_path: Path, changed: str, value: str | int
) -> None:
    adapter, _, _ = compile_case(BEYOND, tmp_path)
    binding = only(adapter).binding
    assert isinstance(binding, Binding)
    check = body_check(binding.contract, binding.operation)
    fine = {"Fewer": "123", "Later": "2020-01-01", "Odd": "\u0b95", "Padded": 7}

    def problem(arguments: dict[str, Any]) -> str | None:
        body = body_of(binding.operation, nested(arguments, binding.places))
        assert body is not None
        return check.problem(body)

    assert problem(fine) is None
    found = problem({**fine, changed: value})
    assert found is not None
    assert changed in found


def test_what_was_dropped_from_the_schema_is_reported(tmp_path: Path) -> None:
    adapter, _, _ = compile_case(BEYOND, tmp_path)

    found = [str(each).splitlines()[0] for each in adapter.problems if each.code == "DB410"]

    assert found == [
        "case.yaml:6:5: DB410 warning: the pattern `[0-9]{1,3}` of `Call` cannot be written as JSON Schema",
        "case.yaml:6:5: DB410 warning: the pattern `\\p{IsTamil}+` of `Call` cannot be written as JSON Schema",
    ]
