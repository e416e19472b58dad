"""Elementary items: each turns one value into its bytes and back.

`decode` gives None for blanks where a number was never filled in. An element raises CodecError with what it can
hold; who holds it adds the name of the field.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from drawbar.codecs.codec import CodecError
from drawbar.codecs.numbers import Scaled, Signs
from drawbar.codecs.packed import pack, unpack
from drawbar.codecs.text import LONGEST_COUNTED, record_text
from drawbar.kernel.values import JsonObject, JsonValue

ByteOrder: TypeAlias = Literal["big", "little"]
_EXPONENT = 64
"""Excess of the exponent of a hexadecimal float, whose base is 16."""


class Element(Protocol):
    """`initial` is what INITIALIZE moves there: blanks or zero."""

    @property
    def width(self) -> int:
        """Bytes."""
        ...

    @property
    def initial(self) -> JsonValue: ...

    def encode(self, value: JsonValue) -> bytes: ...

    def decode(self, data: bytes) -> JsonValue: ...

    def schema(self) -> JsonObject:
        """Everything that `encode` enforces."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """PIC X and A, and edited pictures as they are printed."""

    width: int
    encoding: str
    right: bool = False
    initial: JsonValue = ""

    def encode(self, value: JsonValue) -> bytes:
        text = record_text(value)
        try:
            data = text.encode(self.encoding)
        except UnicodeEncodeError as error:
            letter = text[error.start]
            raise CodecError(f"{letter!r} does not exist in {self.encoding}") from error
        if len(data) > self.width:
            raise CodecError(
                f"is {len(data)} bytes in {self.encoding}, and the field has room for {self.width}"
            )
        blanks = " ".encode(self.encoding) * (self.characters - len(text))
        blanks = blanks[: self.width - len(data)]
        return blanks + data if self.right else data + blanks

    def decode(self, data: bytes) -> JsonValue:
        text = _read(data, self.encoding)
        text = text.rstrip("\0").replace("\0", " ")
        return text.lstrip(" ") if self.right else text.rstrip(" ")

    def schema(self) -> JsonObject:
        most = self.characters
        if most > LONGEST_COUNTED:
            return {"type": "string", "pattern": r"^[^\x00-\x1f\x7f]*$", "maxLength": most}
        return {"type": "string", "pattern": rf"^[^\x00-\x1f\x7f]{{0,{most}}}$"}

    @property
    def characters(self) -> int:
        """Those that have room, where each takes as many bytes as a blank."""
        return self.width // len(" ".encode(self.encoding))


@dataclass(frozen=True, slots=True)
class Digits:
    """Unsigned whole numbers that are codes, as texts: their zeros stay."""

    width: int
    encoding: str
    initial: JsonValue = "0"

    def encode(self, value: JsonValue) -> bytes:
        text = str(value)
        if isinstance(value, bool | float) or not (text.isascii() and text.isdigit()):
            raise CodecError("takes digits only")
        if len(text) > self.width:
            raise CodecError(f"is {len(text)} long, and the field has room for {self.width}")
        return text.rjust(self.width, "0").encode(self.encoding)

    def decode(self, data: bytes) -> JsonValue:
        text = _read(data, self.encoding).strip(" \0")
        if text and not (text.isascii() and text.isdigit()):
            raise CodecError(f"is {text!r}, not digits")
        return text or None

    def schema(self) -> JsonObject:
        return {"type": "string", "pattern": f"^[0-9]{{1,{self.width}}}$"}


@dataclass(frozen=True, slots=True)
class Zoned:
    """Numbers of DISPLAY: a character a digit, with the sign in one of them, beside them or nowhere."""

    number: Scaled
    digits: int
    encoding: str
    signs: Signs
    sign: Literal["none", "punched", "separate"] = "none"
    leading: bool = False
    initial: JsonValue = 0

    @property
    def width(self) -> int:
        return self.digits + (self.sign == "separate")

    def encode(self, value: JsonValue) -> bytes:
        whole = self.number.whole(value)
        text = str(abs(whole)).rjust(self.digits, "0")
        if self.sign == "separate":
            mark = "-" if whole < 0 else "+"
            text = mark + text if self.leading else text + mark
        elif self.sign == "punched":
            place = 0 if self.leading else self.digits - 1
            letter = self.signs.punched(int(text[place]), negative=whole < 0)
            text = text[:place] + letter + text[place + 1 :]
        return text.encode(self.encoding)

    def decode(self, data: bytes) -> JsonValue:
        text = _read(data, self.encoding)
        bare = text.strip(" \0")
        if not bare:
            return None
        negative, digits = self._unsigned(bare)
        digits = digits.strip()
        if not (digits.isascii() and digits.isdigit()):
            raise CodecError(f"is {text!r}, not a number")
        return self.number.value(-int(digits) if negative else int(digits))

    def _unsigned(self, text: str) -> tuple[bool, str]:
        place = 0 if self.leading else len(text) - 1
        around = (text[:place], text[place + 1 :])
        if self.sign == "separate" and text[place] in "+-":
            return text[place] == "-", "".join(around)
        if self.sign == "punched" and (found := self.signs.read(text[place])) is not None:
            return found[0], str(found[1]).join(around)
        return False, text

    def schema(self) -> JsonObject:
        return _number_schema(self.number)


@dataclass(frozen=True, slots=True)
class Packed:
    """COMP-3."""

    number: Scaled
    width: int
    initial: JsonValue = 0

    def encode(self, value: JsonValue) -> bytes:
        return pack(self.number.whole(value), self.width, signed=self.number.least < 0)

    def decode(self, data: bytes) -> JsonValue:
        try:
            return self.number.value(unpack(data))
        except ValueError as error:
            raise CodecError(str(error)) from error

    def schema(self) -> JsonObject:
        return _number_schema(self.number)


@dataclass(frozen=True, slots=True)
class UnsignedPacked:
    """COMP-6: two digits a byte, and no sign."""

    number: Scaled
    width: int
    initial: JsonValue = 0

    def encode(self, value: JsonValue) -> bytes:
        return bytes.fromhex(str(self.number.whole(value)).rjust(2 * self.width, "0"))

    def decode(self, data: bytes) -> JsonValue:
        digits = data.hex()
        if not digits.isdigit():
            raise CodecError(f"is {digits} in hex, not digits")
        return self.number.value(int(digits))

    def schema(self) -> JsonObject:
        return _number_schema(self.number)


@dataclass(frozen=True, slots=True)
class Binary:
    """COMP, COMP-4, COMP-5, COMP-X and COMP-N: two's complement, or unsigned."""

    number: Scaled
    width: int
    order: ByteOrder
    initial: JsonValue = 0

    def encode(self, value: JsonValue) -> bytes:
        whole = self.number.whole(value)
        return whole.to_bytes(self.width, self.order, signed=self.number.least < 0)

    def decode(self, data: bytes) -> JsonValue:
        whole = int.from_bytes(data, self.order, signed=self.number.least < 0)
        return self.number.value(whole)

    def schema(self) -> JsonObject:
        return _number_schema(self.number)


