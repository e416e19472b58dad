"""What `next` of a page carries: the place of its last row, sealed.

A cursor is encrypted, since the keys may be columns that the answer leaves out, and authenticated together
with the function, its sorting and its arguments, so that it opens only where it was made. Both by HMAC-SHA256
in the manner of a synthetic IV (RFC 5297): the same place gives the same cursor, and no nonce has to be kept.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from drawbar.kernel.values import JsonValue

_MAC = 16
_BLOCK = 32

Key = Any  # a driver's value, of any type that can be sorted by


class NotOpened(Exception):
    """The text is no cursor of this call."""


class Seal:
    """Makes and opens cursors with one secret."""

    def __init__(self, secret: bytes) -> None:
        self._mac = hashlib.sha256(b"drawbar cursor mac\n" + secret).digest()
        self._stream = hashlib.sha256(b"drawbar cursor stream\n" + secret).digest()

    def close(self, place: JsonValue, bound_to: JsonValue) -> str:
        """A text that only `open` reads, with the same `bound_to`."""
        plain = orjson.dumps(place)
        mac = self._authenticate(plain, bound_to)
        return base64.urlsafe_b64encode(mac + self._masked(plain, mac)).decode().rstrip("=")

    def open(self, text: str, bound_to: JsonValue) -> JsonValue:
        """Raises NotOpened when it was made elsewhere, or changed."""
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise NotOpened from None
        mac, plain = raw[:_MAC], self._masked(raw[_MAC:], raw[:_MAC])
        if not hmac.compare_digest(mac, self._authenticate(plain, bound_to)):
            raise NotOpened
        place: JsonValue = orjson.loads(plain)
        return place

    def _authenticate(self, plain: bytes, bound_to: JsonValue) -> bytes:
        told = orjson.dumps(bound_to, option=orjson.OPT_SORT_KEYS)
        length = len(told).to_bytes(8, "big")
        return hmac.digest(self._mac, length + told + plain, "sha256")[:_MAC]

    def _masked(self, data: bytes, mac: bytes) -> bytes:
        blocks = range(-(-len(data) // _BLOCK))
        stream = b"".join(
            hmac.digest(self._stream, mac + number.to_bytes(4, "big"), "sha256")
            for number in blocks
        )
        return bytes(a ^ b for a, b in zip(data, stream, strict=False))


def encode_keys(keys: Sequence[Key]) -> list[JsonValue]:
    """Keys as JSON that `decode_keys` makes the same values of. Raises TypeError for what is no key."""
    return [_encoded(key) for key in keys]


def _encoded(key: Key) -> JsonValue:
    kind = type(key)
    if key is None or kind in {str, bool} or (kind is float and math.isfinite(key)):
        plain: JsonValue = key
        return plain
    for tag, (known, write, _) in _TAGS.items():
        if kind is known:
            return {tag: write(key)}
    message = f"a value of type {kind.__name__} cannot be the key of a page"
    raise TypeError(message)


def decode_keys(keys: JsonValue) -> list[Key]:
    assert isinstance(keys, list)  # noqa: S101 -- it was sealed by this module
    return [_decoded(key) for key in keys]


def _decoded(key: JsonValue) -> Key:
    if not isinstance(key, dict):
        return key
    [(tag, text)] = key.items()
    return _TAGS[tag][2](str(text))


_TAGS: Mapping[str, tuple[type, Callable[[Any], str], Callable[[str], Key]]] = {
    "i": (int, str, int),
    "f": (float, str, float),
    "n": (Decimal, str, Decimal),
    "b": (bytes, lambda value: base64.b64encode(value).decode(), base64.b64decode),
    "m": (dt.datetime, dt.datetime.isoformat, dt.datetime.fromisoformat),
    "d": (dt.date, dt.date.isoformat, dt.date.fromisoformat),
    "t": (dt.time, dt.time.isoformat, dt.time.fromisoformat),
    "s": (
        dt.timedelta,
        lambda value: str(value // dt.timedelta(microseconds=1)),
        lambda text: dt.timedelta(microseconds=int(text)),
    ),
    "u": (uuid.UUID, str, uuid.UUID),
}
"""How keys are written that JSON has no exact word for: type, writer, reader."""
