"""CSV with a header line (RFC 4180) as a list of objects; every value is a text, as in the file."""

from __future__ import annotations

import csv
import io

from drawbar.codecs.codec import CodecError
from drawbar.codecs.text import TextCodec
from drawbar.kernel.values import JsonValue

csv.field_size_limit(2**31 - 1)  # the size of a reply is capped before it gets here


class CsvCodec:
    """Rows that have more or fewer cells than the header are an error, never shifted columns."""

    media = "text/csv"

    def __init__(self, *, delimiter: str = ",", encoding: str = "utf-8") -> None:
        self._delimiter = delimiter
        self._text = TextCodec(encoding)

    def encode(self, value: JsonValue) -> bytes:
        if not isinstance(value, list) or not value or not isinstance(value[0], dict):
            raise CodecError("CSV is written from a list of at least one object")
        names = list(value[0])
        out = io.StringIO()
        writer = csv.writer(out, delimiter=self._delimiter, quoting=csv.QUOTE_MINIMAL)
        writer.writerow(names)
        for number, row in enumerate(value, 1):
            if not isinstance(row, dict) or row.keys() != set(names):
                raise CodecError(f"not an object with {', '.join(names)}", where=f"row {number}")
            writer.writerow([_cell(row[name], f"row {number}, {name}") for name in names])
        return self._text.encode(out.getvalue())

    def decode(self, data: bytes) -> JsonValue:
        text = self._text.decode(data).removeprefix("\ufeff")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter, strict=True)
        try:
            names = next(reader, None)
            if names is None:
                return []
            self._check_header(names)
            rows: list[JsonValue] = [
                self._row(names, cells, reader.line_num) for cells in reader if cells
            ]
        except csv.Error as error:
            raise CodecError(f"not CSV: {error}", where=f"line {reader.line_num}") from error
        return rows

    @staticmethod
    def _check_header(names: list[str]) -> None:
        if "" in names or len(set(names)) < len(names):
            raise CodecError("the header has an empty name or one name twice", where="line 1")

    @staticmethod
    def _row(names: list[str], cells: list[str], line: int) -> JsonValue:
        if len(cells) != len(names):
            raise CodecError(
                f"{len(cells)} cells where the header has {len(names)}", where=f"line {line}"
            )
        return dict(zip(names, cells, strict=True))


def _cell(value: JsonValue, where: str) -> str:
    if isinstance(value, dict | list):
        raise CodecError("a cell holds one value", where=where)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
