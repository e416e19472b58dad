"""The reader of the pages notices what is wrong with them: a page that lies makes its test fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.docs_markdown import ROOT, Block, blocks
from docs.docs_reader import Reader, check_output


def block(language: str, body: str, *words: str, not_run: str | None = None) -> Block:
    return Block(ROOT / "README.md", 7, language, words, not_run, body)


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ("a\nb\n", "a\nb\n"),
        ("a\n...\nz\n", "a\nb\nc\nz\n"),
        ("...\nz\n", "z\n"),
        ("id ... is here\n", "id key_12 is here\n"),
    ],
)
def test_output_may_leave_things_out(expected: str, printed: str) -> None:
    check_output("page:1", expected, printed)


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ("a\nb\n", "a\nc\n"),
        ("a\n", "a\nb\n"),
        ("a\n...\nz\n", "a\nb\n"),
        ("id ... is here\n", "id key_12\nis here\n"),
        ("a.c\n", "abc\n"),
    ],
)
def test_output_that_differs_is_found(expected: str, printed: str) -> None:
    with pytest.raises(AssertionError, match="page:1 printed"):
        check_output("page:1", expected, printed)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (block("console", "$ drawbar call nothing_there\n"), "ended with 5, not 0"),
        (block("console", "$ drawbar show functions hr_get_leave\nhr_gone  read\n"), "printed"),
        (block("console", "$ false\n"), "ended with 1"),
        (block("console", "drawbar lint\n"), "begins with"),
        (block("ruby", "puts 1\n"), "nobody knows how to run"),
        (block("", "words\n"), "nobody knows how to run"),
        (block("yaml", "some: thing\n"), "say what it is"),
        (block("yaml", "adapter: x\nbackend: {kind: sqll}\nfunctions: {}\n"), "DB130"),
        (block("yaml", "get_it: {descripton: x, sql: select 1 as a}\n", "function=sql"), "DB101"),
        (block("yaml", "listen: {prot: 1}\n", "settings"), "DB101"),
        (block("text", "surely not\n", "output"), "printed"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_block_that_is_wrong_is_found(wrong: Block, told: str, reader: Reader) -> None:
    with pytest.raises(AssertionError, match=told):
        reader.read(wrong)


@pytest.mark.parametrize(
    ("fence", "told"),
    [
        ("```sh not-run:", "say why"),
        ("```sh skipped", "no test knows"),
        ("```yaml not-run", "no test knows"),
    ],
)
def test_a_block_is_not_left_out_without_a_reason(fence: str, told: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{fence}\nx\n```\n")

    with pytest.raises(ValueError, match=told):
        list(blocks(page))


def test_a_block_that_never_ends_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\nls\n")

    with pytest.raises(ValueError, match="never closed"):
        list(blocks(page))