@dataclass(frozen=True, slots=True)
class Float:
    """COMP-1 and COMP-2 as most machines have them: IEEE 754, the lowest byte first."""

    width: Literal[4, 8]
    initial: JsonValue = 0

    def encode(self, value: JsonValue) -> bytes:
        number = _finite(value)
        try:
            return struct.pack("<f" if self.width == 4 else "<d", number)  # noqa: PLR2004
        except OverflowError as error:
            raise CodecError(f"{value} is beyond what COMP-1 holds") from error

    def decode(self, data: bytes) -> JsonValue:
        if self.width == 8:  # noqa: PLR2004
            return _told(struct.unpack("<d", data)[0])
        return _told(struct.unpack("<f", data)[0], 7)

    def schema(self) -> JsonObject:
        return {"type": "number"}


@dataclass(frozen=True, slots=True)
class HexFloat:
    """COMP-1 and COMP-2 of a mainframe: sign, exponent of 16, and a fraction (z/Architecture, chapter 18)."""

    width: Literal[4, 8]
    initial: JsonValue = 0

    def encode(self, value: JsonValue) -> bytes:
        number = _finite(value)
        bits = 8 * self.width - 8
        if number == 0:
            return bytes(self.width)
        fraction, exponent = math.frexp(abs(number))
        power = -(-exponent // 4)
        whole = round(math.ldexp(fraction, bits + exponent - 4 * power))
        if whole >> bits:  # rounding carried into the next digit
            whole, power = whole >> 4, power + 1
        if not 0 <= power + _EXPONENT < 2 * _EXPONENT:
            raise CodecError(f"{value} is beyond what a hexadecimal float holds")
        head = (128 if number < 0 else 0) + power + _EXPONENT
        return bytes([head]) + whole.to_bytes(self.width - 1, "big")

    def decode(self, data: bytes) -> JsonValue:
        whole = int.from_bytes(data[1:], "big")
        power = (data[0] & 127) - _EXPONENT
        number = math.ldexp(whole, 4 * power - 8 * (self.width - 1))
        return _told(-number if data[0] & 128 else number, 7 if self.width == 4 else 17)  # noqa: PLR2004

    def schema(self) -> JsonObject:
        return {"type": "number"}


def _finite(value: JsonValue) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise CodecError("takes a number")
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise CodecError("takes a number") from error
    if not math.isfinite(number):
        raise CodecError("takes a number")
    return number


def _told(number: float, digits: int = 17) -> JsonValue:
    """With the digits that the form keeps, so that 0.1 of COMP-1 is 0.1. Raises CodecError for no number."""
    if not math.isfinite(number):
        raise CodecError("is no number")
    return float(f"{number:.{digits}g}")


def _number_schema(number: Scaled) -> JsonObject:
    return {"type": "integer" if number.scale <= 0 else "number", **number.limits()}


def _read(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise CodecError(f"is not {encoding}: {error.reason}") from error
