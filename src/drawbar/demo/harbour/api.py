"""The wire of the harbour desk: JSON over HTTP/1.1, a key in a header, errors as `{"error": {...}}`."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from drawbar.demo.harbour.desk import Desk, DeskError, Record

LARGEST = 64_000
DEFAULT_KEY = "harbour-demo-key"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request without its wire: words of the path, the query, the body, who reports."""

    words: list[str]
    query: dict[str, str]
    body: Record
    by: str


def _set_delay(desk: Desk, ask: Ask) -> Record:
    minutes, reason = ask.body.get("minutes"), ask.body.get("reason")
    if not isinstance(minutes, int) or not isinstance(reason, str):
        raise DeskError(422, "bad_delay", "send minutes (a number) and reason (a text)")
    return desk.delay(ask.words[0], minutes, reason)


def _list_departures(desk: Desk, ask: Ask) -> Record:
    return {"departures": desk.departures(ask.query.get("from"), ask.query.get("state"))}


def _list_defects(desk: Desk, ask: Ask) -> Record:
    return {"defects": desk.defects(ask.query.get("vessel"), ask.query.get("state"))}


Handler: TypeAlias = Callable[[Desk, Ask], Record]
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/v2/health", lambda _desk, _ask: {"ok": True}),
    ("GET", "/v2/vessels", lambda desk, _ask: {"vessels": desk.vessels()}),
    ("GET", "/v2/vessels/([^/]+)", lambda desk, ask: desk.vessel(ask.words[0])),
    ("GET", "/v2/departures", _list_departures),
    ("GET", "/v2/departures/([^/]+)", lambda desk, ask: desk.departure(ask.words[0])),
    ("PUT", "/v2/departures/([^/]+)/delay", _set_delay),
    ("GET", "/v2/sea-state/([^/]+)", lambda desk, ask: desk.sea_state(ask.words[0])),
    ("GET", "/v2/defects", _list_defects),
    ("POST", "/v2/defects", lambda desk, ask: desk.report_defect(ask.body, ask.by)),
)


class DeskServer(ThreadingHTTPServer):
    """HTTP around the desk; one thread a connection."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Without the parent's question to the name service, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def __init__(self, port: int, desk: Desk, key: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.desk = desk
        self.key = key
        self.address = f"http://127.0.0.1:{self.server_address[1]}/v2"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "HarbourDesk/2"
    server: DeskServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the parent's name
        """Quiet: what this system is asked stands in the gateway's audit."""

    def _answer(self) -> None:
        try:
            status, content = self._route(self._body())
        except DeskError as error:
            status = HTTPStatus(error.status)
            content = {"error": {"code": error.code, "message": error.message}}
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _body(self) -> Record:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST:
            self.close_connection = True
            raise DeskError(413, "too_large", f"a body has at most {LARGEST} bytes")
        raw = self.rfile.read(length)
        if not raw:
            return {}
        try:
            body = json.loads(raw)
        except ValueError as error:
            raise DeskError(400, "bad_json", f"the body is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise DeskError(400, "bad_json", "the body is not a JSON object")
        return body

    def _route(self, body: Record) -> tuple[HTTPStatus, Record]:
        if not hmac.compare_digest(self.headers.get("X-Harbour-Key", ""), self.server.key):
            raise DeskError(401, "bad_key", "send the key in the header X-Harbour-Key")
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        for method, pattern, handle in ROUTES:
            if method == self.command and (match := re.fullmatch(pattern, url.path)):
                words = [unquote(group) for group in match.groups()]
                ask = Ask(words, query, body, self.headers.get("X-Reported-By", "unknown"))
                status = HTTPStatus.CREATED if method == "POST" else HTTPStatus.OK
                return status, handle(self.server.desk, ask)
        raise DeskError(404, "no_such_page", f"nothing answers {self.command} {url.path}")
