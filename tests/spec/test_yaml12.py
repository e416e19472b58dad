from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drawbar.kernel.errors import Place
from drawbar.kernel.values import JsonValue
from drawbar.spec.load import read_source
from drawbar.spec.yaml12 import MAX_ALIASED, MAX_DEPTH, read_yaml


def data_of(text: str) -> JsonValue:
    source, problems = read_source(text, "f.yaml")
    assert problems == []
    return source.data


def problems_of(text: str) -> list[str]:
    return [str(problem) for problem in read_source(text, "f.yaml")[1]]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("+7", 7),
        ("0", 0),
        ("0o14", 12),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("12:30:45", "12:30:45"),
        ("2026-03-31", "2026-03-31"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("-", None),
        (".", "."),
        ("1.2.3", "1.2.3"),
        ("'012'", "012"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("18446744073709551615", 2**64 - 1),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(written: str, meant: JsonValue) -> None:
    expected = [None] if written == "-" else meant
    assert data_of(f"key: {written}" if written != "-" else "key:\n  -") == {"key": expected}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "012",
            (
                "f.yaml:1:6: DB103 012 can be read as a number, an octal number or a text\n"
                '    write 12 for the number, "012" for the text'
            ),
        ),
        (
            "-007.5",
            (
                "f.yaml:1:6: DB103 -007.5 can be read as a number, an octal number or a text\n"
                '    write -7.5 for the number, "-007.5" for the text'
            ),
        ),
        (
            "00.5",
            (
                "f.yaml:1:6: DB103 00.5 can be read as a number, an octal number or a text\n"
                '    write 0.5 for the number, "00.5" for the text'
            ),
        ),
        (
            "000",
            (
                "f.yaml:1:6: DB103 000 can be read as a number, an octal number or a text\n"
                '    write 0 for the number, "000" for the text'
            ),
        ),
        (
            ".inf",
            (
                "f.yaml:1:6: DB103 .inf cannot be written in JSON, so no backend could get it\n"
                '    write a finite number, or the text ".inf" in quotes'
            ),
        ),
        (
            "1e999",
            (
                "f.yaml:1:6: DB103 1e999 cannot be written in JSON, so no backend could get it\n"
                '    write a finite number, or the text "1e999" in quotes'
            ),
        ),
        (
            ".NaN",
            (
                "f.yaml:1:6: DB103 .NaN cannot be written in JSON, so no backend could get it\n"
                '    write a finite number, or the text ".NaN" in quotes'
            ),
        ),
        (
            "18446744073709551616",
            (
                "f.yaml:1:6: DB103 the number 18446744073709551616 is larger than 64 bits\n"
                "    write it as a text, in quotes"
            ),
        ),
        (
            "9" * 50,
            (
                f"f.yaml:1:6: DB103 the number {'9' * 40} is larger than 64 bits\n"
                "    write it as a text, in quotes"
            ),
        ),
        (
            "!!int '3'",
            "f.yaml:1:6: DB104 the tag !!int is not used here\n    remove it; quotes make a text",
        ),
    ],
)
def test_a_scalar_that_is_read_in_two_ways_is_refused_with_both_ways_to_write_it(
    written: str, message: str
) -> None:
    assert problems_of(f"num: {written}") == [message]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: b: c",
            (
                "f.yaml:1:5: DB100 a second colon stands in this value, or the line is indented too far\n"
                '    put a text that holds ": " in quotes, or align the key with the keys above'
            ),
        ),
        (
            "a: 1\n\tb: 2",
            "f.yaml:2:1: DB100 a tab stands where YAML wants blanks\n    indent with blanks only",
        ),
        (
            "a: @x",
            "f.yaml:1:4: DB100 a text without quotes cannot begin with @\n    put the whole text in quotes",
        ),
        (
            "a: 'x",
            "f.yaml:1:6: DB100 the file ends inside a text in quotes\n    close the quotes",
        ),
        (
            "a: [1, 2",
            (
                "f.yaml:2:1: DB100 this list in brackets is not closed, or a comma is missing\n"
                "    separate its elements with commas and close it with ]"
            ),
        ),
        (
            "a: {b: 1",
            (
                "f.yaml:2:1: DB100 this mapping in braces is not closed, or a comma is missing\n"
                "    separate its entries with commas and close it with }"
            ),
        ),
        (
            'a: "\\q"',
            (
                "f.yaml:1:5: DB100 the backslash in this text in double quotes begins no known escape\n"
                "    write \\\\ for a backslash, or use single quotes"
            ),
        ),
        (
            "a: 'x' y",
            (
                "f.yaml:1:8: DB100 this line does not belong to the keys above it\n"
                "    indent it like the other keys, and close every quote and bracket before it"
            ),
        ),
        (
            "- a\nb: 1",
            (
                "f.yaml:2:1: DB100 this line does not belong to the list above it\n"
                "    begin each element with `- `, all at the same column"
            ),
        ),
        (
            "é: x\nb: \x07",
            (
                "f.yaml:2:4: DB100 the character U+0007 cannot be part of a YAML file\n"
                '    remove it, or write it in double quotes as an escape such as "\\x07"'
            ),
        ),
        (
            "[a]\nb: 1",
            (
                "f.yaml:2:1: DB100 this line does not belong to what stands above it\n"
                "    align it with the first key of the file"
            ),
        ),
        (
            "%YAML 9.9\n---\na: 1",
            "f.yaml:1:1: DB100 this is not YAML: found incompatible YAML document",
        ),
    ],
)
def test_what_is_no_yaml_is_told_in_plain_words_at_its_place(text: str, message: str) -> None:
    source, problems = read_source(text, "f.yaml")

    assert source.data is None
    assert [str(problem) for problem in problems] == [message]


