"""What an author is told about an adapter and its contract, and that one hole costs one function."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from drawbar.backends import InstalledKinds
from drawbar.backends.soap.contract.documents import UnreadableXml, parse_xml
from drawbar.backends.soap.contract.wsdl import content_of, read_contract
from drawbar.backends.soap.contract.xsd import Unresolved
from drawbar.backends.soap.message.check import body_check
from drawbar.backends.soap.message.request import body_of
from drawbar.backends.soap.publish.schema import Publication
from drawbar.backends.soap.zeep.wire import General
from drawbar.compiler.toolset import compile_adapter
from drawbar.kernel.values import JsonObject
from drawbar.spec.load import parse_adapter

from .soap_calls import compiled
from .soap_contract import schema_around, write_contract
from .soap_office import WSDL


def problems(backend: str, functions: str, folder: Path = WSDL) -> list[str]:
    text = f"adapter: a\nbackend:\n  kind: soap\n{backend}\nfunctions:\n{functions}\n"
    kinds = InstalledKinds()
    adapter = compile_adapter(parse_adapter(text, "a.yaml", folder, kinds, {}), kinds)
    return [str(each) for each in adapter.problems if each.code.startswith("DB4")]


LEAVE = "  wsdl: leave.wsdl\n  endpoint: http://hr.internal/leave"
GET = "  get: {operation: GetLeave, description: One.}"


def test_a_sound_adapter_has_no_problems() -> None:
    assert problems(LEAVE, GET) == []


def test_every_hole_in_a_contract_is_named_with_its_file_and_costs_one_function() -> None:
    functions = "\n".join(
        f"  {name}: {{operation: {operation}, description: D.}}"
        for name, operation in [
            ("whole", "Whole"),
            ("no_message", "NoMessage"),
            ("no_type", "NoType"),
            ("no_file", "NoFile"),
        ]
    )
    text = f"adapter: a\nbackend: {{kind: soap, wsdl: broken.wsdl, endpoint: http://x}}\nfunctions:\n{functions}\n"

    adapter = compiled(text)

    assert list(adapter.plans) == ["whole"]
    assert [str(each) for each in adapter.problems if each.severity == "error"] == [
        (
            "a.yaml:5:16: DB404 broken.wsdl: operation `NoMessage` uses message `Undefined`, which is not defined\n"
            "    define the message in broken.wsdl"
        ),
        (
            "a.yaml:6:13: DB404 broken.wsdl: element `A` uses type `Nowhere` of namespace `urn:broken`, which no file defines\n"
            "    add the schema that defines `Nowhere`, or correct the name in broken.wsdl"
        ),
        (
            "a.yaml:7:13: DB404 broken.wsdl: element `A` uses type `Thing` of namespace `urn:far`, whose schema broken.wsdl "
            "imports from `https://far.example/schemas/far.xsd`: there is no such file\n"
            "    put that schema beside broken.wsdl, as `far.xsd`"
        ),
    ]


def test_files_that_a_schema_of_the_same_namespace_includes_are_named_when_they_are_missing(
    tmp_path: Path,
) -> None:
    fragment = (
        '<xs:include schemaLocation="parts/core.xsd"/><xs:include schemaLocation="parts/messages.xsd"/>'
        '<xs:element name="Call" type="c:Gone"/>'
    )
    contract = read_contract(write_contract(fragment, tmp_path))

    with pytest.raises(Unresolved) as error:
        contract.operation(contract.ports[0], "Call")

    assert error.value.message == (
        "case.wsdl: element `Call` uses type `Gone` of namespace `urn:case`, which may be in what case.wsdl imports: "
        "`parts/core.xsd` (there is no such file), `parts/messages.xsd` (there is no such file)"
    )
    assert error.value.fix == "put those schemas beside case.wsdl, as `core.xsd`, `messages.xsd`"


@pytest.mark.parametrize(
    ("backend", "functions", "expected"),
    [
        (
            "  wsdl: nowhere.wsdl\n  endpoint: http://x",
            GET,
            (
                "a.yaml:4:3: DB401 the WSDL `nowhere.wsdl` cannot be read: it cannot be opened: No such file or directory\n"
                "    write the path of a WSDL 1.1 file, relative to this adapter"
            ),
        ),
        (
            "  wsdl: leave.xsd\n  endpoint: http://x",
            GET,
            (
                "a.yaml:4:3: DB401 the WSDL `leave.xsd` cannot be read: it holds no WSDL definitions\n"
                "    write the path of a WSDL 1.1 file, relative to this adapter"
            ),
        ),
        (
            "  wsdl: http://hr.internal/leave?wsdl\n  endpoint: http://x",
            GET,
            (
                "a.yaml:4:3: DB401 `http://hr.internal/leave?wsdl` is an address, and a contract is never fetched while "
                "compiling\n    save it beside the adapter and write its path, such as ./wsdl/service.wsdl"
            ),
        ),
        (
            f"{LEAVE}\n  port: Leave13",
            GET,
            "a.yaml:6:3: DB402 the contract has no port `Leave13` that speaks SOAP\n    did you mean `Leave12`?",
        ),
        (
            LEAVE,
            "  get: {operation: GetLeaves, description: One.}",
            "a.yaml:7:9: DB403 the contract has no operation `GetLeaves`\n    did you mean `GetLeave`?",
        ),
        (
            LEAVE,
            "  get: {operation: GetLeave, description: One., parameters: {id: {to: LeafId}}}",
            (
                "a.yaml:7:62: DB406 the operation's input has no `LeafId` that one value could go to\n"
                "    did you mean `LeaveId`?"
            ),
        ),
        (
            LEAVE,
            (
                "  c: {operation: CancelLeave, description: C., parameters: {n: {to: Request.EmpNr}, r: {to: Request.Reason},"
                " l: {to: Request.LeaveId}}}"
            ),
            (
                "a.yaml:7:61: DB406 the operation's input has no `Request.EmpNr` that one value could go to\n"
                "    did you mean `Request.EmpNo`?"
            ),
        ),
        (
            LEAVE,
            "  get: {operation: GetLeave, description: One., parameters: {a: {to: LeaveId}, b: {to: LeaveId}}}",
            "a.yaml:7:80: DB407 `b` and `a` both fill `LeaveId`\n    give each of them a place of its own with `to:`",
        ),
        (
            f"{LEAVE}\n  soap_headers: {{Session: {{const: x}}}}",
            GET,
            (
                "a.yaml:6:18: DB408 `Session` is not the full name of a SOAP header\n"
                '    write it with its namespace, such as "{urn:hr}Session"'
            ),
        ),
        (
            LEAVE,
            "  c: {operation: CancelLeave, description: C.}",
            (
                "a.yaml:2:1: DB409 warning: the contract wants the SOAP header `OnBehalfOf` with CancelLeave\n"
                '    add it to `soap_headers:` as "{urn:leave}OnBehalfOf"; with `omit: true`, if the service does without'
            ),
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_its_remedy(
    backend: str, functions: str, expected: str
) -> None:
    assert expected in problems(backend, functions)


def test_a_header_that_the_service_does_without_is_not_asked_for() -> None:
    omitted = f'{LEAVE}\n  soap_headers: {{"{{urn:leave}}OnBehalfOf": {{omit: true}}}}'

    assert (
        problems(omitted, "  c: {operation: CancelLeave, effect: destroy, description: C.}") == []
    )


def test_an_encoding_that_is_not_soap_s_is_told_to_be_beyond_us(tmp_path: Path) -> None:
    body = '<soap:body use="literal" namespace="urn:stock:calls"/>'
    other = body.replace("literal", 'encoded" encodingStyle="urn:literalxml')
    (tmp_path / "odd.wsdl").write_text((WSDL / "rpc.wsdl").read_text().replace(body, other))

    found = problems(
        "  wsdl: odd.wsdl\n  endpoint: http://x",
        "  move: {operation: Move, description: One.}",
        tmp_path,
    )

    assert found == [
        (
            "a.yaml:7:10: DB405 `Move` cannot be called: the body is encoded as urn:literalxml says\n"
            "    leave the function out until a later version, or use another operation"
        )
    ]


def test_the_documentation_of_the_contract_stands_in_for_a_description() -> None:
    adapter = compiled(
        f"adapter: a\nbackend:\n  kind: soap\n{LEAVE}\nfunctions:\n  get: {{operation: GetLeave}}\n"
    )

    assert adapter.functions[0].description == "One leave request."


def test_a_type_that_nothing_can_stand_for_is_a_hole(tmp_path: Path) -> None:
    write_contract(
        '<xs:complexType name="Ghost" abstract="true"/><xs:element name="Call"><xs:complexType><xs:sequence>'
        '<xs:element name="Needed" type="c:Ghost"/></xs:sequence></xs:complexType></xs:element>',
        tmp_path,
    )

    found = problems(
        "  wsdl: case.wsdl\n  endpoint: http://x",
        "  call: {operation: Call, description: C.}",
        tmp_path,
    )

    assert found == [
        (
            "a.yaml:7:10: DB404 case.wsdl: the abstract type `Ghost` has no concrete type that could stand in its place\n"
            "    add the schema that derives a type from `Ghost`"
        )
    ]


def test_a_type_that_never_ends_is_a_hole(tmp_path: Path) -> None:
    write_contract(
        '<xs:complexType name="Loop"><xs:sequence><xs:element name="Again" type="c:Loop"/></xs:sequence>'
        '</xs:complexType><xs:element name="Call" type="c:Loop"/>',
        tmp_path,
    )

    found = problems(
        "  wsdl: case.wsdl\n  endpoint: http://x",
        "  call: {operation: Call, description: C.}",
        tmp_path,
    )

    assert found == [
        (
            "a.yaml:7:10: DB404 `Again` has to contain itself without end, so no message can satisfy the contract\n"
            "    make one of the elements on the way optional in the contract"
        )
    ]


def test_two_ways_to_authenticate_are_one_too_many() -> None:
    adapter = compiled(
        f"adapter: a\nbackend:\n  kind: soap\n{LEAVE}\n"
        "  auth: {bearer: {token: x}, basic: {username: a, password: b}}\n"
        f"functions:\n{GET}\n"
    )

    assert [each for each in adapter.problems if "exactly one of basic, bearer" in each.message]


def test_a_contract_is_read_once_until_its_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "rpc.wsdl"
    path.write_bytes((WSDL / "rpc.wsdl").read_bytes())
    first = read_contract(path)
    assert read_contract(path) is first

    path.write_bytes(path.read_bytes() + b"<!-- newer -->")

    assert read_contract(path) is not first


def test_a_contract_inside_a_metadata_envelope_is_found(tmp_path: Path) -> None:
    path = tmp_path / "meta.wsdl"
    inner = (WSDL / "rpc.wsdl").read_text().split("?>", 1)[1]
    path.write_text(
        f'<m:Metadata xmlns:m="urn:m"><m:MetadataSection>{inner}</m:MetadataSection></m:Metadata>'
    )

    contract = read_contract(path)

    assert contract.operations(contract.ports[0]) == ["Move", "Old"]


def test_an_included_schema_without_a_namespace_takes_that_of_its_includer(tmp_path: Path) -> None:
    (tmp_path / "outer.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:a">'
        '<xs:include schemaLocation="middle.xsd"/></xs:schema>'
    )
    (tmp_path / "middle.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:include schemaLocation="inner.xsd"/>'
        '<xs:element name="Call" type="Inner"/></xs:schema>'
    )
    (tmp_path / "inner.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:complexType name="Inner"><xs:sequence>'
        '<xs:element name="A" type="xs:int"/></xs:sequence></xs:complexType></xs:schema>'
    )
    wsdl = (WSDL / "broken.wsdl").read_text()
    start, end = wsdl.index("<xs:schema"), wsdl.index("</wsdl:types>")
    (tmp_path / "a.wsdl").write_text(
        wsdl[:start]
        + '<xs:schema><xs:import namespace="urn:a" schemaLocation="outer.xsd"/></xs:schema>'
        + wsdl[end:].replace('element="t:Whole"', 'element="a:Call" xmlns:a="urn:a"')
    )

    contract = read_contract(tmp_path / "a.wsdl")
    operation = contract.operation(contract.ports[0], "Whole")

    assert operation.request is not None
    assert operation.request.tag == "{urn:a}Call"


REDEFINED = """
<xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:maxLength value="9"/></xs:restriction></xs:simpleType>
<xs:complexType name="Base"><xs:sequence><xs:element name="A" type="Code"/></xs:sequence></xs:complexType>
<xs:complexType name="Heir"><xs:complexContent><xs:extension base="Base"><xs:sequence>
  <xs:element name="H" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:group name="Pair"><xs:sequence><xs:element name="L" type="xs:int"/></xs:sequence></xs:group>
