"""COBOL copybooks: what their words mean in bytes, in values, in a schema, and in messages when they are wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copybook_layouts import layout, read
from drawbar.codecs.codec import CodecError
from drawbar.codecs.copybook.schema import object_schema, properties
from drawbar.codecs.copybook.source import guess_format
from drawbar.codecs.descriptors import Separator, described
from drawbar.codecs.record import RecordsCodec
from drawbar.kernel.values import JsonObject, JsonValue

ORDER = """\
000100* An order as the desk writes it.                                 ORDER001
000200 01  ORDER-REQUEST.                                               ORDER002
000300     05  TRANS-ID       PIC X(4) VALUE 'ORDQ'.
           05  CUSTOMER-NO    PIC 9(6).
           05  PAY-KIND       PIC X.
               88  BY-CARD    VALUE 'C'.
               88  BY-INVOICE VALUE 'I'.
           05  PAYMENT        PIC X(20).
           05  CARD REDEFINES PAYMENT.
               10  CARD-NO    PIC 9(16).
           05  INVOICE REDEFINES PAYMENT.
               10  VAT-NO     PIC X(12).
           05  FILLER         PIC X(2).
           05  LINE-COUNT     PIC 9(2) COMP.
           05  ORDER-LINES OCCURS 1 TO 5 TIMES
               DEPENDING ON LINE-COUNT INDEXED BY IX.
               10  PART-NO    PIC X(4).
               10  QTY        PIC S9(5) COMP-3.
