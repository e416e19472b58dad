"""Calls over the wire to a real server, which holds each of them against the XSD."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from drawbar.kernel.ports import Cut, Progress
from drawbar.kernel.values import Caller, JsonObject

from .soap_calls import ANNA, Calls
from .soap_office import SOAP_12, WSDL, Office

Open = Callable[[str], Calls]

LEAVE = """
<t:Leave xmlns:t="urn:leave" version="3"><t:Id>7</t:Id><t:State>A</t:State><t:Days>2.50</t:Days>
<t:From>2026-03-01</t:From><t:Paid>true</t:Paid><t:Slip>QUJD</t:Slip><t:Note>one</t:Note>
<t:Deputy xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/></t:Leave>"""
WANTED = {
    "version": 3,
    "Id": 7,
    "State": "A",
    "Days": 2.5,
    "From": "2026-03-01",
    "Paid": True,
    "Slip": "QUJD",
    "Note": ["one"],
    "Deputy": None,
}


def adapter(url: str, more: str = "", functions: str = "") -> str:
    return f"""
adapter: hr
backend:
  kind: soap
  wsdl: leave.wsdl
  endpoint: {url}
{more}
functions:
  get_leave: {{operation: GetLeave, description: One.}}
  list_leave: {{operation: ListLeave, description: All.}}
  cancel_leave:
    operation: CancelLeave
    description: Cancel.
    effect: destroy
    parameters:
      leave_id: {{to: Request.LeaveId}}
      employee: {{to: Request.EmpNo, from: caller.claims.emp_no}}
      region: {{to: Request.Region, const: EU}}
  announce: {{operation: Announce, description: Say., effect: write}}
{functions}
"""


async def test_a_call_is_answered_with_the_reply_in_json(office: Office, opened: Open) -> None:
    office.replies(f'<t:GetLeaveResponse xmlns:t="urn:leave">{LEAVE}</t:GetLeaveResponse>')
    hr = opened(adapter(office.url))

    reply = await hr.call("get_leave", {"LeaveId": 7})

    assert reply.value == {"Leave": WANTED}
    assert reply.notes == ()
    assert office.received[0].text("LeaveId") == "7"
    assert office.received[0].headers["soapaction"] == '"urn:leave/GetLeave"'
    assert office.received[0].headers["content-type"] == "text/xml; charset=utf-8"


async def test_soap_12_has_its_own_envelope_and_content_type(office: Office, opened: Open) -> None:
    office.replies(
        '<t:CancelLeaveResponse xmlns:t="urn:leave"><t:Done>1</t:Done></t:CancelLeaveResponse>',
        SOAP_12,
    )
    office.content_type = "application/soap+xml"
    hr = opened(adapter(office.url, "  port: Leave12"))

    reply = await hr.call(
        "cancel_leave", {"leave_id": 3, "employee": "1", "region": "EU", "Request": {"Reason": "x"}}
    )

    assert reply.value == {"Done": True}
    assert office.received[0].root.tag == f"{{{SOAP_12}}}Envelope"
    assert (
        office.received[0].headers["content-type"]
        == 'application/soap+xml; charset=utf-8; action="urn:leave/CancelLeave"'
    )


async def test_nested_values_go_where_the_adapter_says(office: Office, opened: Open) -> None:
    office.replies(
        '<t:CancelLeaveResponse xmlns:t="urn:leave"><t:Done>false</t:Done></t:CancelLeaveResponse>'
    )
    hr = opened(adapter(office.url))

    reply = await hr.call(
        "cancel_leave",
        {
            "leave_id": 3,
            "employee": "1042",
            "region": "EU",
            "Request": {"Reason": None, "Refund": 12.30, "Copies": ["a", "b & c"]},
        },
    )

    sent = office.received[0].body[0]
    assert reply.value == {"Done": False}
    assert [(node.tag.rpartition("}")[2], node.text) for node in sent] == [
        ("LeaveId", "3"),
        ("EmpNo", "1042"),
        ("Region", "EU"),
        ("Reason", None),
        ("Refund", "12.3"),
        ("Copies", "a"),
        ("Copies", "b & c"),
    ]
    assert sent[3].get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true"


async def test_no_rows_are_an_empty_list_and_many_are_cut_with_a_word(
    office: Office, opened: Open
) -> None:
    hr = opened(adapter(office.url))
    office.replies('<t:ListLeaveResponse xmlns:t="urn:leave"/>')
    assert (await hr.call("list_leave", {})).value == {"Leave": []}

    office.replies(f'<t:ListLeaveResponse xmlns:t="urn:leave">{LEAVE * 5}</t:ListLeaveResponse>')
    reply = await hr.call(
        "list_leave", {"State": ["A", "R"], "Since": "2026-01-01T00:00:00"}, max_rows=2
    )

    assert reply.value == {"Leave": [WANTED, WANTED]}
    assert reply.cuts == (Cut(2, 5, "rows", "ask for less of `Leave`, or raise `limits.rows`"),)


async def test_elements_in_another_order_or_unknown_to_the_contract_are_kept(
    office: Office, opened: Open
) -> None:
    office.replies(
        '<t:GetLeaveResponse xmlns:t="urn:leave"><t:Leave><t:Days>1</t:Days><t:Id>7</t:Id>'
        '<Colour shade="dark">blue</Colour><t:State>odd</t:State></t:Leave></t:GetLeaveResponse>'
    )
    hr = opened(adapter(office.url))

    reply = await hr.call("get_leave", {"LeaveId": 7})

    assert reply.value == {
        "Leave": {
            "Days": 1,
            "Id": 7,
            "Colour": {"shade": "dark", "value": "blue"},
            "State": "odd",
            "Note": [],
        }
    }
    assert reply.notes == (
        "The reply has elements that are not in the contract, kept as text: Colour.",
        "The reply lacks elements that the contract requires: From, Paid.",
        "Elements of the reply are in another order than in the contract: Leave.",
        "Values of the reply do not fit the contract and are kept as they came: State.",
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12345678901234567890.12", "12345678901234567890.12"),
        ("0.1", 0.1),
        ("7.00", 7.0),
        ("many", "many"),
        (" 3 ", 3),
    ],
)
async def test_numbers_keep_their_digits(
    office: Office, opened: Open, text: str, value: object
) -> None:
    office.replies(
        f'<t:GetLeaveResponse xmlns:t="urn:leave"><t:Leave><t:Days>{text}</t:Days></t:Leave></t:GetLeaveResponse>'
    )
    hr = opened(adapter(office.url))

    reply = await hr.call("get_leave", {"LeaveId": 7})

    odd = "Values of the reply do not fit the contract and are kept as they came: Days."
    assert reply.value == {"Leave": {"Days": value, "Note": []}}
    assert (odd in reply.notes) == (text == "many")


async def test_an_operation_without_a_reply_says_so(office: Office, opened: Open) -> None:
    office.raw(202, "text/plain", b"")
    hr = opened(adapter(office.url))

    reply = await hr.call("announce", {"Text": "closed on Monday"})

    assert reply.value is None
    assert reply.notes == ("The service took the request; this operation has no reply.",)


async def test_rpc_literal_wraps_its_parts_without_a_namespace(opened: Open) -> None:
    from .soap_office import open_office  # noqa: PLC0415 -- another contract than the fixture's

    with open_office(None) as stock:
        stock.replies('<c:MoveResponse xmlns:c="urn:stock:calls"><left>4</left></c:MoveResponse>')
        calls = opened(
            f"""
