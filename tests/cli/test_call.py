import json
from pathlib import Path

import pytest

from drawbar.cli import main
from drawbar.cli.call import exit_code, print_outcome
from drawbar.kernel.outcome import Failed, Indeterminate, Succeeded
from small_company import make_company

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def settings(tmp_path: Path) -> str:
    return str(make_company(tmp_path))


def test_a_value_is_printed_as_json(settings: str, capsys: Captured) -> None:
    assert main(["call", "shop_get_item", "item_no=1", "--settings", settings]) == 0
    assert json.loads(capsys.readouterr().out) == {"item_no": 1, "name": "anchor", "stock": 3}


def test_a_text_of_digits_stays_a_text_where_the_schema_asks_for_one(
    settings: str, capsys: Captured
) -> None:
    assert main(["call", "echo_say", "word=007", "--settings", settings]) == 0
    assert json.loads(capsys.readouterr().out) == "007"


def test_arguments_may_be_one_json_object(settings: str, capsys: Captured) -> None:
    assert main(["call", "shop_get_item", '{"item_no": 2}', "--json", "--settings", settings]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "outcome": "succeeded",
        "value": {"item_no": 2, "name": "rope", "stock": 0},
        "notes": [],
    }


def test_a_refusal_names_what_is_wrong_and_exits_with_5(settings: str, capsys: Captured) -> None:
    assert main(["call", "shop_get_item", "item_no=one", "--settings", settings]) == 5
    error = capsys.readouterr().err
    assert "refused (invalid_arguments)" in error
    assert "item_no: " in error


def test_a_failure_is_told_and_exits_with_1(settings: str, capsys: Captured) -> None:
    assert main(["call", "shop_get_item", "item_no=9", "--settings", settings]) == 1
    assert capsys.readouterr().err == "failed (not_found): no such item\n"


def test_a_caller_can_be_named(settings: str, capsys: Captured) -> None:
    words = ["call", "shop_take_item", "item_no=1", "--settings", settings]

    assert main([*words, "--subject", "tom"]) == 5
    assert main([*words, "--subject", "anna", "--role", "clerk", "--claim", "team=a"]) == 0
    assert "may not call" in capsys.readouterr().err


def test_a_dry_run_prints_the_request_that_would_be_sent(settings: str, capsys: Captured) -> None:
    assert main(["call", "echo_say", "word=x y", "--dry-run", "--settings", settings]) == 0
    assert "x y" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ahoy"], "'ahoy' is no NAME=VALUE pair"),
        (["word=a", "word=b"], "`word` is given twice"),
        (["word=a", "--claim", "emp_no"], "'emp_no' is no NAME=VALUE pair"),
        (["word=a", "--subject", ""], "argument --subject: it is empty; write a name"),
    ],
)
def test_words_that_are_no_pairs_are_wrong_use(
    settings: str, capsys: Captured, words: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["call", "echo_say", *words, "--settings", settings])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_missing_settings_are_one_line_and_exit_3(tmp_path: Path, capsys: Captured) -> None:
    assert main(["call", "x", "--settings", str(tmp_path / "none.yaml")]) == 3
    assert "none.yaml" in capsys.readouterr().err


def test_every_outcome_has_its_words_and_its_exit_code(capsys: Captured) -> None:
    print_outcome(Succeeded({"request": "GET /x", "explain": [1]}, ("careful",)), as_json=False)
    out, err = capsys.readouterr()
    assert out.startswith("GET /x\n{")
    assert err == "note: careful\n"

    print_outcome(Succeeded({"request": "GET /x"}), as_json=False)
    assert capsys.readouterr().out == "GET /x\n"

    print_outcome(Indeterminate("lost", "look"), as_json=False)
    assert capsys.readouterr().err == (
        "indeterminate: lost\nIt may or may not have happened; do not repeat it.\nhint: look\n"
    )

    print_outcome(Failed("x", "no", hint="ask", detail={"a": 1}), as_json=False)
    assert capsys.readouterr().err == 'failed (x): no\n{\n  "a": 1\n}\nhint: ask\n'
    assert exit_code(Failed("backend_unavailable", "down")) == 4
    assert exit_code(Indeterminate("lost")) == 1


SCANS = """
adapter: scans
backend: {kind: sql, url: "sqlite:///shop.db"}
functions:
  get:
    description: A scan.
    sql: select cast('%PDF-' || hex(zeroblob(1000)) as blob) as scan
    rows: one
"""


def test_files_of_an_answer_are_named_and_written_where_it_is_wanted(
    settings: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "adapters/scans.yaml").write_text(SCANS)
    folder = tmp_path / "new" / "folder"

    assert main(["call", "scans_get", "--settings", settings]) == 0
    named = capsys.readouterr()
    for _ in range(2):
        assert main(["call", "scans_get", "--save", str(folder), "--settings", settings]) == 0
    written = capsys.readouterr()

    file_id = json.loads(named.out)["scan"]["file_id"]
    assert named.err == (
        f"file: {file_id} is file.pdf (application/pdf, 2005 bytes); --save FOLDER writes it\n"
    )
    assert written.err == f"file: {folder}/file.pdf\nfile: {folder}/file-2.pdf\n"
    assert (folder / "file-2.pdf").read_bytes() == b"%PDF-" + b"00" * 1000