"""
RULES = {"card": {"pay-kind": "C"}, "invoice": {"pay-kind": "I"}}


def fields(*lines: str) -> str:
    """A record of level 05; a line with a level of its own keeps it."""
    levelled = [line if line[0].isdigit() else f"05 {line}" for line in lines]
    return "\n".join(["       01 R.", *(f"          {line}" for line in levelled)]) + "\n"


def test_a_record_is_written_and_read_as_it_is_declared(tmp_path: Path) -> None:
    record = layout(tmp_path, ORDER, texts=["CUSTOMER-NO"], when=RULES)
    lines: JsonValue = [{"part_no": "A1", "qty": -3}, {"part_no": "B2", "qty": 12}]
    given: JsonObject = {
        "customer_no": "17",
        "pay_kind": "C",
        "card": {"card_no": 42},
        "order_lines": lines,
    }

    data = record.encode(given)

    assert data == (
        b"ORDQ000017C" + b"0000000000000042    " + b"  " + b"\x02A1  \x00\x00\x3dB2  \x00\x01\x2c"
    )
    assert record.decode(data) == {
        "trans_id": "ORDQ",
        "customer_no": "000017",
        "pay_kind": "C",
        "card": {"card_no": 42},
        "line_count": 2,
        "order_lines": lines,
    }


def test_a_copybook_becomes_a_schema_with_all_that_is_enforced(tmp_path: Path) -> None:
    record = layout(tmp_path, ORDER, when=RULES)

    schema = object_schema(properties(record))

    text = r"^[^\x00-\x1f\x7f]{0,%d}$"
    assert schema == {
        "type": "object",
        "properties": {
            "trans_id": {"type": "string", "pattern": text % 4, "default": "ORDQ"},
            "customer_no": {"type": "integer", "minimum": 0, "maximum": 999999},
            "pay_kind": {
                "type": "string",
                "enum": ["C", "I"],
                "description": "C: BY-CARD; I: BY-INVOICE.",
            },
            "payment": {
                "type": "string",
                "pattern": text % 20,
                "description": "Shares its place with others; give one.",
            },
            "card": {
                **object_of(card_no={"type": "integer", "minimum": 0, "maximum": 10**16 - 1}),
                "description": "Only where pay_kind is C.",
            },
            "invoice": {
                **object_of(vat_no={"type": "string", "pattern": text % 12}),
                "description": "Only where pay_kind is I.",
            },
            "order_lines": {
                "type": "array",
                "items": object_of(
                    part_no={"type": "string", "pattern": text % 4},
                    qty={"type": "integer", "minimum": -99999, "maximum": 99999},
                ),
                "minItems": 1,
                "maxItems": 5,
            },
        },
        "required": ["customer_no", "pay_kind", "order_lines"],
        "additionalProperties": False,
    }


def object_of(**members: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def test_only_some_fields_can_be_asked_for(tmp_path: Path) -> None:
    record = layout(tmp_path, ORDER)

    [customer, lines] = properties(record, ("CUSTOMER-NO", "order-lines.qty"))

    assert (customer.name, lines.name) == ("customer_no", "order_lines")
    assert lines.schema["items"]["properties"].keys() == {"qty"}  # type: ignore[index, call-overload, union-attr]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"card": {"card_no": 1}}, "goes with a record whose `pay_kind` is C"),
        ({"card": {"card_no": 1}, "invoice": {}}, "`card` and `invoice` are the same bytes"),
        ({"pay_kind": "X", "card": {}}, "goes with a record whose `pay_kind` is C"),
        ({"order_lines": [{}] * 6}, "has room for 5 entries, and there are 6"),
        ({"order_lines": [{"qty": 100000}]}, "holds 99999 at most"),
        ({"order_lines": {}}, "takes a list"),
        ({"nobody": 1}, "there is no field `nobody`"),
        ({"trans_id": "a\nb"}, "holds a control character"),
    ],
)
def test_what_a_record_cannot_hold_is_refused(
    tmp_path: Path, value: dict[str, Any], told: str
) -> None:
    with pytest.raises(CodecError) as caught:
        layout(tmp_path, ORDER, when=RULES).encode(value)

    assert told in str(caught.value)


def test_an_error_names_the_field_within_tables(tmp_path: Path) -> None:
    record = layout(tmp_path, ORDER)
    data = record.encode({"order_lines": [{"qty": 1}, {"qty": 2}]})

    with pytest.raises(CodecError) as written:
        record.encode({"order_lines": [{}, {"qty": "many"}]})
    with pytest.raises(CodecError) as found:
        record.decode(data[:-1] + b"\x22")
    with pytest.raises(CodecError) as short:
        record.decode(data[:-1])
    with pytest.raises(CodecError) as counted:
        record.decode(data.replace(b"\x02", b"\x09", 1))

    assert written.value.field == "order_lines[1].qty"
    assert str(found.value) == (
        "record 1, field order_lines[1].qty, byte 46: 000022 is no packed number"
    )
    assert "ends after 47 bytes" in str(short.value)
    assert "has 1 to 5 entries, and its counter says 9" in str(counted.value)


def test_without_a_rule_every_reading_of_shared_bytes_is_given(tmp_path: Path) -> None:
    record = layout(
        tmp_path,
        fields(
            "A PIC X(4).", "B REDEFINES A PIC 9(4).", "C REDEFINES A.", "10 D PIC S9(7) COMP-3."
        ),
    )

    assert record.decode(b"1234") == {"a": "1234", "b": 1234, "c": None}
    assert record.decode(b"\x12\x34\x56\x7c") == {"a": "\x124V|", "b": None, "c": {"d": 1234567}}


def test_a_table_with_tables_inside_comes_back(tmp_path: Path) -> None:
    text = """\
       01 R.
          05 N PIC 9.
          05 M PIC 9.
          05 ROWS-OF OCCURS 0 TO 3 DEPENDING ON N.
             10 COLS OCCURS 2.
                15 CELL PIC S9(3)V9 COMP-3 OCCURS 2.
          05 TAGS PIC X(2) OCCURS 0 TO 4 DEPENDING ON M.
