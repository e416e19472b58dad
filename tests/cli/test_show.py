from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

from drawbar.backends import BUILT_IN
from drawbar.cli import main
from drawbar.cli.show import WRITE, generate_schemas, schema_text
from drawbar.spec.load import read_source

ROOT = Path(__file__).parent.parent.parent
ADAPTER = """\
adapter: shop
backend: {kind: http, url: "http://127.0.0.1:9"}
functions:
  get_part:
    description: |
      Show a part.
      Ask for its number first.
    request: GET /parts/{part_no}
    parameters: {part_no: {type: string}}
  set_part:
    description: Change a part.
    effect: write
    request: PUT /parts/{part_no}
    allow: "'shop' in caller.roles"
    approve: {by: lead}
    parameters: {part_no: {type: string}, seller: {from: caller.subject}}
  broken: {request: GET /x, effect: none}
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRAWBAR_SETTINGS", raising=False)
    (tmp_path / "shop.yaml").write_text(ADAPTER, encoding="utf-8")
    (tmp_path / "drawbar.yaml").write_text(
        "adapters: [shop.yaml]\nmodel: {api_key: hunter2}\nstore: postgresql://u:hunter2@h/db\n"
        "toolsets: {parts: ['shop_*']}\n",
        encoding="utf-8",
    )
    return "--settings=drawbar.yaml"


def test_functions_are_listed_with_their_effect_and_the_broken_ones_with_their_reason(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "functions", settings]) == 0

    assert capsys.readouterr().out == (
        "shop_get_part  read    http  Show a part.\n"
        "shop_set_part  write   http  Change a part.\n"
        "shop_broken    broken  http  shop.yaml:17:29: DB112 expected one of read, write, destroy, "
        'got the text "none"\n'
    )


def test_functions_are_there_for_machines(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "functions", "*_set_*", settings, "--json"]) == 0

    (function,) = json.loads(capsys.readouterr().out)
    assert function["name"] == "shop_set_part"
    assert function["callable"] is True
    assert function["place"] == "shop.yaml:10:3"
    assert [(each["name"], each["filled_by"]) for each in function["parameters"]] == [
        ("part_no", "model"),
        ("seller", "gateway"),
    ]
    assert function["approve"] == {"when": None, "by": "lead", "preview": None}


@pytest.mark.parametrize(
    ("dialect", "key"),
    [
        ("openai-strict", "function"),
        ("openai", "function"),
        ("anthropic", "input_schema"),
        ("gemini", "parameters"),
        ("mcp", "inputSchema"),
    ],
)
def test_schemas_are_shown_in_each_dialect(
    settings: str, dialect: str, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "schemas", settings, "--dialect", dialect]) == 0

    out, err = capsys.readouterr()
    assert [key in declaration for declaration in json.loads(out)] == [True, True]
    assert err == "not shown, because broken: shop_broken\n"


def test_nothing_is_noted_where_nothing_is_broken(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "schemas", "shop_get_part", settings]) == 0

    assert capsys.readouterr().err == ""


def test_a_kind_that_cannot_be_imported_leaves_the_json_schemas_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(BUILT_IN, "sql", "drawbar.backends.sql:NO_KIND")

    assert main(["show", "json-schema", "--write", str(tmp_path)]) == 3

    assert capsys.readouterr().err.startswith("the kind `sql` of drawbar cannot be loaded")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_no_function_has_is_answered_with_the_one_that_was_meant(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "schemas", "shop_get_prat", settings]) == 3
    assert main(["show", "schemas", "zzz", settings]) == 3

    assert capsys.readouterr().err == (
        "no function is called shop_get_prat. Did you mean shop_get_part?\n"
        "no function is called zzz.\n"
    )


def test_settings_are_shown_with_their_origin_and_without_secrets(
    settings: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRAWBAR_LISTEN__PORT", "9000")

    assert main(["show", "settings", settings]) == 0

    out = capsys.readouterr().out
    assert "hunter2" not in out
    assert "store: postgresql://u:***@h/db    # drawbar.yaml:3:1\n" in out
    assert "model.api_key: ***    # drawbar.yaml:2:9\n" in out
    assert "listen.port: 9000    # DRAWBAR_LISTEN__PORT\n" in out
    assert 'toolsets.parts: ["shop_*"]    # drawbar.yaml:4:12\n' in out
    assert "runs.expire_after: 10m    # default\n" in out
    assert "anonymous: null    # default\n" in out


def test_settings_are_there_for_machines(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "settings", "listen", settings, "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == {
        "listen.host": {"value": "127.0.0.1", "origin": "default"},
        "listen.port": {"value": 8321, "origin": "default"},
        "listen.body": {"value": "10MB", "origin": "default"},
        "listen.drain": {"value": "30s", "origin": "default"},
    }


def test_a_setting_that_does_not_exist_is_answered_with_the_one_that_was_meant(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "settings", "listen.prot", settings]) == 3
    assert main(["show", "settings", "zzz", settings]) == 3

    assert capsys.readouterr().err == (
        "no setting is called listen.prot. Did you mean listen.port?\nno setting is called zzz.\n"
    )


def test_wrong_settings_end_with_every_problem(
    settings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "drawbar.yaml").write_text("listn: 1\nadapters: 5\n", encoding="utf-8")
    assert main(["show", "settings", settings]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 3

    (tmp_path / "drawbar.yaml").write_text("adapters: [nowhere]\n", encoding="utf-8")
    assert main(["show", "functions", settings]) == 3
    assert "DB703" in capsys.readouterr().err


def test_without_settings_the_defaults_are_shown(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    del settings  # its folder has no config/drawbar.yaml

    assert main(["show", "settings", "model.name"]) == 0

    assert capsys.readouterr().out == "model.name: default    # default\n"


@pytest.mark.parametrize("name", ["adapter", "settings"])
def test_json_schemas_are_printed(
    name: str, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "json-schema", name, settings]) == 0

    assert json.loads(capsys.readouterr().out)["title"] == f"Drawbar {name}"


def test_a_json_schema_that_does_not_exist_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "json-schema", "functions"]) == 3

    assert capsys.readouterr().err == (
        "there is no JSON Schema of `functions`; there are: adapter, settings\n"
    )


def test_json_schemas_are_written_to_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "json-schema", "--write", str(tmp_path)]) == 0

    assert capsys.readouterr().out == ""
    for name, schema in generate_schemas().items():
        assert (tmp_path / name).read_text(encoding="utf-8") == schema_text(schema)


@pytest.mark.parametrize("name", ["adapter.schema.json", "settings.schema.json"])
def test_the_committed_json_schemas_are_those_of_the_models(name: str) -> None:
    committed = (ROOT / "config" / name).read_text(encoding="utf-8")

    assert committed == schema_text(generate_schemas()[name]), f"stale; run `{WRITE}`"


@pytest.mark.parametrize("file", sorted((ROOT / "adapters").glob("*.yaml")), ids=lambda p: p.stem)
def test_an_editor_finds_nothing_wrong_with_the_example_adapters(file: Path) -> None:
    validator = jsonschema_rs.Draft202012Validator(generate_schemas()["adapter.schema.json"])
    data = read_source(file.read_text(encoding="utf-8"), str(file))[0].data

    assert [error.message for error in validator.iter_errors(data)] == []


def test_an_editor_finds_nothing_wrong_with_the_example_settings() -> None:
    validator = jsonschema_rs.Draft202012Validator(generate_schemas()["settings.schema.json"])
    text = (ROOT / "config" / "drawbar.yaml").read_text(encoding="utf-8")

    assert validator.is_valid(read_source(text, "f")[0].data)
