"""What contradicts itself in the words for records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from drawbar.codecs.record_spec import FieldSpec
from drawbar.codecs.text import find_encoding
from drawbar.spec.source import At, Report

Found: TypeAlias = "tuple[str, str]"
"""The word that is wrong, and what is wrong with it."""


def contradictions(spec: FieldSpec) -> Iterator[Found]:
    name = spec.name or "filler"
    if spec.type in ("decimal", "packed", "binary"):
        yield from _numbers(spec, name)
    else:
        for word in ("scale", "sign"):
            if getattr(spec, word) is not None:
                yield word, f"`{name}` is of type {spec.type}; only a number has a {word}"
    if spec.type == "digits" and (spec.pad or "0") in "123456789":
        yield "pad", f"`{name}` could not be told from its padding `{spec.pad}`"
    yield from _texts(spec, name)


def _numbers(spec: FieldSpec, name: str) -> Iterator[Found]:
    yield from _room(spec, name)
    decimal = spec.type == "decimal"
    if spec.sign is not None and decimal is (spec.sign == "signed"):
        signs = "none, leading, trailing or overpunch" if decimal else "none or signed"
        yield "sign", f"`{name}` is of type {spec.type}, whose sign is {signs}"
    if spec.align is not None and (spec.align == "left" or not decimal):
        yield "align", f"`{name}` is a number, which stands at the right"
    if spec.pad is not None and (spec.pad not in "0 " or not decimal):
        yield "pad", f"`{name}` is a number; only a decimal is padded, with 0 or a blank"


def _room(spec: FieldSpec, name: str) -> Iterator[Found]:
    if spec.type == "binary":
        if spec.width not in (1, 2, 4, 8):
            yield "width", f"`{name}` is a binary number, which is 1, 2, 4 or 8 wide"
        return
    room = 2 * spec.width - 1 if spec.type == "packed" else spec.width
    if spec.type == "decimal" and spec.sign in ("leading", "trailing"):
        room -= 1
    if room == 0:
        yield "width", f"`{name}` has room for its sign only"
    elif (spec.scale or 0) > room:
        yield "scale", f"`{name}` has {spec.scale} decimals and room for {room} digits"


def _texts(spec: FieldSpec, name: str) -> Iterator[Found]:
    yield from _dates(spec, name)
    if spec.const is not None and len(spec.const) > spec.width:
        yield "const", f"`{spec.const}` is longer than the {spec.width} of `{name}`"
    if spec.const is not None and spec.from_ is not None:
        yield "const", f"`{name}` has both `const` and `from`"


def _dates(spec: FieldSpec, name: str) -> Iterator[Found]:
    if spec.type != "date":
        if spec.format is not None:
            yield "format", f"`{name}` is of type {spec.type}; only a date has a format"
        return
    form = spec.format or "YYYYMMDD"
    if len(form) != spec.width:
        yield "width", f"`{name}` is {spec.width} wide and its format {form} is {len(form)}"
    if "YY" not in form or not ("DDD" in form or ("MM" in form and "DD" in form)):
        yield (
            "format",
            f"{form} does not name a day; write one such as YYYYMMDD, DD.MM.YY or YYYYDDD",
        )


def check_encoding(name: str, report: Report, at: At, *, lines: bool) -> str:
    """Python's name of it; another one, for checking the rest, where it was reported."""
    encoding = find_encoding(name)
    if encoding is None:
        report.add(
            at,
            "DB801",
            f"no encoding is called `{name}`",
            fix="write one that Python knows, such as utf-8, cp1252, latin-1 or cp037",
        )
        return "utf-8"
    if len(" ".encode(encoding)) != 1:
        report.add(
            at,
            "DB801",
            f"a blank in {encoding} takes more than one byte, and widths count bytes",
            fix="write an encoding whose blank is one byte, such as utf-8, cp1252 or cp037",
        )
        return "utf-8"
    if lines and "\n0 ".encode(encoding) != b"\n0 ":
        report.add(
            at,
            "DB801",
            f"records in {encoding} have no line ends",
            fix="write `separator: none`, so that the length alone ends a record",
        )
    return encoding
