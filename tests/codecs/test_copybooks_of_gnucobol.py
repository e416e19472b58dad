"""The same copybook in a GnuCOBOL program: both write the same bytes, and each reads the other's."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from copybook_layouts import layout
from drawbar.codecs.descriptors import described
from drawbar.codecs.record import RecordsCodec
from drawbar.kernel.values import JsonObject, JsonValue
from machine import need


@pytest.fixture(autouse=True)
def _compiler() -> None:
    need("cobc", "gnucobol4")


class Case(NamedTuple):
    clause: str
    literal: str
    value: Any


NUMBERS = [
    ("S9(3)", "-120", -120),
    ("S9(3)", "127", 127),
    ("S9(4)", "-9999", -9999),
    ("S9(2)", "-7", -7),
    ("9(2)", "99", 99),
    ("9(5)", "99999", 99999),
    ("9(6)", "123456", 123456),
    ("S9(7)", "-7654321", -7654321),
    ("9(7)", "9999999", 9999999),
    ("S9(9)", "-123456789", -123456789),
    ("9(10)", "9999999999", 9999999999),
    ("S9(12)", "-987654321098", -987654321098),
    ("9(15)", "123456789012345", 123456789012345),
    ("S9(18)", "-123456789012345678", -123456789012345678),
    ("S9(5)V99", "-12345.67", -12345.67),
    ("9(3)V9(4)", "1.0625", 1.0625),
    ("SV99", "-.25", -0.25),
    ("S9(3)PP", "-12300", -12300),
    ("VPP99", ".0012", 0.0012),
]
USAGES = ("", "COMP", "COMP-3", "COMP-4", "COMP-5", "BINARY", "PACKED-DECIMAL")
SIGNS = ("SIGN LEADING", "SIGN TRAILING SEPARATE", "SIGN IS LEADING SEPARATE CHARACTER")

NUMERIC = [
    Case(f"PIC {picture} {usage}", text, value)
    for usage in USAGES
    for picture, text, value in NUMBERS
]
SIGNED = [
    Case(f"PIC {p} {sign}", text, value)
    for sign in SIGNS
    for p, text, value in NUMBERS
    if p[0] == "S"
]
OTHERS = [
    Case("PIC X(12)", '"it\'s here"', "it's here"),
    Case("PIC A(5)", '"Wren"', "Wren"),
    Case("PIC X(8) JUSTIFIED RIGHT", '"   right"', "right"),
    Case("COMP-1", "1.5", 1.5),
    Case("COMP-1", "-0.1", -0.1),
    Case("COMP-2", "-1234.0625", -1234.0625),
    Case("PIC S9(18) COMP-5", "-5", -5),
    *(
        Case(f"PIC {picture} COMP-6", text, value)
        for picture, text, value in NUMBERS
        if picture[0] != "S" and "P" not in picture
    ),
    *(
        Case(f"PIC {picture} {usage}", text, value)
        for usage in ("COMP-X", "COMP-N")
        for picture, text, value in NUMBERS
        if not {"P", "V"} & set(picture) and picture != "S9(12)"  # which its 5 bytes do not hold
    ),
    Case("PIC X(3) COMP-X", "16777215", 16777215),
    Case("BINARY-CHAR", "-128", -128),
    Case("BINARY-CHAR UNSIGNED", "255", 255),
    Case("BINARY-SHORT", "-2", -2),
    Case("BINARY-SHORT UNSIGNED", "65535", 65535),
    Case("BINARY-LONG SIGNED", "-2147483648", -2147483648),
    Case("BINARY-DOUBLE", "-3", -3),
    Case("FLOAT-SHORT", "1.5", 1.5),
    Case("FLOAT-LONG", "-1234.0625", -1234.0625),
    Case('PIC X(4) VALUE X"41424344"', '"abcd"', "abcd"),
]


def agrees(case: Case, words: dict[str, Any]) -> bool:
    """Where GnuCOBOL 4 is as its documentation says, and as the compiler that it imitates.

    It loses digits of a packed number with P (it shows -12300 as `-1=300`), and it gives COMP-5 of two digits one
    byte under `-std=ibm`, where IBM's own compilers give two.
    """
    if re.search("PIC [SV9()0-9]*P", case.clause) and case.clause.endswith(
        ("COMP-3", "PACKED-DECIMAL")
    ):
        return False
    short = case.clause in (
        "PIC S9(2) COMP-5",
        "PIC 9(2) COMP-5",
        "PIC SV99 COMP-5",
        "PIC VPP99 COMP-5",
    )
    return not (short and words.get("dialect") == "ibm")


PROGRAM = """\
       IDENTIFICATION DIVISION.
       PROGRAM-ID. PEER.
       ENVIRONMENT DIVISION.
       INPUT-OUTPUT SECTION.
       FILE-CONTROL.
           SELECT IN-FILE ASSIGN TO "in.dat" ORGANIZATION SEQUENTIAL.
           SELECT OUT-FILE ASSIGN TO "out.dat" ORGANIZATION SEQUENTIAL.
       DATA DIVISION.
       FILE SECTION.
       FD IN-FILE.
       COPY "a.cpy".
       FD OUT-FILE.
       01 OUT-RECORD PIC X(%(width)d).
       PROCEDURE DIVISION.
           OPEN INPUT IN-FILE. READ IN-FILE.
