"""Encoded arrays of several dimensions, and replies that hold only some elements of an array."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree

from drawbar.backends.soap.message.arrays import layout_of
from drawbar.kernel.values import JsonObject, JsonValue

from .soap_calls import Calls
from .soap_encoded_peer import ENC_11, ENC_12, XSI, qname
from .soap_office import SOAP_11, SOAP_12, WSDL, Office, open_office
from .test_soap_exotic_calls import REST, STORE, answer

Open = Callable[[str], Calls]


@pytest.fixture
def stores() -> Iterator[Office]:
    with open_office(None) as office:
        yield office


@pytest.fixture
def warehouse(stores: Office, opened: Open, tmp_path: Path) -> Callable[..., Calls]:
    """The adapter of a contract whose `rows` are an array as given."""

    def with_rows(kind: str, port: str = "Encoded11", wire: str = "plan") -> Calls:
        text = (WSDL / "stores.wsdl").read_text().replace("xs:int[][]", kind)
        (tmp_path / "stores.wsdl").write_text(text)
        return opened(
            f"""
adapter: stores
backend: {{kind: soap, wsdl: {tmp_path}/stores.wsdl, port: {port}, endpoint: "{stores.url}"}}
functions:
  store: {{operation: Store, effect: write, wire: {wire}}}
