from __future__ import annotations

import sys
from pathlib import Path

import pytest

from drawbar.backends.sql import KIND
from drawbar.compiler import maker
from drawbar.compiler.maker import maker_of


@pytest.fixture(autouse=True)
def _anew() -> None:
    maker._maker_of.cache_clear()


def changed(before: str, kind: object = KIND) -> bool:
    maker._maker_of.cache_clear()
    return maker_of(kind) != before


def test_it_stays_the_same_while_nothing_changes() -> None:
    assert not changed(maker_of(KIND))


def test_another_python_is_another_maker(monkeypatch: pytest.MonkeyPatch) -> None:
    before = maker_of(KIND)

    monkeypatch.setattr(sys, "version", "3.99.0")

    assert changed(before)


def test_another_version_of_a_library_is_another_maker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "sqlglot-1.0.dist-info"
    metadata.mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    before = maker_of(KIND)

    metadata.rename(tmp_path / "sqlglot-2.0.dist-info")

    assert changed(before)


def test_a_changed_file_of_drawbar_is_another_maker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compiler").mkdir()
    code = tmp_path / "compiler" / "compile.py"
    code.write_text("one")
    monkeypatch.setattr(maker, "__file__", str(tmp_path / "compiler" / "maker.py"))
    before = maker_of(KIND)

    code.write_text("two two")

    assert changed(before)


@pytest.mark.parametrize("name", ["drawbar_acme/__init__.py", "drawbar_acme.py"])
def test_a_changed_file_of_another_package_with_a_kind_is_another_maker(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / name
    code.parent.mkdir(exist_ok=True)
    code.write_text("class Kind:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "drawbar_acme", raising=False)
    import drawbar_acme  # type: ignore[import-not-found]  # noqa: PLC0415 -- made above

    kind = drawbar_acme.Kind()
    before = maker_of(kind)

    code.write_text("class Kind:\n    more = 1\n")

    assert changed(before, kind)
    monkeypatch.delitem(sys.modules, "drawbar_acme")