"""
    value: JsonObject = {
        "rows_of": [{"cols": [{"cell": [1.5, -2]}, {"cell": [0, 999.9]}]}] * 2,
        "tags": ["ab", "c"],
    }
    for dialect in ("gnucobol", "ibm"):
        record = layout(tmp_path, text, dialect=dialect)
        assert record.decode(record.encode(value)) == {"n": 2, "m": 2, **value}


def test_two_tables_with_one_counter_have_as_many_entries(tmp_path: Path) -> None:
    text = fields(
        "N PIC 9.",
        "A PIC 9 OCCURS 0 TO 3 DEPENDING ON N.",
        "B PIC 9 OCCURS 0 TO 3 DEPENDING ON N.",
    )
    record = layout(tmp_path, text, dialect="ibm")

    assert record.encode({"a": [1, 2], "b": [3, 4]}) == b"21234"
    with pytest.raises(CodecError, match="has 1 entries, and another table"):
        record.encode({"a": [1, 2], "b": [3]})


def test_records_of_different_lengths_are_told_apart(tmp_path: Path) -> None:
    record = layout(
        tmp_path, fields("N PIC 9.", "A PIC X OCCURS 0 TO 9 DEPENDING ON N."), many=True
    )
    data = b"02ab1c"

    assert [record.decode(each) for each in record.split(data)] == [
        {"n": 0, "a": []},
        {"n": 2, "a": ["a", "b"]},
        {"n": 1, "a": ["c"]},
    ]
    assert record.whole_part(b"2ab1c3d") == b"2ab1c"


def test_records_of_lines_may_lack_the_blanks_at_their_end(tmp_path: Path) -> None:
    record = layout(tmp_path, fields("A PIC X(2).", "B PIC X(3)."), separator="line")

    assert [record.decode(each) for each in record.split(b"ab\r\nab c\n")] == [
        {"a": "ab", "b": ""},
        {"a": "ab", "b": " c"},
    ]
    assert record.encode({"a": "x"}) == b"x    \n"


@pytest.mark.parametrize(
    ("line", "encoding", "value", "data"),
    [
        ("A PIC S9(3).", "cp037", -120, b"\xf1\xf2\xd0"),
        ("A PIC S9(3) LEADING.", "cp273", -120, b"\xd1\xf2\xf0"),
        ("A PIC S9(3).", "cp273", 120, b"\xf1\xf2\xc0"),
        ("A PIC S9(3) SIGN TRAILING SEPARATE.", "cp037", -1, b"\xf0\xf0\xf1\x60"),
        ("A PIC S9(4) COMP-5.", "cp037", -2, b"\xff\xfe"),
        ("A PIC S9(4) COMP-5.", "cp1252", -2, b"\xfe\xff"),
        ("A PIC 9(4) COMP-5.", "cp037", 65535, b"\xff\xff"),
        ("A COMP-1.", "cp037", -118.625, b"\xc2\x76\xa0\x00"),
        ("A COMP-2.", "cp037", 1, b"\x41\x10\x00\x00\x00\x00\x00\x00"),
        ("A COMP-1.", "cp037", 0, b"\0\0\0\0"),
        ("A COMP-1.", "latin-1", 0.1, b"\xcd\xcc\xcc\x3d"),
        ("A PIC X(3).", "cp273", "Öl", b"\xe0\x93\x40"),
        ("A PIC ZZ9.99.", "latin-1", " 12.50", b" 12.50"),
        ("A PIC 9(3) VALUE ZERO.", "latin-1", 7, b"007"),
    ],
)
def test_a_value_is_the_bytes_that_its_machine_has(
    tmp_path: Path, line: str, encoding: str, value: Any, data: bytes
) -> None:
    record = layout(tmp_path, fields(line), encoding=encoding)

    assert record.encode({"a": value}) == data
    assert record.decode(data) == {"a": value}


def test_what_is_not_given_is_as_its_value_clause_says(tmp_path: Path) -> None:
    record = layout(
        tmp_path,
        fields(
            "A PIC X(3) VALUE 'it''s'.".replace("3", "4"),
            "B PIC S9(3)V9 COMP-3 VALUE -1.5.",
            "C PIC X(2) VALUE LOW-VALUES.",
            "D PIC 9(2).",
            "FILLER PIC X(2) VALUE '--'.",
            "E PIC X(2) VALUE ALL ZEROS.",
        ),
    )

    assert record.encode({}) == b"it's\x00\x01\x5d\0\x0000--00"


@given(st.data())
def test_whatever_fits_comes_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    clauses, strategies = zip(*data.draw(st.lists(declared(), min_size=1, max_size=6)), strict=True)
    folder = tmp_path_factory.getbasetemp()
    encoding = data.draw(st.sampled_from(("cp037", "cp273", "latin-1", "cp1252")))
    record = layout(
        folder,
        fields(*(f"F-{index} {clause}." for index, clause in enumerate(clauses))),
        encoding=encoding,
        dialect=data.draw(st.sampled_from(("gnucobol", "ibm", "microfocus"))),
        sign=data.draw(st.sampled_from(("ascii", "ebcdic"))),
    )
    value = {f"f_{index}": data.draw(each) for index, each in enumerate(strategies)}

    encoded = record.encode(dict(value))

    assert len(encoded) == record.root.widest
    assert record.decode(encoded) == value
    jsonschema_rs.validate(object_schema(properties(record)), value)


@st.composite
def declared(draw: st.DrawFn) -> tuple[str, st.SearchStrategy[Any]]:
    """A clause of an elementary item, and the values that it takes."""
    if draw(st.booleans()):
        width = draw(st.integers(1, 12))
        letters = st.text("abcÄß 09'{}", max_size=width).map(lambda text: text.rstrip(" "))
        return f"PIC {draw(st.sampled_from('XN'))}({width})", letters
    digits, decimals = draw(st.integers(1, 9)), draw(st.integers(0, 5))
    signed = draw(st.booleans())
    usages = ["", "COMP", "COMP-3", "COMP-5", "LEADING", "TRAILING SEPARATE"]
    usage = draw(st.sampled_from([*usages, "COMP-6", *([] if signed else ["COMP-X"])]))
    most = 10 ** (digits + decimals) - 1
    whole = st.integers(-most if signed else 0, most)
    sign, point = "S" * signed, f"V9({decimals})" if decimals else ""
    return (
        f"PIC {sign}9({digits}){point} {usage}",
        whole if not decimals else whole.map(lambda n: float(Decimal(n).scaleb(-decimals))),
    )


@given(st.binary(max_size=50))
def test_any_bytes_are_read_or_refused_with_their_place(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    record = layout(tmp_path_factory.getbasetemp(), ORDER)
    where: str | None = "record 1"
    try:
        record.decode(data)
    except CodecError as error:
        where = error.where

    assert where is not None
    assert where.startswith("record 1")


@given(st.text("019.AXPICSV()'\"-= \n*:", max_size=80))
def test_any_text_is_a_copybook_or_a_problem_in_it(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    found, problems = read(tmp_path_factory.getbasetemp(), f"01 R PIC X.\n{text}")

    assert (found is None) == bool(problems)
    assert all(problem.code.startswith("DB82") for problem in problems)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (fields("A PIC Q(3)."), "a.cpy:2:20: DB823 `Q(3)`: this is no PICTURE"),
        (fields("A PIC G(3)."), "a.cpy:2:20: DB823 `G(3)`: double-byte characters"),
        (fields("A PIC 9 USAGE NATIONAL."), "a.cpy:2:14: DB823 9: numbers in national characters"),
        (
            fields("A PIC X(9) COMP-X."),
            "a.cpy:2:14: DB823 X(9): a number of bytes is PIC X, at most 8",
        ),
        (fields("A PIC 9(39)."), "a.cpy:2:20: DB823 `9(39)`: a number has 38 digits at most"),
        (fields("A."), "a.cpy:2:14: DB823 `A` has no PICTURE"),
        (fields("A PIC X COMP-3."), "a.cpy:2:14: DB823 X: only a number has another USAGE"),
        (fields("A POINTER."), "a.cpy:2:16: DB824 USAGE POINTER is not read"),
        (fields("A PIC 9 COLOUR."), "a.cpy:2:22: DB822 `COLOUR` is not understood"),
        (fields("A PIC 9(3)"), "a.cpy:2:11: DB822 no period ends this entry"),
        (fields("A PIC"), "a.cpy:2:11: DB822 no period ends this entry"),
        (fields("A PIC."), "a.cpy:2:16: DB822 something is missing behind `PIC`"),
        (fields("A PIC X VALUE 'x."), "a.cpy:2:28: DB822 a literal is not closed"),
        (fields("A PIC X VALUE X'4142'."), "a.cpy:2:28: DB822 X'4142': the field has room for 1"),
        (fields("A PIC X VALUE X'4'."), "a.cpy:2:28: DB822 X'4' is not hexadecimal"),
        (
            fields("N PIC 9.", "T PIC X OCCURS 1 TO 3 DEPENDING ON N.", "B PIC 9(9) COMP SYNC."),
            "a.cpy:4:30: DB824 SYNCHRONIZED would move `B`",
        ),
        (fields("B REDEFINES A PIC X."), "a.cpy:2:26: DB825 no item of this group before it"),
        (fields("A PIC X OCCURS 1 TO 3."), "a.cpy:2:22: DB822 a table has 1 to 100000 entries"),
        (
            fields("A PIC X OCCURS 1 TO 3 DEPENDING ON N."),
            "a.cpy:2:49: DB825 no field before this table in its record is called `N`",
        ),
        ("       MOVE A TO B.\n", "a.cpy:1:8: DB822 `MOVE` is no level number"),
        ("       88 A VALUE 1.\n", "a.cpy:1:8: DB822 a level 88 follows its field"),
        ("       COPY NOTHING.\n", "a.cpy:1:13: DB825 there is no copybook `NOTHING` beside"),
        ("       COPY A.\n", "a.cpy:1:13: DB822 `A` copies itself"),
        ("      * nothing\n", "a.cpy:1:1: DB822 there is no description of data in it"),
    ],
)
def test_what_is_wrong_is_told_at_its_place_in_the_copybook(
    tmp_path: Path, text: str, told: str
) -> None:
    found, [problem] = read(tmp_path, text)

    assert found is None
    assert str(problem).startswith(told)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"copybook": "b.cpy"}, "DB821 there is no file b.cpy"),
        ({"record": "ORDER-REPLY"}, "did you mean `ORDER-REQUEST`?"),
        ({"texts": ["CUSTOMER"]}, "did you mean `customer_no`?"),
        ({"texts": ["qty"]}, "DB827 `qty` is no unsigned whole number of DISPLAY"),
        ({"when": {"cards": {"pay_kind": "C"}}}, "is called `cards`"),
        ({"when": {"card": {"paykind": "C"}}}, "no field before it is called `paykind`"),
        ({"when": {"card": {"qty": "C"}}}, "no field before it is called `qty`"),
        ({"when": {"card": {"pay_kind": "CC"}}}, "DB827 card: `pay_kind` is 2 bytes in utf-8"),
        ({"separator": "line"}, "DB802 `line_count` may hold the byte that ends a line"),
        ({"encoding": "ebcdic"}, "DB801 no encoding is called `ebcdic`"),
    ],
)
def test_words_that_do_not_go_with_the_copybook_are_told(
    tmp_path: Path, words: dict[str, Any], told: str
) -> None:
    found, [problem] = read(tmp_path, ORDER, **words)

    assert found is None
    assert told in str(problem)


def test_one_of_several_records_is_named(tmp_path: Path) -> None:
    text = "       01 ONE PIC X.\n       01 TWO.\n          05 A PIC 99.\n"

    _, [problem] = read(tmp_path, text)

    assert str(problem).endswith(
        "DB825 the copybook has several records\n    write `record:` ONE, TWO"
    )
    assert layout(tmp_path, text, record="two").decode(b"12") == {"a": 12}
    assert layout(tmp_path, text, record="ONE").decode(b"x") == {"one": "x"}


def test_both_source_formats_are_seen_from_the_lines() -> None:
    assert guess_format(ORDER) == "fixed"
    assert guess_format("01 R.\n   05 A PIC X.\n") == "free"
    assert guess_format("       01 R.\n" + " " * 40 + "*> " + "x" * 60) == "free"


def test_free_format_has_comments_and_indented_levels(tmp_path: Path) -> None:
    text = ">>SOURCE FORMAT IS FREE\n01 r. *> the record\n*> all of it\n 02 a pic x, 02 b-c picture is 9.\n"

    _, [problem] = read(tmp_path, text)  # a comma does not end an entry
    assert "DB822" in str(problem)
    assert layout(tmp_path, text.replace("x,", "x.")).decode(b"a1") == {"a": "a", "b_c": 1}


def test_words_and_literals_go_on_in_the_next_line(tmp_path: Path) -> None:
    text = (
        "       01 R.\n          05 A-LONG-NA\n      -    ME PIC X.\n"
        "          05 B PIC X(40) VALUE 'it goes on to column 72, blanks too\n"
        "      -    'and then the next'.\n"
    )
    start = "it goes on to column 72, blanks too"
    record = layout(tmp_path, text.replace("40", "60"))

    assert (
        record.encode({"a_long_name": "x"}) == f"x{start:<40}and then the next".ljust(61).encode()
    )


def test_copied_files_are_read_and_changed_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "person.cpy").write_text(
        "           10 :TAG:-NAME PIC X(2).\n           10 OLD-AGE PIC 9(2).\n"
        "           10 KIND PIC X.\n"
    )
    text = """\
       01 R.
          05 FIRST-ONE.
             COPY PERSON REPLACING ==:TAG:== BY ==P==
                  LEADING ==OLD== BY ==NEW==
                  ==PIC X.== BY ==PIC X(3).== .
          05 N PIC 9.
