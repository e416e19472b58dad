"""Values on their way into XML and out of it, where the schema does not stand in front."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from drawbar.backends.soap.contract.builtins import WrongText, from_text, to_text
from drawbar.backends.soap.contract.texts import builtin
from drawbar.backends.soap.contract.wsdl import Contract, read_contract
from drawbar.backends.soap.message.reply import Reading, capped, generic
from drawbar.backends.soap.message.request import WrongValue, body_of
from drawbar.kernel.ports import Cut
from drawbar.kernel.values import JsonObject, JsonValue

from .soap_contract import write_contract
from .soap_office import WSDL


@pytest.mark.parametrize(
    ("base", "value", "text"),
    [
        ("boolean", True, "true"),
        ("int", 7, "7"),
        ("int", 7.0, "7"),
        ("integer", 10**30, "1" + "0" * 30),
        ("decimal", 1e-7, "0.0000001"),
        ("decimal", "12.50", "12.50"),
        ("double", 1e-7, "1e-07"),
        ("string", 5, "5"),
        ("string", False, "false"),
        ("date", "2026-01-31", "2026-01-31"),
    ],
)
def test_a_value_is_written_as_its_type_wants_it(base: str, value: JsonValue, text: str) -> None:
    assert to_text(base, value) == text


@pytest.mark.parametrize(
    ("base", "value"),
    [
        ("boolean", "yes"),
        ("int", 7.5),
        ("int", True),
        ("int", "seven"),
        ("decimal", [1]),
        ("decimal", "NaN"),
        ("double", "1"),
        ("string", ["a"]),
    ],
)
def test_a_value_of_another_type_is_refused(base: str, value: JsonValue) -> None:
    with pytest.raises(WrongText):
        to_text(base, value)


@pytest.mark.parametrize(
    ("base", "text", "value"),
    [
        ("boolean", " 1 ", True),
        ("boolean", "ja", "ja"),
        ("long", "00012", 12),
        ("decimal", "1.10", 1.1),
        ("decimal", "INF", "INF"),
        ("double", "1e3", 1000.0),
        ("double", "INF", "INF"),
        ("double", "x", "x"),
        ("string", " as it is ", " as it is "),
        ("token", " one  two ", "one two"),
    ],
)
def test_a_text_of_a_reply_is_read_without_losing_any_of_it(
    base: str, text: str, value: JsonValue
) -> None:
    assert from_text(base, text) == value


def contract_of(fragment: str, folder: Path) -> Contract:
    return read_contract(write_contract(fragment, folder))


FRAGMENT = """
<xs:complexType name="Base"><xs:sequence><xs:element name="A" type="xs:int"/></xs:sequence></xs:complexType>
<xs:complexType name="More"><xs:complexContent><xs:extension base="c:Base"><xs:sequence>
  <xs:element name="B" type="xs:boolean"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:element name="Call"><xs:complexType><xs:sequence>
  <xs:element name="Thing" type="c:Base"/>
  <xs:choice><xs:element name="Left" type="xs:int"/><xs:element name="Right" type="xs:int"/></xs:choice>
  <xs:element name="Many" type="xs:QName" minOccurs="0" maxOccurs="2"/>
  <xs:any minOccurs="0" processContents="lax"/>
