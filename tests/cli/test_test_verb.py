import json
from pathlib import Path

import pytest

from drawbar.cli import main
from small_company import make_company


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return make_company(tmp_path)


def test_the_tests_of_adapters_run_and_are_counted(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", "--settings", str(settings)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[:3] == [
        "ok   shop: the anchor is in stock",
        "ok   shop: an item that is gone is a plain answer",
        "ok   shop: a lost answer is told as what it is",
    ]
    assert err == "3 passed, 0 failed, 1 skipped\n"


def test_a_test_that_fails_says_where_and_exits_with_1(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = settings.parent / "adapters" / "shop.yaml"
    adapter.write_text(adapter.read_text().replace("{name: anchor}", "{name: rope}"))

    assert main(["test", "shop", "--settings", str(settings), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["verdict"] == "failed"
    assert rows[0]["reason"].startswith("succeeded.name is 'anchor', expected 'rope'")


def test_offline_tests_open_no_store(settings: Path) -> None:
    assert main(["test", "--offline", "--settings", str(settings)]) == 0
    assert not (settings.parent / "store.db").exists()


def test_an_unknown_adapter_is_told_with_those_there_are(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", "shpo", "--settings", str(settings)]) == 3
    assert "no adapter is called 'shpo'; there are: echo, shop" in capsys.readouterr().err
