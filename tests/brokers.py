"""The brokers that stand beside the tests, at their addresses or at those of the environment."""

from __future__ import annotations

import os

import aio_pika
import nats
from aio_pika.abc import AbstractConnection
from nats.aio.client import Client

from machine import missing

AMQP_HOST, _, _port = os.environ.get("DRAWBAR_TEST_AMQP", "127.0.0.1:5672").partition(":")
AMQP_PORT = int(_port or 5672)
NATS = os.environ.get("DRAWBAR_TEST_NATS", "nats://127.0.0.1:4222")
_PATIENCE = 3


async def amqp_connection() -> AbstractConnection:
    try:
        return await aio_pika.connect(host=AMQP_HOST, port=AMQP_PORT, timeout=_PATIENCE)
    except (OSError, aio_pika.exceptions.AMQPError) as error:
        missing(f"no AMQP broker at {AMQP_HOST}:{AMQP_PORT} (DRAWBAR_TEST_AMQP): {error}")


async def nats_client() -> Client:
    try:
        return await nats.connect(NATS, allow_reconnect=False, connect_timeout=_PATIENCE)
    except (OSError, TimeoutError, nats.errors.Error) as error:
        missing(f"no NATS at {NATS} (DRAWBAR_TEST_NATS): {error}")