adapter: stock
backend: {{kind: soap, wsdl: rpc.wsdl, endpoint: "{stock.url}"}}
functions:
  move: {{operation: Move, description: Move., effect: write}}
"""
        )

        reply = await calls.call("move", {"part": {"Number": "B-1", "Count": 2}, "shelf": 9})

        sent = stock.received[0].body
        assert reply.value == {"left": 4}
        assert sent.tag == "{urn:stock:calls}Move"
        assert [node.tag for node in sent.iter()] == [
            "{urn:stock:calls}Move",
            "part",
            "{urn:stock}Number",
            "{urn:stock}Count",
            "shelf",
        ]


# -- who calls ------------------------------------------------------------------------------------


async def test_basic_authentication_and_headers_reach_the_service(
    office: Office, opened: Open
) -> None:
    office.replies(f'<t:GetLeaveResponse xmlns:t="urn:leave">{LEAVE}</t:GetLeaveResponse>')
    hr = opened(
        adapter(
            office.url,
            "  auth: {basic: {username: crew, password: s3cret}}\n  headers: {X-System: drawbar}",
        )
    )

    await hr.call("get_leave", {"LeaveId": 7})

    headers = office.received[0].headers
    assert headers["authorization"] == "Basic " + base64.b64encode(b"crew:s3cret").decode()
    assert headers["x-system"] == "drawbar"


async def test_a_bearer_token_reaches_the_service(office: Office, opened: Open) -> None:
    office.replies(f'<t:GetLeaveResponse xmlns:t="urn:leave">{LEAVE}</t:GetLeaveResponse>')
    hr = opened(adapter(office.url, "  auth: {bearer: {token: abc}}"))

    await hr.call("get_leave", {"LeaveId": 7})

    assert office.received[0].headers["authorization"] == "Bearer abc"


WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"


@pytest.mark.parametrize("digest", [False, True])
async def test_a_username_token_proves_the_password(
    office: Office, opened: Open, *, digest: bool
) -> None:
    office.replies(f'<t:GetLeaveResponse xmlns:t="urn:leave">{LEAVE}</t:GetLeaveResponse>')
    auth = f"  auth: {{wsse_username: {{username: crew, password: s3cret, digest: {str(digest).lower()}}}}}"
    hr = opened(adapter(office.url, auth))

    await hr.call("get_leave", {"LeaveId": 7})

    token = office.received[0].header.find(f"{WSSE}Security/{WSSE}UsernameToken")
    assert token is not None
    sent = token.findtext(f"{WSSE}Password")
    assert token.findtext(f"{WSSE}Username") == "crew"
    if digest:
        nonce = base64.b64decode(token.findtext(f"{WSSE}Nonce") or "")
        created = (token.findtext(f"{WSU}Created") or "").encode()
        proof = hashlib.sha1(nonce + created + b"s3cret").digest()
        assert sent == base64.b64encode(proof).decode()
    else:
        assert sent == "s3cret"


async def test_soap_headers_carry_constants_secrets_and_the_caller(
    office: Office, opened: Open
) -> None:
    office.replies(f'<t:GetLeaveResponse xmlns:t="urn:leave">{LEAVE}</t:GetLeaveResponse>')
    hr = opened(
        adapter(
            office.url,
            """  soap_headers:
    "{urn:leave}Session": {const: {Age: 5, Token: t-1}}
    "{urn:other}Key": {secret: k-1}
    "{urn:other}Who": {from: caller.subject}
    "{urn:other}Not": {omit: true}
  identity: {header: {name: "{urn:leave}OnBehalfOf", from: caller.email}}
