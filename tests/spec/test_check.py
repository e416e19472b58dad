from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import Field, model_validator

from drawbar.kernel.errors import Place
from drawbar.kernel.values import Secret
from drawbar.spec.check import check, unknown_key
from drawbar.spec.model import SecretText, Spec
from drawbar.spec.names import closest, known_keys
from drawbar.spec.references import Resolver
from drawbar.spec.scalars import Duration
from drawbar.spec.source import Report, Source
from drawbar.spec.yaml12 import read_yaml


class Fruit(StrEnum):
    APPLE = "apple"
    PEAR = "pear"


class Basic(Spec):
    username: str
    password: SecretText


class Bearer(Spec):
    token: SecretText


class Tagged(Spec):
    kind: Literal["tagged"]
    size: int


class Other(Spec):
    kind: Literal["other"]


class Words(Spec):
    text: str = "x"
    number: int = Field(1, ge=1, le=9, multiple_of=1)
    above: float = Field(0.5, gt=0, lt=10)
    flag: bool = True
    either: int | float | None = None
    effect: Literal["read", "write"] = "read"
    fruit: Fruit = Fruit.APPLE
    name: str = Field("a", pattern="^[a-z]+$", min_length=1, max_length=5)
    words: tuple[str, ...] = Field((), max_length=2)
    few: tuple[int, ...] = Field((1,), min_length=1)
    from_: str | None = Field(None, alias="from", description="Where it comes from.")
    wait: Duration | None = None
    auth: Basic | Bearer | None = None
    choice: Annotated[Tagged | Other, Field(discriminator="kind")] | None = None
    codes: dict[int, str] = Field(default_factory=dict)
    nested: dict[str, list[Bearer]] = Field(default_factory=dict)
    pair: tuple[Bearer, str] | None = None
    payload: Literal["json", "text"] | Bearer | None = None
    asked: Literal["ask", True, False] = True
    only: Literal[True] = True
    nothing: None = None
    old: Optional[str] = None  # noqa: UP045 -- how people write it, too
    free: Any = None

    @model_validator(mode="after")
    def _not_bad(self) -> Words:
        if self.text == "bad":
            raise ValueError(f"{self.text} and {self.name} do not go together; write good")
        return self


def found(text: str, environ: dict[str, str] | None = None) -> list[str]:
    source, _ = read_yaml(text, "f.yaml")
    report = Report(source)
    resolver = Resolver(environ or {}, Path(), report)
    check(Words, resolver.resolve(source.data), (), report, resolver.found)
    return [str(problem).removeprefix("f.yaml:") for problem in report.problems]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text: 5", '1:1: DB111 expected a text, got the number 5\n    write it in quotes: "5"'),
        ("text: true", '1:1: DB111 expected a text, got true\n    write it in quotes: "true"'),
        ("text:", "1:1: DB111 expected a text, got nothing"),
        (
            "number: '5'",
            '1:1: DB111 expected a whole number, got the text "5"\n    write 5 without quotes',
        ),
        ("number: 1.5", "1:1: DB111 expected a whole number, got the number 1.5"),
        ("number: [1]", "1:1: DB111 expected a whole number, got a list"),
        ("number: 0", "1:1: DB112 expected at least 1, got the number 0"),
        ("number: 10", "1:1: DB112 expected at most 9, got the number 10"),
        ("above: 0", "1:1: DB112 expected more than 0.0, got the number 0"),
        ("above: 10", "1:1: DB112 expected less than 10.0, got the number 10"),
        ("flag: yes", '1:1: DB111 expected true or false, got the text "yes"'),
        ("either: x", '1:1: DB111 expected a number, got the text "x"'),
        (
            "effect: wirte",
            '1:1: DB112 expected one of read, write, got the text "wirte"\n    did you mean `write`?',
        ),
        ("effect: 5", "1:1: DB112 expected one of read, write, got the number 5"),
        (
            "payload: jsn",
            '1:1: DB112 expected one of json, text, got the text "jsn"\n    did you mean `json`?',
        ),
        ("payload: {tokn: x}", "1:11: DB101 unknown key `tokn`\n    did you mean `token`?"),
        (
            "fruit: aple",
            '1:1: DB112 expected one of apple, pear, got the text "aple"\n    did you mean `apple`?',
        ),
        (
            "name: A",
            '1:1: DB112 expected a text that matches ^[a-z]+$, got the text "A"',
        ),
        ("asked: 5", "1:1: DB112 expected one of ask, true, false, got the number 5"),
        ("only: false", "1:1: DB112 expected true, got false"),
        ("name: ''", '1:1: DB112 expected at least 1 characters, got the text ""'),
        ("name: abcdef", '1:1: DB112 expected at most 5 characters, got the text "abcdef"'),
        ("words: x", '1:1: DB111 expected a list, got the text "x"\n    write [x]'),
        (
            f"words: {'x' * 70}",
            (
                f'1:1: DB111 expected a list, got the text "{"x" * 57}..."\n'
                "    begin each element with `- `"
            ),
        ),
        ("words: {a: 1}", "1:1: DB111 expected a list, got a mapping"),
        (
            "words: [a, 2]",
            '1:12: DB111 expected a text, got the number 2\n    write it in quotes: "2"',
        ),
        ("words: [a, b, c]", "1:1: DB112 expected at most 2 entries, got a list"),
        ("few: []", "1:1: DB112 expected at least 1 entries, got a list"),
        ("from: 5", '1:1: DB111 expected a text, got the number 5\n    write it in quotes: "5"'),
        (
            "wait: 20",
            "1:1: DB113 20 is not a duration\n    write a number with its unit, such as 20s, 500ms or 2m",
        ),
        ("auth: x", "1:1: DB111 expected a mapping (key: value)"),
        ("choice: x", '1:1: DB111 expected a mapping (key: value), got the text "x"'),
        ("auth: {username: a}", "1:1: DB110 `password` of `auth` is missing\n    add `password:`"),
        ("auth: {tokn: a}", "1:8: DB101 unknown key `tokn`\n    did you mean `token`?"),
        (
            "auth: {token: 5}",
            "1:8: DB113 a secret is a text\n    refer to it with ${NAME} or ${file:PATH}",
        ),
        (
            "choice: {kind: tagged, size: x}",
            '1:24: DB111 expected a whole number, got the text "x"',
        ),
        (
            "choice: {kind: thing}",
            (
                "1:1: DB113 input tag 'thing' found using 'kind' does not match any of the expected tags: "
                "'tagged', 'other'"
            ),
        ),
        (
            "codes: {a: x}",
            "1:9: DB113 input should be a valid integer, unable to parse string as an integer",
        ),
        ("nested: {a: [{tokn: x}]}", "1:15: DB101 unknown key `tokn`\n    did you mean `token`?"),
        ("pair: [{tokn: x}, y]", "1:9: DB101 unknown key `tokn`\n    did you mean `token`?"),
        ("nothing: 1", "1:1: DB111 expected nothing (null), got the number 1"),
        ("[]", "1:1: DB111 expected a mapping (key: value), got a list"),
        ("form: x", "1:1: DB101 unknown key `form`\n    did you mean `from`?"),
        ("text: bad", "1:1: DB113 bad and a do not go together\n    write good"),
    ],
)
def test_what_is_wrong_is_told_in_plain_words_with_what_to_write(text: str, message: str) -> None:
    problems = found(text)

    assert message in problems
    if "tokn" not in text:
        assert problems == [message]


