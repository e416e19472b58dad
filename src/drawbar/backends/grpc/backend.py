"""A gRPC server: one channel, connected at the first call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from drawbar.backends.grpc.contract import Contract
from drawbar.backends.grpc.options import GrpcBackendSpec
from drawbar.backends.grpc.reply import failure, value_of
from drawbar.kernel.extras import import_extra
from drawbar.kernel.ports import BackendError, Call, Cut, Health, Reply
from drawbar.kernel.underway import Underway
from drawbar.kernel.values import JsonObject, JsonValue

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor
    from google.protobuf.message import Message
    from grpc.aio import Channel

    from drawbar.backends.grpc.compile import Binding

_HEALTH_TIME = 4.0
"""Seconds for a connection to be made when health is asked."""
_HEALTH_METHOD = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"
"""HealthCheckResponse{status: SERVING} (grpc.health.v1)."""
_MOST = 64 * 2**20
"""Bytes of the largest message that is taken in, before the caps of a call are looked at."""
_ADVICE = "Ask again with arguments that match less."


class GrpcBackend:
    """Fills the port `drawbar.kernel.ports.Backend`."""

    def __init__(self, spec: GrpcBackendSpec, contract: Contract, folder: Path) -> None:
        self._spec = spec
        self._contract = contract
        self._folder = folder
        self._channel: Channel | None = None
        self._metadata = tuple(
            (name.lower(), value.reveal()) for name, value in spec.metadata.items()
        )
        self._underway = Underway("the call was cut off")

    async def invoke(self, binding: Binding, call: Call) -> Reply:
        """Send the message and read the answer, or show in a dry run what would be sent."""
        method = self._contract.method(binding.method)
        if method is None:
            raise TypeError("a function whose method is not there is never compiled")
        request = self._request(binding, method, call.arguments)
        if call.mode == "dry_run":
            shown: JsonObject = {"method": binding.method, "message": value_of(request)}
            shown["metadata"] = dict[str, JsonValue](dict.fromkeys(self._spec.metadata, "***"))
            return Reply({"request": shown})
        return await self._underway.run(self._call(binding, method, request, call))

    async def health(self) -> Health:
        """Whether the server answers its health check; that it knows none is an answer, too."""
        grpc = import_extra("grpc", "grpc")
        try:
            async with asyncio.timeout(_HEALTH_TIME):
                channel = await self._ready(_HEALTH_TIME)
                ask: Any = channel.unary_unary(
                    _HEALTH_METHOD
                )  # of bytes, which its type does not know
                answer: bytes = await ask(b"", metadata=self._metadata)
        except TimeoutError:
            return Health(ok=False, detail=f"no answer within {_HEALTH_TIME:.0f} s")
        except BackendError as error:
            return Health(ok=False, detail=error.message)
        except grpc.aio.AioRpcError as error:
            status = error.code().name
            return Health(ok=status == "UNIMPLEMENTED", detail=f"the server answered {status}")
        return Health(ok=answer == _SERVING, detail="the server answered its health check")

    async def close(self) -> None:
        """Cut what is under way, and the channel."""
        await self._underway.close()
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    def _request(
        self, binding: Binding, method: MethodDescriptor, arguments: Mapping[str, JsonValue]
    ) -> Message:
        json_format = import_extra("google.protobuf.json_format", "grpc")
        whole: dict[str, Any] = {}
        for name, way in binding.ways.items():
            if arguments.get(name) is None:
                continue
            inner = whole
            for part in way[:-1]:
                inner = inner.setdefault(part, {})
            inner[way[-1]] = arguments[name]
        message: Message = self._class(method.input_type)()
        try:
            json_format.ParseDict(whole, message, descriptor_pool=self._contract.pool)
        except json_format.ParseError as error:
            raise BackendError(
                f"The arguments make no {method.input_type.name}: {error}. Nothing was sent.",
                code="invalid_arguments",
                work="not_started",
            ) from error
        return message

    async def _call(
        self, binding: Binding, method: MethodDescriptor, request: Message, call: Call
    ) -> Reply:
        grpc = import_extra("grpc", "grpc")
        channel = await self._ready(call.remaining())
        words: dict[str, Any] = {
            "request_serializer": lambda message: message.SerializeToString(),
            "response_deserializer": self._class(method.output_type).FromString,
        }
        call.progress.mark_sent()
        asked: dict[str, Any] = {"metadata": self._metadata, "timeout": call.remaining() + 1}
        try:
            if not binding.streams:
                answer = await channel.unary_unary(f"/{binding.method}", **words)(request, **asked)
                if answer.ByteSize() > call.max_bytes:
                    raise _too_large(binding)
                return Reply(value_of(answer, call.files))
            stream = channel.unary_stream(f"/{binding.method}", **words)(request, **asked)
            return await _listed(stream, call)
        except grpc.aio.AioRpcError as error:
            if "larger than max" in (
                error.details() or ""
            ):  # what was read would be more than _MOST
                raise _too_large(binding) from None
            raise failure(error) from None

    async def _ready(self, seconds: float) -> Channel:
        """A connected channel; what is not connected was not sent anything."""
        grpc = import_extra("grpc", "grpc")
        if self._channel is None:
            self._channel = self._open()
        channel, states = self._channel, grpc.ChannelConnectivity
        end = asyncio.get_running_loop().time() + seconds
        state = channel.get_state(try_to_connect=True)
        while state is not states.READY:
            if state is states.TRANSIENT_FAILURE or asyncio.get_running_loop().time() >= end:
                channel.get_state(try_to_connect=True)
                raise _unavailable("it cannot be connected to")
            await channel.wait_for_state_change(state)
            state = channel.get_state(try_to_connect=True)
        return channel

    def _open(self) -> Channel:
        grpc = import_extra("grpc", "grpc")
        options = (
            ("grpc.max_receive_message_length", _MOST),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.use_local_subchannel_pool", 1),
        )
        tls = self._spec.tls
        if tls is None:
            return cast("Channel", grpc.aio.insecure_channel(self._spec.address, options))

        def content(path: str | None) -> bytes | None:
            return None if path is None else (self._folder / path).read_bytes()

        tls.context(self._folder)  # says what is wrong with a file before gRPC keeps it for itself
        credentials = grpc.ssl_channel_credentials(
            content(tls.ca), content(tls.key or tls.certificate), content(tls.certificate)
        )
        return cast("Channel", grpc.aio.secure_channel(self._spec.address, credentials, options))

    def _class(self, message: Any) -> Any:  # generated, so without a type of its own
        return import_extra("google.protobuf.message_factory", "grpc").GetMessageClass(message)


async def _listed(stream: Any, call: Call) -> Reply:  # gRPC's call objects have no public type
    """What a stream answers, up to the caps."""
    found: list[JsonValue] = []
    size = 0
    async for message in stream:
        size += message.ByteSize()
        if len(found) == call.max_rows or size > call.max_bytes:
            stream.cancel()
            unit = Cut(len(found), None, "rows", _ADVICE)
            return Reply(found, cuts=(unit,))
        found.append(value_of(message, call.files))
    return Reply(found)


def _too_large(binding: Binding) -> BackendError:
    return BackendError(
        "The answer is larger than what is read; nothing of it is shown.",
        code="reply_too_large",
        work="done" if binding.changes else "unknown",
        hint=_ADVICE,
    )


def _unavailable(why: str) -> BackendError:
    return BackendError(
        f"The service cannot be asked: {why}.",
        code="backend_unavailable",
        retryable=True,
        work="not_started",
    )
