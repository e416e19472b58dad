"""The words for fixed-width records in adapter files."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drawbar.spec.model import Spec

FieldType = Literal["text", "digits", "decimal", "date", "packed", "binary"]
Sign = Literal["none", "leading", "trailing", "overpunch", "signed"]


class FieldSpec(Spec):
    """One field. Fields follow each other without a gap; one without a name is filler."""

    name: str | None = Field(
        None, description="Its name in the value; a field without one is filler."
    )
    width: int = Field(ge=1, le=100_000, description="In bytes, its sign included.")
    type: FieldType = Field(
        "text",
        description="text; digits: a text of digits, leading zeros kept, such as a customer number; "
        "decimal: a number with an implied decimal point; date; "
        "packed and binary: the same number as COBOL's COMP-3 and COMP (big-endian) hold it.",
    )
    scale: int | None = Field(
        None, ge=0, le=30, description="Of a number: digits behind the implied point; 0 unless set."
    )
    sign: Sign | None = Field(
        None,
        description="Of a number: none (never negative) unless set. decimal: leading or trailing: a separate + or -; "
        "overpunch: in the last digit, as COBOL's DISPLAY does. packed and binary: none or signed.",
    )
    format: str | None = Field(
        None,
        description="date: made of YYYY, YY, MM, DD and DDD (day of the year); YYYYMMDD unless set.",
    )
    align: Literal["left", "right"] | None = Field(
        None, description="left for text, right for digits and decimal unless set."
    )
    pad: str | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="Fills the rest: a blank for text, 0 for digits and decimal unless set.",
    )
    from_: str | None = Field(
        None,
        alias="from",
        description="Input only: the parameter it takes, when that is not its name.",
    )
    const: str | None = Field(None, description="Input only: always this text.")


class RecordSpec(Spec):
    """A fixed-width record."""

    record: tuple[FieldSpec, ...] = Field(min_length=1)
    encoding: str = Field("utf-8", description="Such as cp1252, latin-1, or cp037 for EBCDIC.")
    separator: Literal["line", "none", "rdw", "gnucobol"] = Field(
        "line",
        description="line: records end with a line end; none: the length alone ends one; rdw: each begins with a "
        "record descriptor word of IBM's; gnucobol: with the one of GnuCOBOL, which does not count itself.",
    )


class RecordsSpec(Spec):
    """Any number of records of one layout."""

    records: tuple[FieldSpec, ...] = Field(min_length=1)
    encoding: str = Field("utf-8", description="Such as cp1252, latin-1, or cp037 for EBCDIC.")
    separator: Literal["line", "none", "rdw", "gnucobol"] = Field(
        "line",
        description="line: records end with a line end; none: the length alone ends one; rdw: each begins with a "
        "record descriptor word of IBM's; gnucobol: with the one of GnuCOBOL, which does not count itself.",
    )
    from_: str | None = Field(
        None, alias="from", description="Input only: the parameter that holds the list of records."
    )
