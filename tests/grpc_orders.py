"""A gRPC server of the tests: its descriptors, built as a compiler of .proto files would, and handlers."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from grpc_reflection.v1alpha import reflection

PACKAGE = "orders.v1"
SERVICE = f"{PACKAGE}.Orders"
_SCALARS = {
    "double": 1, "int64": 3, "uint64": 4, "int32": 5, "bool": 8, "string": 9, "bytes": 12, "uint32": 13,
}  # fmt: skip

Handler = Callable[[Any, Any], Awaitable[Any]]
"""Messages are generated from the descriptors below, so they have no type of their own."""


def _field(
    number: int, name: str, kind: str, *, many: bool = False, group: int | None = None
) -> descriptor_pb2.FieldDescriptorProto:
    field = descriptor_pb2.FieldDescriptorProto(name=name, number=number)
    field.label = 3 if many else 1  # type: ignore[assignment]  # the numbers of descriptor.proto
    if kind in _SCALARS:
        field.type = _SCALARS[kind]  # type: ignore[assignment]  # the numbers of descriptor.proto
    else:
        field.type = 14 if kind == "Kind" else 11  # type: ignore[assignment]  # as above
        field.type_name = kind if kind.startswith(".") else f".{PACKAGE}.{kind}"
    if group is not None:
        field.oneof_index = group
    return field


def _message(
    name: str, *fields: descriptor_pb2.FieldDescriptorProto
) -> descriptor_pb2.DescriptorProto:
    return descriptor_pb2.DescriptorProto(name=name, field=fields)


def _method(
    name: str, takes: str, gives: str, *, uploads: bool = False, streams: bool = False
) -> descriptor_pb2.MethodDescriptorProto:
    return descriptor_pb2.MethodDescriptorProto(
        name=name,
        input_type=f".{PACKAGE}.{takes}",
        output_type=f".{PACKAGE}.{gives}",
        client_streaming=uploads,
        server_streaming=streams,
    )


def _comment(way: list[int], text: str) -> descriptor_pb2.SourceCodeInfo.Location:
    return descriptor_pb2.SourceCodeInfo.Location(path=way, span=[0, 0, 0], leading_comments=text)


def file() -> descriptor_pb2.FileDescriptorProto:
    labels = _message("LabelsEntry", _field(1, "key", "string"), _field(2, "value", "int64"))
    labels.options.map_entry = True
    order = _message(
        "Order",
        _field(1, "order_no", "string"),
        _field(2, "kind", "Kind"),
        _field(3, "weight_grams", "int64"),
        _field(4, "parts", "Order", many=True),
        _field(5, "labels", "Order.LabelsEntry", many=True),
        _field(6, "placed", ".google.protobuf.Timestamp"),
        _field(7, "iban", "string", group=0),
        _field(8, "card", "string", group=0),
        _field(9, "seal", "bytes"),
        _field(10, "insured", "bool"),
        _field(11, "volume", "double"),
    )
    order.nested_type.append(labels)
    order.oneof_decl.add(name="payment")
    kind = descriptor_pb2.EnumDescriptorProto(name="Kind")
    for number, name in enumerate(("KIND_UNSPECIFIED", "PALLET", "BULK")):
        kind.value.add(name=name, number=number)
    found = descriptor_pb2.FileDescriptorProto(
        name="orders/v1/orders.proto",
        package=PACKAGE,
        syntax="proto3",
        dependency=["google/protobuf/timestamp.proto"],
        message_type=[
            order,
            _message("Text", _field(1, "text", "string")),
            _message("Count", _field(1, "count", "int32")),
            _message("Seconds", _field(1, "seconds", "double")),
            _message("Ask", _field(1, "order", "Order"), _field(2, "dry", "bool")),
        ],
        enum_type=[kind],
        service=[
            descriptor_pb2.ServiceDescriptorProto(
                name="Orders",
                method=[
                    _method("Echo", "Text", "Text"),
                    _method("Rows", "Count", "Count", streams=True),
                    _method("Wait", "Seconds", "Seconds"),
                    _method("Change", "Seconds", "Seconds"),
                    _method("Place", "Ask", "Order"),
                    _method("Upload", "Text", "Text", uploads=True),
                ],
            )
        ],
    )
    found.source_code_info.location.extend(
        [
            _comment([4, 0, 2, 0], " Such as F-1180.\n Never reused.\n"),
            _comment([5, 0, 2, 1], " On a euro pallet."),
            _comment([6, 0, 2, 4], " Place an order."),
        ]
    )
    return found


def descriptor_set() -> bytes:
    timestamp = descriptor_pb2.FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(timestamp)
    return descriptor_pb2.FileDescriptorSet(file=[file(), timestamp]).SerializeToString()


class Orders:
    """The server. Handlers are by name of method; one of a stream answers with a list."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
        pool.AddSerializedFile(file().SerializeToString())
        self.service = pool.FindServiceByName(SERVICE)
        self._pool = pool
        self._handlers = handlers
        self._server: grpc.aio.Server | None = None
        self.port = 0

    def message(self, name: str) -> Any:
        return message_factory.GetMessageClass(
            self._pool.FindMessageTypeByName(f"{PACKAGE}.{name}")
        )

    async def start(self, credentials: grpc.ServerCredentials | None = None) -> None:
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        for name, handler in self._handlers.items():
            method = self.service.methods_by_name[name]
            make = (
                grpc.unary_stream_rpc_method_handler
                if method.server_streaming
                else grpc.unary_unary_rpc_method_handler
            )
            methods[name] = make(
                handler,
                message_factory.GetMessageClass(method.input_type).FromString,
                lambda message: message.SerializeToString(),
            )
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(SERVICE, methods)]
        )
        reflection.enable_server_reflection(
            [SERVICE, reflection.SERVICE_NAME], self._server, self._pool
        )
        address = f"127.0.0.1:{self.port}"
        self.port = (
            self._server.add_secure_port(address, credentials)
            if credentials
            else self._server.add_insecure_port(address)
        )
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(None)
            # What is left of a server wants its loop once more when it is collected.
            del server
            gc.collect()
            await asyncio.sleep(0)
