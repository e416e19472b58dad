"""A real COBOL program: zoned and separate signs, implied points, its return code. Needs GnuCOBOL's `cobc`."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any  # types of fixtures live in conftest, which tests cannot import

import pytest

pytestmark = pytest.mark.skipif(
    shutil.which("cobc") is None, reason="GnuCOBOL is not installed (Debian: gnucobol4)"
)

PROGRAM = """
identification division.
program-id. stock.
environment division.
input-output section.
file-control.
    select in-file assign to keyboard organization line sequential.
    select out-file assign to display organization line sequential.
data division.
file section.
fd in-file.
01 in-rec.
   05 in-no    pic 9(6).
   05 in-qty   pic s9(5)v99.
   05 in-adj   pic s9(3)v9 sign leading separate.
   05 in-end   pic s9(4) sign trailing separate.
   05 in-note  pic x(10).
fd out-file.
01 out-rec.
   05 out-no   pic 9(6).
   05 out-qty  pic s9(6)v99.
   05 out-adj  pic s9(3)v9 sign leading separate.
   05 out-end  pic s9(4) sign trailing separate.
   05 out-note pic x(10).
procedure division.
    open input in-file
    read in-file at end move 4 to return-code stop run end-read
    if in-no = 999999
        display "NO SUCH PART" upon stderr
        move 2 to return-code
        stop run
    end-if
    open output out-file
    move in-no to out-no
    compute out-qty = in-qty * -2
    compute out-adj = in-adj - 1
    compute out-end = in-end + 1
    move in-note to out-note
    write out-rec
    close in-file out-file
    stop run.
"""

ADAPTER = """
    adapter: stock
    backend: {{kind: command, program: {program}}}
    functions:
      turn:
        description: Counts on.
        effect: write
        exit_codes: {{2: not_found}}
        parameters:
          no: {{type: string}}
          qty: {{type: number}}
          adj: {{type: number}}
          end: {{type: integer}}
          note: {{type: string}}
        stdin:
          record:
            - {{name: "no", width: 6, type: digits}}
            - {{name: qty, width: 7, type: decimal, scale: 2, sign: overpunch}}
            - {{name: adj, width: 5, type: decimal, scale: 1, sign: leading}}
            - {{name: end, width: 5, type: decimal, sign: trailing}}
            - {{name: note, width: 10}}
        stdout:
          record:
            - {{name: "no", width: 6, type: digits}}
            - {{name: qty, width: 8, type: decimal, scale: 2, sign: overpunch}}
            - {{name: adj, width: 5, type: decimal, scale: 1, sign: leading}}
            - {{name: end, width: 5, type: decimal, sign: trailing}}
            - {{name: note, width: 10}}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cobol")
    (folder / "stock.cob").write_text(PROGRAM)
    subprocess.run(
        ["cobc", "-x", "-free", "-o", "stock", "stock.cob"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "stock"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"no": "000042", "qty": 52.5, "adj": 1.5, "end": 7, "note": "FINE"},
            {"no": "000042", "qty": -105.0, "adj": 0.5, "end": 8, "note": "FINE"},
        ),
        (
            {"no": "000042", "qty": -99999.99, "adj": -998.9, "end": -1000, "note": "EDGE CASE."},
            {"no": "000042", "qty": 199999.98, "adj": -999.9, "end": -999, "note": "EDGE CASE."},
        ),
        (
            {"no": "0", "qty": 0, "adj": 0, "end": 0, "note": ""},
            {"no": "000000", "qty": 0.0, "adj": -1.0, "end": 1, "note": ""},
        ),
    ],
)
async def test_a_cobol_program_understands_what_it_gets_and_is_understood(
    given: dict[str, Any], expected: dict[str, Any], program: Path, open_command: Any
) -> None:
    stock = open_command(ADAPTER.format(program=json.dumps([str(program)])))

    assert (await stock.invoke("turn", given)).value == expected


async def test_its_return_code_is_its_no(program: Path, open_command: Any) -> None:
    stock = open_command(ADAPTER.format(program=json.dumps([str(program)])))

    error = await stock.fail("turn", {"no": "999999", "qty": 1, "adj": 1, "end": 1, "note": "x"})

    assert (error.code, error.message, error.work) == ("not_found", "NO SUCH PART", "rolled_back")
