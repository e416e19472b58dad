"""Numbers that are bytes, not characters: COBOL's COMP-3 (packed decimal) and COMP (big-endian binary).

A packed number has two digits a byte; its last half byte is the sign: C plus, D minus, F unsigned.
A and E are read as plus and B as minus, as the hardware does.
"""

from __future__ import annotations


def pack(whole: int, width: int, *, signed: bool) -> bytes:
    """`whole` has at most `2 * width - 1` digits."""
    plus = "c" if signed else "f"
    digits = str(abs(whole)).rjust(2 * width - 1, "0")
    return bytes.fromhex(digits + ("d" if whole < 0 else plus))


def unpack(data: bytes) -> int:
    """Raises ValueError for what is no packed number."""
    text = data.hex()
    digits, sign = text[:-1], text[-1]
    if not (digits.isdigit() or not digits) or sign not in "abcdef":
        raise ValueError(f"{text} is no packed number")
    whole = int(digits or "0")
    return -whole if sign in "bd" else whole