""",
        )
    )

    await hr.call("get_leave", {"LeaveId": 7})

    header = office.received[0].header
    session = header.find("{urn:leave}Session")
    assert session is not None
    # The contract declares Session, so its children come in the contract's order.
    assert [(node.tag, node.text) for node in session] == [
        ("{urn:leave}Token", "t-1"),
        ("{urn:leave}Age", "5"),
    ]
    assert header.findtext("{urn:other}Key") == "k-1"
    assert header.findtext("{urn:other}Who") == "anna"
    assert header.find("{urn:other}Not") is None
    assert header.findtext("{urn:leave}OnBehalfOf") == "anna@example.org"


async def test_a_caller_without_the_claim_is_not_let_through(office: Office, opened: Open) -> None:
    hr = opened(
        adapter(
            office.url,
            '  identity: {header: {name: "{urn:leave}OnBehalfOf", from: caller.claims.email}}',
        )
    )

    error = await hr.error("get_leave", {"LeaveId": 7}, caller=Caller("bob"))

    assert (error.code, error.work) == ("identity_missing", "not_started")
    assert "claim `email`" in error.message
    assert office.received == []


async def test_a_dry_run_shows_the_exact_request_and_no_secret(
    office: Office, opened: Open
) -> None:
    hr = opened(
        adapter(
            office.url,
            """  auth: {wsse_username: {username: crew, password: s3cret, digest: true}}
  headers: {X-Key: topkey}
  soap_headers: {"{urn:other}Key": {secret: k-secret}}
