"""Twenty-five callers on one backend at the same time: nobody gets another one's answer, and none fails."""

from __future__ import annotations

import asyncio

import pytest

from drawbar.backends.soap import KIND
from drawbar.kernel.workers import Workers

from .soap_calls import Calls, compiled
from .soap_office import Office, Received, envelope

CALLERS = 25
CALLS = 12
LONG = "x" * 20_000
"""Such a reply is read in a thread, a short one is not."""


def answer(received: Received) -> bytes:
    """The leave that was asked for; every third one has a long note."""
    number = int(received.text("LeaveId") or "0")
    note = LONG if number % 3 == 0 else "short"
    return envelope(
        f'<t:GetLeaveResponse xmlns:t="urn:leave"><t:Leave version="3"><t:Id>{number}</t:Id>'
        "<t:State>A</t:State><t:Days>2.50</t:Days><t:From>2026-03-01</t:From><t:Paid>true</t:Paid>"
        f"<t:Slip>QUJD</t:Slip><t:Note>{note}</t:Note></t:Leave></t:GetLeaveResponse>"
    )


@pytest.mark.parametrize("wire", ["plan", "zeep"])
async def test_twenty_five_callers_on_one_backend_get_their_own_answers(
    office: Office, wire: str
) -> None:
    office.answer_to = answer
    adapter = compiled(f"""
adapter: hr
backend: {{kind: soap, wsdl: leave.wsdl, endpoint: "{office.url}"}}
functions:
  get_leave: {{operation: GetLeave, description: One., wire: {wire}}}
""")
    assert adapter.adapter is not None
    workers = Workers("crowd", CALLERS)
    backend = KIND.open(adapter.adapter, adapter.plans, workers)
    calls = Calls(adapter, backend)

    async def caller(first: int) -> list[object]:
        found: list[object] = []
        for number in range(first, first + CALLS):
            reply = await calls.call("get_leave", {"LeaveId": number})
            assert isinstance(reply.value, dict)
            leave = reply.value["Leave"]
            assert isinstance(leave, dict)
            found.append((leave["Id"], leave["Note"] == [LONG]))
        return found

    try:
        crowd = await asyncio.gather(*(caller(100 * number) for number in range(CALLERS)))
    finally:
        await backend.close()
        workers.close()

    assert crowd == [
        [(number, number % 3 == 0) for number in range(100 * first, 100 * first + CALLS)]
        for first in range(CALLERS)
    ]
    assert len(office.received) == CALLERS * CALLS
    assert office.connections <= CALLERS
