"""How many rows a routine may change, where the database counts them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drawbar.kernel.values import JsonValue

from .conftest import Office, Problems

BOOK = {
    "postgresql": "book(course text, seats integer, out booking_no integer, inout price numeric)",
    "mariadb": "book(course varchar(20), seats int, out booking_no int, inout price decimal(12,2))",
    "firebird": "book(course varchar(20), seats integer, price numeric(12,2), out booking_no integer, out total numeric(12,2))",
}
ARGUMENTS: dict[str, JsonValue] = {"course": "C-1", "seats": 2, "price": 10}


@pytest.fixture(params=BOOK)
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    url = request.getfixturevalue(f"{request.param}_routines")
    found = Office(url, tmp_path, request.param)
    yield found
    for backend in found.backends:
        await backend.close()


def function(name: str, dialect: str, words: str) -> str:
    return f"{name}: {{effect: write, call: '{BOOK[dialect]}', {words}}}\n"


async def test_a_routine_that_changes_another_number_of_rows_is_undone(office: Office) -> None:
    office.open(
        function("free", office.dialect, "expect_rows: any")
        + function("two", office.dialect, "expect_rows: 2")
        + function("one", office.dialect, "expect_rows: 1")
        + function("few", office.dialect, "max_affected_rows: 1")
        + "log: {sql: select what from log}"
    )

    one = await office.error("one", ARGUMENTS)
    few = await office.error("few", ARGUMENTS)
    before = await office.value("log")
    two = await office.value("two", ARGUMENTS)

    assert (one.code, one.work, one.facts) == ("unexpected_rows", "rolled_back", {"rows": 2})
    assert one.message == "the routine changed 2 rows, but 1 were expected; everything was undone"
    assert (few.code, few.work) == ("too_many_rows", "rolled_back")
    assert before == []
    assert isinstance(two, dict)
    assert await office.value("log") == [{"what": "book C-1"}]


async def test_the_limit_of_the_adapter_holds_for_routines_too(office: Office) -> None:
    office.options = "max_affected_rows: 1"
    office.open(function("book", office.dialect, "dry_run: explain"))

    error = await office.error("book", ARGUMENTS)

    assert error.code == "too_many_rows"


@pytest.mark.parametrize(
    ("url", "words", "told"),
    [
        ("postgresql://db/c", "effect: read", "the function reads"),
        (
            "mariadb://db/c",
            "effect: write, transaction: none",
            "what the procedure has committed cannot be undone",
        ),
    ],
)
@pytest.mark.parametrize("word", ["max_affected_rows", "expect_rows"])
def test_the_word_is_refused_where_nothing_is_counted(
    compile_functions: Problems, url: str, words: str, told: str, word: str
) -> None:
    problems = "\n".join(compile_functions(f"f: {{{words}, call: p(), {word}: 1}}", url))

    assert f"`{word}` has no meaning here: {told}" in problems