%(checks)s
           OPEN OUTPUT OUT-FILE.
           INITIALIZE PEER-RECORD.
%(moves)s
           MOVE PEER-RECORD TO OUT-RECORD.
           WRITE OUT-RECORD.
           STOP RUN.
"""


def copybook(cases: list[Case]) -> str:
    lines = ["       01 PEER-RECORD."]
    lines += [f"          05 F-{index} {case.clause}." for index, case in enumerate(cases)]
    return "\n".join(lines) + "\n"


def run(folder: Path, program: str, options: tuple[str, ...]) -> str:
    (folder / "peer.cob").write_text(program)
    said = ""
    for command in (["cobc", "-x", *options, "peer.cob"], ["./peer"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        said = done.stdout
    return said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), {}),
        (("-fsign=EBCDIC",), {"sign": "ebcdic"}),
        (("-std=ibm",), {"dialect": "ibm"}),
        (("-std=mvs", "-fsign=EBCDIC"), {"dialect": "ibm", "sign": "ebcdic"}),
        (("-std=mf",), {"dialect": "microfocus"}),
    ],
    ids=["default", "ebcdic signs", "ibm", "mvs", "microfocus"],
)
def test_both_write_the_same_bytes_and_read_each_others(
    tmp_path: Path, options: tuple[str, ...], words: dict[str, Any]
) -> None:
    cases = [case for case in NUMERIC + SIGNED + OTHERS if agrees(case, words)]
    record = layout(tmp_path, copybook(cases), **words)
    values = {f"f_{index}": case.value for index, case in enumerate(cases)}
    (tmp_path / "in.dat").write_bytes(record.encode(dict(values)))
    checks = "\n".join(
        f"           IF F-{i} NOT = {case.literal}\n              DISPLAY 'F-{i}' END-IF"
        for i, case in enumerate(cases)
    )
    moves = "\n".join(f"           MOVE {case.literal} TO F-{i}" for i, case in enumerate(cases))
    program = PROGRAM % {"width": record.root.widest, "checks": checks, "moves": moves}

    differing = run(tmp_path, program, options)

    assert differing == "", [cases[int(line[2:])] for line in differing.split()]
    written = (tmp_path / "out.dat").read_bytes()
    assert record.decode(written) == values
    assert written == record.encode(dict(values))


ODO = """\
       01 PEER-RECORD.
          05 HOW-MANY PIC 9(2) COMP.
          05 ENTRIES-OF OCCURS 0 TO 4 DEPENDING ON HOW-MANY.
             10 NAME PIC X(3).
             10 MARKS PIC S9(3) COMP-3 OCCURS 2.
          05 BEHIND PIC X(4).
"""

WITH_TABLE = """\
       IDENTIFICATION DIVISION.
       PROGRAM-ID. PEER.
       ENVIRONMENT DIVISION.
       INPUT-OUTPUT SECTION.
       FILE-CONTROL.
           SELECT OUT-FILE ASSIGN TO "out.dat" ORGANIZATION SEQUENTIAL.
       DATA DIVISION.
       FILE SECTION.
       FD OUT-FILE.
       01 OUT-RECORD PIC X(%(width)d).
       WORKING-STORAGE SECTION.
       COPY "a.cpy".
       LINKAGE SECTION.
       01 ALL-BYTES PIC X(%(width)d).
       PROCEDURE DIVISION.
           MOVE %(count)d TO HOW-MANY.
           MOVE "tail" TO BEHIND.
%(moves)s
           OPEN OUTPUT OUT-FILE.
           SET ADDRESS OF ALL-BYTES TO ADDRESS OF PEER-RECORD.
           MOVE ALL-BYTES TO OUT-RECORD.
           WRITE OUT-RECORD.
           STOP RUN.
