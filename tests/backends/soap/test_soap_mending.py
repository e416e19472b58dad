"""Contracts with slips that tools in the field let pass: they are read, and what is sent is still held against them."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from drawbar.backends.soap.contract.documents import UnreadableXml
from drawbar.backends.soap.contract.wsdl import Contract, Operation, content_of, read_contract
from drawbar.backends.soap.contract.xsd import Unresolved
from drawbar.backends.soap.message.check import body_check
from drawbar.backends.soap.message.request import body_of
from drawbar.backends.soap.publish.schema import Publication
from drawbar.backends.soap.zeep.wire import General
from drawbar.kernel.values import JsonObject

from .soap_contract import schema_around, write_contract

AGE = '<xs:element name="Call"><xs:complexType><xs:sequence>{}</xs:sequence></xs:complexType></xs:element>'
PLAIN = AGE.format('<xs:element name="Age" type="xs:int"/>')
INTEGER = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}


def only(path: Path) -> tuple[Contract, Operation]:
    contract = read_contract(path)
    (port,) = contract.ports
    (name,) = contract.operations(port)
    return contract, contract.operation(port, name)


def published(operation: Operation) -> dict[str, JsonObject]:
    parameters = Publication(content_of(operation.request)).parameters()
    return {name: each.schema for name, each in parameters.items()}


def told(contract: Contract, operation: Operation, values: JsonObject) -> str | None:
    """What the contract's own schema says of a body with these values; where nothing, zeep writes the same one."""
    check = body_check(contract, operation)
    assert check.works
    body = body_of(operation, values)
    assert body is not None
    if (problem := check.problem(body)) is None:
        (other,) = General().write(contract, operation, values)
        assert plain(body) == plain(other)
    return problem


def plain(body: etree._Element) -> list[tuple[object, str | None]]:
    return [(node.tag, node.text) for node in body.iter()]


def rewritten(path: Path, *changes: tuple[str, str]) -> Path:
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)
    return path


def test_blank_lines_may_stand_before_the_declaration(tmp_path: Path) -> None:
    path = write_contract(PLAIN, tmp_path)
    path.write_text(f'\n \n<?xml version="1.0"?>\n{path.read_text()}')

    assert published(only(path)[1]) == {"Age": INTEGER}


@pytest.mark.parametrize("year", ["1999", "2000/10"])
def test_drafts_of_xml_schema_are_read_as_what_became_of_them(tmp_path: Path, year: str) -> None:
    when = AGE.format(
        '<xs:element name="Age" type="xs:int"/><xs:element name="At" type="xs:timeInstant"/>'
    )
    draft = ("http://www.w3.org/2001/XMLSchema", f"http://www.w3.org/{year}/XMLSchema")
    path = rewritten(write_contract(when, tmp_path), draft)

    contract, operation = only(path)

    assert list(published(operation)) == ["Age", "At"]
    assert published(operation)["Age"] == INTEGER
    assert told(contract, operation, {"Age": 5, "At": "2026-01-31T09:30:00"}) is None
    assert "not a valid value" in str(
        told(contract, operation, {"Age": 5, "At": "2026-02-30T09:30:00"})
    )


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ('<xsd:element name="Age" type="xs:int"/>', "a tag whose prefix others mean XML Schema by"),
        ('<xs:element name="Age" type="xsd:int"/>', "a name in an attribute"),
        ('<xs:element name="Age" type="xs:int" wsu:Id="i"/>', "an attribute"),
        (
            (
                '<xs:element name="Age"><xs:simpleType><xs:restriction base="near:Age"/></xs:simpleType></xs:element>'
                '<xs:any xmlns:near="urn:case" minOccurs="0" maxOccurs="0"/>'
            ),
            "a prefix that is declared further down",
        ),
    ],
)
def test_a_prefix_that_nobody_declared_means_what_it_means_elsewhere(
    tmp_path: Path, slip: str, meant: str
) -> None:
    named = '<xs:simpleType name="Age"><xs:restriction base="xs:int"/></xs:simpleType>'
    path = write_contract(named + AGE.format(slip), tmp_path)

    contract, operation = only(path)

    assert published(operation) == {"Age": INTEGER}, meant
    assert told(contract, operation, {"Age": 5}) is None


def test_a_prefix_that_means_nothing_anywhere_is_told(tmp_path: Path) -> None:
    path = write_contract(AGE.format('<zz:element name="Age" type="xs:int"/>'), tmp_path)

    with pytest.raises(UnreadableXml, match="Namespace prefix zz on element is not defined"):
        read_contract(path)


