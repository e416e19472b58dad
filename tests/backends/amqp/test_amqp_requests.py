"""What the compliance suite does not ask: queues that do not exist, messages that nobody waits for."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from brokers import AMQP_HOST, AMQP_PORT, amqp_connection
from drawbar.kernel.outcome import Failed, Succeeded
from drawbar.testing.kinds import opened

FUNCTIONS = """\
functions:
  ask:
    description: Ask.
    parameters: {text: {type: string}, berth: {type: string}}
    routing_key: NAME.{berth}
    request: text
    reply: text
  tell:
    description: Tell.
    effect: write
    parameters: {text: {type: string}}
    exchange: NAME
    routing_key: gates
    request: text
    reply: none
"""


def adapter(name: str) -> str:
    backend = f"{{kind: amqp, host: {AMQP_HOST}, port: {AMQP_PORT}}}"
    return f"adapter: peer\nbackend: {backend}\n" + FUNCTIONS.replace("NAME", name)


@pytest.fixture
async def channel() -> AsyncIterator[AbstractChannel]:
    async with await amqp_connection() as connection:
        yield await connection.channel()


async def test_a_request_that_no_queue_takes_was_not_begun(
    channel: AbstractChannel, tmp_path: Path
) -> None:
    name = f"t{uuid.uuid4().hex}"
    async with opened(adapter(name), tmp_path) as peer:
        asked = await peer.call("ask", {"text": "x", "berth": "1"}, seconds=1)
        exchange = await channel.declare_exchange(name, auto_delete=True)
        told = await peer.call("tell", {"text": "x"}, seconds=1)
    await exchange.delete()

    for outcome in (asked, told):
        assert isinstance(outcome, Failed), outcome
        assert (outcome.code, outcome.retryable) == ("backend_unavailable", True)
        assert "No queue takes messages" in outcome.message


async def test_an_exchange_that_is_not_there_is_told_and_the_next_call_works(
    channel: AbstractChannel, tmp_path: Path
) -> None:
    name = f"t{uuid.uuid4().hex}"
    async with opened(adapter(name), tmp_path) as peer:
        outcome = await peer.call("tell", {"text": "x"}, seconds=2)
        assert isinstance(outcome, Failed), outcome
        assert outcome.message == f"There is no exchange `{name}`."

        exchange = await channel.declare_exchange(name, auto_delete=True)
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(exchange, "gates")
        assert await peer.call("tell", {"text": "open"}, seconds=5) == Succeeded(None)
        message = await queue.get(timeout=5)
        assert message is not None
        await message.ack()
        assert (message.body, message.delivery_mode) == (b"open", 2)


async def test_a_request_ends_with_its_caller(channel: AbstractChannel, tmp_path: Path) -> None:
    """Nobody takes it in time, so the broker drops it: a service that comes later never sees it."""
    name = f"t{uuid.uuid4().hex}"
    queue = await channel.declare_queue(f"{name}.7", auto_delete=True)
    async with opened(adapter(name), tmp_path) as peer:
        outcome = await peer.call("ask", {"text": "late", "berth": "7"}, seconds=0.4)
        assert isinstance(outcome, Failed)
        assert outcome.code == "timeout"

        heard: list[bytes] = []

        async def answer(message: AbstractIncomingMessage) -> None:
            heard.append(message.body)
            assert message.reply_to is not None
            reply = aio_pika.Message(b"here", correlation_id=message.correlation_id)
            await channel.default_exchange.publish(reply, message.reply_to)

        await asyncio.sleep(0.2)
        await queue.consume(answer, no_ack=True)
        assert await peer.call("ask", {"text": "now", "berth": "7"}) == Succeeded("here")
        assert heard == [b"now"]


async def test_a_wrong_password_is_told_without_it(
    channel: AbstractChannel, tmp_path: Path
) -> None:
    del channel
    text = adapter("x").replace(
        "{kind: amqp,", "{kind: amqp, username: nobody, password: s3cretive,"
    )
    async with opened(text, tmp_path) as peer:
        outcome = await peer.call("ask", {"text": "x", "berth": "1"}, seconds=3)
        health = await peer.backend.health()

    assert isinstance(outcome, Failed)
    assert outcome.code == "backend_unavailable"
    assert "s3cretive" not in str(outcome) + str(health)
    assert not health.ok
