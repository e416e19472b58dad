"""Calls in styles of old: encoded, with several parts, with parts that name types; by the plan and by zeep."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator

import pytest
from lxml import etree

from drawbar.kernel.ports import Cut, Progress
from drawbar.kernel.values import JsonObject

from .soap_calls import Calls, make_call
from .soap_encoded_peer import EncodedPeer
from .soap_office import SOAP_11, SOAP_12, WSDL, Office, open_office

Open = Callable[[str], Calls]

PART: JsonObject = {
    "Number": "B-1 <&>",
    "Count": 3,
    "Price": 1.5,
    "Since": "2026-01-31",
    "Fragile": False,
    "Colour": "red",
    "Tags": ["a", "b"],
}
STORE: JsonObject = {
    "parts": [PART, {**PART, "Colour": None, "Tags": [], "Note": "n"}],
    "rows": [[1, 2], [], [3]],
    "codes": [4, 5],
    "place": {"_type": "Yard", "Name": "north", "Gate": "G"},
    "urgent": True,
}
RECEIPT: JsonObject = {
    "Parts": [{**PART, "Note": "kept"}],
    "Rows": [[1], [2, 3]],
    "Codes": [],
    "Total": 12.5,
}


@pytest.fixture
def stores() -> Iterator[Office]:
    with open_office(None) as office:
        yield office


@pytest.fixture(params=["plan", "zeep"])
def wire(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def adapter(url: str, port: str = "Encoded11", functions: str = "", wire: str = "plan") -> str:
    functions = functions or "  store: {operation: Store, effect: write}"
    functions = re.sub(r"\{operation", f"{{wire: {wire}, operation", functions)
    return f"""
