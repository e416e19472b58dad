"""Fixed-width records: a layout made from its words once, then bytes to values and back.

Widths count bytes. Positions in errors count from 1, records and bytes alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from drawbar.codecs.codec import CodecError
from drawbar.codecs.fields import RecordField
from drawbar.codecs.numbers import Signs, signs_of
from drawbar.codecs.record_check import check_encoding, contradictions
from drawbar.codecs.record_spec import FieldSpec, RecordSpec, RecordsSpec
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.source import At, Report


class RecordLayout(Protocol):
    """How records of one description become bytes and values."""

    @property
    def lines(self) -> bool:
        """Whether records end with a line end."""
        ...

    def encode(self, value: JsonValue) -> bytes:
        """One record, with its line end where records are lines."""
        ...

    def decode(self, data: bytes, number: int = 1) -> JsonObject:
        """One record without its line end; `number` counts records from 1, for errors."""
        ...

    def split(self, data: bytes) -> Iterable[bytes]:
        """The records of a file or stream."""
        ...

    def whole_part(self, data: bytes) -> bytes:
        """The records of a beginning of a stream that are whole."""
        ...


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

    def whole_part(self, data: bytes) -> bytes:
        if self.lines:
            return data[: data.rfind(b"\n") + 1]
        return data[: len(data) // self.width * self.width]

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

    def __init__(self, layout: RecordLayout) -> None:
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

    def __init__(self, layout: RecordLayout) -> None:
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
    encoding = check_encoding(spec.encoding, report, (*at, "encoding"), lines=lines)
    where = (*at, "records" if many else "record")
    signs = signs_of(encoding)
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
        made.append(_make_field(field, report, (*where, index), signs=signs))
    _check_names(fields, report, where)
    if len(report.problems) > before:
        return None
    return Layout(tuple(made), encoding, lines)


def _is_one_byte(letter: str, encoding: str) -> bool:
    try:
        return len(letter.encode(encoding)) == 1
    except UnicodeEncodeError:
        return False


def _make_field(spec: FieldSpec, report: Report, at: At, *, signs: Signs) -> RecordField:
    numeric = spec.type in ("digits", "decimal")
    for word, message in contradictions(spec):
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
        signs=signs,
    )


def _check_names(fields: Iterable[FieldSpec], report: Report, at: At) -> None:
    seen: set[str] = set()
    for index, field in enumerate(fields):
        if field.name is not None and field.name in seen:
            report.add((*at, index, "name"), "DB803", f"two fields are called `{field.name}`")
        seen.add(field.name or "")