"""
    record = layout(tmp_path, text)

    assert record.decode(b"ab42xyz7") == {
        "first_one": {"p_name": "ab", "new_age": 42, "kind": "xyz"},
        "n": 7,
    }


def test_a_problem_in_a_copied_file_is_told_there(tmp_path: Path) -> None:
    (tmp_path / "PERSON.CPY").write_text("          05 A PIC X.\n          05 B PIC Q.\n")

    _, [problem] = read(tmp_path, "       01 R.\n           COPY person.\n")

    assert str(problem).startswith("PERSON.CPY:2:20: DB823")


def test_items_without_a_name_and_without_a_record_are_read(tmp_path: Path) -> None:
    text = """\
          05 FILLER.
             10 A PIC X.
          05 D PIC 9(4).
          05 FILLER REDEFINES D.
             10 CENTURY PIC 99.
             10 YEAR-OF PIC 99.
          05 FILLER PIC X(3).
"""
    assert layout(tmp_path, text).decode(b"x2026...") == {
        "a": "x",
        "d": 2026,
        "d_2": {"century": 20, "year_of": 26},
    }


def test_ranges_of_conditions_are_enumerated_or_told(tmp_path: Path) -> None:
    record = layout(
        tmp_path,
        fields(
            "A PIC 9.",
            "88 LOW VALUES 1 THRU 3, 5.",
            "B PIC X.",
            "88 LETTER VALUE 'A' THRU 'Z'.",
        ),
    )
    [a, b] = properties(record)

    assert a.schema["enum"] == [1, 2, 3, 5]
    assert "enum" not in b.schema
    assert b.schema["description"] == "A to Z: LETTER."


def test_two_fields_of_one_name_are_told_apart_by_a_number(tmp_path: Path) -> None:
    record = layout(
        tmp_path,
        fields("A PIC 9.", "A PIC X.", "FILLER.", "10 A PIC X.", "FILLER OCCURS 2.", "10 B PIC X.",
               "FILLER OCCURS 2.", "10 B PIC 9."),
    )  # fmt: skip

    assert record.decode(b"1xyab12") == {
        "a": 1,
        "a_2": "x",
        "a_3": "y",
        "entries": [{"b": "a"}, {"b": "b"}],
        "entries_2": [{"b": 1}, {"b": 2}],
    }


def test_the_value_of_a_group_is_spread_over_its_fields(tmp_path: Path) -> None:
    record = layout(
        tmp_path,
        fields("G VALUE 'ab12-'.", "10 A PIC XX.", "10 H.", "15 N PIC 99.", "10 C PIC XX.",
               "L VALUE LOW-VALUES.", "10 B PIC S9(4) COMP."),
    )  # fmt: skip

    assert record.encode({}) == b"ab12- \0\0"
    [group, low] = properties(record)
    assert (group.required, low.required) == (False, False)
    assert group.schema["properties"] == {
        "a": {"type": "string", "pattern": "^[^\\x00-\\x1f\\x7f]{0,2}$", "default": "ab"},
        "h": {
            "type": "object",
            "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 99, "default": 12}},
            "required": [],
            "additionalProperties": False,
        },
        "c": {"type": "string", "pattern": "^[^\\x00-\\x1f\\x7f]{0,2}$", "default": "-"},
    }


def test_constants_and_hexadecimal_values(tmp_path: Path) -> None:
    text = """\
       78 MOST VALUE 3.
       01 WIDE CONSTANT AS 4.
       01 R.
          05 A PIC X(WIDE) VALUE X'C1C2'.
          05 B PIC 9 OCCURS MOST.
          05 C PIC X.
             88 GONE VALUE X'FF'.
             88 HERE VALUE 'h'.
          05 TOO-LONG PIC X VALUE 'YES'.
