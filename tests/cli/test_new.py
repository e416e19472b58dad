from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drawbar import backends
from drawbar.cli import main
from drawbar.compiler.draft import (
    Draft,
    DraftWish,
    Noted,
    Reference,
    function_names,
    snake_case,
    write_yaml,
)
from drawbar.spec.lock import read_lock
from echo_kind import EchoKind


@dataclass
class DraftingEcho(EchoKind):
    """Drafts one function for each word of its source."""

    wishes: list[DraftWish] = field(default_factory=list)
    file: str = "words/echo.txt"

    def draft(self, source: str, wish: DraftWish) -> Draft:
        self.wishes.append(wish)
        wish.check_options({"codes": "what may be answered"})
        name = wish.name or "echo"
        words = {word: word for word in source.split() if wish.wants(word)}
        names = function_names(words, f"{name}_", wish.named)
        text = write_yaml(
            {
                "adapter": name,
                "backend": {"kind": "echo", "auth": {"token": Reference("ECHO_TOKEN")}},
                "functions": {
                    each: {
                        "description": f"Say {word}.",
                        "effect": Noted("write", beside="proposed"),
                        **({"fails": "it is a bad word"} if word == "bad" else {}),
                    }
                    for word, each in names.items()
                },
            }
        )
        left_out = tuple(
            f"`{word}` was not asked for" for word in source.split() if word not in words
        )
        return Draft(
            name, text, {self.file: source.encode()}, left_out, names, tuple(names.values())
        )


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DraftingEcho:
    """A kind that drafts, and an empty working directory."""
    kind = DraftingEcho()
    module = type(sys)("drafting_echo")
    module.KIND = kind  # type: ignore[attr-defined]  # made for this test
    monkeypatch.setitem(sys.modules, "drafting_echo", module)
    monkeypatch.setattr(backends, "BUILT_IN", {**backends.BUILT_IN, "echo": "drafting_echo:KIND"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRAWBAR_SETTINGS", raising=False)
    monkeypatch.delenv("ECHO_TOKEN", raising=False)
    return kind


def test_a_draft_is_written_compiled_and_summed_up(
    echo: DraftingEcho, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["new", "echo", "GetRates bad", "--option", "codes=7", "--only", "Get*"])

    assert code == 0
    assert Path("adapters/echo.yaml").read_text() == (
        "adapter: echo\n"
        "backend:\n"
        "  kind: echo\n"
        "  auth:\n"
        '    token: "${ECHO_TOKEN}"\n'
        "functions:\n"
        "  get_rates:\n"
        "    description: Say GetRates.\n"
        "    effect: write  # proposed\n"
    )
    assert Path("adapters/words/echo.txt").read_text() == "GetRates bad"
    assert echo.wishes == [DraftWish(None, ("Get*",), {"codes": "7"}, asked="echo")]
    out, err = capsys.readouterr()
    assert out == (
        "adapters/echo.yaml: 1 function (1 write)\n"
        "beside it: 1 file\n"
        "to decide: the effect of 1 function, which was only guessed\n"
        "0 errors, 0 warnings; `drawbar lint adapters/echo.yaml` shows them again\n"
    )
    assert err == "`bad` was not asked for\n"


@pytest.mark.usefixtures("echo")
def test_what_is_wrong_with_a_draft_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "echo", "good bad", "--name", "e", "--into", "there"]) == 1

    assert capsys.readouterr().out == (
        "there/e.yaml:13:5: DB901 it is a bad word\n"
        "there/e.yaml: 2 functions (1 write)\n"
        "beside it: 1 file\n"
        "to decide: the effects of 2 functions, which were only guessed\n"
        "1 error, 0 warnings; `drawbar lint there/e.yaml` shows them again\n"
    )


@pytest.mark.usefixtures("echo")
def test_nothing_is_written_over_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "echo", "one"]) == 0
    Path("adapters/echo.yaml").write_text("mine")

    assert main(["new", "echo", "one two"]) == 3
    assert capsys.readouterr().err == (
        "adapters/words/echo.txt, adapters/echo.yaml are there already, and nothing was written. "
        "Choose another --name, bring in what is new with --update, or write over with --force.\n"
    )
    assert Path("adapters/echo.yaml").read_text() == "mine"
    assert Path("adapters/words/echo.txt").read_text() == "one"

    assert main(["new", "echo", "one two", "--force"]) == 0
    assert "  two:\n" in Path("adapters/echo.yaml").read_text()


