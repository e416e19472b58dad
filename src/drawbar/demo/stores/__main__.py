"""The stores program: a verb as its argument, one fixed-width record on standard input, records out.

    LOOKUP  part_no 6                          -> part record
    FIND    text 20                            -> part records, a line each
    ISSUE   part_no 6, quantity 4, vessel 12   -> slip record

    part record  part_no 6  text 30  bin 6  on_hand 6  reorder_at 6  price 9 (2 decimals, implied)  unit 4
    slip record  slip_no 6  part_no 6  quantity 4  left 6  vessel 12

Text is padded on the right with blanks, numbers on the left with zeros; a price of 000001250 is
12.50. It ends with 0; 2 where there is no such part, 3 where the stock does not suffice, 4 where the
record cannot be read, 5 where the stock file cannot. Messages go to standard error.
"""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path
from typing import BinaryIO

from drawbar.demo.stores.stock import RECORD, write_stock

NOT_FOUND, NOT_ENOUGH, BAD_RECORD, NO_FILE = 2, 3, 4, 5
ON_HAND = slice(42, 48)
FIRST_SLIP = 4000


class StoresError(Exception):
    """Ends the program with a code and a message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def main(arguments: list[str]) -> int:
    match arguments:
        case ["make", path]:
            write_stock(Path(path))
            return 0
        case [("lookup" | "find" | "issue") as verb]:
            try:
                sys.stdout.write(_answer(verb))
            except StoresError as error:
                sys.stderr.write(f"STORES: {error}\n")
                return error.code
            return 0
        case _:
            sys.stderr.write("usage: stores lookup | find | issue | make FILE\n")
            return BAD_RECORD


def _answer(verb: str) -> str:
    record = sys.stdin.read().rstrip("\r\n")
    try:
        with Path(os.environ.get("STORES_FILE", "stores.dat")).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # one clerk at a time, as since 1987
            if verb == "find":
                return _find(file, record)
            at, part = _seek(file, record[:6])
            return part + "\n" if verb == "lookup" else _issue(file, at, part, record)
    except OSError as error:
        raise StoresError(NO_FILE, f"the stock file cannot be read: {error.strerror}") from error


def _records(file: BinaryIO) -> list[str]:
    file.seek(0)
    text = file.read().decode("ascii")
    return [text[at : at + RECORD] for at in range(0, len(text) - RECORD + 1, RECORD + 1)]


def _seek(file: BinaryIO, part_no: str) -> tuple[int, str]:
    """The place of a part's record in the file, and the record."""
    if len(part_no) != len("000000") or not part_no.isdigit():
        raise StoresError(BAD_RECORD, f"PART NO {part_no!r} IS NOT SIX DIGITS")
    for index, part in enumerate(_records(file)):
        if part.startswith(part_no):
            return index * (RECORD + 1), part
    raise StoresError(NOT_FOUND, f"PART {part_no} NOT ON FILE")


def _find(file: BinaryIO, record: str) -> str:
    wanted = record.strip().upper()
    if not wanted:
        raise StoresError(BAD_RECORD, "NO TEXT TO LOOK FOR")
    found = [part for part in _records(file) if all(word in part[6:36] for word in wanted.split())]
    return "".join(f"{part}\n" for part in found)


def _issue(file: BinaryIO, at: int, part: str, record: str) -> str:
    quantity, vessel = record[6:10], record[10:22].strip()
    if not quantity.isdigit() or int(quantity) == 0 or not vessel:
        raise StoresError(BAD_RECORD, "QUANTITY AND VESSEL ARE NEEDED")
    left = int(part[ON_HAND]) - int(quantity)
    if left < 0:
        raise StoresError(NOT_ENOUGH, f"ONLY {int(part[ON_HAND])} OF {part[:6]} ON HAND")
    file.seek(at + ON_HAND.start)
    file.write(f"{left:06d}".encode())
    file.flush()
    return f"{_next_slip():06d}{part[:6]}{quantity}{left:06d}{vessel:<12.12}\n"


def _next_slip() -> int:
    """The slip book is a file beside the stock; the lock on the stock guards it too."""
    book = Path(os.environ.get("STORES_FILE", "stores.dat") + ".slips")
    number = int(book.read_text("ascii")) + 1 if book.exists() else FIRST_SLIP + 1
    book.write_text(str(number), "ascii")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
