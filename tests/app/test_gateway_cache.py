"""A gateway whose adapters come from disk is the gateway that compiles them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

import drawbar
from drawbar.app import Gateway
from drawbar.compiler.stored import StoredFunctions
from drawbar.kernel.values import JsonValue
from small_company import make_company

CALLS: list[tuple[str, dict[str, JsonValue], bool]] = [
    ("shop_get_item", {"item_no": 1}, False),
    ("shop_get_item", {"item_no": 77}, False),
    ("shop_get_item", {"item_no": "one"}, False),
    ("shop_get_item", {"item_no": 1}, True),
    ("shop_take_item", {"item_no": 1}, True),
    ("shop_take_item", {"item_no": 77}, False),
    ("echo_say", {"word": "ahoy"}, True),
    ("broken_get_it", {}, False),
]


async def outcomes(gateway: Gateway) -> list[object]:
    async with gateway:
        return [await gateway.call(name, given, dry_run=dry) for name, given, dry in CALLS]


async def test_functions_and_outcomes_are_the_same_from_disk(tmp_path: Path) -> None:
    settings = make_company(tmp_path, broken=True)
    compiled = drawbar.load(settings, cached=False)
    async with drawbar.load(settings):
        pass

    kept = drawbar.load(settings)

    assert isinstance(kept.adapters[-1].functions, StoredFunctions)
    assert list(kept.functions) == list(compiled.functions)
    assert list(kept.adapters[-1].functions) == list(compiled.adapters[-1].functions)
    assert kept.problems == compiled.problems
    assert await outcomes(kept) == await outcomes(compiled)


async def test_a_start_from_disk_makes_no_function_before_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_company(tmp_path)
    async with drawbar.load(settings):
        pass
    made: list[object] = []
    make = StoredFunctions.__getitem__

    def counted(functions: StoredFunctions, index: Any) -> object:
        made.append(index)
        return make(functions, index)

    monkeypatch.setattr(StoredFunctions, "__getitem__", counted)

    async with drawbar.load(settings) as gateway:
        before = len(made)
        await gateway.call("shop_get_item", {"item_no": 1})

    assert (before, len(made)) == (0, 1)


def folders_of_entries(folder: Path) -> set[str]:
    return {str(path.parent.relative_to(folder)) for path in folder.rglob("*.compiled")}


async def test_loading_writes_nothing_and_opening_does(tmp_path: Path) -> None:
    settings = make_company(tmp_path)

    gateway = drawbar.load(settings)
    before = folders_of_entries(tmp_path)
    async with gateway:
        pass

    assert (before, folders_of_entries(tmp_path)) == (set(), {"cache"})


@pytest.mark.parametrize(
    ("word", "folder"), [("off", None), ("kept/here", "kept/here"), (None, "cache")]
)
async def test_the_settings_say_where(word: str | None, folder: str | None, tmp_path: Path) -> None:
    settings = make_company(tmp_path)
    if word is not None:
        settings.write_text(f"{settings.read_text()}cache: {word}\n")

    async with drawbar.load(settings):
        pass

    assert folders_of_entries(tmp_path) == (set() if folder is None else {folder})


async def test_a_cache_that_cannot_be_written_is_a_note(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = make_company(tmp_path)
    (tmp_path / "cache").write_text("in the way")
    caplog.set_level(logging.INFO)

    async with drawbar.load(settings) as gateway:
        await gateway.call("shop_get_item", {"item_no": 1})

    assert "nothing is kept for the next start" in caplog.text
    assert {record.levelname for record in caplog.records} == {"INFO"}
