"""Descriptors of a gRPC server as JSON Schemas, by protobuf's own mapping to JSON.

Source of the mapping: https://protobuf.dev/programming-guides/json/. Field names are those of the .proto
file, and 64-bit numbers are numbers in both directions: JSON has them, though protobuf's mapping writes texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from drawbar.backends.grpc.comments import comments_of
from drawbar.compiler.files import base64_schema
from drawbar.kernel.extras import import_extra
from drawbar.kernel.values import JsonObject, JsonValue

if TYPE_CHECKING:
    from google.protobuf.descriptor import (
        Descriptor,
        EnumDescriptor,
        FieldDescriptor,
        MethodDescriptor,
    )
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

_INT32, _INT64 = (-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1)
_UINT32, _UINT64 = (0, 2**32 - 1), (0, 2**64 - 1)
_WHOLE: Mapping[int, tuple[int, int]] = {
    3: _INT64, 4: _UINT64, 5: _INT32, 6: _UINT64, 7: _UINT32, 13: _UINT32, 15: _INT32, 16: _INT64, 17: _INT32, 18: _INT64,
}  # fmt: skip
"""Limits by the number of a field's type (descriptor.proto, FieldDescriptorProto.Type)."""
_PLAIN: Mapping[int, JsonObject] = {
    1: {"type": "number"},
    2: {"type": "number"},
    8: {"type": "boolean"},
    9: {"type": "string"},
    12: {**base64_schema(), "description": "Bytes as base64."},
}
"""Double, float, bool, string and bytes."""
_DURATION = r"^-?\d{1,12}(?:\.\d{1,9})?s$"
_KNOWN: Mapping[str, JsonObject] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {
        "type": "string",
        "pattern": _DURATION,
        "description": "Seconds, such as 1.5s.",
    },
    "google.protobuf.FieldMask": {"type": "string", "description": "Paths with commas between."},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.BoolValue": {"type": "boolean"},
    "google.protobuf.StringValue": {"type": "string"},
    "google.protobuf.BytesValue": {**base64_schema(), "description": "Bytes as base64."},
    "google.protobuf.DoubleValue": {"type": "number"},
    "google.protobuf.FloatValue": {"type": "number"},
    "google.protobuf.Int64Value": {"type": "integer", "minimum": _INT64[0], "maximum": _INT64[1]},
    "google.protobuf.UInt64Value": {"type": "integer", "minimum": 0, "maximum": _UINT64[1]},
    "google.protobuf.Int32Value": {"type": "integer", "minimum": _INT32[0], "maximum": _INT32[1]},
    "google.protobuf.UInt32Value": {"type": "integer", "minimum": 0, "maximum": _UINT32[1]},
}
WIDE = frozenset({"google.protobuf.Int64Value", "google.protobuf.UInt64Value"})
"""Wrappers that protobuf's mapping writes as texts of digits."""


class ContractError(Exception):
    """Descriptors that cannot be used; the message says why."""


