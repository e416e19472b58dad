"""The same copybook in a GnuCOBOL program: both write the same bytes, and each reads the other's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from copybook_layouts import layout
from drawbar.kernel.values import JsonObject


@pytest.fixture(autouse=True)
def _compiler() -> None:
    if shutil.which("cobc") is None:
        if os.environ.get("DRAWBAR_TEST_REQUIRE_SERVICES") == "1":
            pytest.fail("cobc is not installed")
        pytest.skip("cobc (GnuCOBOL) is not installed")


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
