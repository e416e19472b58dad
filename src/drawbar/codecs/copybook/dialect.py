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
    UnsignedPacked,
    Zoned,
)
from drawbar.codecs.copybook.picture import Picture
from drawbar.codecs.numbers import Scaled, Signs

DialectName: TypeAlias = Literal["gnucobol", "ibm", "microfocus"]
MachineName: TypeAlias = Literal["intel", "mainframe"]

_MOST_BINARY = 18
_MOST_BYTES = 8


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

    def alignment(self, element: Element) -> int:
        """Bytes whose multiples SYNCHRONIZED moves an element to."""
        if isinstance(element, Float | HexFloat):
            return element.width
        if not isinstance(element, Binary):
            return 1
        return min(element.width, 4) if self.name == "ibm" else element.width

    def element(
        self, picture: Picture, usage: str, *, leading: bool, separate: bool, right: bool
    ) -> Element:
        """Of an item with a picture. Raises ValueError that says what does not go together."""
        if picture.kind != "number":
            return self._text(picture, usage, right=right)
        if usage == "national":
            raise ValueError("numbers in national characters are not read")
        if usage != "display":
            return self._computational(picture, usage)
        number = _limits(picture)
        sign: Literal["none", "punched", "separate"] = "none"
        if picture.signed:
            sign = "separate" if separate else "punched"
        return Zoned(number, picture.digits, self.encoding, self.signs, sign, leading)

    def _computational(self, picture: Picture, usage: str) -> Element:
        number = _limits(picture)
        match usage:
            case "packed":
                return Packed(number, picture.digits // 2 + 1)
            case "unsigned-packed":
                if picture.signed:  # GnuCOBOL: "COMP-6 with sign - changing to COMP-3"
                    return Packed(number, picture.digits // 2 + 1)
                return UnsignedPacked(number, (picture.digits + 1) // 2)
            case "binary" | "native":
                return self._binary(picture, number, native=usage == "native")
            case "bytes":
                width = _fewest_bytes(picture.digits, signed=False)  # whatever the sign needs
                bits = 8 * width - picture.signed
                least, most = max(number.least, -(1 << bits)), min(number.most, (1 << bits) - 1)
                return Binary(Scaled(picture.scale, least, most), width, "big")
        raise ValueError(f"a number is not {usage}")

    def float(self, width: Literal[4, 8]) -> Element:
        """COMP-1 or COMP-2."""
        return HexFloat(width) if self.machine == "mainframe" else Float(width)

    def whole_number(self, width: int, *, unsigned: bool) -> Element:
        """A binary number without a picture, such as BINARY-LONG."""
        bits = 8 * width - (not unsigned)
        number = Scaled(0, 0 if unsigned else -(1 << bits), (1 << bits) - 1)
        return Binary(number, width, self._native)

    @property
    def _native(self) -> ByteOrder:
        return "big" if self.machine == "mainframe" else "little"

    def _text(self, picture: Picture, usage: str, *, right: bool) -> Element:
        if picture.kind == "national":
            if usage not in ("display", "national"):
                raise ValueError("national characters have the USAGE NATIONAL")
            return Text(2 * picture.width, f"utf-16-{self._native[0]}e", right=right)
        if picture.kind == "text" and usage == "bytes":
            if picture.width > _MOST_BYTES or set(picture.text.upper()) - set("X()0123456789"):
                raise ValueError(f"a number of bytes is PIC X, at most {_MOST_BYTES} of them")
            return Binary(Scaled(0, 0, (1 << 8 * picture.width) - 1), picture.width, "big")
        if usage != "display":
            raise ValueError("only a number has another USAGE than DISPLAY")
        return Text(picture.width, self.encoding, right=right)

    def _binary(self, picture: Picture, number: Scaled, *, native: bool) -> Element:
        """COMP-5 holds whatever fits its bytes, the others what the picture says."""
        if picture.digits > _MOST_BINARY:
            raise ValueError(f"a binary number has {_MOST_BINARY} digits at most")
        width = self._width(picture)
        order: ByteOrder = "big"
        if native:
            bits = 8 * width - picture.signed
            number = Scaled(picture.scale, -(1 << bits) if picture.signed else 0, (1 << bits) - 1)
            order = self._native
        return Binary(number, width, order)

    def _width(self, picture: Picture) -> int:
        if self.name == "microfocus":
            return _fewest_bytes(picture.digits, signed=picture.signed)
        smallest = 1 if self.name == "gnucobol" and picture.digits <= 2 else 2  # noqa: PLR2004
        return next(
            width
            for width, digits in ((smallest, 4 if smallest == 2 else 2), (4, 9), (8, _MOST_BINARY))  # noqa: PLR2004
            if picture.digits <= digits
        )


def _limits(picture: Picture) -> Scaled:
    most = 10**picture.digits - 1
    return Scaled(picture.scale, -most if picture.signed else 0, most)


def _fewest_bytes(digits: int, *, signed: bool) -> int:
    most: int = 10**digits - 1
    return ((most << signed).bit_length() + 7) // 8