adapter: stores
backend: {{kind: soap, wsdl: stores.wsdl, port: {port}, endpoint: "{url}"}}
functions:
{functions}
"""


def struct(colour: str = '<Colour xsi:type="t:Colour">red</Colour>') -> str:
    return (
        '<Number xsi:type="xsd:string">B-1 &lt;&amp;&gt;</Number><Count xsi:type="xsd:int">3</Count>'
        '<Price xsi:type="xsd:decimal">1.50</Price><Since xsi:type="xsd:date">2026-01-31</Since>'
        f'<Fragile xsi:type="xsd:boolean">0</Fragile>{colour}'
        '<Tags xsi:type="enc:Array" enc:arrayType="xsd:string[2]"><string>a</string><string>b</string></Tags>'
        '<Note xsi:type="enc:string">kept</Note>'
    )


ROWS = (
    '<Rows xsi:type="enc:Array" enc:arrayType="xsd:int[][2]">'
    '<r xsi:type="enc:Array" enc:arrayType="xsd:int[1]"><i>1</i></r>'
    '<r xsi:type="enc:Array" enc:arrayType="xsd:int[2]"><i>2</i><i>3</i></r></Rows>'
)
REST = '<Codes xsi:type="enc:Array" enc:arrayType="xsd:short[0]"/><Total xsi:type="xsd:decimal">12.5</Total>'


def answer(inside: str, after: str = "") -> str:
    return (
        '<c:StoreResponse xmlns:c="urn:stores:calls" xmlns:t="urn:stores" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
        f'xmlns:enc="http://schemas.xmlsoap.org/soap/encoding/">{inside}</c:StoreResponse>{after}'
    )


WHOLE = answer(
    '<return xsi:type="t:Receipt"><Parts xsi:type="enc:Array" enc:arrayType="t:Part[1]">'
    f'<Part xsi:type="t:Part">{struct()}</Part></Parts>{ROWS}{REST}</return>'
)


@pytest.mark.parametrize(
    ("port", "version", "namespace"),
    [("Encoded11", "1.1", SOAP_11), ("Encoded12", "1.2", SOAP_12)],
)
async def test_an_encoded_call_is_what_the_wsdl_says_and_its_reply_is_read(
    stores: Office, opened: Open, port: str, version: str, namespace: str, wire: str
) -> None:
    stores.replies(WHOLE, namespace)
    calls = opened(adapter(stores.url, port, wire=wire))
    progress = Progress()

    reply = await calls.call("store", STORE, progress=progress)

    assert reply.value == {"return": RECEIPT}
    assert reply.notes == ()
    assert progress.sent
    sent = stores.received[0].body
    assert sent.tag == "{urn:stores:calls}Store"
    assert EncodedPeer(WSDL / "stores.wsdl").complaints(sent, "Store", version) == []


def test_the_peer_of_these_tests_finds_what_is_wrong() -> None:
    body = etree.fromstring(
        '<c:Store xmlns:c="urn:stores:calls" xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><urgent xsi:type="xs:int">x</urgent></c:Store>'
    )

    found = EncodedPeer(WSDL / "stores.wsdl").complaints(body, "Store")

    assert len(found) == 4  # no encoding, missing parts, another type, no boolean


async def test_references_in_a_reply_are_what_they_refer_to(
    stores: Office, opened: Open, wire: str
) -> None:
    after = (
        '<multiRef id="id0" xsi:type="t:Receipt" xmlns:t="urn:stores" xmlns:enc="http://schemas.xmlsoap.org/soap/encoding/" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f'<Parts xsi:type="enc:Array" enc:arrayType="t:Part[1]"><Parts href="#id1"/></Parts>{ROWS}{REST}</multiRef>'
        '<multiRef id="id1" xsi:type="t:Part" xmlns:t="urn:stores" xmlns:enc="http://schemas.xmlsoap.org/soap/encoding/" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"{struct()}</multiRef>"
    )
    stores.replies(answer('<return href="#id0"/>', after))
    calls = opened(adapter(stores.url, wire=wire))

    reply = await calls.call("store", STORE)

    assert reply.value == {"return": RECEIPT}


async def test_a_reply_beside_the_contract_is_read_by_names(stores: Office, opened: Open) -> None:
    stores.replies(
        answer(
            "<return><Total>many</Total><Extra><a>1</a></Extra><Rows><x><y>7</y></x></Rows></return>"
        )
    )
    calls = opened(adapter(stores.url))

    reply = await calls.call("store", STORE)

    assert reply.value == {"return": {"Total": "many", "Extra": {"a": "1"}, "Rows": [[7]]}}
    assert reply.notes == (
        "The reply has elements that are not in the contract, kept as text: Extra.",
        "Values of the reply do not fit the contract and are kept as they came: Total.",
    )


async def test_long_arrays_are_cut_with_a_word(stores: Office, opened: Open, wire: str) -> None:
    codes = "<Codes>" + "<c>1</c>" * 9 + "</Codes>"
    stores.replies(answer(f"<return><Parts/><Rows/>{codes}<Total>1</Total></return>"))
    calls = opened(adapter(stores.url, wire=wire))

    reply = await calls.call("store", STORE, max_rows=4)

    assert reply.value == {"return": {"Parts": [], "Rows": [], "Codes": [1] * 4, "Total": 1}}
    assert reply.cuts == (Cut(4, 9, "rows", "ask for less of `Codes`, or raise `limits.rows`"),)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parts": [{**PART, "Colour": "green"}]}, "Colour"),
        ({"parts": [{**PART, "Since": "2026-02-30"}]}, "Since"),
        ({"parts": [{**PART, "Count": 2**40}]}, "Count"),
        ({"parts": [{"Number": "x"}]}, "parts/0/Count: it is missing"),
        ({"parts": "x"}, "parts: it has to be a list"),
        ({"rows": [[1], 2]}, "rows/1: it has to be a list"),
        ({"codes": ["x"]}, "codes/0: 'x' is no number"),
        ({"place": {"_type": "Moon"}}, "place/_type: 'Moon' is no type that may stand here"),
        ({"urgent": None}, "urgent: it is missing"),
        ({"parts": [{**PART, "Odd": 1}]}, "parts/0/Odd: the contract has no place for it"),
    ],
)
async def test_what_the_contract_does_not_take_is_refused_before_the_network(
    stores: Office, opened: Open, change: JsonObject, said: str, wire: str
) -> None:
    calls = opened(adapter(stores.url, wire=wire))
    progress = Progress()

    error = await calls.error("store", {**STORE, **change}, progress=progress)

    assert (error.code, error.work) == ("invalid_arguments", "not_started")
    assert said in error.message
    assert stores.received == []
    assert not progress.sent


async def test_a_fault_is_the_same_fault_on_either_path(
    stores: Office, opened: Open, wire: str
) -> None:
    stores.faults(
        "<faultcode>s:Server</faultcode><faultstring>no room</faultstring>"
        "<detail><e><ErrorCode>17</ErrorCode></e></detail>"
    )
    calls = opened(adapter(stores.url, wire=wire))

    error = await calls.error("store", STORE)

    assert (error.code, error.work, error.facts["fault"]) == ("fault", "rolled_back", "17")


async def test_a_page_instead_of_soap_leaves_the_work_unknown(stores: Office, opened: Open) -> None:
    stores.raw(503, "text/html", b"<html>back soon</html>")
    calls = opened(adapter(stores.url))

    error = await calls.error("store", STORE)

    assert (error.code, error.work, error.retryable) == ("http_error", "unknown", True)


async def test_no_answer_in_time_leaves_the_work_unknown(stores: Office, opened: Open) -> None:
    stores.hold = True
    calls = opened(adapter(stores.url, wire="zeep"))
    await calls.call("store", STORE, mode="dry_run")  # zeep is loaded

    error = await calls.error("store", STORE, seconds=0.5)

    assert (error.code, error.work) == ("timeout", "unknown")


async def test_nobody_there_means_nothing_was_started(opened: Open) -> None:
    calls = opened(adapter("http://127.0.0.1:9/stores"))

    error = await calls.error("store", STORE)

    assert (error.code, error.work, error.retryable) == (
        "backend_unavailable",
        "not_started",
        True,
    )


async def test_a_cancelled_call_hangs_up_at_once(stores: Office, opened: Open) -> None:
    stores.hold = True
    calls = opened(adapter(stores.url))
    task = asyncio.create_task(
        calls.backend.invoke(calls.adapter.plans["store"].binding, make_call(STORE, seconds=30))
    )
    await asyncio.to_thread(stores.arrived.wait, 10)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await asyncio.to_thread(stores.gone.wait, 1)


async def test_a_dry_run_shows_who_writes_and_the_exact_envelope(
    stores: Office, opened: Open, wire: str
) -> None:
    stores.replies(WHOLE)
    calls = opened(adapter(stores.url, wire=wire))

    dry = await calls.call("store", STORE, mode="dry_run")
    await calls.call("store", STORE)

    assert isinstance(dry.value, dict)
    assert dry.value["wire"] == wire
    request = dry.value["request"]
    assert isinstance(request, dict)
    shown = etree.fromstring(str(request["body"]).encode(), etree.XMLParser(remove_blank_text=True))
    assert etree.tostring(shown, method="c14n") == etree.tostring(
        stores.received[0].root, method="c14n"
    )


DOCUMENT = """  kind: {operation: Type, effect: write}
  several: {operation: Several, effect: write}
