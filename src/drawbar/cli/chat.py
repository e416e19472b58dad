"""`drawbar chat`: a conversation with a running gateway in the terminal, over the Assistants API.

Ctrl-C stops the run that is under way; a second one leaves.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import sys
import time
from collections.abc import Generator, Iterator
from typing import Any
from urllib.parse import urlsplit

import orjson

from drawbar.cli.transcript import Transcript, Wire
from drawbar.kernel.errors import OperatorError

EXAMPLE = "drawbar chat --url http://127.0.0.1:8321 --toolset lookups"
UNREACHABLE = 4
KEY_VARIABLE = "DRAWBAR_API_KEY"
_SILENCE = 60.0
"""Seconds without a byte after which a connection is dead; a live stream says something each 15."""
_RESUMES = 5


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default="http://127.0.0.1:8321", help="of the gateway")
    parser.add_argument("--assistant", metavar="ID", help="default: the chat page's assistant")
    parser.add_argument("--toolset", metavar="NAME", help="of the settings, instead of its own")
    parser.epilog = f"{parser.epilog or ''}\n\nAn API key is taken from {KEY_VARIABLE}."


def run(args: argparse.Namespace) -> int:
    client = Client(args.url, os.environ.get(KEY_VARIABLE))
    try:
        chat = Chat(client, args.assistant or client.assistant(), args.toolset)
        return _converse(chat)
    except Unreachable as error:
        print(f"drawbar chat: {error}", file=sys.stderr)
        return UNREACHABLE


def _converse(chat: Chat) -> int:
    """One question after the other, until the input ends."""
    interactive = sys.stdin.isatty()
    if interactive:
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401, PLC0415 -- gives `input` its history; absent on some systems
        print("Ask; Ctrl-C stops an answer, Ctrl-D leaves.", file=sys.stderr)
    while True:
        try:
            question = input("> " if interactive else "").strip()
        except EOFError:
            return 0
        if not question:
            continue
        if not interactive:
            print(f"> {question}")
        try:
            chat.ask(question)
        except Refusal as error:
            print(f"drawbar chat: {error}", file=sys.stderr)
            if not interactive:
                return 1


class Unreachable(Exception):
    """No gateway answers there."""


class Refusal(OperatorError):
    """The gateway said no, in its own words."""


class Client:
    """Requests to one gateway, one connection each; the standard library is enough for that."""

    def __init__(self, url: str, key: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OperatorError(f"--url {url!r} is no address; write it as http://127.0.0.1:8321")
        self.url = url
        self._secure = parts.scheme == "https"
        self._place = (parts.hostname, parts.port)
        self._prefix = parts.path.rstrip("/")
        self._key = key

    def assistant(self) -> str:
        return str(self.json("GET", "/console/config")["assistant"]["id"])

    def json(self, method: str, path: str, body: Wire | None = None) -> Wire:
        with self._answer(method, path, body, {}) as response:
            read: Wire = orjson.loads(response.read())
            return read

    def events(
        self, method: str, path: str, body: Wire | None = None, *, after: str | None = None
    ) -> Generator[tuple[str, str | None, Any]]:  # the data is a wire object; None for [DONE]
        """Name, id and data of each event, until the connection ends, in order or not."""
        headers = {} if after is None else {"Last-Event-ID": after}
        with self._answer(method, path, body, headers) as response:
            name, number = "message", None
            for raw in response:
                if not raw.endswith(b"\n"):
                    return  # cut off in the middle of a line
                line = raw.decode().rstrip("\r\n")
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "id":
                    number = value
                elif field == "data":
                    yield name, number, None if value == "[DONE]" else orjson.loads(value)

    @contextlib.contextmanager
    def _answer(
        self, method: str, path: str, body: Wire | None, headers: dict[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(*self._place, timeout=_SILENCE)
        if self._key:
            headers = {**headers, "Authorization": f"Bearer {self._key}"}
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
        try:
            connection.request(
                method,
                self._prefix + path,
                None if body is None else orjson.dumps(body),
                headers,
            )
            response = connection.getresponse()
            if response.status >= http.HTTPStatus.BAD_REQUEST:
                raise Refusal(_why(response))
            yield response
        except ConnectionRefusedError as error:
            raise Unreachable(
                f"no gateway answers at {self.url}; start one with `drawbar demo`"
            ) from error
        finally:
            connection.close()


def _why(response: http.client.HTTPResponse) -> str:
    text = response.read()
    try:
        message = str(orjson.loads(text)["error"]["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        message = f"{response.status} {response.reason}"
    if response.status == http.HTTPStatus.UNAUTHORIZED:
        return f"{message} Put a key into {KEY_VARIABLE}; `drawbar keys create` makes one."
    return message


class Chat:
    """One thread with one assistant."""

    def __init__(self, client: Client, assistant: str, toolset: str | None) -> None:
        self._client = client
        self._assistant = assistant
        self._toolset = toolset
        self._thread: str | None = None

    def ask(self, question: str) -> None:
        """One run, printed as it happens. Ctrl-C cancels it; a second one is let out."""
        if self._thread is None:
            self._thread = str(self._client.json("POST", "/v1/threads", {})["id"])
        order: Wire = {
            "assistant_id": self._assistant,
            "stream": True,
            "additional_messages": [{"role": "user", "content": question}],
        }
        if self._toolset:
            order["metadata"] = {"toolset": self._toolset}
        following = _Following(self._client, f"/v1/threads/{self._thread}/runs", order)
        try:
            following.until_done()
        except KeyboardInterrupt:
            print("\nStopping; Ctrl-C again leaves.", file=sys.stderr)
            following.cancel()
            following.until_done()


class _Following:
    """Reads the events of one run to their end, over as many connections as it takes."""

    def __init__(self, client: Client, path: str, order: Wire) -> None:
        self._client = client
        self._path = path
        self._order: Wire | None = order
        self._run: str | None = None
        self._last: str | None = None
        self.transcript = Transcript(sys.stdout)

    def until_done(self) -> None:
        lost, before = 0, None
        while reason := self._read():
            lost, before = (0 if self._last != before else lost), self._last
            if self._run is None or lost == _RESUMES:
                raise Unreachable(f"the connection was lost: {reason}")
            time.sleep(lost)  # a gateway that starts again needs a moment
            lost += 1
        self.transcript.end()

    def cancel(self) -> None:
        if self._run is not None:
            with contextlib.suppress(Refusal):  # it has ended by itself in the meantime
                self._client.json("POST", f"{self._path}/{self._run}/cancel")

    def _read(self) -> str | None:
        """None when the run's stream is done, else why the connection ended before."""
        if self._order is not None:
            order, self._order = self._order, None
            events = self._client.events("POST", self._path, order)
        else:
            path = f"{self._path}/{self._run}/events"
            events = self._client.events("GET", path, after=self._last)
        try:
            with contextlib.closing(events):
                for name, number, data in events:
                    if data is None:
                        return None
                    self._take(name, number, data)
        except (OSError, http.client.HTTPException, Unreachable) as error:
            return str(error) or type(error).__name__
        return "it was closed"

    def _take(self, name: str, number: str | None, data: Wire) -> None:
        self._last = number
        if self._run is None and data.get("object") == "thread.run":
            self._run = str(data["id"])
        self.transcript.take(name, data)
