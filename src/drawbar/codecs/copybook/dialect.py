"""What a compiler makes of a description: sizes, byte order, signs. Measured with GnuCOBOL 4's `-std=` variants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from drawbar.codecs.copybook.elements import (
    Binary,
    ByteOrder,
    Element,
    Float,
    HexFloat,
    Packed,
    Text,
    Zoned,
)
from drawbar.codecs.copybook.picture import Picture
from drawbar.codecs.numbers import Scaled, Signs

DialectName: TypeAlias = Literal["gnucobol", "ibm", "microfocus"]
MachineName: TypeAlias = Literal["intel", "mainframe"]

_MOST_BINARY = 18


@dataclass(frozen=True, slots=True)
class Dialect:
    """One compiler on one machine."""

    name: DialectName
    machine: MachineName
    encoding: str
    signs: Signs

    @property
    def slides(self) -> bool:
        """What follows a table of variable length stands right behind its last entry."""
        return self.name == "ibm"

    @property
    def aligns(self) -> bool:
        """SYNCHRONIZED has an effect."""
        return self.name != "microfocus"

    def element(
        self, picture: Picture, usage: str, *, leading: bool, separate: bool, right: bool
    ) -> Element:
        """Of an item with a picture. Raises ValueError that says what does not go together."""
        if picture.kind != "number":
            if usage != "display":
                raise ValueError("only a number has another USAGE than DISPLAY")
            return Text(picture.width, self.encoding, right=right)
        most = 10**picture.digits - 1
        number = Scaled(picture.scale, -most if picture.signed else 0, most)
        match usage:
            case "packed":
                return Packed(number, picture.digits // 2 + 1)
            case "binary" | "native":
                return self._binary(picture, number, native=usage == "native")
        sign: Literal["none", "punched", "separate"] = "none"
        if picture.signed:
            sign = "separate" if separate else "punched"
        return Zoned(number, picture.digits, self.encoding, self.signs, sign, leading)

    def float(self, width: Literal[4, 8]) -> Element:
        """COMP-1 or COMP-2."""
        return HexFloat(width) if self.machine == "mainframe" else Float(width)

    def _binary(self, picture: Picture, number: Scaled, *, native: bool) -> Element:
        """COMP-5 holds whatever fits its bytes, the others what the picture says."""
        if picture.digits > _MOST_BINARY:
            raise ValueError(f"a binary number has {_MOST_BINARY} digits at most")
        width = self._width(picture)
        order: ByteOrder = "big"
        if native:
            bits = 8 * width - picture.signed
            number = Scaled(picture.scale, -(1 << bits) if picture.signed else 0, (1 << bits) - 1)
            order = "big" if self.machine == "mainframe" else "little"
        return Binary(number, width, order)

    def _width(self, picture: Picture) -> int:
        if self.name == "microfocus":  # the fewest bytes that hold the digits
            most: int = 10**picture.digits - 1
            return ((most << picture.signed).bit_length() + 7) // 8
        smallest = 1 if self.name == "gnucobol" and picture.digits <= 2 else 2  # noqa: PLR2004
        return next(
            width
            for width, digits in ((smallest, 4 if smallest == 2 else 2), (4, 9), (8, _MOST_BINARY))  # noqa: PLR2004
            if picture.digits <= digits
        )