"""
    record = layout(tmp_path, text, encoding="cp037")

    assert record.encode({"b": [1, 2, 3]}).decode("cp037") == "AB  123 Y"
    assert properties(record)[2].schema["enum"] == ["h"]


def test_a_level_66_is_left_out_and_told(tmp_path: Path) -> None:
    text = fields("A PIC X.", "B PIC X.", "66 BOTH RENAMES A THRU B.")

    record, [problem] = read(tmp_path, text)

    assert record is not None
    assert record.decode(b"xy") == {"a": "x", "b": "y"}
    assert str(problem).startswith("a.cpy:4:14: DB828 warning: `BOTH` is left out")


def test_a_field_wider_than_a_pattern_can_count_has_a_longest_length(tmp_path: Path) -> None:
    record = layout(tmp_path, fields("A PIC X(32500)."))
    [wide] = properties(record)

    assert wide.schema == {
        "type": "string",
        "pattern": "^[^\\x00-\\x1f\\x7f]*$",
        "maxLength": 32500,
    }
    jsonschema_rs.Draft202012Validator(wide.schema)


@pytest.mark.parametrize(
    "data",
    [
        fields("A PIC X.").encode("cp037"),
        "".join(line.ljust(80) for line in fields("A PIC X.").splitlines()).encode("cp037"),
        fields("A PIC X.").encode() + b"\x1a",
    ],
    ids=["EBCDIC", "cards in EBCDIC", "end of a DOS file"],
)
def test_a_copybook_is_read_however_it_was_carried_here(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "b.cpy").write_bytes(data)

    record = layout(tmp_path, "       COPY B.\n")

    assert record.decode(b"x") == {"a": "x"}


def test_a_sentence_beyond_column_72_is_free_format() -> None:
    crossing = "       01 R.\n" + " " * 40 + "05 LONG-NAME PIC S9(5)V99 SIGN LEADING.\n"
    assert guess_format(crossing) == "free"


def test_a_table_of_entries_that_vary_is_read_to_its_end(tmp_path: Path) -> None:
    text = """\
       01 R.
          05 N PIC 9.
          05 ROWS-OF OCCURS 3.
             10 CELL PIC X OCCURS 1 TO 5 DEPENDING ON N.
             10 MARK PIC 9.
          05 TAIL PIC X.
