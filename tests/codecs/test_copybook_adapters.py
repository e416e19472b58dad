"""Copybooks as adapters name them: their fields are parameters, and go over any transport."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drawbar.compiler.toolset import CompiledAdapter
from drawbar.kernel.outcome import Refused, Succeeded
from drawbar.testing.kinds import compiled, opened

COPYBOOK = """\
       01  BOOK-REQUEST.
           05  TRANS-ID        PIC X(4).
           05  CUSTOMER.
               10  CUSTOMER-NO PIC 9(6).
               10  NAME        PIC X(8).
           05  AMOUNT          PIC S9(3)V99 COMP-3.
           COPY REST.
       01  BOOK-REPLY.
           05  STATUS-OF       PIC XX.
           05  BALANCE         PIC S9(5)V99.
"""

ADAPTER = """\
adapter: peer
backend: {kind: tcp, address: "127.0.0.1:%(port)d", framing: {length: 2}}
functions:
  book:
    effect: write
    description: Book.
    request: {copybook: books.cpy, record: BOOK-REQUEST, encoding: cp037, texts: [CUSTOMER-NO]}
    reply: {copybook: books.cpy, record: BOOK-REPLY, encoding: cp037}
    succeeds_when: {status_of: "00"}
    parameters:
      trans_id: {const: BOOK}
      number: {to: request.customer.customer_no, description: Six digits.}
      amount: {maximum: 5000, description: Euro.}
"""


def found(folder: Path, text: str) -> CompiledAdapter:
    (folder / "books.cpy").write_text(COPYBOOK)
    (folder / "rest.cpy").write_text("           05  NOTE-TEXT PIC X(5) VALUE SPACES.\n")
    return compiled(text, folder)


def test_the_fields_are_parameters_and_the_author_says_what_they_cannot(tmp_path: Path) -> None:
    adapter = found(tmp_path, ADAPTER % {"port": 1})

    assert adapter.problems == ()
    [book] = adapter.functions
    text = r"^[^\x00-\x1f\x7f]{0,%d}$"
    assert book.schema["properties"] == {
        "amount": {
            "type": "number",
            "minimum": -999.99,
            "maximum": 999.99,
            "multipleOf": 0.01,
            "description": "Euro.",
        },
        "note_text": {"type": "string", "pattern": text % 5},
        "number": {"type": "string", "pattern": "^[0-9]{1,6}$", "description": "Six digits."},
    }
    assert {file.name for file in adapter.files} >= {"books.cpy", "rest.cpy"}


async def test_records_in_ebcdic_go_over_a_socket(tmp_path: Path) -> None:
    requests: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        requests.append(await reader.readexactly(length))
        reply = "00001234".encode("cp037") + b"\xd5"
        writer.write(len(reply).to_bytes(2, "big") + reply)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    text = ADAPTER % {"port": server.sockets[0].getsockname()[1]}
    found(tmp_path, text)
    async with server, opened(text, tmp_path) as gateway:
        outcome = await gateway.call("book", {"number": "17", "amount": -1.5, "note_text": "soon"})
        refused = await gateway.call("book", {"number": "17", "amount": 1000, "note_text": ""})

    assert isinstance(outcome, Succeeded), outcome
    assert outcome.value == {"status_of": "00", "balance": -123.45}
    name = "BOOK000017        ".encode("cp037")
    assert requests == [name + b"\x00\x15\x0d" + "soon ".encode("cp037")]
    assert isinstance(refused, Refused)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("amount: {", "amont: {type: number, ", "DB806 parameter `amont`: it goes nowhere"),
        ("customer.customer_no", "customer.number", "DB202 the backend's contract has no input"),
        (
            "{const: BOOK}",
            "{type: array, items: {type: string}}",
            "DB804 parameter `trans_id`: type array",
        ),
        ("record: BOOK-REQUEST", "record: BOOK-REQEST", "did you mean `BOOK-REQUEST`?"),
        ("texts: [CUSTOMER-NO]", "fields: [AMOUT]", "did you mean `amount`?"),
    ],
)
def test_what_does_not_go_with_the_copybook_is_told(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    text = (ADAPTER % {"port": 1}).replace(old, new)

    problems = [str(problem) for problem in found(tmp_path, text).problems]

    assert any(told in problem for problem in problems), problems


def test_many_records_are_one_parameter_a_list(tmp_path: Path) -> None:
    text = (ADAPTER % {"port": 1}).replace("BOOK-REQUEST, ", "BOOK-REQUEST, many: true, ")
    text = text[: text.index("    parameters:")]

    adapter = found(tmp_path, text)

    assert adapter.problems == ()
    [book] = adapter.functions
    assert list(book.schema["properties"]) == ["book_request"]  # type: ignore[arg-type]
    entry = {"trans_id": "A", "customer": {"customer_no": "1", "name": "N"}, "amount": 1}
    data = book.binding.encode({"book_request": [entry, entry]})
    assert len(data) == 2 * 26
