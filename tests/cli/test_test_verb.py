import json
import sqlite3
from contextlib import closing
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


def office(settings: Path, url: str) -> None:
    (settings.parent / "adapters" / "office.yaml").write_text(
        "adapter: office\ndescription: The office.\n"
        f'backend: {{kind: sql, url: "{url}"}}\n'
        "functions: {all: {description: All., sql: select a from t}}\n"
    )


def test_a_database_of_ones_own_can_be_tried(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    office(settings, "sqlite:///./office.db")
    with closing(sqlite3.connect(settings.parent / "adapters" / "office.db")) as connection:
        connection.execute("create table t (a)")

        assert main(["test", "office", "--contract", "--settings", str(settings)]) == 0
        out, err = capsys.readouterr()
        assert "ok   office: a reading cannot change anything" in out.splitlines()
        assert err == f"{len(out.splitlines())} passed, 0 failed, 0 skipped\n"
        left = connection.execute("select name from sqlite_master").fetchall()

    assert left == [("t",)]


def test_a_backend_that_cannot_be_tried_is_told(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    office(settings, "sqlite:///./absent.db")
    words = ["--contract", "--settings", str(settings)]

    assert main(["test", *words]) == 3
    assert "name the adapter" in capsys.readouterr().err
    assert main(["test", "echo", *words]) == 3
    assert "has no contract to try" in capsys.readouterr().err
    assert main(["test", "office", *words]) == 1
    assert "there is no database file absent.db" in capsys.readouterr().out
