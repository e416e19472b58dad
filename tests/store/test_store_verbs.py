"""`drawbar keys` and `drawbar migrate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drawbar.cli import main
from drawbar.kernel.values import Caller
from drawbar.store.database import Store


@pytest.fixture(autouse=True)
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRAWBAR_SETTINGS", raising=False)


def test_migrate_says_from_where_to_where(
    empty_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "--store", empty_url]) == 0
    assert main(["migrate", "--store", empty_url]) == 0

    assert capsys.readouterr().out == (
        "The store went from revision none (it was empty) to 0002.\n"
        "The store is at revision 0002 already.\n"
    )


def test_the_store_of_the_settings_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/drawbar.yaml").write_text("store: sqlite:///../var/x.db\n")

    assert main(["migrate"]) == 0

    assert (tmp_path / "var/x.db").exists()
    (tmp_path / "config/drawbar.yaml").write_text("stor: sqlite:///../var/x.db\n")
    assert main(["migrate"]) == 3
    assert "stor" in capsys.readouterr().err


async def test_a_key_made_beside_a_running_gateway_works_there(
    sqlite: Store, sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio  # noqa: PLC0415 -- the verb has an event loop of its own, in another thread

    arguments = ["--subject", "anna", "--role", "hr", "--claim", "emp_no=1007", "--note", "chat"]
    status = await asyncio.to_thread(main, ["keys", "create", *arguments, "--store", sqlite_url])

    printed = capsys.readouterr()
    assert status == 0
    assert await sqlite.keys.resolve(printed.out.strip()) == Caller(
        "anna", ("hr",), {"emp_no": "1007"}
    )
    assert "speaks for anna. It is shown only now." in printed.err
    assert printed.out.strip() not in printed.err


def test_keys_are_listed_and_revoked(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--store", sqlite_url]
    assert main(["keys", "list", *where]) == 0
    assert capsys.readouterr().err == "There are no keys.\n"
    assert main(["keys", "create", "--subject", "bob", "--note", "for the shop", *where]) == 0
    key = capsys.readouterr().out.strip()

    assert main(["keys", "list", "--json", *where]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["caller"] == {"subject": "bob", "roles": [], "claims": {}}
    assert main(["keys", "list", *where]) == 0
    line = capsys.readouterr().out
    assert line.split()[0] == listed["id"]
    assert line.rstrip().endswith("never used  bob  -  for the shop")
    assert key not in line

    assert main(["keys", "revoke", listed["id"], *where]) == 0
    assert main(["keys", "revoke", listed["id"], *where]) == 1
    assert "There is no key" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("caller", "message"),
    [
        (["--subject", "b", "--claim", "emp_no"], "'emp_no' is no NAME=VALUE pair"),
        (["--subject", "b", "--claim", "=1"], "'=1' is no NAME=VALUE pair"),
        (["--subject", " "], "argument --subject: it is empty; write a name"),
        (["--subject", "b", "--role", ""], "argument --role: it is empty; write a name"),
    ],
)
def test_a_key_for_nobody_or_a_claim_without_a_value_is_wrong_use(
    sqlite_url: str, capsys: pytest.CaptureFixture[str], caller: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["keys", "create", *caller, "--store", sqlite_url])

    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_store_that_cannot_be_opened_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "list", "--store", "mysql://x/y"]) == 3

    assert len(capsys.readouterr().err.splitlines()) >= 1
