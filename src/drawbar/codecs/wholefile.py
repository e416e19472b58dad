"""A payload that is one file: its bytes as they are, which nobody looks into."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from drawbar.codecs.codec import CodecError
from drawbar.codecs.template import Template
from drawbar.kernel.files import FileText
from drawbar.kernel.ports import Call
from drawbar.kernel.values import JsonValue

_ANY = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class FileCodec:
    """A text of base64, or what stands for a file of the caller's, and its bytes."""

    media: str = _ANY
    name: Template | None = None
    """What a file that comes back is called, made of the arguments."""

    def encode(self, value: JsonValue) -> bytes:
        if isinstance(value, FileText):
            return value.content.data
        if not isinstance(value, str):
            raise CodecError("takes a file")
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise CodecError(f"is no base64: {error}") from error

    def decode(self, data: bytes) -> JsonValue:
        return base64.b64encode(data).decode()

    def attach(self, data: bytes, call: Call, media_type: str | None) -> JsonValue:
        """The reference to a file that came; `media_type` is what its bringer says of it."""
        declared = None if self.media == _ANY else self.media
        name = None if self.name is None else self.name.fill(call.arguments)
        return call.files.add(data, media_type=declared or media_type, filename=name)
