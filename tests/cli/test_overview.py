import json
import subprocess
import sys

import pytest

from drawbar.cli import VERBS, find_verb, main


def test_help_lists_every_verb_and_imports_nothing_that_is_not_pythons_own() -> None:
    program = (
        "import sys; before = set(sys.modules)\n"
        "from drawbar.cli import main; code = main(['--help'])\n"
        "import json; print(json.dumps([code, sorted(set(sys.modules) - before)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    *page, last = done.stdout.splitlines()
    code, modules = json.loads(last)
    assert code == 0
    assert [line.split()[0] for line in page if line.startswith("  ")] == list(VERBS)
    foreign = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names)
    assert foreign == {"drawbar"}


@pytest.mark.parametrize("name", VERBS)
def test_each_verb_explains_itself_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])

    page = capsys.readouterr().out
    assert ended.value.code == 0
    assert VERBS[name][1:] in page
    assert f"Example:\n  drawbar {name}" in page
    assert find_verb(name).EXAMPLE in page


def test_no_verb_at_all_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Start here:  drawbar demo" in capsys.readouterr().out


def test_a_misspelt_verb_is_answered_with_the_one_that_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["serv"]) == 2
    assert "there is no verb `serv`. Did you mean `serve`?" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("drawbar ")


def test_a_start_imports_nothing_that_the_first_request_may_do_without() -> None:
    script = "import drawbar.cli.serve, drawbar.backends.sql, sys; print(*sys.modules)"

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    tops = {name.partition(".")[0] for name in result.stdout.split()}
    assert not tops & {
        "fastapi",
        "starlette",
        "sqlglot",
        "mcp",
        "openai",
        "alembic",
        "zeep",
        "psycopg",
    }


def test_ctrl_c_while_a_verb_is_read_shows_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("drawbar.cli.find_verb", interrupt)

    assert main(["serve"]) == 130