"""


async def test_a_part_that_names_a_type_is_sent_under_its_own_name(
    stores: Office, opened: Open, wire: str
) -> None:
    stores.replies(
        '<order xmlns:d="urn:stores:doc"><d:Number>2</d:Number><d:Lines>x</d:Lines></order>'
    )
    calls = opened(adapter(stores.url, "Document", DOCUMENT, wire))

    reply = await calls.call("kind", {"Number": 1, "Lines": ["a", "b"]})

    sent = stores.received[0].body
    assert [(node.tag, node.text) for node in sent.iter()] == [
        ("order", None),
        ("{urn:stores:doc}Number", "1"),
        ("{urn:stores:doc}Lines", "a"),
        ("{urn:stores:doc}Lines", "b"),
    ]
    assert reply.value == {"Number": 2, "Lines": ["x"]}


@pytest.mark.parametrize("extra", ["", "<d:Odd>1</d:Odd>"], ids=["whole", "with more"])
async def test_several_parts_stand_side_by_side_in_the_body(
    stores: Office, opened: Open, extra: str, wire: str
) -> None:
    stores.replies(
        f'<d:Head xmlns:d="urn:stores:doc"><d:Customer>k</d:Customer>{extra}</d:Head>'
        '<d:Comment xmlns:d="urn:stores:doc">thanks</d:Comment>'
    )
    calls = opened(adapter(stores.url, "Document", DOCUMENT, wire))

    reply = await calls.call("several", {"head": {"Customer": "c"}, "comment": "hi"})

    body = stores.received[0].body.getparent()
    assert body is not None
    assert [node.tag for node in body] == ["{urn:stores:doc}Head", "{urn:stores:doc}Comment"]
    odd = {"Odd": "1"} if extra else {}
    assert reply.value == {"head": {"Customer": "k", **odd}, "comment": "thanks"}


async def test_an_rpc_part_that_names_an_element_stands_inside_the_wrapper(
    stores: Office, opened: Open, wire: str
) -> None:
    stores.replies(
        '<c:ElementResponse xmlns:c="urn:stores:calls" xmlns:d="urn:stores:doc">'
        "<d:Head><d:Customer>k</d:Customer></d:Head></c:ElementResponse>"
    )
    calls = opened(
        adapter(stores.url, "Rpc", "  element: {operation: Element, effect: write}", wire)
    )

    reply = await calls.call("element", {"Head": {"Customer": "c", "Due": "2026-01-01"}})

    sent = stores.received[0].body
    assert [node.tag.rpartition("}")[2] for node in sent.iter()] == [
        "Element",
        "Head",
        "Customer",
        "Due",
    ]
    assert reply.value == {"Head": {"Customer": "k"}}


@pytest.mark.parametrize("wire", ["plan", "zeep"])
async def test_an_author_may_say_who_writes(office: Office, opened: Open, wire: str) -> None:
    office.replies(
        '<t:CancelLeaveResponse xmlns:t="urn:leave"><t:Done>true</t:Done></t:CancelLeaveResponse>'
    )
    calls = opened(
        f"""