"""
    record = layout(tmp_path, text, dialect="ibm")
    rows: list[JsonValue] = [{"cell": ["a", "b"], "mark": number} for number in range(3)]

    data = record.encode({"rows_of": rows, "tail": "t"})

    assert data == b"2ab0ab1ab2t"
    assert record.decode(data) == {"n": 2, "rows_of": rows, "tail": "t"}


@given(st.lists(st.lists(st.text("abc", max_size=2), max_size=4), max_size=5), st.integers(0, 30))
def test_records_behind_their_words_come_back_whole_and_cut(
    tmp_path_factory: pytest.TempPathFactory, lists: list[list[str]], lost: int
) -> None:
    text = """\
       01 R.
          05 N PIC 9(2).
          05 T PIC X(2) OCCURS 0 TO 4 DEPENDING ON N.
"""
    record = layout(tmp_path_factory.getbasetemp(), text)
    for separator in SEPARATORS:
        codec = RecordsCodec(described(record, separator))
        values: list[JsonValue] = [{"t": list[JsonValue](each)} for each in lists]
        told = [{"n": len(each), "t": each} for each in lists]

        data = codec.encode(values)
        assert codec.decode(data) == told
        short = codec.layout.whole_part(data[: len(data) - lost])
        found = codec.decode(short)
        assert isinstance(found, list)
        assert found == told[: len(found)]
        assert len(found) == len(told) or len(short) < len(data)


SEPARATORS: tuple[Separator, ...] = ("rdw", "gnucobol")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\0\x03\0\0", "record 1, byte 1: 00 03 00 00 is no record descriptor word"),
        (b"\0\x05\0\0a\0\x05\x01\0b", "record 2, byte 6: 00 05 01 00 is no record descriptor word"),
        (b"\0\x05\0\0a\0\x06\0\0b", "record 2: ends before it is whole"),
        (b"\0\x05\0\0a\0", "record 2: ends before it is whole"),
    ],
)
def test_words_that_are_none_are_told_with_their_place(
    tmp_path: Path, data: bytes, told: str
) -> None:
    codec = RecordsCodec(described(layout(tmp_path, fields("A PIC X.")), "rdw"))

    with pytest.raises(CodecError) as caught:
        codec.decode(data)

    assert str(caught.value).startswith(told)


def test_a_word_that_is_none_is_told_also_where_the_answer_was_cut(tmp_path: Path) -> None:
    codec = RecordsCodec(described(layout(tmp_path, fields("A PIC X.")), "rdw"))

    with pytest.raises(CodecError, match="record 2, byte 6"):
        codec.decode(codec.layout.whole_part(b"\0\x05\0\0a\0\x05\x01\0b\0\x05"))


def test_a_record_that_no_word_can_describe_is_refused(tmp_path: Path) -> None:
    codec = RecordsCodec(described(layout(tmp_path, fields("A PIC X(65532).")), "rdw"))

    with pytest.raises(CodecError, match="record 1: is 65532 bytes, more than"):
        codec.encode([{"a": "x"}])
