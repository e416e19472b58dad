"""The kind `ldap` against OpenLDAP's server, which passes what it decoded on to the test's own socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator

import pytest

from drawbar.kernel.values import JsonValue
from drawbar.testing import KindCompliance, Peer
from ldap_directory import ADMIN, PASSWORD, Directory, directory

ADAPTER = """\
adapter: peer
backend:
  kind: ldap
  url: ldap://127.0.0.1:%(port)d
  auth: {simple: {dn: "%(admin)s", password: %(secret)s}}
  base: cn=all,dc=peer,dc=example
functions:
  echo:
    description: Echo.
    parameters: {text: {type: string}}
    search: (echoText={text})
    attributes: {text: {attribute: echoText, type: string, values: one}}
    rows: one
  rows:
    description: Rows.
    parameters: {count: {type: integer}}
    search: (&(objectClass=person)(echoText=rows {count}))
    attributes: {name: cn}
  wait:
    description: Wait.
    parameters: {seconds: {type: number}}
    search: (echoText=wait {seconds})
    attributes: {name: cn}
  change:
    description: Change.
    effect: write
    parameters: {seconds: {type: number}}
    entry: cn=all,dc=peer,dc=example
    modify: {replace: {echoText: "{seconds}"}}
"""
FILTER = re.compile(rb"^filter: (.*)\nattrsonly: ", re.DOTALL | re.MULTILINE)


class LdapPeer(Peer):
    secret = PASSWORD
    counts_work = False  # its socket is not told of what was abandoned

    def __init__(self, server: Directory) -> None:
        self._server = server
        self._changes = 0
        self._socket: asyncio.Server | None = None
        self._working: set[asyncio.Task[None]] = set()

    def adapter(self) -> str:
        return ADAPTER % {"port": self._server.port, "secret": self.secret, "admin": ADMIN}

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  kind: ldap", "  kind: ldap\n  unheard_of: 1"),
            text.replace("  wait:\n", "  wait:\n    unheard_of: 1\n"),
        )

    def text_of(self, value: JsonValue) -> JsonValue:
        assert isinstance(value, dict)
        return value["text"]

    async def changes(self) -> int:
        return self._changes

    async def serve(self) -> None:
        self._socket = await asyncio.start_unix_server(
            self._answer, self._server.folder / "sock", limit=2**20
        )
        await self._server.ready()

    async def end(self) -> None:
        await self.rest()
        assert self._socket is not None
        self._socket.close()

    async def start(self) -> None:
        self._server.start()
        await self._server.ready()

    async def stop(self) -> None:
        self._server.stop()
        await self.rest()

    async def rest(self) -> None:
        for task in self._working:
            task.cancel()
        if self._working:
            await asyncio.wait(self._working)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        with contextlib.suppress(asyncio.CancelledError, OSError, EOFError):
            request = await reader.readuntil(b"\n\n")
            while request.startswith(b"SEARCH") and not FILTER.search(request):
                request += await reader.readuntil(b"\n\n")
            writer.write(await self._result(request))
            await writer.drain()
        writer.close()

    async def _result(self, request: bytes) -> bytes:
        entries: list[bytes] = []
        if request.startswith(b"MODIFY"):
            self._changes += 1
            found = re.search(rb"^echoText: (.*)$", request, re.MULTILINE)
            await asyncio.sleep(float(found[1]) if found else 0)
        elif found := re.search(rb"\(echoText=rows (\d+)\)", request):
            entries = [_entry(b"row %d" % number) for number in range(int(found[1]))]
        elif found := re.search(rb"\(echoText=wait ([\d.]+)\)", request):
            await asyncio.sleep(float(found[1]))
        elif found := FILTER.search(request):
            raw = found[1].removeprefix(b"(echoText=").removesuffix(b")")
            text = re.sub(rb"\\([0-9A-Fa-f]{2})", lambda part: bytes((int(part[1], 16),)), raw)
            entries = [_entry(text)]
        return b"".join(entries) + b"RESULT\ncode: 0\n"


def _entry(text: bytes) -> bytes:
    value = base64.b64encode(text)
    # `echoText:: ` with nothing behind it would be no value at all
    line = b"echoText:: %b" % value if value else b"echoText:"
    return b"dn: cn=all,dc=peer,dc=example\nobjectClass: person\ncn: all\n%b\n\n" % line


class TestLdap(KindCompliance):
    @pytest.fixture
    async def peer(self) -> AsyncIterator[Peer]:
        with directory() as server:
            peer = LdapPeer(server)
            await peer.serve()
            yield peer
            await peer.end()
