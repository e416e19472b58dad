"""Operations that are too large to offer whole: `hide`, `keep`, `types`, and the narrowing that is proposed."""

from __future__ import annotations

from pathlib import Path

import pytest

from drawbar.backends import InstalledKinds
from drawbar.backends.soap.compile import Binding
from drawbar.backends.soap.message.request import body_of, nested
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.kernel.values import JsonObject
from drawbar.spec.load import parse_adapter

from .soap_contract import write_contract

ORDER = """
<xs:complexType name="Place" abstract="true"><xs:sequence>
  <xs:element name="Name" type="xs:string"/></xs:sequence></xs:complexType>
<xs:complexType name="Shelf"><xs:complexContent><xs:extension base="c:Place"><xs:sequence>
  <xs:element name="Level" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Yard"><xs:complexContent><xs:extension base="c:Place"><xs:sequence>
  <xs:element name="Gate" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Line"><xs:sequence>
  <xs:element name="Part" type="xs:string"/><xs:element name="Note" type="xs:string" minOccurs="0"/>
  <xs:element name="Colour" type="xs:string" minOccurs="0"/>
</xs:sequence></xs:complexType>
<xs:element name="Call"><xs:complexType><xs:sequence>
  <xs:element name="Number" type="xs:int"/>
  <xs:element name="Comment" type="xs:string" minOccurs="0"/>
  <xs:element name="Due" type="xs:date" minOccurs="0"/>
  <xs:element name="Lines" type="c:Line" maxOccurs="5"/>
  <xs:element name="From" type="c:Place"/>
  <xs:choice><xs:element name="Van" type="xs:int"/><xs:element name="Post" type="xs:string"/></xs:choice>
</xs:sequence></xs:complexType></xs:element>
"""
HEAVY = (
    '<xs:element name="Call"><xs:complexType><xs:sequence><xs:element name="Number" type="xs:int"/>'
    '<xs:element name="Head"><xs:complexType><xs:sequence><xs:element name="Code" type="xs:string"/>'
    '<xs:element name="Extra" minOccurs="0"><xs:complexType><xs:sequence>'
    + "".join(
        f'<xs:element name="Element{number:03}" type="xs:int" minOccurs="0"/>'
        for number in range(300)
    )
    + "</xs:sequence></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>"
    "</xs:sequence></xs:complexType></xs:element>"
)


def compiled(fragment: str, folder: Path, words: str) -> CompiledAdapter:
    write_contract(fragment, folder)
    text = f"""
adapter: case
backend: {{kind: soap, wsdl: case.wsdl, endpoint: "http://nowhere.invalid/"}}
functions:
  call:
    operation: Call
    description: Case.
    effect: write
{words}
"""
    kinds = InstalledKinds()
    return compile_adapter(parse_adapter(text, "case.yaml", folder, kinds, {}), kinds)


def schema(adapter: CompiledAdapter) -> JsonObject:
    assert [str(each) for each in adapter.problems if each.severity == "error"] == []
    return adapter.functions[0].schema


def names(found: object, *path: str) -> list[str]:
    for step in path:
        assert isinstance(found, dict)
        found = found[step]
    assert isinstance(found, dict)
    return list(found)


def test_hidden_parts_are_not_offered_and_the_rest_can_be_sent(tmp_path: Path) -> None:
    adapter = compiled(ORDER, tmp_path, "    hide: [Due, Lines.Note, choice.Van]")

    found = schema(adapter)

    assert names(found, "properties") == ["Number", "Comment", "Lines", "From", "choice"]
    assert names(found, "properties", "Lines", "items", "properties") == ["Part", "Colour"]
    choice = found["properties"]["choice"]["anyOf"]  # type: ignore[index, call-overload]  # the test knows the schema
    assert [names(each, "properties") for each in choice] == [["Post"]]  # type: ignore[union-attr]  # as above
    binding = adapter.functions[0].binding
    assert isinstance(binding, Binding)
    values: JsonObject = {
        "Number": 1,
        "Lines": [{"Part": "x"}],
        "From": {"_type": "Yard", "Name": "n", "Gate": 2},
        "choice": {"Post": "p"},
    }
    body = body_of(binding.operation, nested(values, binding.places))
    assert body is not None
    assert [each.tag.rpartition("}")[2] for each in body] == ["Number", "Lines", "From", "Post"]


def test_kept_parts_are_the_only_optional_ones(tmp_path: Path) -> None:
    found = schema(compiled(ORDER, tmp_path, "    keep: [Comment, Lines.Colour]"))

    assert names(found, "properties") == ["Number", "Comment", "Lines", "From", "choice"]
    assert names(found, "properties", "Lines", "items", "properties") == ["Part", "Colour"]


def test_nothing_kept_leaves_what_is_required(tmp_path: Path) -> None:
    found = schema(compiled(ORDER, tmp_path, "    keep: []"))

    assert names(found, "properties") == ["Number", "Lines", "From", "choice"]


def test_a_part_that_a_parameter_fills_is_never_hidden(tmp_path: Path) -> None:
    words = "    keep: []\n    parameters: {when: {to: Due}}"

    found = schema(compiled(ORDER, tmp_path, words))

    assert "when" in names(found, "properties")


