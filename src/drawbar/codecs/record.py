"""Fixed-width records: a layout made from its words once, then bytes to values and back.

Widths count bytes. Positions in errors count from 1, records and bytes alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from drawbar.codecs.codec import CodecError
from drawbar.codecs.fields import RecordField
from drawbar.codecs.record_spec import FieldSpec, RecordSpec, RecordsSpec
from drawbar.codecs.text import find_encoding
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.source import At, Report


@dataclass(frozen=True, slots=True)
class Layout:
    """The fields of one record, how their characters are encoded, and what ends a record."""

    fields: tuple[RecordField, ...]
    encoding: str
    lines: bool

    @property
    def width(self) -> int:
        """Bytes of one record, its line end not counted."""
        return sum(field.width for field in self.fields)

    def encode(self, value: JsonValue) -> bytes:
        """One record, with its line end where records are lines."""
        if not isinstance(value, dict):
            raise CodecError("a record is written from an object")
        parts = []
        for field in self.fields:
            content = value.get(field.name) if field.name else field.const
            content = field.const if field.const is not None else content
            parts.append(
                field.number_bytes(content)
                if field.is_bytes
                else self._bytes(field, field.characters(content))
            )
        return b"".join(parts) + (b"\n" if self.lines else b"")

    def decode(self, data: bytes, number: int = 1) -> JsonObject:
        """One record without its line end; a line may lack the blanks at its end."""
        if self.lines:
            data = data.ljust(self.width, " ".encode(self.encoding))
        if len(data) != self.width:
            raise CodecError(
                f"{len(data)} bytes where the layout has {self.width}", where=f"record {number}"
            )
        found: JsonObject = {}
        start = 0
        for field in self.fields:
            if field.name is not None:
                found[field.name] = self._value(
                    field, data[start : start + field.width], number, start
                )
            start += field.width
        return found

    def split(self, data: bytes) -> Iterator[bytes]:
        """The records of a file or stream."""
        if self.lines:
            for line in data.removesuffix(b"\n").split(b"\n") if data else []:
                yield line.removesuffix(b"\r")
        else:
            for start in range(0, len(data), self.width):
                yield data[start : start + self.width]

    def _bytes(self, field: RecordField, text: str) -> bytes:
        try:
            data = text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise CodecError(
                f"{text[error.start]!r} does not exist in {self.encoding}", field=field.name
            ) from error
        if len(data) == field.width:
            return data
        data = field.stripped(text).encode(self.encoding)  # letters of several bytes
        if len(data) > field.width:
            raise CodecError(
                f"needs {len(data)} bytes in {self.encoding}, and the field has room for {field.width}",
                field=field.name,
            )
        pad = field.pad.encode(self.encoding)
        return data.rjust(field.width, pad) if field.align_right else data.ljust(field.width, pad)

    def _value(self, field: RecordField, data: bytes, number: int, start: int) -> JsonValue:
        where = f"record {number}, field {field.name}, byte {start + 1}"
        try:
            if field.is_bytes:
                return field.number_value(data)
            return field.value(data.decode(self.encoding))
        except UnicodeDecodeError as error:
            raise CodecError(
                f"not {self.encoding}: {error.reason}", where=where, field=field.name
            ) from error
        except CodecError as error:
            raise CodecError(error.message, where=where, field=field.name) from error


class RecordCodec:
    """Exactly one record, as an object."""

    media = "application/octet-stream"

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def encode(self, value: JsonValue) -> bytes:
        return self.layout.encode(value)

    def decode(self, data: bytes) -> JsonValue:
        records = list(self.layout.split(data))
        if len(records) != 1:
            raise CodecError(f"{len(records)} records where one was declared")
        return self.layout.decode(records[0])


class RecordsCodec:
    """Any number of records, as a list of objects."""

    media = "application/octet-stream"

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def encode(self, value: JsonValue) -> bytes:
        if not isinstance(value, list):
            raise CodecError("records are written from a list of objects")
        return b"".join(map(self._encode_one, enumerate(value, 1)))

    def decode(self, data: bytes) -> JsonValue:
        return [
            self.layout.decode(one, number) for number, one in enumerate(self.layout.split(data), 1)
        ]

    def _encode_one(self, item: tuple[int, JsonValue]) -> bytes:
        number, value = item
        try:
            return self.layout.encode(value)
        except CodecError as error:
            where = f"record {number}"
            raise CodecError(error.message, where=where, field=error.field) from error


def make_layout(spec: RecordSpec | RecordsSpec, report: Report, at: At) -> Layout | None:
    """The layout, or None when a problem (DB8xx) was reported. `at` is the place of `spec`."""
    many = isinstance(spec, RecordsSpec)
    fields = spec.records if isinstance(spec, RecordsSpec) else spec.record
    before = len(report.problems)
    lines = spec.separator == "line"
    encoding = _check_encoding(spec.encoding, report, (*at, "encoding"), lines=lines)
    where = (*at, "records" if many else "record")
    letters = "A".encode(encoding) != b"A"
    made = []
    for index, field in enumerate(fields):
        if field.pad is not None and not _is_one_byte(field.pad, encoding):
            report.add(
                (*where, index, "pad"), "DB802", f"`{field.pad}` is not one byte in {encoding}"
            )
        if lines and field.type in ("packed", "binary"):
            report.add(
                (*where, index, "type"),
                "DB802",
                f"a {field.type} number may hold the byte that ends a line",
                fix="write `separator: none`",
            )
        made.append(_make_field(field, report, (*where, index), letters=letters))
    _check_names(fields, report, where)
    if len(report.problems) > before:
        return None
    return Layout(tuple(made), encoding, lines)


def _check_encoding(name: str, report: Report, at: At, *, lines: bool) -> str:
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


def _is_one_byte(letter: str, encoding: str) -> bool:
    try:
        return len(letter.encode(encoding)) == 1
    except UnicodeEncodeError:
        return False


def _make_field(spec: FieldSpec, report: Report, at: At, *, letters: bool) -> RecordField:
    numeric = spec.type in ("digits", "decimal")
    for word, message in _contradictions(spec):
        report.add((*at, word), "DB802", message)
    return RecordField(
        name=spec.name,
        width=spec.width,
        type=spec.type,
        scale=spec.scale or 0,
        sign=spec.sign or "none",
        format=spec.format or "YYYYMMDD",
        align_right=numeric if spec.align is None else spec.align == "right",
        pad=spec.pad or ("0" if numeric else " "),
        const="" if spec.name is None and spec.const is None else spec.const,
        letters=letters,
    )


def _contradictions(spec: FieldSpec) -> Iterable[tuple[str, str]]:
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


def _numbers(spec: FieldSpec, name: str) -> Iterable[tuple[str, str]]:
    decimal = spec.type == "decimal"
    room = 2 * spec.width - 1 if spec.type == "packed" else spec.width
    if decimal and spec.sign in ("leading", "trailing"):
        room -= 1
    if room == 0:
        yield "width", f"`{name}` has room for its sign only"
    elif (spec.scale or 0) > room and spec.type != "binary":
        yield "scale", f"`{name}` has {spec.scale} decimals and room for {room} digits"
    if spec.type == "binary" and spec.width not in (1, 2, 4, 8):
        yield "width", f"`{name}` is a binary number, which is 1, 2, 4 or 8 wide"
    if spec.sign is not None and decimal is (spec.sign == "signed"):
        signs = "none, leading, trailing or overpunch" if decimal else "none or signed"
        yield "sign", f"`{name}` is of type {spec.type}, whose sign is {signs}"
    if spec.align is not None and (spec.align == "left" or not decimal):
        yield "align", f"`{name}` is a number, which stands at the right"
    if spec.pad is not None and (spec.pad not in "0 " or not decimal):
        yield "pad", f"`{name}` is a number; only a decimal is padded, with 0 or a blank"


def _texts(spec: FieldSpec, name: str) -> Iterable[tuple[str, str]]:
    if spec.format is not None and spec.type != "date":
        yield "format", f"`{name}` is of type {spec.type}; only a date has a format"
    if spec.type == "date":
        form = spec.format or "YYYYMMDD"
        if len(form) != spec.width:
            yield "width", f"`{name}` is {spec.width} wide and its format {form} is {len(form)}"
        if "YY" not in form or not ("DDD" in form or ("MM" in form and "DD" in form)):
            yield (
                "format",
                f"{form} does not name a day; write one such as YYYYMMDD, DD.MM.YY or YYYYDDD",
            )
    if spec.const is not None and len(spec.const) > spec.width:
        yield "const", f"`{spec.const}` is longer than the {spec.width} of `{name}`"
    if spec.const is not None and spec.from_ is not None:
        yield "const", f"`{name}` has both `const` and `from`"


def _check_names(fields: Iterable[FieldSpec], report: Report, at: At) -> None:
    seen: set[str] = set()
    for index, field in enumerate(fields):
        if field.name is not None and field.name in seen:
            report.add((*at, index, "name"), "DB803", f"two fields are called `{field.name}`")
        seen.add(field.name or "")
