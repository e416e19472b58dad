"""Numbers of records: the implied point, the limits, and the sign in a digit."""

from __future__ import annotations

import string
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from drawbar.codecs.codec import CodecError
from drawbar.kernel.values import JsonObject, JsonValue

_SAFE_DIGITS = 15
"""A float holds any decimal of so many digits; a longer one is given as text."""
_WHOLE_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Scaled:
    """A number that is kept without its point. `scale` are the digits behind it; negative: zeros left out."""

    scale: int
    least: int
    most: int

    def whole(self, value: JsonValue) -> int:
        """The number without its point; nothing is rounded. Raises CodecError with the limit."""
        if isinstance(value, bool | list | dict):
            raise CodecError("takes a number")
        try:
            scaled = Decimal(str(value)).scaleb(self.scale)
            whole = int(scaled)
        except (InvalidOperation, OverflowError, ValueError) as error:
            raise CodecError("takes a number") from error
        if whole != scaled:
            if self.scale < 0:
                raise CodecError(f"holds multiples of {10**-self.scale}; {value} is none")
            raise CodecError(f"has {self.scale} decimals; {value} has more")
        if whole < 0 and self.least == 0:
            raise CodecError("cannot be negative")
        if not self.least <= whole <= self.most:
            limit, word = (self.most, "most") if whole > 0 else (self.least, "least")
            told = format(Decimal(limit).scaleb(-self.scale), "f")
            raise CodecError(f"holds {told} at {word}; {value} is beyond that")
        return whole

    def value(self, whole: int) -> JsonValue:
        """As JSON; a text where it has more digits than a number of JSON keeps."""
        number = Decimal(whole).scaleb(-self.scale)
        if len(number.as_tuple().digits) > (_WHOLE_DIGITS if self.scale <= 0 else _SAFE_DIGITS):
            return format(number, "f")
        return int(number) if self.scale <= 0 else float(number)

    def limits(self) -> JsonObject:
        """`minimum`, `maximum` and `multipleOf` of JSON Schema."""
        found: JsonObject = {"minimum": self.value(self.least), "maximum": self.value(self.most)}
        if self.scale > 0:
            found["multipleOf"] = float(Decimal(1).scaleb(-self.scale))
        elif self.scale < 0:
            found["multipleOf"] = 10**-self.scale
        return {key: limit for key, limit in found.items() if not isinstance(limit, str)}


@dataclass(frozen=True, slots=True)
class Signs:
    """The characters of a digit that holds the sign, too: those of 0 to 9, plus and minus."""

    positive: str
    negative: str

    def punched(self, digit: int, *, negative: bool) -> str:
        return (self.negative if negative else self.positive)[digit]

    def read(self, letter: str) -> tuple[bool, int] | None:
        """Whether it is negative, and the digit; any known rule is read. None: it is no digit at all."""
        if letter in string.digits:
            return False, int(letter)
        for rule in (self, EBCDIC_SIGNS, ASCII_SIGNS):
            for letters, negative in ((rule.positive, False), (rule.negative, True)):
                if letter in letters:
                    return negative, letters.index(letter)
        return None


ASCII_SIGNS = Signs(string.digits, "pqrstuvwxy")
"""What GnuCOBOL and Micro Focus write in ASCII."""
EBCDIC_SIGNS = Signs("{ABCDEFGHI", "}JKLMNOPQR")
"""The letters that EBCDIC's signed digits look like, which data has that came from a mainframe as text."""


def is_ebcdic(encoding: str) -> bool:
    """Whether digits are the bytes F0 to F9 in it."""
    return "0".encode(encoding) == b"\xf0"


def signs_of(encoding: str) -> Signs:
    """In an EBCDIC code page, whatever letters its bytes C0 to C9 and D0 to D9 are; else those of ASCII."""
    if not is_ebcdic(encoding):
        return ASCII_SIGNS
    plus, minus = (bytes(range(first, first + 10)).decode(encoding) for first in (0xC0, 0xD0))
    return Signs(plus, minus)