def test_only_the_types_that_are_allowed_are_offered(tmp_path: Path) -> None:
    found = schema(compiled(ORDER, tmp_path, "    types: {Place: [Shelf]}"))

    assert '"const":"Yard"' not in str(found).replace(" ", "").replace("'", '"')
    assert '"const":"Shelf"' in str(found).replace(" ", "").replace("'", '"')


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "hide: [choice.Van, choice.Post]",
            "DB413 `choice.Post` is required, so it cannot be hidden",
        ),
        ("hide: [Duo]", "DB413 the operation's input has no `Duo`\n    did you mean `Due`?"),
        ("keep: [Lines.Notes]", "DB413 the operation's input has no `Lines.Notes`"),
        (
            "hide: [Number]",
            (
                "DB413 `Number` is required, so it cannot be hidden\n"
                "    fill it: a parameter with `to: Number` and `const:` or `from:`"
            ),
        ),
        (
            "types: {Plase: [Shelf]}",
            "DB415 the operation has no abstract type `Plase`\n    did you mean `Place`?",
        ),
        (
            "types: {Place: [Shelv]}",
            "DB415 no type `Shelv` may stand for `Place`\n    did you mean `Shelf`?",
        ),
    ],
)
def test_a_narrowing_that_does_not_fit_is_told(tmp_path: Path, words: str, expected: str) -> None:
    found = [str(each) for each in compiled(ORDER, tmp_path, f"    {words}").problems]

    assert any(expected in each for each in found), found


def test_a_large_operation_comes_with_a_narrowing_to_paste(tmp_path: Path) -> None:
    (told,) = [each for each in compiled(HEAVY, tmp_path, "").problems if each.code == "DB414"]
    assert told.severity == "warning"
    assert told.fix is not None
    pasted = told.fix.splitlines()[-1].strip()
    assert pasted == "hide: [Head.Extra]"

    narrowed = compiled(HEAVY, tmp_path, f"    {pasted}")

    assert narrowed.problems == ()
    assert names(schema(narrowed), "properties", "Head", "properties") == ["Code"]


def test_an_abstract_type_with_very_many_heirs_comes_with_types_to_paste(tmp_path: Path) -> None:
    heirs = "".join(
        f'<xs:complexType name="Kind{number:02}"><xs:complexContent><xs:extension base="c:Thing"><xs:sequence>'
        + "".join(f'<xs:element name="Part{each}" type="xs:int"/>' for each in range(12))
        + "</xs:sequence></xs:extension></xs:complexContent></xs:complexType>"
        for number in range(60)
    )
    fragment = (
        '<xs:complexType name="Thing" abstract="true"/>'
        + heirs
        + '<xs:element name="Call"><xs:complexType><xs:sequence>'
        '<xs:element name="Thing" type="c:Thing"/></xs:sequence></xs:complexType></xs:element>'
    )
    told = {each.code: each for each in compiled(fragment, tmp_path, "").problems}
    assert set(told) == {"DB411", "DB414"}

    pasted = str(told["DB414"].fix).splitlines()[-1].strip()

    assert pasted == "types: {Thing: [Kind00, Kind01]}"
    assert compiled(fragment, tmp_path, f"    {pasted}").problems == ()


def test_a_narrowing_reaches_into_choices_and_types_and_spares_what_one_of_them_needs(
    tmp_path: Path,
) -> None:
    numbers = "".join(
        f'<xs:element name="Number{each:03}" type="xs:int" minOccurs="0"/>' for each in range(300)
    )
    fragment = (
        f'<xs:complexType name="Much"><xs:sequence>{numbers}</xs:sequence></xs:complexType>'
        '<xs:complexType name="Way" abstract="true"/>'
        '<xs:complexType name="Sea"><xs:complexContent><xs:extension base="c:Way"><xs:sequence>'
        '<xs:element name="Port" type="c:Berth"/><xs:element name="More" type="c:Much" minOccurs="0"/>'
        "</xs:sequence></xs:extension></xs:complexContent></xs:complexType>"
        '<xs:complexType name="Land"><xs:complexContent><xs:extension base="c:Way"><xs:sequence>'
        '<xs:element name="Port" type="c:Berth" minOccurs="0"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>'
        '<xs:complexType name="Berth"><xs:sequence><xs:element name="Name" type="xs:string"/></xs:sequence></xs:complexType>'
        '<xs:element name="Call"><xs:complexType><xs:sequence><xs:choice>'
        '<xs:element name="By"><xs:complexType><xs:sequence><xs:element name="Way" type="c:Way"/></xs:sequence>'
        "</xs:complexType></xs:element>"
        '<xs:element name="At"><xs:complexType><xs:sequence><xs:element name="Id" type="xs:int"/>'
        '<xs:element name="More" type="c:Much" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>'
        "</xs:choice></xs:sequence></xs:complexType></xs:element>"
    )
    (told,) = [each for each in compiled(fragment, tmp_path, "").problems if each.code == "DB414"]
    pasted = str(told.fix).splitlines()[-1].strip()

    assert pasted == "hide: [choice.By.Way.More, choice.At.More]"
    assert compiled(fragment, tmp_path, f"    {pasted}").problems == ()


