from __future__ import annotations

from pathlib import Path

import pytest

from drawbar.kernel.errors import OperatorError
from drawbar.spec.lock import FILE, drifted, hash_of, read_lock, write_lock


def test_what_is_kept_is_read_again_and_other_adapters_stay(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == {}

    write_lock(tmp_path, "b", {"types": {"orders.total": "numeric(10,2)", "orders.no": "012"}})
    write_lock(tmp_path, "a", {"made": {"source": "x: ${HOME} # no"}, "files": {}})
    write_lock(tmp_path, "b", {"functions": {"P.Get": "get"}})

    assert read_lock(tmp_path) == {
        "a": {"made": {"source": "x: ${HOME} # no"}},
        "b": {
            "types": {"orders.no": "012", "orders.total": "numeric(10,2)"},
            "functions": {"P.Get": "get"},
        },
    }


def test_a_fact_is_a_line_in_a_fixed_order_so_that_branches_merge(tmp_path: Path) -> None:
    write_lock(tmp_path, "b", {"z": {"two": "2", "one": "1"}, "a": {"k": "v"}})
    first = (tmp_path / FILE).read_text()

    write_lock(tmp_path, "b", {"a": {"k": "v"}, "z": {"one": "1", "two": "2"}})

    assert (tmp_path / FILE).read_text() == first
    assert first.splitlines()[1:] == [
        "b:",
        "  a:",
        "    k: v",
        "  z:",
        '    one: "1"',
        '    two: "2"',
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a:\n<<<<<<< ours\n  x: 1\n=======\n", "take one side of a merge, or make it anew"),
        ("a: text\n", "holds 'text' where an adapter has its facts"),
        ("a: {made: [1]}\n", "holds [1] where an adapter has its facts"),
        ("- a\n", "holds ['a'] where an adapter has its facts"),
    ],
)
def test_a_lock_that_is_not_what_was_written_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / FILE).write_text(text)

    with pytest.raises(OperatorError) as raised:
        read_lock(tmp_path)

    assert told in str(raised.value)
    assert FILE in str(raised.value)


def test_a_lock_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00")

    with pytest.raises(OperatorError, match="cannot be read"):
        read_lock(tmp_path)


def test_files_that_changed_or_went_are_named(tmp_path: Path) -> None:
    (tmp_path / "same").write_bytes(b"1")
    (tmp_path / "changed").write_bytes(b"2")
    files = {name: hash_of(b"1") for name in ("same", "changed", "gone")}

    assert drifted(tmp_path, {"files": files}) == ["`changed` has changed", "`gone` is missing"]
    assert drifted(tmp_path, {}) == []