<xs:attributeGroup name="Marks"><xs:attribute name="m" type="Code"/></xs:attributeGroup>
<xs:complexType name="Whole"><xs:sequence>
  <xs:element name="Base" type="Base"/><xs:element name="Heir" type="Heir"/><xs:group ref="Pair"/>
</xs:sequence><xs:attributeGroup ref="Marks"/></xs:complexType>
"""
REDEFINING = """
<xs:redefine schemaLocation="inner.xsd">
  <xs:simpleType name="Code"><xs:restriction base="c:Code"><xs:minLength value="2"/></xs:restriction></xs:simpleType>
  <xs:complexType name="Base"><xs:complexContent><xs:extension base="c:Base"><xs:sequence>
    <xs:element name="B" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
  <xs:group name="Pair"><xs:sequence><xs:group ref="c:Pair"/><xs:element name="R" type="xs:int"/></xs:sequence></xs:group>
  <xs:attributeGroup name="Marks"><xs:attributeGroup ref="c:Marks"/><xs:attribute name="n" type="xs:int"/></xs:attributeGroup>
</xs:redefine>
<xs:element name="Call" type="c:Whole"/>
"""


def test_a_redefinition_takes_the_place_of_what_it_starts_from(tmp_path: Path) -> None:
    (tmp_path / "inner.xsd").write_text(
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified">{REDEFINED}</xs:schema>'
    )
    contract = read_contract(write_contract(REDEFINING, tmp_path))
    operation = contract.operation(contract.ports[0], "Call")
    code = {"type": "string", "minLength": 2, "maxLength": 9}

    found = {
        name: each.schema
        for name, each in Publication(content_of(operation.request)).parameters().items()
    }
    values: JsonObject = {
        "Base": {"A": "aa", "B": 1},
        "Heir": {"A": "aa", "B": 1, "H": 2},
        "L": 1,
        "R": 2,
        "m": "mm",
        "n": 3,
    }
    body = body_of(operation, values)
    (theirs,) = General().write(contract, operation, values)

    assert list(found) == ["Base", "Heir", "L", "R", "m", "n"]
    assert found["m"] == code
    heir = found["Heir"]["properties"]
    assert isinstance(heir, dict)
    assert list(heir) == ["A", "B", "H"]
    assert heir["A"] == code
    assert body is not None
    (tmp_path / "case.xsd").write_text(schema_around(REDEFINING))
    etree.XMLSchema(etree.parse(tmp_path / "case.xsd")).assertValid(body)
    check = body_check(contract, operation)
    assert check.works
    assert check.problem(body) is None
    assert [each.tag for each in theirs.iter()] == [each.tag for each in body.iter()]


def test_prefixes_that_only_a_message_declares_do_not_cost_the_check(tmp_path: Path) -> None:
    text = (WSDL / "rpc.wsdl").read_text()
    text = text.replace(
        'name="shelf" type="xs:int"',
        'name="shelf" type="o:int" xmlns:o="http://www.w3.org/2001/XMLSchema"',
    )
    (tmp_path / "rpc.wsdl").write_text(text)
    contract = read_contract(tmp_path / "rpc.wsdl")

    assert body_check(contract, contract.operation(contract.ports[0], "Move")).works


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
        '<?xml version="1.0"?><!-- c --><?pi?>\n<!DOCTYPE a SYSTEM "http://far.example/a.dtd"><a/>',
        "\ufeff<!DOCTYPE a><a/>",
    ],
)
def test_a_doctype_is_never_read(text: str) -> None:
    with pytest.raises(UnreadableXml, match="DOCTYPE"):
        parse_xml(text.encode())


def test_a_file_of_comments_is_read_in_no_time() -> None:
    data = b"<!-- a -->\n" * 20_000 + b"<a/>"

    assert parse_xml(data).tag == "a"


@pytest.mark.parametrize("deep", [257, 2_000, 1_000_000])
@pytest.mark.parametrize("beside", [0, 10_000_000], ids=["small", "large"])
def test_elements_do_not_stand_in_one_another_without_end(deep: int, beside: int) -> None:
    data = b"<a>" * deep + b"x" * beside + b"</a>" * deep

    with pytest.raises(UnreadableXml, match="more than 256 deep"):
        parse_xml(data)


def test_what_is_large_and_flat_is_read() -> None:
    root = parse_xml(b"<r>" + b"<a>" * 255 + b"x" * 10_000_000 + b"</a>" * 255 + b"</r>")

    assert sum(1 for _ in root.iter()) == 256


def test_a_header_that_the_operation_does_not_have_is_told() -> None:
    found = problems(
        LEAVE, "  c: {operation: CancelLeave, effect: destroy, header_parameters: [OnBehalf]}"
    )

    assert [each for each in found if "DB423" in each] == [
        (
            "a.yaml:7:48: DB423 the contract has no SOAP header `OnBehalf` with `CancelLeave`\n"
            "    did you mean `OnBehalfOf`?"
        )
    ]
