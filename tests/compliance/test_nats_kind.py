"""The kind `nats` against nats-server, with a service of the test's own, through a door that can be shut."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from brokers import NATS, nats_client
from compliance.proxy import Proxy
from drawbar.testing import KindCompliance, Peer

ADAPTER = """\
adapter: peer
backend:
  kind: nats
  servers: ["nats://127.0.0.1:%(port)d"]
  auth: {user: {username: peer, password: %(secret)s}}
functions:
  echo:
    description: Echo.
    parameters: {text: {type: string}}
    subject: %(name)s.echo
    request: json
  rows:
    description: Rows.
    parameters: {count: {type: integer}}
    subject: %(name)s.rows.{count}
  wait:
    description: Wait.
    parameters: {seconds: {type: number}}
    subject: %(name)s.wait
    request: json
  change:
    description: Change.
    effect: write
    parameters: {seconds: {type: number}}
    subject: %(name)s.change
    request: json
"""


class NatsPeer(Peer):
    secret = "s3cret-of-the-queue"
    counts_work = False  # a service is not told that nobody waits any more

    def __init__(self, service: Client) -> None:
        url = urlsplit(NATS)
        self._service = service
        self._name = f"peer{uuid.uuid4().hex}"
        self._changes = 0
        self._working: set[asyncio.Task[None]] = set()
        self._proxy = Proxy(url.hostname or "127.0.0.1", url.port or 4222)

    def adapter(self) -> str:
        words = {"port": self._proxy.port, "secret": self.secret, "name": self._name}
        return ADAPTER % words

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  kind: nats", "  kind: nats\n  unheard_of: 1"),
            text.replace("  wait:\n", "  wait:\n    unheard_of: 1\n"),
        )

    async def changes(self) -> int:
        return self._changes

    async def start(self) -> None:
        await self._proxy.start()

    async def stop(self) -> None:
        await self._proxy.stop()

    async def serve(self) -> None:
        await self._service.subscribe(f"{self._name}.>", cb=self._hear)
        await self._service.flush()

    async def rest(self) -> None:
        for task in self._working:
            task.cancel()

    async def _hear(self, message: Msg) -> None:
        task = asyncio.ensure_future(self._answer(message))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _answer(self, message: Msg) -> None:
        _, name, *rest = message.subject.split(".")
        given = json.loads(message.data or b"null")
        answer: object = None
        if name == "echo":
            answer = given["text"]
        elif name == "rows":
            answer = [{"row": number} for number in range(int(rest[0]))]
        else:
            self._changes += name == "change"
            await asyncio.sleep(given["seconds"])
        await message.respond(json.dumps(answer).encode())


@pytest.fixture
async def service() -> AsyncIterator[Client]:
    client = await nats_client()
    yield client
    await client.close()


class TestNats(KindCompliance):
    @pytest.fixture
    async def peer(self, service: Client) -> AsyncIterator[Peer]:
        peer = NatsPeer(service)
        await peer.start()
        await peer.serve()
        yield peer
        await peer.rest()
        await peer.stop()
