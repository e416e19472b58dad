from __future__ import annotations

import pytest

from drawbar.spec.cut import cut_of
from drawbar.spec.yaml12 import read_yaml

KEYS = ("functions", "tests")


def cut(text: str) -> str | None:
    found = cut_of(text, read_yaml(text, "a.yaml")[0], KEYS)
    return None if found is None else found.apply(text)


def test_sections_are_left_out_and_every_line_keeps_its_number() -> None:
    text = (
        "adapter: hr # people\n\nfunctions:\n  get: {}\n\n  # a note\n  set: {}\nbackend:\n  kind: echo\n"
        "tests:\n- one\n- two"
    )

    assert cut(text) == (
        "adapter: hr # people\n\nfunctions: {}\n\n\n\n\nbackend:\n  kind: echo\ntests: []\n\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "adapter: hr\nbackend: {kind: echo}\n",
        "functions: {a: 1}\n",
        "\ufefffunctions:\n  a: 1\nx: 1\n",
        "x: 1\r\nfunctions:\r\n  a: 1\r\ny: 2\r\n",
        "---\nx: 1\nfunctions:\n  a: |\n    text\n    # no note\n\ny: 2\n...\n",
    ],
)
def test_the_rest_reads_as_it_did(text: str) -> None:
    whole, _ = read_yaml(text, "a.yaml")
    rest = cut(text)

    assert rest is not None
    read, problems = read_yaml(rest, "a.yaml")
    assert problems == []
    for key in KEYS:
        whole, read = whole.without(key), read.without(key)
    assert (read.data, dict(read.places)) == (whole.data, dict(whole.places))


@pytest.mark.parametrize(
    "text",
    [
        "{functions: {a: 1}, x: 1}",
        "functions:\n  a: &n 1\nx: *n\n",
        "x: 1\ry: 2\nfunctions: {a: 1}\nz: 3\n",
        "- functions\n",
        "functions: [1\n",
    ],
)
def test_where_the_rest_would_be_something_else_nothing_is_cut(text: str) -> None:
    assert cut(text) is None
