"""What an LDAP adapter is told when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from drawbar.testing.kinds import compiled

HEAD = """\
adapter: people
backend:
  kind: ldap
  url: {url}
  base: dc=example
{more}functions:
  any:
    description: Any.
{words}
"""
SEARCH = "    search: (objectClass=*)"


def problems(
    words: str = SEARCH, more: str = "", url: str = "ldap://127.0.0.1"
) -> list[tuple[int, str, str]]:
    text = HEAD.format(words=words, more=more, url=url)
    found = compiled(text, Path()).problems
    return [(each.place.line, each.code, each.message) for each in found]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("objectClass=*", "a ( is missing before `objectClass=*`"),
        ("(&(a=b)(c=d)", "its last ) is missing"),
        ("(a=b", "the ) after `a=b` is missing"),
        ("(a=b)(c=d)", "`(c=d)` comes after its end"),
        ("(!(a=b)(c=d))", "`!` takes one condition, `&` and `|` one or more"),
        ("(&)", "`!` takes one condition, `&` and `|` one or more"),
        (
            "({name}=b)",
            "`{name}=b` is no condition: a parameter stands for a value, never for an attribute",
        ),
        (r"(a=x\zz)", r"`x\zz` has a \ without two digits; write \5c for it"),
        ("(a=x**y)", "`x**y` has two stars side by side"),
        ("(a=x})", "`x}` has a brace that stands alone; write {name} for a parameter"),
    ],
)
def test_a_filter_that_is_none(condition: str, said: str) -> None:
    assert problems(f"    search: '{condition}'\n    parameters: {{name: {{type: string}}}}")[
        0
    ] == (
        9,
        "DB954",
        f"this is no filter: {said}",
    )


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        ("    search: (a={nam})\n    parameters: {name: {type: string}}", "DB956", 9),
        ("    search: (a={x})\n    parameters: {x: {type: object, properties: {y: {type: string}}}}", "DB956", 9),
        ("    search: (a={x})\n    parameters: {x: {type: string, optional: true}}", "DB956", 9),
        ("    search: (|(a=b)(a={x}))\n    parameters: {x: {type: string, optional: true}}", "DB956", 9),
        ("    search: (&(a=b)(!(a={x})))\n    parameters: {x: {type: string, optional: true}}", "DB956", 9),
        (f"{SEARCH}\n    parameters: {{x: {{type: string}}}}", "DB956", 10),
        (f"{SEARCH}\n    base: people", "DB955", 10),
        (f"{SEARCH}\n    entry: dc=example", "DB957", 10),
        (f"{SEARCH}\n    attributes: {{x: 'a b'}}", "DB958", 10),
        ("    entry: dc=example", "DB957", 7),
        ("    entry: dc=example\n    delete: true", "DB959", 10),
        ("    effect: write\n    entry: dc=example\n    modify: {}", "DB957", 11),
        ("    effect: write\n    modify: {replace: {a: b}}", "DB955", 7),
        ("    effect: write\n    entry: dc=example\n    scope: one\n    modify: {replace: {a: b}}", "DB957", 11),
        ("    entry: dc=example\n    compare: {a: x, b: y}", "DB957", 10),
    ],
)  # fmt: skip
def test_words_that_do_not_fit(words: str, code: str, line: int) -> None:
    assert (line, code) in [(place, each) for place, each, _ in problems(words)], problems(words)


@pytest.mark.parametrize(
    ("url", "more", "code"),
    [
        ("http://x", "", "DB951"),
        ("ldap://x/dc=y", "", "DB951"),
        ("ldap://x:y", "", "DB951"),
        ("ldaps://x", "  starttls: true\n", "DB951"),
        ("ldap://x", "  tls: {}\n", "DB951"),
        ("ldap://x", "  identity: u:admin\n", "DB952"),
        ("ldap://x", '  identity: "dn:{caller.subject}"\n', "DB952"),
        ("ldap://x", '  identity: "dn:uid={caller.name},dc=x"\n', "DB952"),
        ("ldaps://x", "  auth: {simple: {dn: cn=a, password: ''}}\n", "DB952"),
        ("ldaps://x", "  auth: {external: true}\n", "DB952"),
        ("ldap://x", "  auth: {simple: {dn: cn=a, password: b}}\n", "DB953"),
    ],
)
def test_a_backend_that_cannot_be_asked_so(url: str, more: str, code: str) -> None:
    assert [each for _, each, _ in problems(more=more, url=url)] == [code]


def test_a_broken_filter_is_the_only_thing_that_is_told() -> None:
    found = problems("    search: (cn={name}\n    parameters: {name: {type: string}}")

    assert [code for _, code, _ in found] == ["DB954"]


def test_what_is_enforced_is_published() -> None:
    text = HEAD.format(
        url="ldap://127.0.0.1",
        more="",
        words="    search: (&(cn=*{name}*)(sn={exact}))\n    base: ou={unit},dc=example\n"
        "    parameters: {name: {type: string}, exact: {type: string}, unit: {type: string}}",
    )
    [function] = compiled(text, Path()).functions

    patterns = {each.name: each.schema.get("pattern") for each in function.parameters}
    assert patterns == {"name": r"\S", "exact": None, "unit": r"\S"}