def test_the_parser_without_libyaml_reads_the_same() -> None:
    text = "adapter: hr\nlist: [a, {b: no}]\nagain: &x {c: 1}\nalias: *x\n"

    quick, plain = read_yaml(text, "f"), read_yaml(text, "f", yaml.SafeLoader)

    assert quick == plain
    assert dict(quick[0].places) == dict(plain[0].places)


@pytest.mark.parametrize(
    ("text", "at"), [("a: b: c", "1:5"), ("a: [1", "1:6"), ("a: \x07", "1:4"), ("\ta: 1", "1:1")]
)
def test_the_parser_without_libyaml_finds_the_same_places(text: str, at: str) -> None:
    _, problems = read_yaml(text, "f", yaml.SafeLoader)

    assert [str(problem).split(": ")[0] for _, problem in problems] == [f"f:{at}"]


def test_a_key_that_is_written_twice_names_the_first_place_and_the_first_value_stays() -> None:
    source, problems = read_source("a: 1\nb:\n  c: 1\nb: 2\na: 3\n", "f.yaml")

    assert source.data == {"a": 1, "b": {"c": 1}}
    assert [str(problem) for problem in problems] == [
        "f.yaml:4:1: DB102 `b` was written before, at f.yaml:2:1\n    keep one of the two",
        "f.yaml:5:1: DB102 `a` was written before, at f.yaml:1:1\n    keep one of the two",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "<<: {a: 1}",
            (
                "f.yaml:1:1: DB104 merge keys (`<<`) are not part of YAML 1.2\n"
                "    write the keys out, or give the whole value an anchor (&name) and repeat it (*name)"
            ),
        ),
        ("~: 1", "f.yaml:1:1: DB104 a key is missing before the colon"),
        (
            "? [a]\n: 1",
            "f.yaml:1:3: DB104 a key has to be a text\n    write a name before the colon",
        ),
        (
            "a: &x b\n*x : 1",
            "f.yaml:2:1: DB104 an alias cannot be a key\n    write the key out",
        ),
        (
            "a: *x",
            (
                "f.yaml:1:4: DB104 nothing above is called &x\n"
                '    a text that begins with `*` is written in quotes: "*..."'
            ),
        ),
        ("a: &x {b: *x}", "f.yaml:1:11: DB104 *x stands inside what it repeats"),
        (
            "a: !!set {b}",
            "f.yaml:1:4: DB104 the tag !!set is not used here\n    remove it; quotes make a text",
        ),
        (
            "a: 1\n---\nb: 2",
            "f.yaml:2:1: DB104 a second document (`---`) begins here\n    put it into a file of its own",
        ),
        (
            "%YAML 1.1\n---\na: 1",
            "f.yaml:1:1: DB104 this file is read as YAML 1.2\n    remove the %YAML line",
        ),
    ],
)
def test_what_the_language_leaves_out_of_yaml_is_refused_with_what_to_write(
    text: str, message: str
) -> None:
    assert problems_of(text) == [message]


def test_an_alias_repeats_a_value_with_its_places() -> None:
    source, problems = read_source("a: &x {b: [1]}\nc: *x\nd: &s text\ne: *s\n", "f.yaml")

    assert problems == []
    assert source.data == {"a": {"b": [1]}, "c": {"b": [1]}, "d": "text", "e": "text"}
    assert source.place(("c",)) == Place("f.yaml", 2, 1)
    assert source.place(("c", "b", 0)) == Place("f.yaml", 1, 12)


def test_a_few_lines_cannot_become_a_billion_values() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 10)
    ]

    assert problems_of("\n".join(lines)) == [
        f"f.yaml:5:45: DB104 aliases repeat more than {MAX_ALIASED} values\n    use fewer"
    ]


def test_a_bottomless_file_is_refused() -> None:
    assert problems_of("[" * 5000) == [
        f"f.yaml:1:61: DB104 nested more than {MAX_DEPTH} levels deep"
    ]


def test_an_empty_file_has_no_data_and_no_problem() -> None:
    assert [data_of(text) for text in ("", "# only a comment\n", "---\n", "\ufeff")] == [None] * 4


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert data_of("\ufeffa: 1") == {"a": 1}


def test_every_key_and_every_element_has_its_place() -> None:
    source, _ = read_source("a: 1\nb:\n  - x\n  - {c: ä, d: 2}\n", "f.yaml")

    assert {at: (place.line, place.column) for at, place in source.places.items()} == {
        (): (1, 1),
        ("a",): (1, 1),
        ("b",): (2, 1),
        ("b", 0): (3, 5),
        ("b", 1): (4, 5),
        ("b", 1, "c"): (4, 6),
        ("b", 1, "d"): (4, 12),
    }
    assert len(source.places) == 7


def test_a_scalar_or_a_list_can_be_the_whole_file() -> None:
    assert [data_of("just a text"), data_of("- 1\n- 2"), data_of("&x 5")] == [
        "just a text",
        [1, 2],
        5,
    ]


texts = st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF), max_size=8)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=15,
)


@given(json_values)
def test_json_is_read_as_what_it_is(value: JsonValue) -> None:
    import json  # noqa: PLC0415 -- its floats are shortest, as ours are read

    assert data_of(json.dumps(value)) == value


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    source, problems = read_source(text, "f.yaml")

    assert (
        problems
        or source.data is None
        or isinstance(source.data, (str, bool, int, float, list, dict))
    )
