"""A slow HTTP service: a test holds an answer back, sees the call come in, and lets it go.

Gauges are read, orders change something; both are counted by name, so that a test can tell whether
a call was made twice. What nobody holds is answered at once.
"""

from __future__ import annotations

import select
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import orjson

from .gateway import PATIENCE

ADAPTER = """\
adapter: workshop
description: The yard's workshop - gauges and orders.
backend: {kind: http, url: "${WORKSHOP_URL}"}
functions:
  read_gauge:
    request: GET /gauges/{gauge}
    description: Read a gauge by its name.
    parameters:
      gauge: {type: string, description: Its name.}
  place_order:
    request: POST /orders
    description: Order a part; answers the number of the order.
    effect: write
    parameters:
      part: {type: string, description: What to order.}
    idempotency: {verify: read_gauge}
  read_log:
    request: GET /log
    description: The whole log of the yard.
"""
LOG_SIZE = 100_000_000


class Hold:
    """One name whose calls wait. Every wait is bounded."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._dropped = threading.Event()
        self._out, self._in = socket.socketpair()
        self._waiting = 0
        self._nobody_waits = threading.Condition()

    def wait_entered(self) -> None:
        """Until a call is waiting here."""
        assert self._entered.wait(PATIENCE), "nobody called"

    def wait_dropped(self, within: float = PATIENCE) -> None:
        """Until the gateway has closed the connection of a waiting call."""
        assert self._dropped.wait(within), "the call was not given up"

    def release(self) -> None:
        """From now on calls are answered."""
        self._in.send(b"1")

    def block(self, connection: socket.socket) -> bool:
        """In the service: True when released, False when the caller has gone."""
        with self._nobody_waits:
            self._waiting += 1
        self._entered.set()
        try:
            ready, _, _ = select.select([connection, self._out], [], [], PATIENCE)
        finally:
            with self._nobody_waits:
                self._waiting -= 1
                self._nobody_waits.notify_all()
        if self._out in ready:
            return True
        self._dropped.set()
        return False

    def close(self) -> None:
        self.release()
        with self._nobody_waits:
            self._nobody_waits.wait_for(lambda: not self._waiting, PATIENCE)
        self._in.close()
        self._out.close()


class Workshop:
    """The service, while it runs."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls: Counter[str] = Counter()
        self.holds: dict[str, Hold] = {}

    @contextmanager
    def holding(self, name: str) -> Iterator[Hold]:
        hold = self.holds[name] = Hold()
        try:
            yield hold
        finally:
            del self.holds[name]
            hold.close()


@contextmanager
def open_workshop() -> Iterator[Workshop]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = False
    workshop = Workshop(f"http://127.0.0.1:{server.server_address[1]}")
    server.workshop = workshop  # type: ignore[attr-defined] # how http.server hands things to handlers
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield workshop
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/log":
            self._send_log()
            return
        gauge = unquote(self.path.removeprefix("/gauges/"))
        if self._admit(gauge):
            self._answer({"gauge": gauge, "bar": 7})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        part = orjson.loads(body)["part"] if body.startswith(b"{") else "a SOAP call"
        if self._admit(part):
            self._answer({"order": f"W-{self._workshop.calls[part]:04}", "part": part})

    @property
    def _workshop(self) -> Workshop:
        found: Workshop = self.server.workshop  # type: ignore[attr-defined] # set by open_workshop
        return found

    def _admit(self, name: str) -> bool:
        self._workshop.calls[name] += 1
        hold = self._workshop.holds.get(name)
        return hold is None or hold.block(self.connection)

    def _answer(self, data: Any) -> None:
        body = orjson.dumps(data)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_log(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        piece = b'"' + b"x" * 99_997 + b'",'
        try:
            self.wfile.write(b"[")
            for _ in range(LOG_SIZE // len(piece)):
                self.wfile.write(piece)
                self._workshop.calls["pieces of the log"] += 1
            self.wfile.write(b'""]')
        except OSError:
            self.close_connection = True  # the reader had enough

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name in http.server
        pass
