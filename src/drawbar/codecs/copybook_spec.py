"""The words for a record that a COBOL copybook describes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drawbar.spec.model import Spec


class CopybookSpec(Spec):
    """A record as a COBOL program declares it."""

    copybook: str = Field(description="The file, from the adapter's folder.")
    record: str | None = Field(
        None, description="The level 01 that is meant, where the copybook has several."
    )
    many: bool = Field(False, description="Any number of such records, as a list.")
    fields: tuple[str, ...] = Field(
        (),
        description="Input only: the fields that parameters fill; all unless set. The others are written as their "
        "VALUE says, or as blanks and zeros.",
    )
    texts: tuple[str, ...] = Field(
        (),
        description="Unsigned numbers that are codes, such as a customer number: given as texts, zeros kept.",
    )
    when: dict[str, dict[str, str | int | tuple[str | int, ...]]] = Field(
        default_factory=dict,
        description="Which of several descriptions of the same bytes (REDEFINES) holds: the item, and the values "
        "of fields before it that say so. Without a rule all are read.",
    )
    encoding: str = Field("utf-8", description="Such as cp1252, latin-1, or cp037 for EBCDIC.")
    separator: Literal["none", "line", "rdw", "gnucobol"] = Field(
        "none",
        description="line: records end with a line end; none: the length alone ends one; rdw: each begins with a "
        "record descriptor word of IBM's; gnucobol: with the one of GnuCOBOL, which does not count itself.",
    )
    format: Literal["fixed", "free"] | None = Field(
        None, description="Of the copybook's text; seen from its lines unless set."
    )
    dialect: Literal["gnucobol", "ibm", "microfocus"] = Field(
        "gnucobol",
        description="The compiler's rules for the size of binary numbers and for what follows a table of variable "
        "length.",
    )
    machine: Literal["intel", "mainframe"] | None = Field(
        None,
        description="intel: COMP-5 begins with the lowest byte, COMP-1 and COMP-2 are IEEE 754; mainframe: the "
        "highest byte, hexadecimal floats. By the encoding unless set.",
    )
    sign: Literal["ascii", "ebcdic"] | None = Field(
        None,
        description="How a digit of a text that is not EBCDIC holds its sign: p to y, or the letters of EBCDIC; "
        "ascii unless set.",
    )
