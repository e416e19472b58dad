"""What stands for bytes in a reply: the bytes as base64, a file, or what they are."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from drawbar.backends.soap.options import BytesForm
from drawbar.kernel.files import Attachments, guessed
from drawbar.kernel.values import JsonObject

MEDIA_TYPE = "{http://www.w3.org/2005/05/xmlmime}contentType"
BINARY = frozenset({"base64Binary", "hexBinary"})


@dataclass(frozen=True, slots=True)
class Bytes:
    """How the bytes of one reply are shown: as its function says, and where its files go."""

    form: BytesForm
    files: Attachments

    def of_text(self, text: str, base: str, media_type: str | None) -> JsonObject | None:
        """What stands for a text of type `base`; None: the text itself, which may be no bytes at all."""
        if self.form == "keep" or (self.form == "file" and len(text) <= self.files.inline):
            return None
        written = "".join(text.split())
        try:
            data = (
                bytes.fromhex(written)
                if base == "hexBinary"
                else base64.b64decode(written, validate=True)
            )
        except (binascii.Error, ValueError):
            return None
        return self.of_data(data, media_type)

    def of_data(self, data: bytes, media_type: str | None) -> JsonObject | None:
        """What stands for bytes; None: they themselves."""
        if self.form == "keep" or (self.form == "file" and len(data) <= self.files.inline):
            return None
        if self.form == "file":
            return self.files.add(data, media_type=media_type)
        return description(data, media_type or guessed(data))


def description(data: bytes, media_type: str) -> JsonObject:
    digest = hashlib.sha256(data).hexdigest()
    return {"media_type": media_type, "bytes": len(data), "sha256": digest}