def test_an_import_may_lead_to_a_schema_with_another_namespace(tmp_path: Path) -> None:
    (tmp_path / "other.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:really" '
        'elementFormDefault="qualified"><xs:complexType name="Person"><xs:sequence>'
        '<xs:element name="Age" type="xs:int"/></xs:sequence></xs:complexType></xs:schema>'
    )
    imported = '<xs:import namespace="urn:promised" schemaLocation="other.xsd"/>'
    person = '<xs:element name="Who" type="p:Person" xmlns:p="urn:promised"/>'

    contract, operation = only(write_contract(imported + AGE.format(person), tmp_path))

    body = body_of(operation, {"Who": {"Age": 5}})
    assert body is not None
    assert [node.tag for node in body.iter()] == [
        "{urn:case}Call",
        "{urn:case}Who",
        "{urn:really}Age",
    ]
    assert told(contract, operation, {"Who": {"Age": 5}}) is None


def test_an_own_type_may_be_named_as_if_it_were_of_xml_schema(tmp_path: Path) -> None:
    own = '<xs:complexType name="ListOfInt"><xs:sequence><xs:element name="Age" type="xs:int"/></xs:sequence></xs:complexType>'
    path = write_contract(
        own + AGE.format('<xs:element name="Who" type="xs:ListOfInt"/>'), tmp_path
    )

    contract, operation = only(path)

    assert told(contract, operation, {"Who": {"Age": 5}}) is None


def test_words_that_do_not_belong_into_a_schema_do_not_cost_the_check(tmp_path: Path) -> None:
    slip = PLAIN.replace("<xs:complexType>", '<xs:complexType nillable="true" type="c:X">')
    slip = slip.replace("<xs:sequence>", '<xs:sequence name="parts">')

    contract, operation = only(write_contract(slip, tmp_path))

    assert told(contract, operation, {"Age": 5}) is None


@pytest.mark.parametrize(
    "service",
    ["", '<wsdl:service name="S"><wsdl:port name="P" binding="c:Nowhere"/></wsdl:service>'],
)
def test_a_binding_without_a_service_is_a_port(tmp_path: Path, service: str) -> None:
    path = write_contract(PLAIN, tmp_path)
    text = path.read_text()
    begin, end = text.index("<wsdl:service"), text.index("</wsdl:definitions>")
    path.write_text(text[:begin] + service + text[end:])

    contract, operation = only(path)

    assert (contract.ports[0].name, contract.ports[0].service) == ("Case", "")
    assert published(operation) == {"Age": INTEGER}


def test_includes_without_a_namespace_take_that_of_whoever_includes_them_at_any_depth(
    tmp_path: Path,
) -> None:
    begin = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified">'
    (tmp_path / "a.xsd").write_text(
        f'{begin}<xs:include schemaLocation="b.xsd"/><xs:complexType name="Person"><xs:sequence>'
        '<xs:element name="Age" type="Age"/></xs:sequence></xs:complexType></xs:schema>'
    )
    (tmp_path / "b.xsd").write_text(
        f'{begin}<xs:include schemaLocation="a.xsd"/><xs:simpleType name="Age"><xs:restriction base="xs:int"/>'
        "</xs:simpleType></xs:schema>"
    )
    person = '<xs:include schemaLocation="a.xsd"/>' + AGE.format(
        '<xs:element name="Who" type="c:Person"/>'
    )

    contract, operation = only(write_contract(person, tmp_path))

    assert told(contract, operation, {"Who": {"Age": 5}}) is None


def test_a_header_whose_message_nobody_defined_is_left_to_the_adapter(tmp_path: Path) -> None:
    body = '<wsdl:input><soap:body use="literal"/></wsdl:input>'
    header = body.replace(
        "</wsdl", '<soap:header message="c:Nowhere" part="h" use="literal"/></wsdl'
    )
    path = rewritten(write_contract(PLAIN, tmp_path), (body, header))

    contract, operation = only(path)

    assert operation.headers == ()
    assert told(contract, operation, {"Age": 5}) is None


