from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drawbar.cli import main
from drawbar.cli.lint import AnyEnvironment, adapter_blocks, references
from drawbar.kernel.values import JsonValue
from drawbar.spec.load import read_source

ADAPTER = """\
adapter: shop
backend: {kind: http, url: "http://127.0.0.1:9"}
functions:
  get_part:
    description: Show a part.
    request: GET /parts/{part_no}
    parameters: {part_no: {type: string}}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory without anything of Drawbar's in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRAWBAR_SETTINGS", raising=False)
    return tmp_path


def write(place: Path, name: str, text: str) -> None:
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_right_adapter_has_no_problems(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(place, "shop.yaml", ADAPTER)

    assert main(["lint", "shop.yaml"]) == 0

    assert capsys.readouterr() == ("", "0 errors, 0 warnings in 1 file with 1 function\n")


def test_every_problem_is_printed_with_its_place_and_what_to_write(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        place,
        "shop.yaml",
        ADAPTER.replace("description", "descripton").replace("type: string", "type: strng"),
    )

    assert main(["lint", "shop.yaml"]) == 1

    out, err = capsys.readouterr()
    assert out == (
        "shop.yaml:5:5: DB101 unknown key `descripton`\n"
        "    did you mean `description`?\n"
        "shop.yaml:7:28: DB112 expected one of string, integer, number, boolean, array, object, file, "
        'got the text "strng"\n'
        "    did you mean `string`?\n"
    )
    assert err == "2 errors, 0 warnings in 1 file with 1 function\n"


def test_many_warnings_of_one_kind_are_one_line_until_all_are_wanted(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    functions = "".join(
        f"  f{number}:\n    description: Show.\n    request: GET /x\n"
        "    parameters: {a: {type: string, max_length: 5}}\n"
        for number in range(5)
    )
    write(place, "shop.yaml", ADAPTER.partition("  get_part")[0] + functions)

    assert main(["lint", "shop.yaml"]) == 0
    few, counted = capsys.readouterr()
    assert main(["lint", "shop.yaml", "--all"]) == 0
    every, _ = capsys.readouterr()
    assert main(["lint", "shop.yaml", "--json"]) == 0
    listed, _ = capsys.readouterr()

    assert few == (
        "shop.yaml:4:3: DB234 warning: OpenAI's strict mode does not know `max_length` of `a`\n"
        "    the model is told in the description; arguments are checked all the same\n"
        "    4 more of this kind in this file; `drawbar lint --all` shows each\n"
    )
    assert counted == "0 errors, 5 warnings in 1 file with 5 functions\n"
    assert every.count("DB234") == len(json.loads(listed)) == 5


def test_problems_are_there_for_machines(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(place, "shop.yaml", ADAPTER.replace("description: Show a part.", "effect: read"))

    assert main(["lint", "--json", "shop.yaml"]) == 0

    assert json.loads(capsys.readouterr().out) == [
        {
            "file": "shop.yaml",
            "line": 4,
            "column": 3,
            "code": "DB231",
            "severity": "warning",
            "message": "the function has no description, so the model has only its name to go by",
            "fix": "add `description:` and say when to use it",
        }
    ]


def test_without_paths_the_settings_and_the_adapters_they_name_are_looked_at(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        place,
        "config/drawbar.yaml",
        "adapters: [../adapters, ../nowhere]\n"
        "toolsets: {parts: ['shop_*', 'shp_*'], all: ['*']}\n"
        "listen: {prot: 80}\n",
    )  # one thing that is broken hides none of the others
    write(place, "adapters/shop.yaml", ADAPTER)

    assert main(["lint"]) == 1

    out, err = capsys.readouterr()
    assert out == (
        f"config/drawbar.yaml:1:25: DB703 there is no file or folder of adapters at {place}/nowhere\n"
        "    relative paths start at the folder of the settings file\n"
        "config/drawbar.yaml:2:30: DB705 no function is called `shp_*`\n"
        "config/drawbar.yaml:2:40: DB704 `all` is every function already\n"
        "    remove it\n"
        "config/drawbar.yaml:3:10: DB101 unknown key `prot`\n"
        "    did you mean `port`?\n"
    )
    assert err == "4 errors, 0 warnings in 2 files with 1 function\n"


def test_names_that_clash_across_files_are_found(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, "adapters/a.yaml", ADAPTER)
    write(
        place, "adapters/b.yaml", ADAPTER.replace("adapter: shop", "adapter: other\nprefix: shop_")
    )

    assert main(["lint", "adapters"]) == 1

    assert capsys.readouterr().out == (
        "adapters/b.yaml:5:3: DB215 the function at adapters/a.yaml:4:3 is called `shop_get_part`, too, "
        "so neither can be called\n"
        "    give one of the adapters another `prefix:`, or one of the functions another name\n"
    )


def test_a_settings_file_is_told_from_an_adapter_by_its_keys(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, "one.yaml", "listen: {port: x}\n")
    write(place, "two.yaml", "functions: {}\nlisten: 1\n")
    write(place, "three.yaml", "- 1\n")
    write(place, "four.yaml", "zzz: 1\n")

    assert main(["lint", "one.yaml", "two.yaml", "three.yaml", "four.yaml", "five.yaml"]) == 1

    found = [line.split(" ")[:2] for line in capsys.readouterr().out.splitlines() if line[0] != " "]
    assert ["one.yaml:1:10:", "DB111"] in found
    assert ["two.yaml:1:1:", "DB110"] in found
    assert ["three.yaml:1:1:", "DB106"] in found
    assert ["four.yaml:1:1:", "DB101"] in found
    assert ["five.yaml:1:1:", "DB105"] in found


def test_settings_that_are_named_are_looked_at_beside_the_paths(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, "shop.yaml", ADAPTER)
    write(place, "other.yaml", "listn: {}\n")

    assert main(["lint", "shop.yaml", "--settings", "other.yaml"]) == 1

    assert capsys.readouterr().out.startswith("other.yaml:1:1: DB101 unknown key `listn`")


def test_the_settings_of_the_environment_are_the_usual_ones(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, "mine.yaml", "listn: {}\nadapters: []\n")
    monkeypatch.setenv("DRAWBAR_SETTINGS", "mine.yaml")

    assert main(["lint"]) == 1

    assert capsys.readouterr().out.startswith("mine.yaml:1:1: DB101")


def test_a_variable_that_is_not_set_is_an_error_unless_lint_is_told_not_to_mind(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = ADAPTER.replace(
        '"http://127.0.0.1:9"', '"${SHOP_URL}", auth: {bearer: {token: "${file:token}"}}'
    )
    write(place, "shop.yaml", secret)

    assert main(["lint", "shop.yaml"]) == 1
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines() if line[0] != " "] == [
        "DB120",
        "DB121",
    ]
    assert main(["lint", "shop.yaml", "--no-environment"]) == 0
    assert capsys.readouterr().out == ""


def test_yaml_in_markdown_is_checked_where_it_begins_with_an_adapter(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\n".join(
        [
            "# Shop",
            "```yaml",
            "# a comment",
            *ADAPTER.replace("description", "descripton").splitlines(),
            "```",
            "```yaml",
            "other: thing",
            "```",
            "1. In a list:",
            "   ~~~ yml",
            *(f"   {line}" for line in ADAPTER.replace("GET /parts", "${X}").splitlines()),
            "   ~~~",
            "```yaml nolint",
            "adapter: shop",
            "```",
            "> ```YAML title=x",
            *(f"> {line}" for line in ADAPTER.replace("type: string", "tpye: string").splitlines()),
            "> ```",
            "```yaml",
            "adapter: unfinished",
        ]
    )
    write(place, "docs/README.md", text)

    assert main(["lint", "docs"]) == 1

    found = [line.split(" ")[:2] for line in capsys.readouterr().out.splitlines() if line[0] != " "]
    assert ["docs/README.md:8:5:", "DB101"] in found
    assert {line.split(":")[1] for line, _ in found} == {"8", "35", "38"}


def test_the_places_of_a_block_are_those_of_its_file() -> None:
    (block,) = adapter_blocks("text\n\n> ```yaml\n> adapter: a\n> x: [1]\n> ```\n")

    source, problems = read_source(block, "f")

    assert problems == []
    assert source.data == {"adapter": "a", "x": [1]}
    assert str(source.place(("x",))) == "f:5:3"


def test_an_environment_in_which_all_is_set_knows_what_is_really_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHOP_URL", "http://shop")
    environment = AnyEnvironment()

    assert environment["SHOP_URL"] == "http://shop"
    assert environment["NOT_SET"] == "value-of-NOT_SET"
    assert len(environment) == len(list(environment)) == len(os.environ)


def test_values_that_are_known_elsewhere_are_found_in_lists_and_mappings() -> None:
    data: JsonValue = {"a": ["x", "${Y}"], "b": {"c": "${Z}", "d": 5}}

    assert list(references(data)) == [("a", 1), ("b", "c")]


def test_of_a_folder_only_yaml_and_markdown_are_looked_at(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, "adapters/shop.yml", ADAPTER)
    write(place, "adapters/notes.txt", "a: b: c")

    assert main(["lint", "adapters"]) == 0

    assert capsys.readouterr().err == "0 errors, 0 warnings in 1 file with 1 function\n"


def test_lint_is_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "drawbar", "lint", "--help"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 0
    assert "drawbar lint adapters README.md" in done.stdout
