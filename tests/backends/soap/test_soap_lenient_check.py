"""Contracts with a slip for which libxml2 refuses the whole schema: all the rest of it is checked even so."""

from __future__ import annotations

from pathlib import Path

import pytest

from drawbar.backends.soap.contract.wsdl import Operation, read_contract
from drawbar.backends.soap.message.check import body_check
from drawbar.backends.soap.message.request import WrongValue, bodies_of
from drawbar.kernel.values import JsonObject

from .soap_contract import write_contract

LATE = '<xs:simpleType><xs:restriction base="xs:date"><xs:minInclusive value="2020-01-01"/></xs:restriction></xs:simpleType>'
"""A rule that only the check of the finished body knows."""
PATTERN = '<xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="(?i)a+"/></xs:restriction></xs:simpleType>'


def call(elements: str) -> str:
    return (
        f'<xs:element name="Call"><xs:complexType><xs:sequence>{elements}'
        f'<xs:element name="Day">{LATE}</xs:element></xs:sequence></xs:complexType></xs:element>'
    )


def problem(fragment: str, values: JsonObject, folder: Path) -> str | None:
    contract = read_contract(write_contract(fragment, folder))
    operation = contract.operation(contract.ports[0], "Call")
    check = body_check(contract, operation)
    assert check.works
    (body,) = bodies_of(operation, values)
    return check.problem(body)


@pytest.mark.parametrize(
    ("elements", "values"),
    [
        (
            '<xs:element name="Pin" type="xs:int" minOccurs="0"/><xs:any minOccurs="0" processContents="lax"/>',
            {"Pin": 7},
        ),
        (
            2 * '<xs:element name="Kind" type="xs:int" minOccurs="0"/>',
            {"Kind": 1, "Kind_2": 2},
        ),
        (
            f'<xs:element name="Code">{PATTERN}</xs:element>',
            {"Code": "A"},
        ),
    ],
    ids=[
        "a wildcard that could be the next element",
        "an element twice",
        "a pattern of another language",
    ],
)
def test_what_is_sound_is_checked(elements: str, values: JsonObject, tmp_path: Path) -> None:
    fine = problem(call(elements), {**values, "Day": "2020-01-01"}, tmp_path)
    early = problem(call(elements), {**values, "Day": "2019-12-31"}, tmp_path)

    assert fine is None
    assert early is not None
    assert "2019-12-31" in early


def test_a_slip_elsewhere_does_not_narrow_what_a_wildcard_takes(tmp_path: Path) -> None:
    fragment = call(
        f'<xs:any processContents="lax"/><xs:element name="Code">{PATTERN}</xs:element>'
    )
    values: JsonObject = {"any": "<own/>", "Code": "A", "Day": "2020-01-01"}

    assert problem(fragment, values, tmp_path) is None
    assert problem(fragment, {**values, "Day": "2019-12-31"}, tmp_path) is not None


def operation_of(fragment: str, folder: Path) -> Operation:
    contract = read_contract(write_contract(fragment, folder))
    return contract.operation(contract.ports[0], "Call")


@pytest.mark.parametrize(
    ("allowed", "given", "rule"),
    [
        ("##other", "<a/>", "of a namespace other than urn:case"),
        ("##other", '<a xmlns="urn:case"/>', "of a namespace other than urn:case"),
        ("urn:b ##local", '<a xmlns="urn:d"/>', "of the namespace none or urn:b"),
        ("##local", '<a xmlns="urn:b"/>', "without a namespace"),
        ("##targetNamespace", "<a/>", "of the namespace urn:case"),
    ],
)
def test_an_element_of_another_namespace_than_the_contract_wants_is_refused(
    allowed: str, given: str, rule: str, tmp_path: Path
) -> None:
    fragment = call(f'<xs:any processContents="lax" namespace="{allowed}"/>')

    with pytest.raises(WrongValue) as refused:
        bodies_of(operation_of(fragment, tmp_path), {"any": given, "Day": "2020-01-01"})

    assert str(refused.value) == f"any: the element has to be {rule}"


def test_each_name_of_a_list_has_its_namespace(tmp_path: Path) -> None:
    names = '<xs:simpleType><xs:list itemType="xs:QName"/></xs:simpleType>'
    fragment = call(f'<xs:element name="Types">{names}</xs:element>')
    values: JsonObject = {"Types": ["{urn:x}Scanner", "Printer"], "Day": "2020-01-01"}

    (body,) = bodies_of(operation_of(fragment, tmp_path), values)

    prefix = next(prefix for prefix, uri in body[0].nsmap.items() if uri == "urn:x")
    assert body[0].text == f"{prefix}:Scanner Printer"
    assert problem(fragment, values, tmp_path) is None
