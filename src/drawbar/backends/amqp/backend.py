"""A broker: connected to at the first call, and again when the connection was lost.

Replies come over RabbitMQ's direct reply-to, which needs no queue: each channel has the pseudo-queue
`amq.rabbitmq.reply-to`, and a reply is known by its correlation id. Requests are mandatory, so one that
no queue takes comes back at once; and they expire with the call, so that nothing is done for a caller
who has gone.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawbar.backends.amqp.options import AmqpBackendSpec
from drawbar.kernel.extras import import_extra
from drawbar.kernel.ports import BackendError, Call, Health, Reply
from drawbar.wire.held import Held

if TYPE_CHECKING:
    from aio_pika.abc import (
        AbstractChannel,
        AbstractConnection,
        AbstractExchange,
        AbstractIncomingMessage,
    )

    from drawbar.backends.amqp.compile import Binding

_CONNECT_TIME = 4
"""Seconds for a connection to be made."""
_REPLY_TO = "amq.rabbitmq.reply-to"


@dataclass(frozen=True, slots=True)
class Line:
    """A connection, its channel, and who waits for a reply on it, by correlation id."""

    connection: AbstractConnection
    channel: AbstractChannel
    waiting: dict[str, asyncio.Future[AbstractIncomingMessage]] = field(default_factory=dict)
    exchanges: set[str] = field(default_factory=set)
    """Those that were seen to be there."""

    async def hear(self, message: AbstractIncomingMessage) -> None:
        future = self.waiting.pop(message.correlation_id or "", None)
        if future is not None and not future.done():
            future.set_result(message)

    @property
    def stands(self) -> bool:
        return not self.channel.is_closed

    async def end(self) -> None:
        self.lose()
        await self.connection.close()

    def lose(self, *_: object) -> None:
        """The connection is gone: nobody will be answered any more."""
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(_lost("the connection was closed"))
        self.waiting.clear()


class AmqpBackend:
    """Fills the port `drawbar.kernel.ports.Backend`."""

    def __init__(self, spec: AmqpBackendSpec, folder: Path) -> None:
        self._spec = spec
        self._folder = folder
        self._line = Held(self._connect)

    async def invoke(self, binding: Binding, call: Call) -> Reply:
        """Publish the request and wait for its reply, or show in a dry run what would be sent."""
        key = binding.routing_key.fill(call.arguments)
        data = binding.message.encode(call.arguments)
        if call.mode == "dry_run":
            shown = data.decode("utf-8", "backslashreplace")
            target = {"exchange": binding.exchange, "routing_key": key}
            return Reply({"request": {**target, "payload": shown}})
        line = await self._line.get()
        if binding.message.answer is None:
            await self._publish(line, binding, key, self._message(binding, call, data, None), call)
            return Reply(None)
        number = call.idempotency_key or uuid.uuid4().hex
        reply: asyncio.Future[AbstractIncomingMessage] = asyncio.get_running_loop().create_future()
        line.waiting[number] = reply
        try:
            message = self._message(binding, call, data, number)
            await self._publish(line, binding, key, message, call)
            answer = await reply
        finally:
            line.waiting.pop(number, None)
            reply.cancel()
        body, most = answer.body, call.max_bytes
        return binding.message.read(
            body[:most], call, cut=len(body) > most, media_type=answer.content_type
        )

    async def health(self) -> Health:
        """Whether the broker opens a channel."""
        try:
            async with asyncio.timeout(_CONNECT_TIME):
                line = await self._line.get()
                await (await line.connection.channel()).close()
        except TimeoutError:
            return Health(ok=False, detail=f"no answer within {_CONNECT_TIME} s")
        except BackendError as error:
            return Health(ok=False, detail=error.message)
        except _errors() as error:
            return Health(ok=False, detail=_reason(error))
        return Health(ok=True, detail="the broker opens channels")

    async def close(self) -> None:
        """Close the connection; a call under way fails."""
        await self._line.close()

    def _message(self, binding: Binding, call: Call, data: bytes, number: str | None) -> Any:
        """An `aio_pika.Message`; the library is there only when it is used."""
        request = binding.message.request
        return import_extra("aio_pika", "amqp").Message(
            data,
            content_type=request.codec.media if request else None,
            correlation_id=number,
            message_id=call.idempotency_key,
            reply_to=_REPLY_TO if number else None,
            expiration=call.remaining() if number else None,
            delivery_mode=1
            if number
            else 2,  # what nobody waits for outlives a restart of the broker
        )

    async def _publish(
        self, line: Line, binding: Binding, key: str, message: Any, call: Call
    ) -> None:
        pika = import_extra("aio_pika", "amqp")
        try:
            exchange = await self._exchange(line, binding.exchange)
            call.progress.mark_sent()
            await exchange.publish(message, key, mandatory=True)
        except pika.exceptions.PublishError:
            raise _not_taken(f"No queue takes messages for `{key}`.") from None
        except pika.exceptions.ChannelNotFoundEntity:
            raise _not_taken(f"There is no exchange `{binding.exchange}`.") from None
        except _errors() as error:
            raise _lost(_reason(error)) from None

    async def _exchange(self, line: Line, name: str) -> AbstractExchange:
        """Looked for once, on a channel of its own: a broker closes the channel that asks for what is not there."""
        if not name:
            return line.channel.default_exchange
        if name not in line.exchanges:
            async with await line.connection.channel() as asking:
                await asking.get_exchange(name, ensure=True)
            line.exchanges.add(name)
        return await line.channel.get_exchange(name, ensure=False)

    async def _connect(self) -> Line:
        pika = import_extra("aio_pika", "amqp")
        spec = self._spec
        tls = spec.tls.context(self._folder) if spec.tls else None
        try:
            connection = await pika.connect(
                host=spec.host,
                port=spec.port or (5671 if tls else 5672),
                login=spec.username,
                password=spec.password.reveal() if spec.password else "guest",
                virtualhost=spec.virtual_host,
                ssl=tls is not None,
                ssl_context=tls,
                timeout=_CONNECT_TIME,
            )
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            line = Line(connection, channel)
            queue = await channel.get_queue(_REPLY_TO, ensure=False)
            await queue.consume(line.hear, no_ack=True)
        except _errors() as error:
            raise _unavailable(_reason(error)) from None
        channel.close_callbacks.add(line.lose)
        connection.close_callbacks.add(line.lose)
        return line


def _errors() -> tuple[type[Exception], ...]:
    """What the library raises for a broker that is gone or says no."""
    exceptions = import_extra("aio_pika.exceptions", "amqp")
    return (OSError, RuntimeError, exceptions.AMQPError)  # TimeoutError is an OSError


def _not_taken(message: str) -> BackendError:
    return BackendError(message, code="backend_unavailable", retryable=True, work="not_started")


def _unavailable(why: str) -> BackendError:
    return BackendError(
        f"The broker cannot be asked: {why}.",
        code="backend_unavailable",
        retryable=True,
        work="not_started",
    )


def _lost(why: str) -> BackendError:
    return BackendError(
        f"The connection to the broker was lost: {why}.",
        code="connection_lost",
        retryable=True,
        work="unknown",
    )


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
