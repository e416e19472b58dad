"""What authors wrote above their messages, fields and methods, by full name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

_PARTS: Mapping[str, tuple[tuple[int, str], ...]] = {
    "FileDescriptorProto": ((4, "message_type"), (5, "enum_type"), (6, "service")),
    "DescriptorProto": ((2, "field"), (3, "nested_type"), (4, "enum_type")),
    "EnumDescriptorProto": ((2, "value"),),
    "ServiceDescriptorProto": ((2, "method"),),
}
"""Fields that hold named parts, by number (descriptor.proto): a comment's place is a way of such numbers."""


def comments_of(file: FileDescriptorProto) -> dict[str, str]:
    """Values of enums are named within them, as `Kind.BIG`, other than protobuf scopes them."""
    places = {
        tuple(location.path): " ".join(
            (location.leading_comments or location.trailing_comments).split()
        )
        for location in file.source_code_info.location
    }
    return {name: places[way] for way, name in _named(file, (), file.package) if places.get(way)}


def _named(node: Any, way: tuple[int, ...], name: str) -> Iterator[tuple[tuple[int, ...], str]]:
    """Each part's way and full name; a node is any of the messages above."""
    for number, field in _PARTS.get(node.DESCRIPTOR.name, ()):
        for index, part in enumerate(getattr(node, field)):
            inner = f"{name}.{part.name}" if name else part.name
            yield (*way, number, index), inner
            yield from _named(part, (*way, number, index), inner)
