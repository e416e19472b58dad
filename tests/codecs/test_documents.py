"""JSON, text, lines, CSV and XML: round trips, positions of errors, and nothing unsafe in XML."""

from __future__ import annotations

import math
from typing import Any  # values of JSON

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbar.codecs.codec import Codec, CodecError
from drawbar.codecs.delimited import CsvCodec
from drawbar.codecs.jsontext import JsonCodec
from drawbar.codecs.markup import XmlCodec
from drawbar.codecs.text import LinesCodec, TextCodec, find_encoding

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
XML_TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="\ufffe\uffff"),
    min_size=1,
).filter(lambda text: text == text.strip())
NAMES = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_.-]{0,6}\Z")


@given(JSON)
def test_json_comes_back(value: Any) -> None:
    codec = JsonCodec()

    assert codec.decode(codec.encode(value)) == value


@given(st.integers(min_value=2**64) | st.integers(max_value=-(2**63) - 1))
def test_a_number_beyond_64_bits_keeps_its_digits_as_text(number: int) -> None:
    assert JsonCodec().decode(f'{{"id": {number}, "n": 7}}'.encode()) == {
        "id": str(number),
        "n": 7,
    }


def test_the_largest_numbers_of_64_bits_stay_numbers() -> None:
    assert JsonCodec().decode(b"[18446744073709551615, -9223372036854775808]") == [
        2**64 - 1,
        -(2**63),
    ]


@given(TEXT)
def test_text_comes_back(text: str) -> None:
    codec = TextCodec()

    assert codec.decode(codec.encode(text)) == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"))))
def test_lines_come_back(lines: list[str]) -> None:
    codec = LinesCodec()

    assert codec.decode(codec.encode(list(lines))) == lines


@given(
    st.lists(NAMES, min_size=1, max_size=4, unique=True).flatmap(
        lambda names: st.lists(
            st.fixed_dictionaries(
                {name: st.text(st.characters(exclude_categories=["Cs", "Cc"])) for name in names}
            ),
            min_size=1,
            max_size=4,
        )
    ),
    st.sampled_from((",", ";", "\t")),
)
def test_csv_comes_back(rows: list[Any], delimiter: str) -> None:
    codec = CsvCodec(delimiter=delimiter)

    assert codec.decode(codec.encode(rows)) == rows


@given(
    st.dictionaries(
        NAMES,
        st.none()
        | XML_TEXT
        | st.lists(XML_TEXT, min_size=2, max_size=3)
        | st.dictionaries(NAMES.map(lambda name: "@" + name), XML_TEXT, min_size=1, max_size=2),
        min_size=1,
        max_size=3,
    )
)
def test_xml_comes_back(content: dict[str, Any]) -> None:
    codec = XmlCodec()

    assert codec.decode(codec.encode({"root": content})) == {"root": content}


def test_xml_is_read_by_local_names_with_attributes_and_repeated_elements() -> None:
    data = b"""<?xml version="1.0"?>
    <s:staff xmlns:s="urn:staff" s:site="EU"><!-- a comment -->
      <s:person no="1"><name>Ann</name></s:person>
      <s:person no="2">text <b>bold</b> tail</s:person>
      <empty/>
    </s:staff>"""

    assert XmlCodec().decode(data) == {
        "staff": {
            "@site": "EU",
            "person": [
                {"@no": "1", "name": "Ann"},
                {"@no": "2", "b": "bold", "#text": "text  tail"},
            ],
            "empty": None,
        }
    }


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><x/>',
        b'<!DOCTYPE x [<!ENTITY a "aaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'.encode(
            "utf-16"
        ),
    ],
)
def test_document_types_and_entities_are_refused(data: bytes) -> None:
    with pytest.raises(CodecError, match="a document type is not accepted"):
        XmlCodec().decode(data)


@pytest.mark.parametrize(
    ("codec", "data", "message"),
    [
        (JsonCodec(), b'{"a":\n 1,}', "line 2, column 3: not JSON: "),
        (JsonCodec(), b"NaN", "line 1, column 1: not JSON: "),
        (JsonCodec(), b"[NaN, 1234567890123456789012]", "line 1, column 2: not JSON: "),
        (TextCodec("ascii"), b"ab\xff", "byte 3: not ascii: "),
        (LinesCodec("cp1252"), b"a\n\x81", "byte 3: not cp1252: "),
        (CsvCodec(), b"a,b\n1,2\n1,2,3\n", "line 3: 3 cells where the header has 2"),
        (CsvCodec(), b"a,a\n1,2\n", "line 1: the header has an empty name or one name twice"),
        (CsvCodec(), b'a,b\n1,"2\n', "line 2: not CSV: "),
        (XmlCodec(), b"<a>\n<b></a>", "line 2, column "),
        (XmlCodec(), b"", "line 1, column 1: not XML: "),
        (XmlCodec(), b"<a>&undeclared;</a>", "not XML: "),
    ],
)
def test_what_cannot_be_read_is_told_with_its_position(
    codec: Codec, data: bytes, message: str
) -> None:
    with pytest.raises(CodecError) as caught:
        codec.decode(data)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("codec", "value"),
    [
        (JsonCodec(), {"a": math.inf, "b": {1, 2}}),
        (JsonCodec(), 2**70),
        (TextCodec("ascii"), "ü"),
        (TextCodec(), 7),
        (LinesCodec(), "no list"),
        (LinesCodec(), ["a\nb"]),
        (LinesCodec(), ["a\r"]),
        (LinesCodec(), [1]),
        (CsvCodec(), []),
        (CsvCodec(), [{"a": 1}, {"b": 1}]),
        (CsvCodec(), [{"a": [1]}]),
        (XmlCodec(), {"a": 1, "b": 2}),
        (XmlCodec(), {"a b": 1}),
        (XmlCodec(), {"a": {"@x": {"y": 1}}}),
        (XmlCodec(), {"a": "\x00"}),
        (XmlCodec(), ["a"]),
    ],
)
def test_what_a_form_cannot_hold_is_refused(codec: Codec, value: Any) -> None:
    with pytest.raises(CodecError):
        codec.encode(value)


def test_csv_writes_numbers_and_booleans_as_text() -> None:
    data = CsvCodec().encode([{"a": 1, "b": True, "c": None}])

    assert data == b"a,b,c\r\n1,true,\r\n"


def test_csv_of_a_spreadsheet_with_a_byte_order_mark_is_read() -> None:
    assert CsvCodec().decode(b"\xef\xbb\xbfa,b\r\n1,2\r\n\r\n") == [{"a": "1", "b": "2"}]
    assert CsvCodec().decode(b"") == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("UTF8", "utf-8"),
        ("cp037", "cp037"),
        ("windows-1252", "cp1252"),
        ("rot13", None),
        ("x\0", None),
    ],
)
def test_only_text_encodings_are_encodings(name: str, found: str | None) -> None:
    assert find_encoding(name) == found
