from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

STORES = [sys.executable, "-m", "drawbar.demo.stores"]


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    path = tmp_path / "stores.dat"
    subprocess.run([*STORES, "make", str(path)], check=True)
    return path


def call(stock: Path, verb: str, record: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*STORES, verb],
        input=record,
        env={"STORES_FILE": str(stock)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_part_is_one_record_of_67_characters(stock: Path) -> None:
    assert call(stock, "lookup", "104200\n") == (
        0,
        "104200IMPELLER COOLING PUMP         B09-8 000044000016000003147EA  \n",
        "",
    )


def test_all_words_have_to_be_in_the_name(stock: Path) -> None:
    code, found, _ = call(stock, "find", "pump 24v".ljust(20))

    assert code == 0
    assert [line[6:36].rstrip() for line in found.splitlines()] == [
        "IMPELLER COOLING PUMP 24V",
        "IMPELLER BILGE PUMP 24V",
    ]


def test_an_issue_takes_the_parts_off_the_shelf_and_numbers_its_slip(stock: Path) -> None:
    first = call(stock, "issue", "1042000004KITTIWAKE   ")
    second = call(stock, "issue", "1042000040FULMAR      ")

    assert first == (0, "0040011042000004000040KITTIWAKE   \n", "")
    assert second == (0, "0040021042000040000000FULMAR      \n", "")
    assert call(stock, "lookup", "104200")[1][42:48] == "000000"


@pytest.mark.parametrize(
    ("verb", "record", "code", "message"),
    [
        ("lookup", "999999", 2, "STORES: PART 999999 NOT ON FILE\n"),
        ("issue", "1042000045KITTIWAKE   ", 3, "STORES: ONLY 44 OF 104200 ON HAND\n"),
        ("lookup", "12", 4, "STORES: PART NO '12' IS NOT SIX DIGITS\n"),
        ("issue", "1042000000KITTIWAKE   ", 4, "STORES: QUANTITY AND VESSEL ARE NEEDED\n"),
        ("find", "", 4, "STORES: NO TEXT TO LOOK FOR\n"),
    ],
)
def test_what_is_wrong_ends_with_its_own_code(
    stock: Path, verb: str, record: str, code: int, message: str
) -> None:
    assert call(stock, verb, record) == (code, "", message)


def test_a_missing_stock_file_is_told(tmp_path: Path) -> None:
    code, _, message = call(tmp_path / "none.dat", "lookup", "104200")

    assert (code, message) == (
        5,
        "STORES: the stock file cannot be read: No such file or directory\n",
    )
