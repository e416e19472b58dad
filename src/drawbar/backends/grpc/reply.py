"""Messages as values, and what a status says about the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drawbar.backends.grpc.contract import WIDE
from drawbar.kernel.extras import import_extra
from drawbar.kernel.ports import BackendError, WorkState
from drawbar.kernel.values import JsonValue

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message
    from grpc.aio import AioRpcError

_CODES = {
    "NOT_FOUND": "not_found",
    "ALREADY_EXISTS": "conflict",
    "ABORTED": "conflict",
    "INVALID_ARGUMENT": "invalid_request",
    "OUT_OF_RANGE": "invalid_request",
    "FAILED_PRECONDITION": "failed_precondition",
    "PERMISSION_DENIED": "backend_denied",
    "UNAUTHENTICATED": "backend_denied",
    "RESOURCE_EXHAUSTED": "rate_limited",
    "DEADLINE_EXCEEDED": "timeout",
    "UNAVAILABLE": "backend_unavailable",
}
_REFUSED = frozenset(
    {
        *("NOT_FOUND", "ALREADY_EXISTS", "INVALID_ARGUMENT", "OUT_OF_RANGE", "FAILED_PRECONDITION"),
        *("PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED", "ABORTED", "RESOURCE_EXHAUSTED"),
    }
)
"""The server's own no. Of all others, such as INTERNAL, nobody knows what was done before."""
_RETRYABLE = frozenset({"UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED"})
"""As the guide to gRPC's status codes recommends."""
_WIDE_TYPES = frozenset({3, 4, 6, 16, 18})
"""Numbers of 64 bits (descriptor.proto), which protobuf's mapping writes as texts of digits."""


def value_of(message: Message) -> JsonValue:
    """All fields under the names of the .proto file, also those that hold their default."""
    json_format = import_extra("google.protobuf.json_format", "grpc")
    value: JsonValue = json_format.MessageToDict(
        message,
        always_print_fields_with_no_presence=True,
        preserving_proto_field_name=True,
        descriptor_pool=message.DESCRIPTOR.file.pool,
    )
    return _numbers(value, message.DESCRIPTOR)


def _numbers(value: JsonValue, message: Any) -> JsonValue:
    """64-bit numbers as numbers again; `message` is a descriptor, of which protobuf has two classes."""
    if message.full_name in WIDE:
        return int(value) if isinstance(value, str) else value
    if not isinstance(value, dict) or message.full_name.startswith("google.protobuf."):
        return value
    return {
        name: _field(inner, message.fields_by_name[name])
        if name in message.fields_by_name
        else inner
        for name, inner in value.items()
    }


def _field(value: JsonValue, field: FieldDescriptor) -> JsonValue:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry and isinstance(value, dict):
        inner = entry.fields_by_name["value"]
        return {key: _one(each, inner) for key, each in value.items()}
    if field.is_repeated and isinstance(value, list):
        return [_one(each, field) for each in value]
    return _one(value, field)


def _one(value: JsonValue, field: FieldDescriptor) -> JsonValue:
    if field.type in _WIDE_TYPES:
        return int(value) if isinstance(value, str) else value
    return value if field.message_type is None else _numbers(value, field.message_type)


def failure(error: AioRpcError) -> BackendError:
    """A status other than OK. Its name is the fact `status`."""
    status = error.code().name
    work: WorkState = "rolled_back" if status in _REFUSED else "unknown"
    return BackendError(
        error.details() or f"The service answered with {status}.",
        code=_CODES.get(status, "backend_error"),
        retryable=status in _RETRYABLE,
        work=work,
        facts={"status": status},
    )
