"""What a draft pins by itself, on each database, and what becomes of it when the tables change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drawbar.cli import main
from drawbar.compiler.diagnosis import PINNED
from drawbar.spec.lock import read_lock

from .trips import NAMES, Source, source_of

LONGER = {
    "mariadb": "alter table d_clients modify name varchar(120) not null comment 'Full name'",
    "h2": "alter table d_clients alter column name set data type varchar(120)",
}
"""How a text becomes longer, where it is not `alter name type`."""


@pytest.fixture(params=[name for name in NAMES if name not in {"sqlite", "duckdb"}])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    """Where the length of a text can be changed."""
    yield from source_of(request.param, request, tmp_path)


@pytest.fixture
def sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    yield from source_of("sqlite", request, tmp_path)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "drawbar.yaml").write_text("adapters: [adapters]\n")
    return tmp_path


def draft(source: Source, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in source.environ.items():
        monkeypatch.setenv(name, value)
    more = ["--name", "trips", "--only", "d_*", "--option", "writes=insert"]
    assert main(["new", "sql", source.address, *source.options, *more]) == 0
    return Path("adapters/trips.yaml")


def doctor() -> int:
    return main(["doctor", "trips", "--settings", "drawbar.yaml"])


def pins() -> dict[str, str]:
    return dict(read_lock(Path("adapters"))["trips"][PINNED])


def lengthen(source: Source) -> None:
    name = source.name.removeprefix("odbc_")
    source.run(LONGER.get(name, "alter table d_clients alter name type varchar(120)"))


def test_a_draft_is_pinned_and_its_drift_is_told(
    source: Source, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = draft(source, monkeypatch)
    assert doctor() == 0, capsys.readouterr().out

    first = pins()
    assert first["get_d_clients.client_no"] == '{"type": "string"}'
    assert '"maxLength": 100' in first["insert_d_clients.name"]
    assert "100" in first["list_d_clients -> name"]
    assert first["search_d_ports -> stops"]
    text = file.read_text()
    capsys.readouterr()
    lengthen(source)

    assert doctor() == 1

    told = capsys.readouterr().out
    assert "DB238 `get_d_clients`: the type of the result column `name` was " in told
    assert "DB238 `insert_d_clients`: the type of the parameter `name` was " in told
    assert (file.read_text(), pins()) == (text, first)


def test_an_update_pins_what_it_brings_in_and_leaves_the_rest(
    source: Source, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = draft(source, monkeypatch)
    mine = file.read_text().replace("One row of d_clients by", "Who a client is, by")
    file.write_text(mine + "\n  mine: {description: Mine., sql: select name from d_clients}\n")
    assert main(["doctor", "trips", "--pin", "--settings", "drawbar.yaml"]) == 0
    first = pins()
    lengthen(source)
    capsys.readouterr()

    assert main(["new", "sql", "--update", "--name", "trips"]) == 0

    now = pins()
    changed = {key for key, kind in now.items() if first[key] != kind}
    assert changed == {
        "insert_d_clients.name",
        "list_d_clients -> name",
    }
    assert now["mine -> name"] == first["mine -> name"]
    assert capsys.readouterr().out.splitlines()[:2] == [
        "brought up to date, as nobody had edited them: insert_d_clients",
        "pinned anew, as a type in the source has changed: list_d_clients",
    ]
    assert doctor() == 1
    told = capsys.readouterr().out
    assert [
        name for name in ("get_d_clients", "list_d_clients", "mine") if f"`{name}`" in told
    ] == [
        "get_d_clients",
        "mine",
    ]


def test_what_a_person_took_out_has_no_pins_any_more(
    sqlite: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = draft(sqlite, monkeypatch)
    assert any(key.startswith("search_d_ports") for key in pins())
    text = file.read_text()
    file.write_text(text[: text.index("  search_d_ports:")])

    assert main(["new", "sql", "--update", "--name", "trips"]) == 0

    assert not any(key.startswith("search_d_ports") for key in pins())
    assert any(key.startswith("list_d_stops") for key in pins())