adapter: hr
backend: {{kind: soap, wsdl: leave.wsdl, endpoint: "{office.url}"}}
functions:
  cancel: {{operation: CancelLeave, effect: write, wire: {wire}}}
"""
    )
    request: JsonObject = {"LeaveId": 3, "EmpNo": "1", "Reason": None, "Copies": ["a", "b"]}

    dry = await calls.call("cancel", {"Request": request}, mode="dry_run")
    reply = await calls.call("cancel", {"Request": request})

    assert isinstance(dry.value, dict)
    assert dry.value["wire"] == wire
    assert reply.value == {"Done": True}
    assert [(each.tag.rpartition("}")[2], each.text) for each in office.received[0].body[0]] == [
        ("LeaveId", "3"),
        ("EmpNo", "1"),
        ("Reason", None),
        ("Copies", "a"),
        ("Copies", "b"),
    ]


async def test_many_calls_at_once_do_not_mix(stores: Office, opened: Open, wire: str) -> None:
    stores.replies(WHOLE)
    calls = opened(adapter(stores.url, wire=wire))

    replies = await asyncio.gather(
        *(calls.call("store", {**STORE, "codes": [number]}) for number in range(20))
    )

    assert all(reply.value == {"return": RECEIPT} for reply in replies)
    sent = sorted(int(each.body.findtext("codes/item") or "") for each in stores.received)
    assert sent == list(range(20))
