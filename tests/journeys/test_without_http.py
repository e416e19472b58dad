"""What never learned HTTP, in one Run: a COBOL program by its copybook, and an application with green screens."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from green_screens import GreenScreens, need_s3270
from machine import need

from .front_end import FrontEnd
from .gateway import Deployment

COPYBOOK = """\
       01  FARE-REQUEST.
           05  VESSEL-CODE       PIC X(4).
           05  LEG-COUNT         PIC 9(2) COMP.
           05  LEGS OCCURS 1 TO 4 TIMES DEPENDING ON LEG-COUNT.
               10  PORT-CODE     PIC X(3).
               10  MILES         PIC 9(5) COMP-3.
       01  FARE-REPLY.
           05  FARE              PIC S9(5)V99 COMP-3.
           05  ADJUSTMENT        PIC S9(3)V9.
           05  CURRENCY-CODE     PIC X(3).
"""

PROGRAM = """\
       IDENTIFICATION DIVISION.
       PROGRAM-ID. FARES.
       ENVIRONMENT DIVISION.
       INPUT-OUTPUT SECTION.
       FILE-CONTROL.
           SELECT IN-FILE ASSIGN TO KEYBOARD ORGANIZATION SEQUENTIAL.
       DATA DIVISION.
       FILE SECTION.
       FD IN-FILE.
       01 IN-RECORD PIC X(29).
       WORKING-STORAGE SECTION.
       COPY "fares.cpy".
       01 IX PIC 9(2).
       PROCEDURE DIVISION.
           OPEN INPUT IN-FILE.
           READ IN-FILE INTO FARE-REQUEST.
           INITIALIZE FARE-REPLY.
           PERFORM VARYING IX FROM 1 BY 1 UNTIL IX > LEG-COUNT
              COMPUTE FARE = FARE + MILES(IX) * 0.45
           END-PERFORM.
           MOVE -12.5 TO ADJUSTMENT.
           MOVE "EUR" TO CURRENCY-CODE.
           DISPLAY FARE-REPLY WITH NO ADVANCING.
           STOP RUN.
"""

FARES = """\
adapter: fares
backend: {kind: command, program: [./fares]}
functions:
  get_fare:
    description: What a voyage costs.
    stdin: {copybook: ./fares.cpy, record: FARE-REQUEST}
    stdout: {copybook: ./fares.cpy, record: FARE-REPLY}
"""

DIALOGUE = """\
rules:
  - when: what would the voyage cost
    turns:
      - calls:
          - name: fares_get_fare
            arguments:
              vessel_code: FULM
              legs: [{port_code: OST, miles: 120}, {port_code: BER, miles: 80}]
          - {name: peer_echo, arguments: {text: FULMAR \\pf(3)}}
          - {name: peer_rows, arguments: {count: 3}}
      - calls: [{name: peer_change, arguments: {seconds: 0}}]
      - {say: "Booked."}
"""


@pytest.fixture
def host() -> Iterator[GreenScreens]:
    """On an event loop of its own, since a journey blocks."""
    need_s3270()
    host = GreenScreens()
    ready = threading.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        await host.start()
        ready.set()
        await done.wait()
        await host.stop()

    done = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(10)
    yield host
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


@pytest.fixture
def deployment(tmp_path: Path, host: GreenScreens) -> Deployment:
    need("cobc", "gnucobol4")
    own = {"fares.yaml": FARES, "screens.yaml": host.adapter(), "fares.cpy": COPYBOOK}
    made = Deployment.write(tmp_path, own={**own, "fares.cob": PROGRAM}, script=DIALOGUE)
    compiling = ["cobc", "-x", "-o", "fares", "fares.cob"]
    subprocess.run(compiling, cwd=made.adapters, check=True, capture_output=True)
    return made


def test_a_run_reaches_a_cobol_program_and_green_screens(
    deployment: Deployment, host: GreenScreens
) -> None:
    with deployment.serving() as gateway, gateway.client() as client:
        front_end = FrontEnd(client)
        run = front_end.ask("What would the voyage cost? Then book it.")

        assert front_end.answer(run) == "Booked."
        fare, echoed, listed, booked = front_end.calls(run)
        assert fare.data == {"fare": 90.0, "adjustment": -12.5, "currency_code": "EUR"}
        assert echoed.data == {"text": "FULMAR \\pf(3)"}
        assert listed.data == {"rows": [{"row": 0}, {"row": 1}, {"row": 2}]}
        assert booked.outcome["outcome"] == "succeeded"
        assert host.changes == 1
        gateway.assert_nothing_broke()