class Contract:
    """The services of one FileDescriptorSet."""

    def __init__(self, data: bytes) -> None:
        """Raises ContractError for what is no such set, or one with files missing."""
        descriptor_pb2 = import_extra("google.protobuf.descriptor_pb2", "grpc")
        message = import_extra("google.protobuf.message", "grpc")
        try:
            found = descriptor_pb2.FileDescriptorSet.FromString(data)
        except message.DecodeError as error:
            raise ContractError("this is no FileDescriptorSet") from error
        self.pool = import_extra("google.protobuf.descriptor_pool", "grpc").DescriptorPool()
        self._comments: dict[str, str] = {}
        self._services: dict[str, list[str]] = {}
        self._load(list(found.file))

    def _load(self, files: list[FileDescriptorProto]) -> None:
        """Dependencies first, whatever the order of the set."""
        there = {file.name for file in files}
        for file in files:
            missing = [name for name in file.dependency if name not in there]
            if missing:
                raise ContractError(
                    f"{file.name} imports {missing[0]}, which is not in the set; "
                    "write it with `protoc --include_imports`"
                )
        loaded: set[str] = set()
        while files:
            ready = [file for file in files if loaded.issuperset(file.dependency)]
            if not ready:
                raise ContractError(f"{files[0].name} imports itself, through others")
            for file in ready:
                try:
                    self.pool.AddSerializedFile(file.SerializeToString())
                except TypeError as error:
                    raise ContractError(f"{file.name}: {error}") from error
                self._comments.update(comments_of(file))
                package = f"{file.package}." if file.package else ""
                for service in file.service:
                    name = f"{package}{service.name}"
                    self._services[name] = [method.name for method in service.method]
                loaded.add(file.name)
            files = [file for file in files if file.name not in loaded]

    def methods(self) -> Iterator[str]:
        """All of them, as `orders.v1.Orders/GetOrder`."""
        for service, names in self._services.items():
            yield from (f"{service}/{name}" for name in names)

    def method(self, name: str) -> MethodDescriptor | None:
        service, _, method = name.partition("/")
        if service not in self._services:
            return None
        found: MethodDescriptor | None = self.pool.FindServiceByName(service).methods_by_name.get(
            method
        )
        return found

    def comment(self, full_name: str) -> str | None:
        """What stands above it in the .proto file."""
        return self._comments.get(full_name)

    def field(self, message: Descriptor, way: str) -> FieldDescriptor | None:
        """The field at the end of a way such as `order.customer.name`."""
        first, _, rest = way.partition(".")
        found: FieldDescriptor | None = message.fields_by_name.get(first)
        if found is None or not rest:
            return found
        return None if found.message_type is None else self.field(found.message_type, rest)

    def schema(self, field: FieldDescriptor) -> JsonObject:
        """Of one field, with all that it refers to under `$defs`."""
        definitions: dict[str, JsonValue] = {}
        schema = self._field(field, definitions)
        return {**schema, "$defs": definitions} if definitions else schema

    def _field(self, field: FieldDescriptor, definitions: dict[str, JsonValue]) -> JsonObject:
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            value = self._value(entry.fields_by_name["value"], definitions)
            schema: JsonObject = {"type": "object", "additionalProperties": value}
        elif field.is_repeated:
            schema = {"type": "array", "items": self._value(field, definitions)}
        else:
            schema = self._value(field, definitions)
        said = [self.comment(field.full_name), self._alternatives(field), schema.get("description")]
        if text := " ".join(str(part) for part in said if part):
            schema = {**schema, "description": text}
        return schema

    def _alternatives(self, field: FieldDescriptor) -> str | None:
        group = field.containing_oneof
        if (
            group is None or len(group.fields) == 1
        ):  # proto3 makes such a group of each optional field
            return None
        return f"At most one of {', '.join(each.name for each in group.fields)}."

    def _value(self, field: FieldDescriptor, definitions: dict[str, JsonValue]) -> JsonObject:
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.message_type is not None:
            return self._message(field.message_type, definitions)
        if (limits := _WHOLE.get(field.type)) is not None:
            return {"type": "integer", "minimum": limits[0], "maximum": limits[1]}
        return dict(_PLAIN[field.type])

    def _enum(self, enum: EnumDescriptor) -> JsonObject:
        if enum.full_name == "google.protobuf.NullValue":
            return {"type": "null"}
        schema: JsonObject = {"type": "string", "enum": [value.name for value in enum.values]}
        meanings = [
            f"{value.name}: {comment}"
            for value in enum.values
            if (comment := self.comment(f"{enum.full_name}.{value.name}"))
        ]
        return {**schema, "description": " ".join(meanings)} if meanings else schema

    def _message(self, message: Descriptor, definitions: dict[str, JsonValue]) -> JsonObject:
        known = _KNOWN.get(message.full_name)
        if known is not None:
            return dict(known)
        name = message.full_name
        if name not in definitions:
            definitions[name] = None  # it may hold itself
            definitions[name] = self._object(message, definitions)
        return {"$ref": f"#/$defs/{name}"}

    def _object(self, message: Descriptor, definitions: dict[str, JsonValue]) -> JsonObject:
        schema: JsonObject = {
            "type": "object",
            "properties": {field.name: self._field(field, definitions) for field in message.fields},
            "required": [field.name for field in message.fields if field.is_required],
            "additionalProperties": False,
        }
        comment = self.comment(message.full_name)
        return {**schema, "description": comment} if comment else schema