"""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-std=default", "-fcomplex-odo"), {}),
        (("-std=ibm", "-fodoslide"), {"dialect": "ibm"}),
        (("-std=mf",), {"dialect": "microfocus"}),
    ],
    ids=["default", "ibm", "microfocus"],
)
@pytest.mark.parametrize("count", [0, 2, 4])
def test_what_follows_a_table_of_variable_length_stands_where_the_compiler_puts_it(
    tmp_path: Path, options: tuple[str, ...], words: dict[str, Any], count: int
) -> None:
    record = layout(tmp_path, ODO, **words)
    value: JsonObject = {
        "entries_of": [{"name": f"n{i}", "marks": [i, -i]} for i in range(count)],
        "behind": "tail",
    }
    moves = "\n".join(
        f"""\
           MOVE "n{i}" TO NAME({i + 1})
           MOVE {i} TO MARKS({i + 1} 1)
           MOVE {-i} TO MARKS({i + 1} 2)"""
        for i in range(count)
    )
    run(
        tmp_path,
        WITH_TABLE % {"width": record.root.widest, "count": count, "moves": moves},
        options,
    )

    written = (tmp_path / "out.dat").read_bytes()
    data = record.encode(value)
    assert record.decode(written[: len(data)]) == {"how_many": count, **value}
    assert record.decode(data) == {"how_many": count, **value}


def test_digits_in_ebcdic_are_what_ebcdic_signs_in_ascii_become(tmp_path: Path) -> None:
    cases = [case for case in NUMERIC if case.clause.endswith(" ")] + SIGNED + OTHERS[:3]
    values = {f"f_{index}": case.value for index, case in enumerate(cases)}
    plain = layout(tmp_path, copybook(cases), sign="ebcdic")
    for encoding in ("cp037", "cp500", "cp1140", "cp273"):
        there = layout(tmp_path, copybook(cases), encoding=encoding)
        data = there.encode(dict(values))
        assert there.decode(data) == values
        if encoding in ("cp037", "cp1140"):
            assert data == plain.encode(dict(values)).decode("ascii").encode(encoding)
    assert there.encode({"f_0": -120})[:3] == b"\xf1\xf2\xd0"


SLACK = [
    "05 A PIC X VALUE 'a'. 05 B PIC S9(9) COMP SYNC VALUE 1. 05 C PIC X VALUE 'c'.",
    "05 A PIC X(4) VALUE 'aaaa'. 05 B PIC S9(18) COMP SYNC VALUE 1.",
    "05 A PIC X(4) VALUE 'aaaa'. 05 B PIC S9(18) COMP-5 SYNCHRONIZED VALUE 1.",
    "05 A PIC X(4) VALUE 'aaaa'. 05 B COMP-2 SYNC VALUE 1. 05 C PIC X VALUE 'c'.",
    "05 A PIC X VALUE 'a'. 05 B COMP-1 SYNC VALUE 1. 05 C PIC S9(5) COMP-3 SYNC VALUE 2.",
    "05 A PIC X VALUE 'a'. 05 B PIC S9(4) COMP SYNC OCCURS 3 VALUE 7. 05 C PIC X VALUE 'c'.",
    "05 A PIC X VALUE 'a'. 05 G SYNC. 10 B PIC S9(9) COMP VALUE 1. 10 Y PIC X VALUE 'y'.",
    "05 A PIC X VALUE 'a'. 05 G OCCURS 3. 10 B PIC S9(9) COMP SYNC VALUE 1. 10 Y PIC X VALUE 'y'.",
    "05 A PIC X VALUE 'a'. 05 B PIC S9(4) COMP SYNC VALUE 1. 05 X REDEFINES B PIC X(2). 05 C PIC X VALUE 'c'.",
]
PADDED = [
    "05 A PIC X VALUE 'a'. 05 G OCCURS 2. 10 X PIC X VALUE 'x'. 10 B PIC S9(4) COMP SYNC VALUE 1. 10 Y PIC XX VALUE 'yy'.",
    "05 G OCCURS 3. 10 B PIC S9(9) COMP SYNC VALUE 1. 10 Y PIC X VALUE 'y'. 05 C PIC X VALUE 'c'.",
]
"""Where an entry of a table gets bytes of its own; IBM's compilers do it otherwise, whatever -std=ibm says."""
SHOWN = """\
       IDENTIFICATION DIVISION.
       PROGRAM-ID. PEER.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       COPY "a.cpy".
       PROCEDURE DIVISION.
           DISPLAY PEER-RECORD WITH NO ADVANCING.
           STOP RUN.
"""


