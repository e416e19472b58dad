"""Messages as values, and what a status says about the work."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from drawbar.backends.grpc.contract import WIDE
from drawbar.kernel.extras import import_extra
from drawbar.kernel.files import Attachments
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
_BYTES_TYPE = 12


def value_of(message: Message, files: Attachments | None = None) -> JsonValue:
    """All fields under the names of the .proto file, also those that hold their default.

    With `files`, bytes that are too many for the value go there.
    """
    json_format = import_extra("google.protobuf.json_format", "grpc")
    value: JsonValue = json_format.MessageToDict(
        message,
        always_print_fields_with_no_presence=True,
        preserving_proto_field_name=True,
        descriptor_pool=message.DESCRIPTOR.file.pool,
    )
    return _Readable(files).message(value, message.DESCRIPTOR)


class _Readable:
    """What protobuf's mapping to JSON writes, with numbers of 64 bits as numbers and bytes as files."""

    def __init__(self, files: Attachments | None) -> None:
        self._files = files

    def message(self, value: JsonValue, message: Any) -> JsonValue:
        """`message` is a descriptor, of which protobuf has two classes."""
        if message.full_name in WIDE:
            return int(value) if isinstance(value, str) else value
        if message.full_name == "google.protobuf.BytesValue":
            return self._bytes(value)
        if not isinstance(value, dict) or message.full_name.startswith("google.protobuf."):
            return value
        return {
            name: self._field(inner, message.fields_by_name[name])
            if name in message.fields_by_name
            else inner
            for name, inner in value.items()
        }

    def _field(self, value: JsonValue, field: FieldDescriptor) -> JsonValue:
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry and isinstance(value, dict):
            inner = entry.fields_by_name["value"]
            return {key: self._one(each, inner) for key, each in value.items()}
        if field.is_repeated and isinstance(value, list):
            return [self._one(each, field) for each in value]
        return self._one(value, field)

    def _one(self, value: JsonValue, field: FieldDescriptor) -> JsonValue:
        if field.type in _WIDE_TYPES:
            return int(value) if isinstance(value, str) else value
        if field.type == _BYTES_TYPE:
            return self._bytes(value)
        return value if field.message_type is None else self.message(value, field.message_type)

    def _bytes(self, value: JsonValue) -> JsonValue:
        if self._files is None or not isinstance(value, str):
            return value
        return self._files.shown(base64.b64decode(value))


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