"""
        )

    return with_rows


def replied(rows: str) -> str:
    return answer(f"<return><Parts/>{rows}{REST}</return>")


@pytest.mark.parametrize("wire", ["plan", "zeep"])
@pytest.mark.parametrize(("port", "namespace"), [("Encoded11", SOAP_11), ("Encoded12", SOAP_12)])
async def test_rows_of_an_array_of_two_dimensions_are_sent_in_one_row(
    stores: Office, warehouse: Callable[..., Calls], port: str, namespace: str, wire: str
) -> None:
    stores.replies(replied("<Rows/>"), namespace)
    calls = warehouse("xs:int[,]", port, wire)

    await calls.call("store", {**STORE, "rows": [[1, 2, 3], [4, 5, 6]]})

    rows = next(each for each in stores.received[0].body if each.tag == "rows")
    assert [each.text for each in rows] == ["1", "2", "3", "4", "5", "6"]
    assert qname(rows, str(rows.get(f"{{{XSI}}}type"))).endswith("}Array")
    if namespace == SOAP_11:
        assert str(rows.get(f"{{{ENC_11}}}arrayType")).endswith(":int[2,3]")
    else:
        assert str(rows.get(f"{{{ENC_12}}}itemType")).endswith(":int")
        assert rows.get(f"{{{ENC_12}}}arraySize") == "2 3"


def test_a_model_writes_rows(warehouse: Callable[..., Calls]) -> None:
    (store,) = warehouse("xs:int[,]").adapter.functions

    rows = store.schema["properties"]["rows"]  # type: ignore[index, call-overload]  # the test knows the schema

    integer = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
    assert rows == {"type": "array", "items": {"type": "array", "items": integer}}


async def test_arrays_of_arrays_of_two_dimensions_say_both(
    stores: Office, warehouse: Callable[..., Calls]
) -> None:
    stores.replies(replied("<Rows/>"))

    await warehouse("xs:int[,][]").call("store", {**STORE, "rows": [[[1, 2], [3, 4]], [[5]]]})

    rows = next(each for each in stores.received[0].body if each.tag == "rows")
    said = [str(each.get(f"{{{ENC_11}}}arrayType")).partition(":")[2] for each in (rows, *rows)]
    assert said == ["int[,][2]", "int[2,2]", "int[1,1]"]
    assert [[each.text for each in inner] for inner in rows] == [["1", "2", "3", "4"], ["5"]]


async def test_rows_of_different_length_are_refused(
    stores: Office, warehouse: Callable[..., Calls]
) -> None:
    error = await warehouse("xs:int[,]").error("store", {**STORE, "rows": [[1, 2], [3]]})

    assert (error.code, error.work) == ("invalid_arguments", "not_started")
    assert "rows: its rows have 1 to 2 elements; all have to have as many" in error.message
    assert stores.received == []


def rows_of(attributes: str, items: str) -> str:
    return f'<Rows xsi:type="enc:Array" {attributes}>{items}</Rows>'


def items(*numbers: int) -> str:
    return "".join(f"<i>{number}</i>" for number in numbers)


FLAT = rows_of('enc:arrayType="xsd:int[2,3]"', items(1, 2, 3, 4, 5, 6))
ODD = "Values of the reply do not fit the contract and are kept as they came: Rows."


@pytest.mark.parametrize(
    ("kind", "rows", "value", "notes"),
    [
        ("xs:int[,]", FLAT, [[1, 2, 3], [4, 5, 6]], ()),
        ("xs:int[]", FLAT, [[1, 2, 3], [4, 5, 6]], ()),
        ("xs:int[,]", rows_of('enc:arrayType="xsd:int[0,0]"', ""), [], ()),
        ("xs:int[,]", f"<Rows><r>{items(1, 2)}</r><r>{items(3)}</r></Rows>", [[1, 2], [3]], ()),
        ("xs:int[,]", f"<Rows>{items(1, 2)}</Rows>", [1, 2], ()),
        (
            "xs:int[]",
            rows_of('enc:arrayType="xsd:int[5]" enc:offset="[2]"', items(3, 4)),
            [None, None, 3, 4, None],
            (),
        ),
        (
            "xs:int[]",
            rows_of(
                'enc:arrayType="xsd:int[4]"',
                '<i enc:position="[3]">9</i><i enc:position="[0]">7</i>',
            ),
            [7, None, None, 9],
            (),
        ),
        (
            "xs:int[,]",
            rows_of('enc:arrayType="xsd:int[2,2]"', '<i enc:position="[1,0]">3</i>'),
            [[None, None], [3, None]],
            (),
        ),
        (
            "xs:int[,]",
            rows_of('enc:arrayType="xsd:int[2,2]" enc:offset="[0,1]"', items(2, 3, 4)),
            [[None, 2], [3, 4]],
            (),
        ),
        (
            "xs:int[,]",
            rows_of('enc:arrayType="xsd:int[2,2]"', items(1, 2, 3, 4, 5)),
            [1, 2, 3, 4, 5],
            (ODD,),
        ),
        (
            "xs:int[]",
            rows_of('enc:arrayType="xsd:int[999999999]" enc:offset="[999999998]"', items(1)),
            [1],
            (ODD,),
        ),
        (
            "xs:int[]",
            rows_of('enc:arrayType="xsd:int[3]"', '<i enc:position="[7]">1</i>'),
            [1],
            (ODD,),
        ),
        (
            "xs:int[]",
            rows_of('enc:arrayType="xsd:int[3]"', '<i enc:position="[1]">1</i><i>2</i>'),
            [1, 2],
            (ODD,),
        ),
    ],
)
async def test_a_reply_puts_elements_where_they_say_they_stand(
    stores: Office,
    warehouse: Callable[..., Calls],
    kind: str,
    rows: str,
    value: JsonValue,
    notes: tuple[str, ...],
) -> None:
    stores.replies(replied(rows))
    sent: JsonObject = {**STORE, "rows": [] if kind == "xs:int[,]" else [1]}

    reply = await warehouse(kind).call("store", sent)

    assert isinstance(reply.value, dict)
    assert reply.value["return"]["Rows"] == value  # type: ignore[index, call-overload]  # as the contract has it
    assert reply.notes == notes


def test_the_first_size_may_be_open() -> None:
    node = etree.fromstring(f'<a xmlns:e="{ENC_12}" e:arraySize="* 2"/>')

    layout = layout_of(node)

    assert layout is not None
    assert layout.arranged([1, 2, 3, 4]) == [[1, 2], [3, 4]]