def written(folder: Path, options: tuple[str, ...]) -> bytes:
    """The record as the program has it at its start."""
    (folder / "peer.cob").write_text(SHOWN)
    subprocess.run(
        ["cobc", "-w", "-x", *options, "peer.cob"], cwd=folder, check=True, capture_output=True
    )
    return subprocess.run(["./peer"], cwd=folder, check=True, capture_output=True).stdout


@pytest.mark.parametrize(
    ("options", "words", "texts"),
    [
        ((), {}, SLACK + PADDED),
        (("-std=ibm",), {"dialect": "ibm", "machine": "intel"}, SLACK),
        (("-std=mf",), {"dialect": "microfocus"}, SLACK + PADDED),
    ],
    ids=["default", "ibm", "microfocus"],
)
def test_synchronized_items_stand_where_the_compiler_puts_them(
    tmp_path: Path, options: tuple[str, ...], words: dict[str, Any], texts: list[str]
) -> None:
    for text in texts:
        lines = (
            re.sub(r"(?=\b(?:05|10) )", "\n           ", f"       01 PEER-RECORD. {text}") + "\n"
        )
        record = layout(tmp_path, lines, **words)
        given: JsonObject = {"b": [7, 7, 7]} if "SYNC OCCURS" in text else {}
        assert record.encode(given) == written(tmp_path, options), text


def test_the_room_of_national_characters_is_that_of_the_compiler(tmp_path: Path) -> None:
    """GnuCOBOL 4 leaves national characters in its own one byte a letter, and says that this will change."""
    text = "       01 PEER-RECORD.\n          05 A PIC N(3).\n          05 B PIC X VALUE '.'.\n"
    record = layout(tmp_path, text)
    there = layout(tmp_path, text, encoding="cp037")

    assert len(written(tmp_path, ())) == record.root.widest == 7
    assert record.encode({"a": "\u4e16A"}) == "\u4e16A ".encode("utf-16-le") + b"."
    assert there.encode({"a": "\u4e16A"}) == "\u4e16A ".encode("utf-16-be") + b"\x4b"
    assert there.decode(there.encode({"a": "\u4e16A"})) == {"a": "\u4e16A", "b": "."}


VARYING = """\
       IDENTIFICATION DIVISION.
       PROGRAM-ID. PEER.
       ENVIRONMENT DIVISION.
       INPUT-OUTPUT SECTION.
       FILE-CONTROL.
           SELECT IN-FILE ASSIGN TO "in.dat" ORGANIZATION SEQUENTIAL.
           SELECT OUT-FILE ASSIGN TO "out.dat" ORGANIZATION SEQUENTIAL.
       DATA DIVISION.
       FILE SECTION.
       FD IN-FILE RECORD VARYING 1 TO 40 DEPENDING ON L.
       COPY "a.cpy".
       FD OUT-FILE RECORD VARYING 1 TO 40 DEPENDING ON L.
       01 OUT-RECORD PIC X(40).
       WORKING-STORAGE SECTION.
       01 L PIC 9(4) COMP.
       01 ENDED PIC X VALUE "N".
       PROCEDURE DIVISION.
           OPEN INPUT IN-FILE. OPEN OUTPUT OUT-FILE.
           PERFORM UNTIL ENDED = "Y"
              READ IN-FILE AT END MOVE "Y" TO ENDED
              NOT AT END MOVE PEER-RECORD TO OUT-RECORD WRITE OUT-RECORD
                 DISPLAY L " " HOW-MANY
              END-READ
           END-PERFORM.
           CLOSE OUT-FILE. STOP RUN.
"""
WORDS = """\
       01 PEER-RECORD.
          05 HOW-MANY PIC 9(2).
          05 WORDS-OF PIC X(4) OCCURS 0 TO 9 DEPENDING ON HOW-MANY.
"""


def test_records_of_variable_length_are_read_and_written_by_both(tmp_path: Path) -> None:
    codec = RecordsCodec(described(layout(tmp_path, WORDS), "gnucobol"))
    lists: list[list[JsonValue]] = [[], ["one", "two", "3"], ["x"] * 9]
    records: list[JsonValue] = [{"words_of": words} for words in lists]
    (tmp_path / "in.dat").write_bytes(codec.encode(records))

    said = run(tmp_path, VARYING, ())

    assert [line.split() for line in said.splitlines()] == [
        ["0002", "00"],
        ["0014", "03"],
        ["0038", "09"],
    ]
    copied = (tmp_path / "out.dat").read_bytes()
    assert copied == codec.encode(records)
    assert codec.decode(copied) == [{"how_many": len(words), "words_of": words} for words in lists]
