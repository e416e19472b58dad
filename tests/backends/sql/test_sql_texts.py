"""Texts that functions have in common are read once, and mean in each of them what they would mean alone."""

from __future__ import annotations

import pytest

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.parse import Known, Parsed, parse

from .conftest import URLS, Compiler, compile_text

ONE = """\
{name}:
  parameters: {{x: {{type: {type}}}}}
  sql: select a, b from t where a = :x
"""
TWO = """\
{name}:
  parameters: {{x: {{type: {type}}}}}
  sql: select a, b from t where a in :x
"""


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were read, in their order."""
    texts: list[str] = []

    def counting(sql: str, dialect: Dialect, known: dict[str, Known], *, condition: bool) -> Parsed:
        texts.append(sql)
        return parse(sql, dialect, known, condition=condition)

    monkeypatch.setattr("drawbar.backends.sql.compile.author.parse", counting)
    return texts


def test_a_statement_of_several_functions_is_read_once(compiler: Compiler, read: list[str]) -> None:
    text = "".join(ONE.format(name=name, type="string") for name in "fgh")

    compiled = compile_text(text, URLS["sqlite"], compiler.folder)

    alone = compile_text(ONE.format(name="f", type="string"), URLS["sqlite"], compiler.folder)
    assert len(read) == 2
    assert [plan.binding for plan in compiled.plans.values()] == [alone.plans["f"].binding] * 3


def test_a_statement_whose_names_mean_something_else_is_read_again(
    compiler: Compiler, read: list[str]
) -> None:
    types = ("string", "array, items: {type: string}", "string")
    text = "".join(
        TWO.format(name=name, type=type_) for name, type_ in zip("fgh", types, strict=True)
    )

    found = compile_text(text, URLS["sqlite"], compiler.folder)

    errors = [each.message for each in found.problems if each.severity == "error"]
    assert list(found.plans) == ["g"]
    assert len(errors) == 2
    assert "needs a list" in errors[0]
    assert len(read) == 3


def test_what_is_wrong_is_told_of_each_function(compiler: Compiler, read: list[str]) -> None:
    text = "".join(f"{name}:\n  sql: select a, b a from t\n" for name in "fg")

    problems = compiler.problems(text)

    assert [each.split(" ")[1] for each in problems] == ["DB313", "DB313"]
    assert len(read) == 1
