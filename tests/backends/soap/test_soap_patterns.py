"""Regular expressions of XML Schema in the words of JSON Schema."""

from __future__ import annotations

import jsonschema_rs
import pytest

from drawbar.backends.soap.contract.patterns import translate


@pytest.mark.parametrize(
    ("pattern", "translated"),
    [
        (r"\d{6}", r"^(?:\d{6})$"),
        ("A|B", "^(?:A|B)$"),
        ("^a$", r"^(?:\^a\$)$"),
        ("a.b", r"^(?:a[^\n\r]b)$"),
        (r"\i\c*", r"^(?:[\p{L}_:][\p{L}\p{Nd}\p{M}_:.\-\u00B7]*)$"),
        (
            r"[\i-[:]][\c-[:]]*",
            r"^(?:(?:(?![:])[\p{L}_:])(?:(?![:])[\p{L}\p{Nd}\p{M}_:.\-\u00B7])*)$",
        ),
        ("[a-z-[aeiou]]", "^(?:[b-df-hj-np-tv-z])$"),
        (r"\p{Lu}\P{Nd}", r"^(?:\p{Lu}\P{Nd})$"),
        (r"\p{IsBasicLatin}*", r"^(?:[\x00-\x7F]*)$"),
        (r"[\p{IsBasicLatin}é]", r"^(?:[\x00-\x7Fé])$"),
        ("[[]", r"^(?:[\[])$"),
        (r"\p{IsTamil}", None),
        ("[a", None),
        ("(a", None),
        ("a\\", None),
    ],
)
def test_a_pattern_is_rewritten_or_given_up(pattern: str, translated: str | None) -> None:
    assert translate(pattern) == translated


@pytest.mark.parametrize(
    ("pattern", "fits", "not_"),
    [
        ("[a-z-[aeiou]]+", ["xyz"], ["xay", ""]),
        (r"\i\c*", ["a:b-1", "é"], ["1a", "-"]),
        ("^a$", ["^a$"], ["a"]),
        ("ab|cd", ["ab", "cd"], ["abd", "abcd"]),
    ],
)
def test_a_rewritten_pattern_takes_what_the_contract_takes(
    pattern: str, fits: list[str], not_: list[str]
) -> None:
    validator = jsonschema_rs.Draft202012Validator({"pattern": translate(pattern)})

    assert [validator.is_valid(each) for each in fits] == [True] * len(fits)
    assert [validator.is_valid(each) for each in not_] == [False] * len(not_)