""",
        )
    )

    reply = await hr.call("get_leave", {"LeaveId": 7}, mode="dry_run")

    assert isinstance(reply.value, dict)
    request = reply.value["request"]
    assert isinstance(request, dict)
    assert request["url"] == office.url
    assert request["headers"] == {
        "X-Key": "***",
        "Content-Type": "text/xml; charset=utf-8",
        "SOAPAction": '"urn:leave/GetLeave"',
        "Accept": "text/xml, application/soap+xml, application/xml, multipart/related",
    }
    assert "<tns:LeaveId>7</tns:LeaveId>" in str(request["body"])
    for secret in ("s3cret", "topkey", "k-secret"):
        assert secret not in str(reply.value)
    assert office.received == []


# -- connections ----------------------------------------------------------------------------------


async def test_reads_share_a_connection_and_a_change_gets_its_own(
    office: Office, opened: Open
) -> None:
    office.replies(f'<t:GetLeaveResponse xmlns:t="urn:leave">{LEAVE}</t:GetLeaveResponse>')
    hr = opened(adapter(office.url))
    for _ in range(3):
        await hr.call("get_leave", {"LeaveId": 7})
    assert office.connections == 1

    for _ in range(2):
        await hr.call("announce", {"Text": "x"})

    assert office.connections == 3


async def test_many_calls_at_once_do_not_mix(office: Office, opened: Open) -> None:
    office.replies(f'<t:GetLeaveResponse xmlns:t="urn:leave">{LEAVE}</t:GetLeaveResponse>')
    hr = opened(adapter(office.url))

    replies = await asyncio.gather(
        *(hr.call("get_leave", {"LeaveId": number}) for number in range(40))
    )

    assert all(reply.value == {"Leave": WANTED} for reply in replies)
    assert sorted(int(each.text("LeaveId") or "") for each in office.received) == list(range(40))


async def test_a_call_is_marked_as_sent_only_once_it_is(office: Office, opened: Open) -> None:
    office.replies(f'<t:GetLeaveResponse xmlns:t="urn:leave">{LEAVE}</t:GetLeaveResponse>')
    hr = opened(adapter(office.url))
    dry, run = Progress(), Progress()

    await hr.call("get_leave", {"LeaveId": 7}, mode="dry_run", progress=dry)
    await hr.call("get_leave", {"LeaveId": 7}, progress=run)

    assert (dry.sent, run.sent) == (False, True)


async def test_health_is_a_connection_to_the_endpoint(office: Office, opened: Open) -> None:
    up = await opened(adapter(office.url)).backend.health()
    down = await opened(adapter("http://127.0.0.1:9/leave")).backend.health()

    several = await opened(adapter("http://localhost:9/leave")).backend.health()

    assert up.ok
    assert not down.ok
    assert several.detail == "TCP connection to localhost:9: Connection refused"
    assert down.detail == "TCP connection to 127.0.0.1:9: Connection refused"
    assert ANNA.subject == "anna"


async def test_header_parts_are_parameters_where_the_author_says_so(
    office: Office, opened: Open
) -> None:
    office.replies(
        '<t:CancelLeaveResponse xmlns:t="urn:leave"><t:Done>1</t:Done></t:CancelLeaveResponse>'
    )
    hr = opened(
        f"""
adapter: hr
backend: {{kind: soap, wsdl: leave.wsdl, endpoint: "{office.url}"}}
functions:
  cancel:
    operation: CancelLeave
    effect: destroy
    header_parameters: [OnBehalfOf]
    parameters:
      for_whom: {{to: OnBehalfOf, description: Mail address of the colleague.}}
"""
    )

    await hr.call(
        "cancel",
        {"for_whom": "bob@x", "Request": {"LeaveId": 3, "EmpNo": "1", "Reason": None}},
    )

    (cancel,) = hr.adapter.functions
    assert cancel.schema["required"] == ["Request", "for_whom"]
    assert office.received[0].header.findtext("{urn:leave}OnBehalfOf") == "bob@x"
    assert [problem.code for problem in hr.adapter.problems] == []


async def test_a_header_is_held_against_the_contract_as_a_body_is(
    office: Office, opened: Open, tmp_path: Path
) -> None:
    late = (
        '<xs:element name="OnBehalfOf"><xs:simpleType><xs:restriction base="xs:date">'
        '<xs:minInclusive value="2020-01-01"/></xs:restriction></xs:simpleType></xs:element>'
    )
    for each in ("leave.wsdl", "leave.xsd"):
        text = (WSDL / each).read_text()
        text = text.replace('<xs:element name="OnBehalfOf" type="xs:string"/>', late)
        (tmp_path / each).write_text(text)
    hr = opened(
        f"""
adapter: hr
backend: {{kind: soap, wsdl: {tmp_path}/leave.wsdl, endpoint: "{office.url}"}}
functions:
  cancel: {{operation: CancelLeave, effect: destroy, header_parameters: [OnBehalfOf]}}
"""
    )
    request: JsonObject = {"LeaveId": 3, "EmpNo": "1", "Reason": None}

    error = await hr.error("cancel", {"OnBehalfOf": "2019-12-31", "Request": request})

    assert (error.code, error.work) == ("invalid_arguments", "not_started")
    assert "OnBehalfOf" in error.message
    assert "2019-12-31" in error.message
    assert office.received == []
