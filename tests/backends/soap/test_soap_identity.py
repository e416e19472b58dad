"""Rules of identity: what every message is held against is told in the words of the parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from drawbar.backends.soap.contract.wsdl import Contract, Operation, content_of, read_contract
from drawbar.backends.soap.message.check import body_check
from drawbar.backends.soap.message.reply import Reading
from drawbar.backends.soap.message.request import body_of
from drawbar.backends.soap.publish.schema import Publication
from drawbar.kernel.values import JsonObject, JsonValue

from .soap_contract import write_contract

LINE = (
    '<xs:element name="Line" maxOccurs="9"><xs:complexType><xs:sequence><xs:element name="Part" type="xs:string"/>'
    '</xs:sequence><xs:attribute name="no" type="xs:int"/></xs:complexType></xs:element>'
)
PICK = '<xs:element name="Pick" type="xs:int" minOccurs="0" maxOccurs="9"/>'
UNIQUE = '<xs:unique name="u"><xs:selector xpath="{}"/><xs:field xpath="{}"/></xs:unique>'
KEY = '<xs:key name="k"><xs:selector xpath="c:Line"/><xs:field xpath="@no"/></xs:key>'
REFERENCE = (
    '<xs:keyref name="r" refer="c:k"><xs:selector xpath="c:Pick"/><xs:field xpath="."/></xs:keyref>'
)


def only(fragment: str, folder: Path) -> tuple[Contract, Operation]:
    contract = read_contract(write_contract(fragment, folder))
    return contract, contract.operation(contract.ports[0], "Call")


def call(content: str, rules: str) -> str:
    whole = f"<xs:complexType><xs:sequence>{content}</xs:sequence></xs:complexType>{rules}"
    return f'<xs:element name="Call">{whole}</xs:element>'


def descriptions(operation: Operation) -> dict[str, JsonValue]:
    parameters = Publication(content_of(operation.request)).parameters()
    return {name: each.schema.get("description") for name, each in parameters.items()}


def problem(contract: Contract, operation: Operation, values: JsonObject) -> str | None:
    body = body_of(operation, values)
    assert body is not None
    return body_check(contract, operation).problem(body)


def line(number: int, part: str = "p") -> JsonObject:
    return {"no": number, "Part": part}


def test_a_key_and_what_refers_to_it_are_told_where_they_hold_and_enforced(tmp_path: Path) -> None:
    contract, operation = only(call(LINE + PICK, KEY + REFERENCE), tmp_path)

    assert descriptions(operation) == {
        "Line": "Each `Line` needs `no`, and no two may have the same.",
        "Pick": "Each `Pick` must be the `no` of one `Line`.",
    }
    assert problem(contract, operation, {"Line": [line(1), line(2)], "Pick": [2]}) is None
    assert "Duplicate key" in str(problem(contract, operation, {"Line": [line(1), line(1)]}))
    assert "No match" in str(problem(contract, operation, {"Line": [line(1)], "Pick": [7]}))


@pytest.mark.parametrize(
    ("selector", "field", "words"),
    [
        ("c:Line", "c:Part", "No two `Line` may have the same `Part`."),
        (".//c:Line", "@no", "No two `Line` may have the same `no`."),
        ("c:Line/c:Part", ".", "No two `Line.Part` may be the same."),
        ("c:Line | c:Pick", "@no", "No two `Line` or `Pick` may have the same `no`."),
        ("child::c:Line", "attribute::no", "No two `Line` may have the same `no`."),
    ],
)
def test_a_path_is_told_in_the_words_of_the_arguments(
    tmp_path: Path, selector: str, field: str, words: str
) -> None:
    _, operation = only(call(LINE + PICK, UNIQUE.format(selector, field)), tmp_path)

    assert descriptions(operation)["Line"] == words


def test_the_rules_of_an_inner_element_are_told_with_it(tmp_path: Path) -> None:
    order = call(LINE, UNIQUE.format("c:Line", "@no")).replace('name="Call"', 'name="Order"')
    documented = order.replace(
        '<xs:element name="Order">',
        '<xs:element name="Order"><xs:annotation><xs:documentation>What is bought.</xs:documentation>'
        "</xs:annotation>",
    )
    contract, operation = only(call(documented, ""), tmp_path)

    assert descriptions(operation) == {
        "Order": "What is bought. No two `Line` may have the same `no`."
    }
    assert "Duplicate key" in str(
        problem(contract, operation, {"Order": {"Line": [line(1), line(1)]}})
    )


def test_the_ids_of_a_message_are_told_as_unique(tmp_path: Path) -> None:
    _, operation = only(call('<xs:element name="Own" type="xs:ID"/>', ""), tmp_path)

    assert descriptions(operation) == {"Own": "No other ID of the message may be the same."}


KINDS = (
    '<xs:simpleType name="Kind"><xs:restriction base="xs:QName"><xs:enumeration value="c:Fast"/>'
    '<xs:enumeration value="c:Slow"/></xs:restriction></xs:simpleType>'
)


def test_a_name_of_a_reply_shows_its_namespace_whatever_the_prefix(tmp_path: Path) -> None:
    content = (
        '<xs:element name="Name" type="xs:QName"/><xs:element name="Kind" type="c:Kind"/>'
        '<xs:element name="All"><xs:simpleType><xs:list itemType="xs:QName"/></xs:simpleType></xs:element>'
    )
    more = call(content, "").replace(
        "</xs:sequence>", '</xs:sequence><xs:attribute name="at" type="xs:QName"/>'
    )
    contract, operation = only(KINDS + more, tmp_path)
    reply = etree.fromstring(
        '<Call xmlns="urn:case" xmlns:q="urn:far" xmlns:z="urn:case" at="q:a"><Name>q:b</Name><Kind>z:Slow</Kind>'
        "<All>q:c d undeclared:e</All></Call>"
    )
    reading = Reading(contract.shapes)

    assert reading.root(reply, operation.request) == {
        "at": "{urn:far}a",
        "Name": "{urn:far}b",
        "Kind": "{urn:case}Slow",
        "All": ["{urn:far}c", "{urn:case}d", "undeclared:e"],
    }
    assert not reading.remarks.odd


def test_a_name_among_those_allowed_is_published_and_sent_in_full(tmp_path: Path) -> None:
    contract, operation = only(
        KINDS + call('<xs:element name="Kind" type="c:Kind"/>', ""), tmp_path
    )

    (kind,) = Publication(content_of(operation.request)).parameters().values()

    assert kind.schema["enum"] == ["{urn:case}Fast", "{urn:case}Slow"]
    assert problem(contract, operation, {"Kind": "{urn:case}Slow"}) is None
    assert "{urn:case}Wrong" not in str(kind.schema)
