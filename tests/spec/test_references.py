from __future__ import annotations

from pathlib import Path

import pytest

from drawbar.kernel.values import JsonValue
from drawbar.spec.references import References, Resolver
from drawbar.spec.source import Report, Source
from drawbar.spec.yaml12 import read_yaml

ENVIRON = {
    "HR_USER": "ann",
    "HR_PASSWORD": "hunter2",
    "EMPTY": "",
    "YAML": "{a: 1}\n- b",
    "BROKEN": "a\udcff",
}


def resolve(text: str, folder: Path = Path()) -> tuple[JsonValue, list[str], References]:
    source, _ = read_yaml(text, "f.yaml")
    report = Report(source)
    resolver = Resolver(ENVIRON, folder, report)
    return resolver.resolve(source.data), [str(p) for p in report.problems], resolver.found


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("${HR_USER}", "ann"),
        ("Bearer ${HR_USER}:${HR_PASSWORD}", "Bearer ann:hunter2"),
        ("${EMPTY}", ""),
        ("${EMPTY:-fallback}", "fallback"),
        ("${NOT_SET:-}", ""),
        ("${NOT_SET:-http://localhost:80/x}", "http://localhost:80/x"),
        ("${HR_USER:-fallback}", "ann"),
        ("${HR_USER:?say who}", "ann"),
        ("${YAML}", "{a: 1}\n- b"),
        ("$$", "$"),
        ("$${HR_USER}", "${HR_USER}"),
        ("$$$${HR_USER}", "$${HR_USER}"),
        ("$HR_USER costs 5$", "$HR_USER costs 5$"),
        ("^[0-9]{6}$", "^[0-9]{6}$"),
    ],
)
def test_a_reference_is_replaced_by_its_text_and_never_by_yaml(written: str, text: str) -> None:
    assert resolve(f"[{{key: '{written}'}}, 5]")[:2] == ([{"key": text}, 5], [])


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "${NOPE}",
            (
                "f.yaml:2:3: DB120 the environment variable NOPE is not set\n"
                "    set it, or write ${NOPE:-default}"
            ),
        ),
        ("${NOPE:?who calls?}", "f.yaml:2:3: DB120 who calls?"),
        ("${EMPTY:?}", "f.yaml:2:3: DB120 the environment variable EMPTY is not set"),
        ("${BROKEN}", "f.yaml:2:3: DB120 the environment variable BROKEN is not UTF-8"),
        (
            "${a-b}",
            (
                "f.yaml:2:3: DB122 `${` begins a reference that cannot be read\n"
                "    write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:PATH}; "
                "write $${ for the characters themselves"
            ),
        ),
        (
            "${open",
            (
                "f.yaml:2:3: DB122 `${` begins a reference that cannot be read\n"
                "    write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:PATH}; "
                "write $${ for the characters themselves"
            ),
        ),
        (
            "${file:missing}",
            "f.yaml:2:3: DB121 the file missing cannot be read: No such file or directory",
        ),
    ],
)
def test_a_reference_without_a_text_is_an_error_at_its_place(written: str, message: str) -> None:
    assert resolve(f"a:\n  b: '{written}'")[1] == [message]


def test_a_file_is_read_from_the_adapters_folder_without_its_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"two\nlines\r\n")

    value, problems, found = resolve("a: ${file:secret}", tmp_path)

    assert (value, problems) == ({"a": "two\nlines"}, [])
    assert found.secrets == {"two\nlines"}


def test_a_file_that_is_no_small_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"\x89PNG\xff")
    (tmp_path / "large").write_bytes(b"x" * 1_000_001)

    _, problems, _ = resolve("a: ${file:picture}\nb: ${file:large}\nc: ${file:.}", tmp_path)

    assert problems == [
        "f.yaml:1:1: DB121 the file picture cannot be read: it is not UTF-8",
        "f.yaml:2:1: DB121 the file large is larger than 1000000 bytes",
        "f.yaml:3:1: DB121 the file . cannot be read: Is a directory",
    ]


def test_keys_are_left_as_they_are() -> None:
    assert resolve("'${HR_USER}': 1")[0] == {"${HR_USER}": 1}


def test_texts_of_files_and_of_variables_that_sound_secret_are_remembered() -> None:
    _, _, found = resolve("a: ${HR_USER}\nb: x${HR_PASSWORD}")

    assert found.secrets == {"hunter2"}
    assert found.at["b",].texts == ("hunter2", "xhunter2")


def test_a_message_about_a_value_or_its_holder_shows_what_was_written_and_not_its_text() -> None:
    _, _, found = resolve("a: {b: '${HR_USER}@${EMPTY}', c: '${HR_PASSWORD}'}")

    assert found.hide("ann@ and hunter2", ("a",)) == "${HR_USER}@${EMPTY} and ${HR_PASSWORD}"
    assert found.hide("hunter2 is wrong", ("a", "c")) == "${HR_PASSWORD} is wrong"
    assert found.hide("about another ann", ("z",)) == "about another ann"


def test_a_report_of_nothing_is_not_broken() -> None:
    assert not Report(Source("f", {})).is_broken()