def test_every_problem_is_found_at_once() -> None:
    assert len(found("text: 5\nnumber: x\nunknown: 1\nwords: [1]\n")) == 4


def test_an_unknown_key_that_is_like_no_other_lists_those_that_are_known() -> None:
    assert found("auth: {token: a, zzz: 1}") == [
        "1:18: DB101 unknown key `zzz`\n    known here: token"
    ]


@pytest.mark.parametrize(
    "written", ["number: ${N}", "above: ${N}", "either: ${N}", "few: [1, '${N}', 3]"]
)
def test_a_number_may_come_from_a_reference(written: str) -> None:
    assert found(written, {"N": "7"}) == []


def test_true_and_false_may_come_from_a_reference() -> None:
    assert found("flag: ${F}\nwords: ['${F}']", {"F": "false"}) == []


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "number: ${N}",
            "1:1: DB111 expected a whole number, and ${N} is something else (not shown)",
        ),
        (
            "number: ${O}",
            "1:1: DB111 expected a whole number, and ${O} is something else (not shown)",
        ),
        ("number: ${B}", "1:1: DB112 expected at most 9, and ${B} is something else (not shown)"),
        (
            "wait: ${N}",
            "1:1: DB113 the value is not valid here, and ${N} is something else (not shown)",
        ),
        (
            "effect: ${N}",
            "1:1: DB112 expected one of read, write, and ${N} is something else (not shown)",
        ),
        ("text: ${X}", "1:1: DB113 ${X} and a do not go together\n    write good"),
        ("auth: {token: a, zzz: '${N}'}", "1:18: DB101 unknown key `zzz`\n    known here: token"),
    ],
)
def test_a_value_from_a_reference_is_never_shown(written: str, message: str) -> None:
    environ = {"N": "hunter2", "O": "012", "X": "bad", "B": "77"}

    problems = found(written, environ)

    assert problems == [message]


def test_secrets_become_secrets() -> None:
    report = Report(Source("f", None))
    resolver = Resolver({"PW": "hunter2"}, Path(), report)

    words = check(
        Words,
        resolver.resolve({"auth": {"username": "ann", "password": "${PW}"}}),
        (),
        report,
        resolver.found,
    )

    assert words is not None
    assert words.auth == Basic(username="ann", password=Secret("hunter2"))
    assert "hunter2" not in repr(words)
    assert "hunter2" not in words.model_dump_json()


def test_a_misspelt_key_is_answered_with_the_key_that_was_meant() -> None:
    at = ("functions", "get_customer", "descripton")
    source = Source("adapters/crm.yaml", {}, {at: Place("adapters/crm.yaml", 8, 5)})
    report = Report(source)

    unknown_key(report, at, known=["description", "operation"])

    assert [str(problem) for problem in report.problems] == [
        "adapters/crm.yaml:8:5: DB101 unknown key `descripton`\n    did you mean `description`?"
    ]


def test_an_unknown_key_where_nothing_is_known_has_no_proposal() -> None:
    report = Report(Source("f", {}))

    unknown_key(report, ("x",), known=[])

    assert [str(problem) for problem in report.problems] == ["f:1:1: DB101 unknown key `x`"]


def test_the_closest_name_ignores_capitals_and_dashes() -> None:
    assert closest("Min-Length", ["min_length", "max_length"]) == "min_length"
    assert closest("zzz", ["min_length"]) is None


def test_the_keys_of_a_model_are_found_through_unions_lists_and_mappings() -> None:
    assert set(known_keys(Words, ("auth", "Bearer"))) == {"token"}
    assert set(known_keys(Words, ("nested", "any", 0))) == {"token"}
    assert set(known_keys(Words, ("choice", "tagged"))) == {"kind", "size"}
    assert known_keys(Words, ("from",)) == {}
    assert known_keys(Words, ("old",)) == {}
    assert known_keys(Words, ("free", "x", 0)) == {}
    assert known_keys(Words, ())["from"] == "Where it comes from."
