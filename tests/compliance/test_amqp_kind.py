"""The kind `amqp` against RabbitMQ, with a service of the test's own, through a door that can be shut."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from brokers import AMQP_HOST, AMQP_PORT, amqp_connection
from compliance.proxy import Proxy
from drawbar.testing import KindCompliance, Peer

ADAPTER = """\
adapter: peer
backend:
  kind: amqp
  host: 127.0.0.1
  port: %(port)d
  username: guest
  password: guest
functions:
  echo:
    description: Echo.
    parameters: {text: {type: string}}
    routing_key: %(name)s
    request: json
  rows:
    description: Rows.
    parameters: {count: {type: integer}}
    routing_key: %(name)s
    request: json
  wait:
    description: Wait.
    parameters: {seconds: {type: number}}
    routing_key: %(name)s
    request: json
  change:
    description: Change.
    effect: write
    parameters: {seconds: {type: number}, change: {const: true}}
    routing_key: %(name)s
    request: json
"""


class AmqpPeer(Peer):
    counts_work = False  # a service is not told that nobody waits any more

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._name = f"peer-{uuid.uuid4().hex}"
        self._changes = 0
        self._working: set[asyncio.Task[None]] = set()
        self._proxy = Proxy(AMQP_HOST, AMQP_PORT)

    def adapter(self) -> str:
        return ADAPTER % {"port": self._proxy.port, "name": self._name}

    def wrong_words(self) -> tuple[str, str]:
        text = self.adapter()
        return (
            text.replace("  kind: amqp", "  kind: amqp\n  unheard_of: 1"),
            text.replace("  wait:\n", "  wait:\n    unheard_of: 1\n"),
        )

    async def changes(self) -> int:
        return self._changes

    async def start(self) -> None:
        await self._proxy.start()

    async def stop(self) -> None:
        await self._proxy.stop()

    async def serve(self) -> None:
        queue = await self._channel.declare_queue(self._name, exclusive=True)
        await queue.consume(self._hear, no_ack=True)

    async def rest(self) -> None:
        for task in self._working:
            task.cancel()

    async def _hear(self, message: AbstractIncomingMessage) -> None:
        task = asyncio.ensure_future(self._answer(message))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _answer(self, message: AbstractIncomingMessage) -> None:
        answer: object = None
        match json.loads(message.body):
            case {"text": text}:
                answer = text
            case {"count": count}:
                answer = [{"row": number} for number in range(count)]
            case {"seconds": seconds, **rest}:
                self._changes += "change" in rest
                await asyncio.sleep(seconds)
        assert message.reply_to is not None
        await self._channel.default_exchange.publish(
            aio_pika.Message(json.dumps(answer).encode(), correlation_id=message.correlation_id),
            message.reply_to,
        )


@pytest.fixture
async def channel() -> AsyncIterator[AbstractChannel]:
    async with await amqp_connection() as connection:
        yield await connection.channel()


class TestAmqp(KindCompliance):
    @pytest.fixture
    async def peer(self, channel: AbstractChannel) -> AsyncIterator[Peer]:
        peer = AmqpPeer(channel)
        await peer.start()
        await peer.serve()
        yield peer
        await peer.rest()
        await peer.stop()
