"""What a call says when it does not end well: the code, the words, and what became of the work."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from drawbar.kernel.ports import BackendError, Progress

from .soap_calls import Calls, make_call
from .soap_office import SOAP_12, Office, envelope

Open = Callable[[str], Calls]


def adapter(url: str) -> str:
    return f"""
adapter: hr
backend: {{kind: soap, wsdl: leave.wsdl, endpoint: "{url}"}}
functions:
  get_leave: {{operation: GetLeave, description: One.}}
  announce: {{operation: Announce, description: Say., effect: write}}
"""


async def failure(office: Office, opened: Open, **more: object) -> BackendError:
    return await opened(adapter(office.url)).error("get_leave", {"LeaveId": 7}, **more)


async def test_a_typed_fault_tells_its_code_and_its_detail(office: Office, opened: Open) -> None:
    office.faults(
        "<faultcode>s:Server</faultcode><faultstring>no such leave</faultstring><faultactor>urn:hr</faultactor>"
        '<detail><LeaveFault xmlns="urn:leave"><code>HR-204</code><days>3</days><again>false</again></LeaveFault></detail>'
    )

    error = await failure(office, opened)

    assert (error.code, error.work, error.retryable) == ("fault", "rolled_back", False)
    assert error.message == "no such leave"
    assert error.facts == {
        "fault": "HR-204",
        "faultcode": "Server",
        "text": "no such leave",
        "actor": "urn:hr",
        "detail.code": "HR-204",
        "detail.days": "3",
        "detail.again": "false",
        "status": 500,
    }
    assert error.detail == {
        "fault": "HR-204",
        "detail": {"LeaveFault": {"code": "HR-204", "days": 3, "again": False}},
    }


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("<faultcode>app:HR-302</faultcode><faultstring>x</faultstring>", "HR-302"),
        ("<faultcode>s:Client.HR-9</faultcode><faultstring>x</faultstring>", "HR-9"),
        ("<faultcode>s:Server</faultcode><faultstring>x</faultstring>", "Server"),
        (
            (
                "<faultcode>s:Server</faultcode><faultstring>x</faultstring>"
                "<detail><e><ErrorCode>17</ErrorCode></e></detail>"
            ),
            "17",
        ),
    ],
)
async def test_the_code_of_the_application_counts_wherever_it_stands(
    office: Office, opened: Open, fault: str, code: str
) -> None:
    office.faults(fault)

    assert (await failure(office, opened)).facts["fault"] == code


async def test_a_fault_of_soap_12_has_a_subcode_and_a_reason(office: Office, opened: Open) -> None:
    office.faults(
        "<s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>m:HR-204</s:Value></s:Subcode></s:Code>"
        '<s:Reason><s:Text xml:lang="en">no such leave</s:Text></s:Reason>'
        "<s:Detail><Why>gone</Why></s:Detail>",
        SOAP_12,
    )

    error = await failure(office, opened)

    assert error.message == "no such leave"
    assert error.facts == {
        "fault": "HR-204",
        "faultcode": "Sender",
        "subcode": "HR-204",
        "text": "no such leave",
        "detail.Why": "gone",
        "status": 500,
    }


async def test_subcodes_of_soap_12_lead_to_the_one_inside_all_others(
    office: Office, opened: Open
) -> None:
    office.faults(
        "<s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>m:Leave</s:Value>"
        "<s:Subcode><s:Value>m:HR-204</s:Value></s:Subcode></s:Subcode></s:Code>"
        '<s:Reason><s:Text xml:lang="en">no</s:Text></s:Reason>',
        SOAP_12,
    )

    facts = (await failure(office, opened)).facts

    assert (facts["fault"], facts["subcode"]) == ("HR-204", "Leave.HR-204")


async def test_a_service_that_hangs_up_leaves_the_work_unknown(opened: Open) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1") as server:
        host, port = server.sockets[0].getsockname()
        hr = opened(adapter(f"http://{host}:{port}/"))
        error = await hr.error("announce", {"Text": "x"})

    assert (error.code, error.work) == ("connection_lost", "unknown")
    assert error.message == "the service hung up without an answer"


async def test_a_fault_with_status_200_is_a_fault(office: Office, opened: Open) -> None:
    office.faults("<faultcode>s:Server</faultcode><faultstring>no</faultstring>", status=200)

    assert (await failure(office, opened)).code == "fault"


PAGE = b"<html><body><h1>Maintenance</h1>\n back  at noon</body></html>"


@pytest.mark.parametrize(
    ("status", "kind", "answer", "code", "work", "retryable", "message"),
    [
        (
            503,
            "text/html",
            PAGE,
            "http_error",
            "unknown",
            True,
            "HTTP 503 without a SOAP fault: <html>",
        ),
        (
            500,
            "text/html",
            PAGE,
            "http_error",
            "unknown",
            False,
            "HTTP 500 without a SOAP fault: <html>",
        ),
        (502, "text/html", b"", "http_error", "unknown", False, "HTTP 502 without a SOAP fault"),
        (
            401,
            "text/html",
            PAGE,
            "unauthorized",
            "not_started",
            False,
            "the service refused Drawbar's credentials",
        ),
        (
            404,
            "text/html",
            PAGE,
            "http_error",
            "not_started",
            False,
            "HTTP 404 instead of a SOAP answer",
        ),
        (
            302,
            "text/html",
            b"",
            "http_error",
            "not_started",
            False,
            "HTTP 302 instead of a SOAP answer",
        ),
        (
            200,
            "text/html",
            PAGE,
            "wrong_content_type",
            "unknown",
            False,
            "the reply is text/html, not SOAP",
        ),
        (200, "text/xml", b"", "empty_reply", "unknown", False, "HTTP 200 with an empty reply"),
        (
            200,
            "text/xml",
            envelope("<a/>")[:-9],
            "broken_reply",
            "unknown",
            False,
            "the reply cannot be read, it is no",
        ),
        (
            200,
            "text/xml",
            b"<a/>",
            "broken_reply",
            "unknown",
            False,
            "the reply cannot be read, its root is `a`",
        ),
        (
            200,
            "text/xml",
            b'<!DOCTYPE a [<!ENTITY e "x">]>' + envelope("&e;"),
            "broken_reply",
            "unknown",
            False,
            "the reply cannot be read, it declares a DOCTYPE",
        ),
    ],
)
async def test_an_answer_that_is_no_soap_says_what_it_is(
    office: Office,
    opened: Open,
    *,
    status: int,
    kind: str,
    answer: bytes,
    code: str,
    work: str,
    retryable: bool,
    message: str,
) -> None:
    office.raw(status, kind, answer)

    error = await failure(office, opened)

    assert (error.code, error.work, error.retryable) == (code, work, retryable)
    assert error.message.startswith(message)
    assert error.facts["status"] == status


async def test_an_encrypted_reply_is_told_as_what_it_is(office: Office, opened: Open) -> None:
    office.replies('<x:EncryptedData xmlns:x="http://www.w3.org/2001/04/xmlenc#"/>')

    error = await failure(office, opened)

    assert (error.code, error.work) == ("encrypted_reply", "unknown")


async def test_an_answer_that_breaks_off_leaves_the_work_unknown(
    office: Office, opened: Open
) -> None:
    office.replies("<a/>")
    office.declared_length = 10_000

    error = await failure(office, opened)

    assert (error.code, error.work) == ("connection_lost", "unknown")


async def test_a_reply_larger_than_the_cap_is_cut_off_while_it_is_read(
    office: Office, opened: Open
) -> None:
    office.replies("<x>" + "y" * 5_000_000 + "</x>")

    error = await failure(office, opened, max_bytes=200_000)

    assert (error.code, error.work) == ("reply_too_large", "done")
    assert error.message == "the reply is larger than 200000 bytes and was cut off"
    assert "limits.bytes" in (error.hint or "")


async def test_a_refused_connection_is_not_started_and_may_be_tried_again(opened: Open) -> None:
    hr = opened(adapter("http://127.0.0.1:9/leave"))
    progress = Progress()

    error = await hr.error("get_leave", {"LeaveId": 7}, progress=progress)

    assert (error.code, error.work, error.retryable) == ("backend_unavailable", "not_started", True)
    assert error.message == "http://127.0.0.1:9/leave cannot be reached: Connection refused"
    assert not progress.sent


async def test_a_name_that_does_not_resolve_is_not_started(opened: Open) -> None:
    hr = opened(adapter("http://nowhere.invalid/leave"))

    error = await hr.error("get_leave", {"LeaveId": 7})

    assert (error.code, error.work) == ("backend_unavailable", "not_started")


async def test_tls_that_fails_is_not_started(office: Office, opened: Open) -> None:
    hr = opened(adapter(office.url.replace("http:", "https:")))

    error = await hr.error("get_leave", {"LeaveId": 7})

    assert (error.code, error.work) == ("backend_unavailable", "not_started")


@pytest.fixture
def deaf() -> Iterator[str]:
    """An address that takes no more connections: its queue is full and nobody accepts."""
    with socket.socket() as listening, socket.socket() as one, socket.socket() as two:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for each in (one, two):
            each.setblocking(False)
            each.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/leave"


async def test_no_connection_within_the_time_is_not_started(deaf: str, opened: Open) -> None:
    hr = opened(adapter(deaf))
    progress = Progress()

    error = await hr.error("get_leave", {"LeaveId": 7}, seconds=0.4, progress=progress)

    assert (error.code, error.work) == ("backend_unavailable", "not_started")
    assert not progress.sent


async def test_no_answer_within_the_time_leaves_the_work_unknown(
    office: Office, opened: Open
) -> None:
    office.hold = True
    progress = Progress()

    error = await failure(office, opened, seconds=0.5, progress=progress)

    assert (error.code, error.work) == ("timeout", "unknown")
    assert progress.sent


async def test_a_cancelled_call_hangs_up_at_once(office: Office, opened: Open) -> None:
    office.hold = True
    hr = opened(adapter(office.url))
    call = make_call({"Text": "x"})
    task = asyncio.create_task(hr.backend.invoke(hr.adapter.plans["announce"].binding, call))
    assert await asyncio.to_thread(office.arrived.wait, 5)

    begun = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await asyncio.to_thread(office.gone.wait, 5)
    assert time.monotonic() - begun < 1
    assert call.progress.sent


async def test_values_that_only_the_contract_can_judge_are_refused_before_the_network(
    office: Office, opened: Open
) -> None:
    hr = opened(adapter(office.url))

    error = await hr.error("get_leave", {"LeaveId": 2**40})

    assert (error.code, error.work) == ("invalid_arguments", "not_started")
    assert "LeaveId" in error.message
    assert "1099511627776" in error.message
    assert office.received == []


async def test_a_character_that_xml_does_not_have_is_refused(office: Office, opened: Open) -> None:
    hr = opened(adapter(office.url))

    error = await hr.error("announce", {"Text": "a\x00b"})

    assert error.code == "invalid_arguments"
    assert error.message.endswith("Text: XML has no character U+0000")
