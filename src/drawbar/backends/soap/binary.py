"""What bytes in a reply are, for readers who have no use for the bytes themselves."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence

from drawbar.kernel.values import JsonObject

MEDIA_TYPE = "{http://www.w3.org/2005/05/xmlmime}contentType"


def described(text: str, media_type: str | None) -> JsonObject | None:
    """What bytes are, instead of the bytes themselves; None where the text is no base64."""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return description(data, media_type or guessed(data))


def description(data: bytes, media_type: str) -> JsonObject:
    digest = hashlib.sha256(data).hexdigest()
    return {"media_type": media_type, "bytes": len(data), "sha256": digest}


_BEGINNINGS: Sequence[tuple[bytes, str]] = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"<?xml", "application/xml"),
)


def guessed(data: bytes) -> str:
    """The media type, by how the bytes begin."""
    found = (name for beginning, name in _BEGINNINGS if data.startswith(beginning))
    return next(found, "application/octet-stream")