def test_an_update_draws_from_the_same_source_with_the_same_wishes(
    echo: DraftingEcho, capsys: pytest.CaptureFixture[str]
) -> None:
    first = ["--only", "*a b*", "--only", "One", "--option", "codes=7"]
    assert main(["new", "echo", "One Two", "--name", "e", *first]) == 0
    capsys.readouterr()

    assert main(["new", "echo", "--name", "e", "--update"]) == 0

    wish = DraftWish("e", ("*a b*", "One"), {"codes": "7"}, {"One": "one"}, "echo")
    assert echo.wishes[1] == wish
    assert capsys.readouterr().out.startswith("nothing has changed\n")


@pytest.mark.usefixtures("echo")
def test_a_source_outside_of_the_working_folder_is_kept_with_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "words").write_text("x")
    monkeypatch.chdir(tmp_path / "here")

    assert main(["new", "echo", "../elsewhere/words", "--name", "far"]) == 0
    assert main(["new", "echo", "./words", "--name", "near", "--force"]) == 0

    lock = read_lock(Path("adapters"))
    assert lock["far"]["made"]["source"] == str(tmp_path / "elsewhere" / "words")
    assert lock["near"]["made"]["source"] == "words"


@pytest.mark.parametrize("file", ["../x.txt", "/tmp/drawbar-x.txt", "a/../../x.txt"])
def test_a_draft_writes_only_below_its_folder(
    echo: DraftingEcho, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    echo.file = file

    assert main(["new", "echo", "one"]) == 3

    assert f"the draft wants to write `{file}`" in capsys.readouterr().err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["ecko", "x"],
            "no kind of backend is called `ecko`. Did you mean `echo`? Kinds that do: ",
        ),
        (["command", "x"], "the kind `command` drafts no adapters. Kinds that do: "),
        (["echo", "x", "--option", "codes"], "`--option codes` is not NAME=VALUE"),
        (
            ["echo", "x", "--option", "code=1"],
            "a draft of this kind has no option `code`; did you mean `codes`?",
        ),
        (
            ["echo", "x", "--option", "zzz=1"],
            "a draft of this kind has no option `zzz`; there are `codes` (what may be answered)",
        ),
    ],
)
@pytest.mark.usefixtures("echo")
def test_wrong_use_is_told_with_what_would_be_right(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", *arguments]) == 3

    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("GetRates", "get_rates"),
        ("getXMLFile", "get_xml_file"),
        ("get-rates.v2", "get_rates_v2"),
        ("IDs", "ids"),
        ("2ndLevel", "x_2nd_level"),
        ("Größe", "gro_e"),
        ("ÄÖ", "ao"),
        ("名前", "x"),
        ("SOAP12Test", "soap12_test"),
        ("already_snake", "already_snake"),
    ],
)
def test_names_are_in_snake_case(text: str, name: str) -> None:
    assert snake_case(text) == name


def test_names_are_unique_short_and_stay_what_they_were() -> None:
    long = "ThisIsAVeryLongNameOfAnOperationThatNobodyWouldTypeByHandTwice"
    wanted = {"A.Get": "Get", "B.get": "get", "C.GET": "GET", "A.Long": long, "B.Long": long}

    first = function_names(wanted, "service_", {})

    assert first == {
        "A.Get": "get",
        "B.get": "get_2",
        "C.GET": "get_3",
        "A.Long": "this_is_a_very_long_name_of_an_operation_that_a967",
        "B.Long": "this_is_a_very_long_name_of_an_operation_that_d716",
    }
    assert function_names({"C.GET": "GET", "New": "get", **wanted}, "service_", first) == {
        "C.GET": "get_3",
        "New": "get_4",
        **first,
    }
    assert (
        function_names({"A": "x" * 70, "B": "y" * 64}, "", {"C": "y" * 64})["B"] == "y" * 62 + "_2"
    )