@pytest.mark.parametrize("namespace", ["", "http://schemas.xmlsoap.org/wsdl/"])
def test_words_of_xml_schema_may_stand_in_a_schema_without_their_namespace(
    tmp_path: Path, namespace: str
) -> None:
    astray = (
        f'<complexType xmlns="{namespace}" name="Person"><xs:annotation><xs:appinfo><sequence/></xs:appinfo>'
        '</xs:annotation><sequence><element name="Age" type="xs:int"/></sequence></complexType>'
    )
    path = write_contract(astray + AGE.format('<xs:element name="Who" type="c:Person"/>'), tmp_path)

    contract, operation = only(path)

    assert told(contract, operation, {"Who": {"Age": 5}}) is None


@pytest.mark.parametrize("location", ["../schemas/age.xsd", "..\\schemas\\age.xsd", "a/b/age.xsd"])
def test_a_file_that_is_not_where_an_import_says_may_lie_beside_the_importer(
    tmp_path: Path, location: str
) -> None:
    """So that the remedy that a missing import is told with is one."""
    own = '<xs:simpleType name="Age"><xs:restriction base="xs:int"/></xs:simpleType>'
    fragment = f'<xs:include schemaLocation="{location}"/>' + AGE.format(
        '<xs:element name="Age" type="c:Age"/>'
    )
    path = write_contract(fragment, tmp_path)
    with pytest.raises(Unresolved) as error:
        published(only(path)[1])
    assert error.value.fix == "put that schema beside case.wsdl, as `age.xsd`"
    (tmp_path / "age.xsd").write_text(schema_around(own))

    contract, operation = only(path)

    assert told(contract, operation, {"Age": 5}) is None


def test_a_name_that_no_xml_can_carry_costs_only_its_operation(tmp_path: Path) -> None:
    path = write_contract(AGE.format('<xs:element name="area:Code" type="xs:int"/>'), tmp_path)

    with pytest.raises(Unresolved) as error:
        published(only(path)[1])

    assert str(error.value) == (
        "case.wsdl: element `area:Code` cannot be written: `area:Code` is no name of XML"
    )


def test_a_built_in_type_that_is_misspelt_is_told_with_the_one_that_was_meant(
    tmp_path: Path,
) -> None:
    path = write_contract(AGE.format('<xs:element name="Age" type="xs:Integer"/>'), tmp_path)

    with pytest.raises(Unresolved) as error:
        published(only(path)[1])

    assert error.value.fix == "did you mean `integer`?"


@pytest.mark.parametrize(
    ("slip", "message", "fix"),
    [
        (
            '<xs:element name="Who" type="c:Call"/>',
            "case.wsdl: element `Who` uses type `Call` of namespace `urn:case`, and only an element is called that",
            "write `ref` instead of `type` in case.wsdl",
        ),
        (
            '<xs:element ref="c:Age"/>',
            "case.wsdl: element in element `Call` uses element `Age` of namespace `urn:case`, and only a type is called that",
            "write `type` instead of `ref` in case.wsdl",
        ),
    ],
)
def test_an_element_that_is_named_as_a_type_is_told_as_one(
    tmp_path: Path, slip: str, message: str, fix: str
) -> None:
    own = '<xs:simpleType name="Age"><xs:restriction base="xs:int"/></xs:simpleType>'
    path = write_contract(own + AGE.format(slip), tmp_path)

    with pytest.raises(Unresolved) as error:
        published(only(path)[1])

    assert (error.value.message, error.value.fix) == (message, fix)


def test_a_part_of_a_signature_needs_no_file(tmp_path: Path) -> None:
    signed = (
        '<xs:import namespace="http://www.w3.org/2000/09/xmldsig#" schemaLocation="http://www.w3.org/TR/core.xsd"/>'
        + AGE.format(
            '<xs:sequence xmlns:d="http://www.w3.org/2000/09/xmldsig#"><xs:element ref="d:DigestMethod"/>'
            '<xs:element ref="d:DigestValue"/><xs:element name="Issuer" type="d:X509IssuerSerialType"/></xs:sequence>'
        )
    )
    path = write_contract(signed, tmp_path)

    contract, operation = only(path)

    digest: JsonObject = {"Algorithm": "http://www.w3.org/2001/04/xmlenc#sha256"}
    issuer: JsonObject = {"X509IssuerName": "CN=port", "X509SerialNumber": 7}
    whole: JsonObject = {"DigestMethod": digest, "DigestValue": "AAAA", "Issuer": issuer}
    body = body_of(operation, whole)
    assert body is not None
    assert body_check(contract, operation).problem(body) is None
    assert published(operation)["DigestMethod"]["required"] == ["Algorithm"]