</xs:sequence><xs:attribute name="kind" type="xs:string" use="required"/></xs:complexType></xs:element>
"""
FINE: JsonObject = {"kind": "k", "Thing": {"A": 1}, "choice": {"Left": 1}}


def test_names_and_foreign_elements_are_written_with_their_namespaces(tmp_path: Path) -> None:
    contract = contract_of(FRAGMENT, tmp_path)
    operation = contract.operation(contract.ports[0], "Call")

    body = body_of(
        operation,
        {**FINE, "Many": ["{urn:far}name", "plain"], "any": "<x:y xmlns:x='urn:x'>1</x:y>"},
    )

    assert body is not None
    names = [node for node in body if node.tag.endswith("Many")]
    prefix, _, name = (names[0].text or "").partition(":")
    assert (names[0].nsmap[prefix], name) == ("urn:far", "name")
    assert names[1].text == "plain"
    assert body[-1].tag == "{urn:x}y"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Thing": None}, "Thing: it is missing"),
        ({"Thing": "text"}, "Thing: it has to be an object"),
        ({"Thing": {"A": 1, "Z": 1}}, "Thing/Z: the contract has no place for it"),
        ({"Thing": {"A": "x"}}, "Thing/A: 'x' is no number"),
        ({"choice": {"Left": 1, "Right": 2}}, "choice: give exactly one of Left | Right"),
        ({"choice": {}}, "choice: give exactly one of Left | Right"),
        ({"Many": "a"}, "Many: it has to be a list"),
        ({"Many": ["a", "b", "c"]}, "Many: 3 elements; it takes 0 to 2"),
        ({"any": "<a"}, "any: it has to be one XML element: it is no well-formed XML: "),
        ({"kind": None}, "kind: it is missing"),
    ],
)
def test_what_the_contract_has_no_room_for_is_named(
    tmp_path: Path, change: JsonObject, message: str
) -> None:
    contract = contract_of(FRAGMENT, tmp_path)
    operation = contract.operation(contract.ports[0], "Call")

    with pytest.raises(WrongValue) as caught:
        body_of(operation, {**FINE, **change})

    assert str(caught.value).startswith(message)


def test_a_reply_is_read_by_the_type_it_names(tmp_path: Path) -> None:
    contract = contract_of(FRAGMENT, tmp_path)
    operation = contract.operation(contract.ports[0], "Call")
    node = etree.fromstring(
        '<c:Call xmlns:c="urn:case" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" kind="k" extra="e">'
        '<c:Thing xsi:type="c:More"><c:A>1</c:A><c:B>0</c:B></c:Thing><c:Right>2</c:Right></c:Call>'
    )

    reading = Reading(contract.shapes)

    assert reading.root(node, operation.reply) == {
        "kind": "k",
        "extra": "e",
        "Thing": {"_type": "More", "A": 1, "B": False},
        "Right": 2,
        "Many": [],
    }


def test_a_reply_with_another_root_than_the_contract_says_is_kept(tmp_path: Path) -> None:
    contract = contract_of(FRAGMENT, tmp_path)
    operation = contract.operation(contract.ports[0], "Call")
    reading = Reading(contract.shapes)

    value = reading.root(etree.fromstring("<Other><a>1</a><a>2</a><b/></Other>"), operation.reply)

    assert value == {"a": ["1", "2"], "b": ""}
    assert reading.remarks.notes == (
        "The reply has elements that are not in the contract, kept as text: Other.",
    )


def test_any_xml_becomes_json() -> None:
    node = etree.fromstring(
        '<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance" n="1">t<b i:nil="true"/><c/><c>x</c></a>'
    )

    assert generic(node) == {"n": "1", "b": None, "c": ["", "x"], "_text": "tx"}


def test_text_between_elements_is_kept() -> None:
    node = etree.fromstring("<p>Dear <b>Anna</b>,\n welcome <i/>back.</p>")

    assert generic(node) == {"b": "Anna", "i": "", "_text": "Dear Anna, welcome back."}


@pytest.mark.parametrize(
    ("base", "text", "fits"),
    [
        ("boolean", "ja", False),
        ("boolean", "1", True),
        ("int", "7.5", False),
        ("int", "", False),
        ("integer", "1" * 40, True),
        ("decimal", "12345678901234567890.12", True),
        ("decimal", "1e5", True),
        ("decimal", "12,50", False),
        ("double", "-INF", True),
        ("double", "1.2.3", False),
        ("date", "2026-01-31Z", True),
        ("date", "31.01.2026", False),
        ("dateTime", "0001-01-01T00:00:00", True),
        ("dateTime", "2026-01-31", False),
        ("time", "09:30:00.5+01:00", True),
        ("time", "half past", False),
        ("string", "anything", True),
    ],
)
def test_a_text_that_is_not_of_its_type_is_noticed(base: str, text: str, *, fits: bool) -> None:
    kind = builtin(base)
    assert kind is not None

    assert kind.is_read(kind.read(text)) == fits


def test_every_list_that_is_too_long_is_cut_with_a_word() -> None:
    value: JsonValue = {"rows": [1, 2, 3], "deep": {"items": [[1, 2, 3, 4]]}}

    assert capped(value, 2) == (
        {"rows": [1, 2], "deep": {"items": [[1, 2]]}},
        (
            Cut(2, 3, "rows", "ask for less of `rows`, or raise `limits.rows`"),
            Cut(2, 4, "rows", "ask for less of `items`, or raise `limits.rows`"),
        ),
    )


def test_a_wsdl_is_put_together_from_files_beside_it(tmp_path: Path) -> None:
    whole = (WSDL / "rpc.wsdl").read_text()
    start, end = whole.index("  <wsdl:binding"), whole.index("</wsdl:definitions>")
    (tmp_path / "interface.wsdl").write_text(whole[:start] + whole[end:])
    head = whole[: whole.index("  <wsdl:types")]
    (tmp_path / "main.wsdl").write_text(
        head
        + '<wsdl:import namespace="urn:stock" location="http://old.example/interface.wsdl"/>'
        + '<wsdl:import namespace="urn:gone" location="gone.wsdl"/>'
        + whole[start:]
    )

    contract = read_contract(tmp_path / "main.wsdl")

    assert contract.operation(contract.ports[0], "Move").request is not None
    assert contract.missing == ["main.wsdl imports `gone.wsdl`, and there is no such file"]
