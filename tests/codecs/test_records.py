"""Fixed-width records: what goes in comes out, and what does not fit is refused with the limit."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any  # words of a layout, as they stand in YAML

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbar.codecs.codec import CodecError
from drawbar.codecs.fields import longest_match
from drawbar.codecs.record import Layout, RecordCodec, RecordsCodec, make_layout
from drawbar.codecs.record_spec import RecordSpec, RecordsSpec
from drawbar.spec.source import Report, Source

ENCODINGS = ("utf-8", "cp1252", "cp037", "cp500", "latin-1")


def layout(*fields: dict[str, Any], encoding: str = "utf-8", separator: str = "none") -> Layout:
    spec = RecordSpec.model_validate(
        {"record": fields, "encoding": encoding, "separator": separator}
    )
    report = Report(Source("a.yaml", {}))
    made = make_layout(spec, report, ())
    assert report.problems == []
    assert made is not None
    return made


def one(encoding: str = "utf-8", **field: Any) -> RecordCodec:
    return RecordCodec(layout({"name": "x", **field}, encoding=encoding))


@given(
    st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=12),
    st.sampled_from(("cp1252", "cp037", "cp500", "latin-1", "utf-8")),
    st.sampled_from(("left", "right")),
)
def test_a_text_comes_back_without_its_padding(text: str, encoding: str, align: str) -> None:
    codec = one(encoding, width=24, align=align)
    try:
        data = codec.encode({"x": text})
    except CodecError:
        return  # a letter that the encoding lacks, which another test looks at

    assert len(data) == 24
    stripped = text.rstrip(" ") if align == "left" else text.lstrip(" ")
    assert codec.decode(data) == {"x": stripped}


@given(
    st.integers(0, 6),
    st.integers(-(10**9), 10**9),
    st.sampled_from(("leading", "trailing", "overpunch")),
    st.sampled_from(ENCODINGS),
    st.sampled_from(("0", " ")),
)
def test_a_decimal_comes_back_exactly(
    scale: int, whole: int, sign: str, encoding: str, pad: str
) -> None:
    number = Decimal(whole).scaleb(-scale)
    value = int(number) if scale == 0 else float(number)
    codec = one(encoding, width=12, type="decimal", scale=scale, sign=sign, pad=pad)

    assert codec.decode(codec.encode({"x": value})) == {"x": value}


@given(
    st.sampled_from((("packed", 5), ("binary", 4))),
    st.integers(0, 3),
    st.integers(-(2**31) + 1, 2**31 - 1).filter(lambda number: abs(number) < 10**9),
)
def test_a_number_of_bytes_comes_back_exactly(
    form: tuple[str, int], scale: int, whole: int
) -> None:
    number = Decimal(whole).scaleb(-scale)
    value = int(number) if scale == 0 else float(number)
    kind, width = form
    codec = one(width=width, type=kind, scale=scale, sign="signed")

    assert codec.decode(codec.encode({"x": value})) == {"x": value}


@pytest.mark.parametrize(
    ("field", "value", "data"),
    [
        ({"type": "packed", "width": 3, "scale": 2, "sign": "signed"}, -52.5, b"\x05\x25\x0d"),
        ({"type": "packed", "width": 3, "scale": 2, "sign": "signed"}, 52.5, b"\x05\x25\x0c"),
        ({"type": "packed", "width": 2}, 999, b"\x99\x9f"),
        ({"type": "packed", "width": 1}, 7, b"\x7f"),
        ({"type": "binary", "width": 2, "sign": "signed"}, -2, b"\xff\xfe"),
        ({"type": "binary", "width": 2}, 65535, b"\xff\xff"),
        ({"type": "binary", "width": 8}, 2**64 - 1, b"\xff" * 8),
    ],
)
def test_a_number_of_bytes_is_written_as_cobol_does(
    field: dict[str, Any], value: Any, data: bytes
) -> None:
    codec = one("cp037", **field)

    assert codec.encode({"x": value}) == data
    read = codec.decode(data)
    assert read == {"x": str(value) if value == 2**64 - 1 else value}


def test_what_is_no_packed_number_is_told() -> None:
    with pytest.raises(CodecError) as caught:
        one(width=2, type="packed").decode(b"\x12\x34")

    assert str(caught.value) == "record 1, field x, byte 1: 1234 is no packed number"


@given(st.integers(0, 10**8 - 1), st.sampled_from(ENCODINGS))
def test_digits_keep_their_zeros(number: int, encoding: str) -> None:
    codec = one(encoding, width=8, type="digits")

    assert codec.decode(codec.encode({"x": number})) == {"x": f"{number:08}"}


@given(
    st.dates(dt.date(1969, 1, 1), dt.date(2068, 12, 31)),
    st.sampled_from(("YYYYMMDD", "YYMMDD", "DD.MM.YYYY", "YYYYDDD", "MM/DD/YY")),
)
def test_a_date_comes_back(day: dt.date, form: str) -> None:
    codec = one(width=len(form), type="date", format=form)

    assert codec.decode(codec.encode({"x": day.isoformat()})) == {"x": day.isoformat()}


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "no": st.integers(0, 999),
                "name": st.text("abc ÄÖ", max_size=5).map(lambda text: text.rstrip()),
            }
        ),
        max_size=5,
    ),
    st.sampled_from(("line", "none")),
)
def test_records_come_back_in_their_order(rows: list[dict[str, Any]], separator: str) -> None:
    fields = ({"name": "no", "width": 3, "type": "decimal"}, {"name": "name", "width": 10})
    spec = RecordsSpec.model_validate({"records": fields, "separator": separator})
    made = make_layout(spec, Report(Source("a.yaml", {})), ())
    assert made is not None
    codec = RecordsCodec(made)

    assert codec.decode(codec.encode(list(rows))) == rows


@given(st.binary(max_size=40), st.sampled_from(ENCODINGS))
def test_any_bytes_are_read_or_refused_with_their_position(data: bytes, encoding: str) -> None:
    codec = RecordsCodec(
        layout(
            {"name": "a", "width": 3},
            {"name": "b", "width": 4, "type": "decimal", "sign": "overpunch"},
            {"name": "c", "width": 6, "type": "date", "format": "YYMMDD"},
            encoding=encoding,
        )
    )
    where: str | None = "record 1"
    try:
        codec.decode(data)
    except CodecError as error:
        where = error.where

    assert where is not None
    assert where.startswith("record ")


@pytest.mark.parametrize(
    ("field", "value", "data"),
    [
        ({"width": 6, "type": "decimal", "scale": 2}, 12.5, b"001250"),
        ({"width": 6, "type": "decimal", "pad": " "}, 12, b"    12"),
        ({"width": 6, "type": "decimal", "sign": "leading"}, -12, b"-00012"),
        ({"width": 6, "type": "decimal", "sign": "trailing"}, 12, b"00012+"),
        ({"width": 8, "type": "decimal", "scale": 2, "sign": "overpunch"}, -5.25, b"0000052u"),
        ({"width": 8, "type": "decimal", "scale": 2, "sign": "overpunch"}, -52.5, b"0000525p"),
        ({"width": 8, "type": "decimal", "scale": 2, "sign": "overpunch"}, 52.5, b"00005250"),
        ({"width": 5, "type": "digits"}, "42", b"00042"),
        ({"width": 5}, "ab", b"ab   "),
        ({"width": 5, "align": "right", "pad": "."}, "ab", b"...ab"),
        ({"width": 5}, True, b"true "),
        ({"width": 8, "type": "date"}, "2026-11-24", b"20261124"),
        ({"width": 7, "type": "date", "format": "YYYYDDD"}, "2026-11-24", b"2026328"),
        ({"width": 5, "type": "decimal"}, None, b"     "),
        ({"width": 4}, "ü", "ü  ".encode()),
    ],
)
def test_a_value_is_written_as_the_program_expects_it(
    field: dict[str, Any], value: Any, data: bytes
) -> None:
    assert one(**field).encode({"x": value}) == data


def test_a_negative_digit_in_ebcdic_is_the_byte_that_a_mainframe_writes() -> None:
    codec = one("cp037", width=3, type="decimal", sign="overpunch")

    assert codec.encode({"x": -2}) == b"\xf0\xf0\xd2"
    assert codec.encode({"x": 2}) == b"\xf0\xf0\xc2"
    assert codec.decode(b"\xf0\xf1\xd0") == {"x": -10}
    assert codec.decode(b"\xf0\xf1\xf0") == {"x": 10}


@pytest.mark.parametrize(
    ("field", "data", "value"),
    [
        ({"width": 4, "type": "decimal"}, b"    ", None),
        ({"width": 4, "type": "decimal"}, b"\0\0\0\0", None),
        ({"width": 8, "type": "date"}, b"00000000", None),
        ({"width": 4, "type": "digits"}, b"  12", "12"),
        ({"width": 4}, b"ab\0\0", "ab"),
        ({"width": 20, "type": "decimal"}, b"12345678901234567890", "12345678901234567890"),
        (
            {"width": 20, "type": "decimal", "scale": 2},
            b"00012345678901234567",
            "123456789012345.67",
        ),
        ({"width": 4, "type": "decimal", "sign": "leading"}, b"0012", 12),
    ],
)
def test_what_programs_leave_blank_or_write_long_is_read_without_loss(
    field: dict[str, Any], data: bytes, value: Any
) -> None:
    assert one(**field).decode(data) == {"x": value}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ({"width": 3}, "abcd", "is 4 long, and the field has room for 3"),
        ({"width": 3}, "äöü", "needs 6 bytes in utf-8, and the field has room for 3"),
        ({"width": 3}, "a\nb", "holds a control character, which a record cannot carry"),
        ({"width": 3}, ["a"], "takes one text"),
        ({"width": 3, "type": "digits"}, "1a", "takes digits only"),
        ({"width": 3, "type": "digits"}, "١٢", "takes digits only"),
        ({"width": 3, "type": "digits"}, -1, "takes digits only"),
        ({"width": 3, "type": "digits"}, "1234", "is 4 long, and the field has room for 3"),
        ({"width": 3, "type": "decimal"}, 1234, "holds 999 at most; 1234 is beyond that"),
        ({"width": 3, "type": "decimal"}, -1, "cannot be negative"),
        ({"width": 3, "type": "decimal", "scale": 1}, 0.25, "has 1 decimals; 0.25 has more"),
        ({"width": 3, "type": "decimal"}, "NaN", "takes a number"),
        ({"width": 3, "type": "decimal"}, "Infinity", "takes a number"),
        ({"width": 3, "type": "decimal"}, True, "takes a number"),
        ({"width": 2, "type": "packed"}, 1000, "holds 999 at most; 1000 is beyond that"),
        ({"width": 2, "type": "packed"}, None, "takes a number"),
        (
            {"width": 1, "type": "binary", "scale": 1},
            25.6,
            "holds 25.5 at most; 25.6 is beyond that",
        ),
        ({"width": 8, "type": "date"}, "24.11.2026", "takes a date such as 2026-11-24"),
        (
            {"width": 6, "type": "date", "format": "YYMMDD"},
            "1968-01-01",
            "has two digits for the year, which stand for 1969 to 2068",
        ),
    ],
)
def test_what_a_field_cannot_hold_is_refused_and_never_shortened(
    field: dict[str, Any], value: Any, message: str
) -> None:
    with pytest.raises(CodecError) as caught:
        one(**field).encode({"x": value})

    assert (caught.value.field, caught.value.message) == ("x", message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"abc", "record 1: 3 bytes where the layout has 5"),
        (b"abcx1abc12abc", "record 1, field n, byte 4: is 'x1', not a number of type decimal"),
        (b"abc12\xffbc12", "record 2, field t, byte 1: not utf-8: invalid start byte"),
    ],
)
def test_the_position_of_what_cannot_be_read_is_told(data: bytes, message: str) -> None:
    fields = ({"name": "t", "width": 3}, {"name": "n", "width": 2, "type": "decimal"})

    with pytest.raises(CodecError) as caught:
        RecordsCodec(layout(*fields)).decode(data)

    assert str(caught.value) == message


def test_lines_may_lack_the_blanks_at_their_end() -> None:
    fields = ({"name": "t", "width": 3}, {"name": "u", "width": 2})

    found = RecordsCodec(layout(*fields, separator="line")).decode(b"abcde\r\nabc\n\nx")

    assert found == [
        {"t": "abc", "u": "de"},
        {"t": "abc", "u": ""},
        {"t": "", "u": ""},
        {"t": "x", "u": ""},
    ]


def test_exactly_one_record_is_one_record() -> None:
    codec = RecordCodec(layout({"name": "t", "width": 3}, separator="line"))

    assert codec.decode(b"abc\n") == {"t": "abc"}
    with pytest.raises(CodecError, match="2 records where one was declared"):
        codec.decode(b"abc\nabc\n")
    with pytest.raises(CodecError, match="0 records where one was declared"):
        codec.decode(b"")


@given(st.decimals(-20_000, 20_000, places=3, allow_nan=False, allow_infinity=False))
def test_the_published_schema_of_a_decimal_takes_what_the_field_takes(number: Decimal) -> None:
    made = layout({"name": "x", "width": 7, "type": "decimal", "scale": 2, "sign": "trailing"})
    schema = made.fields[0].publish({"type": "number"})
    value = float(number)

    def is_held() -> bool:
        try:
            made.encode({"x": value})
        except CodecError:
            return False
        return True

    assert jsonschema_rs.is_valid(schema, value) is is_held()


@given(st.text(max_size=8))
def test_the_published_schema_of_a_text_takes_what_the_field_takes(text: str) -> None:
    made = layout({"name": "x", "width": 4}, encoding="latin-1")
    schema = made.fields[0].publish({"type": "string"})
    encodable = all(ord(letter) < 256 for letter in text)
    c1 = any("\x80" <= letter <= "\x9f" for letter in text)

    def is_held() -> bool:
        try:
            made.encode({"x": text})
        except CodecError:
            return False
        return True

    if encodable and not c1:
        assert jsonschema_rs.is_valid(schema, text) is is_held()


@pytest.mark.parametrize(
    ("pattern", "longest"),
    [
        ("^(?:[A-Za-z0-9 -]{3,20})$", 20),
        ("^[0-9]{6}$", 6),
        ("^(?:[A-Z]{2}[0-9]{4}-?x)$", 8),
        (r"^\d{4}$", 4),
        (r"^[^\]]{2}$", 2),
        ("^a+$", None),
        ("^a{3,}$", None),
        ("^(?:a|bcd)$", None),
        ("^(?:(ab){3})$", None),
    ],
)
def test_the_longest_match_of_a_plain_pattern_is_known(pattern: str, longest: int | None) -> None:
    assert longest_match(pattern) == longest


def test_a_pattern_that_fits_the_field_needs_no_other_limit() -> None:
    field = layout({"name": "x", "width": 6, "type": "digits"}).fields[0]

    short: dict[str, Any] = {"type": "string", "pattern": "^[0-9]{6}$"}
    assert field.publish(short) == short
    assert field.publish({"type": "string", "pattern": "^[0-9]+$"}) == {
        "type": "string",
        "pattern": "^[0-9]+$",
        "maxLength": 6,
    }
    assert field.publish({"type": "string", "maxLength": 9})["maxLength"] == 6
    assert field.publish({"type": "string", "enum": ["1"]}) == {"type": "string", "enum": ["1"]}


def test_an_encoding_of_wide_blanks_has_no_widths_in_bytes() -> None:
    spec = RecordSpec.model_validate(
        {"record": ({"name": "x", "width": 4},), "encoding": "utf-16", "separator": "none"}
    )
    report = Report(Source("a.yaml", {}))

    assert make_layout(spec, report, ()) is None
    assert [problem.code for problem in report.problems] == ["DB801"]
