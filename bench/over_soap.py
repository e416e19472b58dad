"""One SOAP call: the gateway next to a floor made by hand for this one operation, and to zeep itself."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import orjson
from compare import InProcess, Subject, compare
from deployments import make_gateway, serve
from goals import Finding
from load import Measured, post
from servers import FLOORS, LOAD_CORE, SERVER_CORE, free_port, running

ARGUMENTS = {"ItemNo": 7, "Site": "north"}
ROW = b"item 7"
ADAPTER = """
adapter: shop
backend: {{kind: soap, wsdl: items.wsdl, endpoint: "{service}"}}
limits: {{concurrency: 16}}
functions:
  get_item: {{operation: GetItem}}
"""
ENVELOPE = (
    b'<?xml version="1.0" encoding="utf-8"?>\n'
    b'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    b'<GetItem xmlns="urn:items"><ItemNo>7</ItemNo><Site>north</Site></GetItem>'
    b"</soap:Body></soap:Envelope>"
)


def subjects(folder: Path, service: str) -> Iterator[Subject]:
    body = orjson.dumps(ARGUMENTS)
    port = free_port()
    command = [sys.executable, str(FLOORS / "soap_template.py"), service, str(port)]
    call = post("/", body)
    yield Subject("floor", "floor: template, aiohttp, lxml", command, port, call, ROW)
    call = post("/raw", ENVELOPE)
    yield Subject("post", "a raw POST of the same envelope", command, port, call, ROW)
    port = free_port()
    settings = make_gateway(folder, port, {"shop": ADAPTER.format(service=service)})
    shutil.copy(FLOORS / "items.wsdl", folder / "adapters")
    call = post("/functions/shop_get_item", body)
    yield Subject("rest", "drawbar, REST", serve(settings), port, call, ROW)


class Zeep:
    """A process that calls with zeep when it is told to."""

    def __init__(self, service: str) -> None:
        program = str(FLOORS / "zeep_calls.py")
        self._process = subprocess.Popen(
            [sys.executable, program, str(FLOORS / "items.wsdl"), service],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),  # noqa: PLW1509 -- no threads here
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def measure(self, threads: int, seconds: float) -> Measured:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("made with pipes")
        # More threads than this only get in each other's way.
        self._process.stdin.write(f"{min(threads, 4)} {seconds}\n")
        self._process.stdin.flush()
        count, passed, cpu, p50 = (float(word) for word in self._process.stdout.readline().split())
        return Measured(count / passed, p50 * 1e6, p50 * 1e6, cpu / count * 1e6)


def run(seconds: float = 2.0) -> list[Finding]:
    port = free_port()
    command = [sys.executable, str(FLOORS / "items_soap.py"), str(port)]
    service = f"http://127.0.0.1:{port}/"
    with (
        tempfile.TemporaryDirectory() as name,
        running(command, port, core=LOAD_CORE),
        Zeep(service) as zeep,
    ):
        peer = InProcess("zeep", "zeep itself, in process", zeep.measure)
        found = compare("One SOAP call", subjects(Path(name), service), seconds, [peer])
    alone = statistics.median(each.per_second for each in found.figures["zeep"].alone)
    best = max(alone, found.figures["zeep"].per_second)
    own = found.figures["rest"].per_second
    return [
        Finding("SOAP, REST: CPU next to template + lxml", found.cpu("rest"), 2.5, 1.6),
        Finding("SOAP, REST: calls/s next to zeep itself", own / best, 5, 10, better="more"),
    ]
