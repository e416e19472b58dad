"""A model server that misbehaves on request: what it does is the last word of the user's message."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import orjson

from .gateway import PATIENCE

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def chunk(content: str | None = None, finish: str | None = None, **more: object) -> bytes:
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": {**delta, **more}, "finish_reason": finish}
    return b"data: " + orjson.dumps({"id": "c", "choices": [choice]}) + b"\n\n"


def status(line: str, body: bytes, *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {line}", *headers, f"Content-Length: {len(body)}", "", ""])
    return head.encode() + body


ANSWERS: dict[str, bytes] = {
    "good": OK + chunk("All ") + chunk("fine.", "stop") + DONE,
    "nothing": b"",
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 50,
    "page": status(
        "200 OK", b"<html><h1>Welcome to the proxy</h1></html>", "Content-Type: text/html"
    ),
    "strange": OK + b'data: {"hello": ["world"]}\n\n' + DONE,
    "lists": OK + b"data: [1, 2]\n\ndata: null\n\ndata: 7\n\n" + DONE,
    "torn": OK + b'data: {"choices": [{"index": 0, "delta": {"cont',
    "binary": OK + b"data: \xff\xfe\xfd\n\n" + DONE,
    "half": OK + chunk("Half an ans"),
    "empty": OK + DONE,
    "overloaded": status(
        "503 Service Unavailable", b"<h1>try later</h1>", "Content-Type: text/html"
    ),
    "refused": status("401 Unauthorized", b'{"error": {"message": "bad key sk-very-secret-key"}}'),
    "limited": status("429 Too Many Requests", b'{"error": {"message": "slow down"}}'),
    "unknown": status("404 Not Found", b'{"detail": "no such model"}'),
    "error": OK + b'data: {"error": {"message": "CUDA out of memory", "code": 500}}\n\n',
    "nameless": OK
    + chunk(tool_calls=[{"index": 0, "id": None, "function": {"name": None, "arguments": None}}])
    + chunk(finish="tool_calls")
    + DONE,
}


class ModelServer:
    """Listens while it is up; `asked` are the last words it was asked with."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._port = self._listening.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self.url = f"http://127.0.0.1:{self._port}"
        self.flooded = 0
        self._accept()

    def down(self) -> None:
        """Nobody answers at its address from now on."""
        self._listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listening.close()
        self._accepting.join(PATIENCE)

    def up(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self._port))
        self._accept()

    def close(self) -> None:
        self.down()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        self._accepting = threading.Thread(target=self._take_connections, args=(self._listening,))
        self._accepting.start()

    def _take_connections(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                thread = threading.Thread(target=self._converse, args=(connection,))
                thread.start()
                self._threads.append(thread)

    def _converse(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(PATIENCE)
            word = _last_word(connection)
            if word == "silence":
                connection.recv(1)  # until the gateway gives up
            elif word == "flood":
                self._flood(connection)
            else:
                connection.sendall(ANSWERS[word])

    def _flood(self, connection: socket.socket) -> None:
        """One line that never ends."""
        connection.sendall(OK + b"data: ")
        piece = b"x" * 100_000
        for _ in range(2000):
            connection.sendall(piece)
            self.flooded += len(piece)


def _last_word(connection: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    (length,) = [
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    ]
    while len(body) < length:
        body += _some(connection)
    asked = [each for each in orjson.loads(body)["messages"] if each["role"] == "user"]
    return str(asked[-1]["content"]).split()[-1]


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionResetError
    return data


@contextmanager
def open_model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    try:
        yield server
    finally:
        server.close()