def test_where_all_that_is_large_is_required_optional_texts_go(tmp_path: Path) -> None:
    fragment = HEAVY.replace('<xs:element name="Extra" minOccurs="0">', '<xs:element name="Extra">')
    (told,) = [each for each in compiled(fragment, tmp_path, "").problems if each.code == "DB414"]

    first, *pasted = str(told.fix).splitlines()

    assert first.startswith("narrow it to about")
    assert pasted[0].startswith("      keep: [Head.Extra.Element")
    assert compiled(fragment, tmp_path, "\n".join(line[2:] for line in pasted)).problems == ()


def large(number: int) -> str:
    return (
        f'<xs:element name="Part{number}" minOccurs="0"><xs:complexType><xs:sequence>'
        + "".join(
            f'<xs:element name="Element{each:03}" type="xs:int" minOccurs="0"/>'
            for each in range(600)
        )
        + "</xs:sequence></xs:complexType></xs:element>"
    )


BEYOND = (
    '<xs:element name="Call"><xs:complexType><xs:sequence><xs:element name="Number" type="xs:int"/>'
    '<xs:element name="Head"><xs:complexType><xs:sequence><xs:element name="Code" type="xs:string"/>'
    + "".join(map(large, range(10)))
    + "</xs:sequence></xs:complexType></xs:element>"
    '<xs:element name="Note" type="xs:string" minOccurs="0"/>'
    "</xs:sequence></xs:complexType></xs:element>"
)
"""6,014 properties, of which strict modes take 5,000."""


def test_what_no_strict_mode_takes_is_offered_in_part_and_the_words_for_it_are_told(
    tmp_path: Path,
) -> None:
    adapter = compiled(BEYOND, tmp_path, "")

    (told,) = adapter.problems
    assert (told.code, told.severity) == ("DB424", "warning")
    assert "6014 properties; 5000 is the limit" in told.message
    assert adapter.functions[0].strict_schema is not None
    assert names(schema(adapter), "properties") == ["Number", "Head", "Note"]
    assert names(schema(adapter), "properties", "Head", "properties") == ["Code"]

    first, *pasted = str(told.fix).splitlines()
    assert first.endswith("or `hide: []` to offer all:")
    written = compiled(BEYOND, tmp_path, "\n".join(line[2:] for line in pasted))
    assert written.problems == ()
    assert schema(written) == schema(adapter)


def test_an_author_who_wants_all_of_it_gets_all_of_it(tmp_path: Path) -> None:
    adapter = compiled(BEYOND, tmp_path, "    hide: []")

    assert [each.code for each in adapter.problems] == ["DB230", "DB414"]
    assert len(names(schema(adapter), "properties", "Head", "properties")) == 11


def test_what_an_author_speaks_of_is_not_taken_away(tmp_path: Path) -> None:
    fragment = BEYOND.replace('"Note" type="xs:string"', '"Note" type="c:Place"') + (
        '<xs:complexType name="Place"><xs:sequence><xs:element name="Gate" type="xs:int"/></xs:sequence></xs:complexType>'
    )
    words = "    parameters: {Note: {description: Where.}, some: {to: Head.Part3}}"

    found = schema(compiled(fragment, tmp_path, words))

    assert names(found, "properties") == ["Number", "Head", "Note", "some"]
    assert names(found, "properties", "Head", "properties") == ["Code"]
    assert len(names(found, "properties", "some", "properties")) == 600


def test_a_long_enumeration_that_is_used_in_several_places_stands_once(tmp_path: Path) -> None:
    values = "".join(f'<xs:enumeration value="C{each:03}"/>' for each in range(300))
    fragment = (
        f'<xs:simpleType name="Currency"><xs:restriction base="xs:string">{values}</xs:restriction></xs:simpleType>'
        '<xs:complexType name="Amount"><xs:simpleContent><xs:extension base="xs:decimal">'
        '<xs:attribute name="currency" type="c:Currency" use="required"/></xs:extension></xs:simpleContent></xs:complexType>'
        '<xs:element name="Call"><xs:complexType><xs:sequence><xs:element name="Bill"><xs:complexType><xs:sequence>'
        + "".join(f'<xs:element name="Sum{each}" type="c:Amount"/>' for each in range(4))
        + '<xs:element name="Of" type="c:Currency" minOccurs="0"><xs:annotation><xs:documentation>Home.</xs:documentation>'
        "</xs:annotation></xs:element>"
        "</xs:sequence></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>"
    )

    adapter = compiled(fragment, tmp_path, "")

    assert adapter.problems == ()
    assert adapter.functions[0].strict_schema is not None
    found = schema(adapter)
    assert names(found, "$defs") == ["Currency"]
    assert str(found).count("'C299'") == 1
    assert found["properties"]["Bill"]["properties"]["Of"] == {  # type: ignore[index, call-overload]  # the test knows the schema
        "anyOf": [{"$ref": "#/$defs/Currency"}],
        "description": "Home.",
    }
