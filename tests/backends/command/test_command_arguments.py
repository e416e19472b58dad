"""What a program gets: whole arguments, an environment of its own, bytes on standard input."""

from __future__ import annotations

import json
from typing import Any  # types of fixtures live in conftest, which tests cannot import

import jsonschema_rs
import pytest

from drawbar.kernel.ports import Progress

SHOW = "import json, sys; json.dump(sys.argv[1:], sys.stdout)"

SHOWN = """
    adapter: show
    backend: {{kind: command, program: {program}}}
    functions:
      one:
        description: One argument.
        argv: [get, "{{text}}"]
        parameters: {{text: {{type: string}}}}
        stdout: json
      part:
        description: A part of one.
        argv: ["--find={{text}}:{{number}}", "{{{{literal}}}}"]
        parameters: {{text: {{type: string}}, number: {{type: number}}}}
        stdout: json
      after:
        description: After the dashes.
        argv: [get, --, "{{text}}"]
        parameters: {{text: {{type: string}}}}
        stdout: json
      free:
        description: Dashes allowed.
        argv: ["{{text}}"]
        allow_dash: true
        parameters: {{text: {{type: string}}}}
        stdout: json
      count:
        description: A number.
        argv: ["{{number}}"]
        parameters: {{number: {{type: integer}}}}
        stdout: json
      maybe:
        description: Left out together.
        argv: [list, [--site, "{{site}}"], [--all], "{{yes}}"]
        parameters: {{site: {{type: string, optional: true}}, "yes": {{type: boolean}}}}
        stdout: json
"""


@pytest.fixture
def show(folder: Any, open_command: Any) -> Any:
    return open_command(SHOWN.format(program=folder.python("show.py", SHOW)))


@pytest.mark.parametrize(
    "text",
    [
        "$(touch pwned)",
        "; touch pwned",
        "| touch pwned",
        "`touch pwned`",
        "a b  c",
        "*",
        "'\"",
        "\\",
        "line\nbreak",
        "",
        "ü",
        "{text}",
        "%s",
        "~root",
        "$HOME",
    ],
)
async def test_a_value_stays_one_argument_whatever_a_shell_would_make_of_it(
    text: str, show: Any, folder: Any
) -> None:
    assert (await show.invoke("one", {"text": text})).value == ["get", text]
    assert not (folder.path / "pwned").exists()


async def test_a_value_may_be_a_part_of_an_argument(show: Any) -> None:
    reply = await show.invoke("part", {"text": "-a b", "number": 1.5})

    assert reply.value == ["--find=-a b:1.5", "{literal}"]


@pytest.mark.parametrize("text", ["-rf", "--output=/etc/passwd", "-"])
async def test_a_value_that_could_be_taken_for_an_option_is_refused(text: str, show: Any) -> None:
    progress = Progress()

    error = await show.fail("one", {"text": text}, progress=progress)

    assert (error.code, error.work) == ("invalid_arguments", "not_started")
    assert error.message == (
        "text: it begins with -, which the program could take for an option. Nothing was passed on."
    )
    assert not progress.sent
    assert (await show.fail("count", {"number": -5})).code == "invalid_arguments"


async def test_a_dash_is_taken_after_two_dashes_and_where_the_author_allows_it(show: Any) -> None:
    assert (await show.invoke("after", {"text": "-rf"})).value == ["get", "--", "-rf"]
    assert (await show.invoke("free", {"text": "-rf"})).value == ["-rf"]


async def test_a_nul_is_refused(show: Any) -> None:
    for function in ("one", "after", "free"):
        error = await show.fail(function, {"text": "a\0b"})
        assert (error.code, error.work) == ("invalid_arguments", "not_started")


async def test_arguments_that_belong_together_are_left_out_together(show: Any) -> None:
    assert (await show.invoke("maybe", {"yes": True})).value == ["list", "--all", "true"]
    assert (await show.invoke("maybe", {"yes": False, "site": "x"})).value == [
        *("list", "--site", "x", "--all", "false")
    ]


async def test_an_argument_longer_than_the_machine_takes_is_refused(show: Any) -> None:
    error = await show.fail("one", {"text": "x" * 3_000_000})

    assert (error.code, error.work) == ("invalid_arguments", "not_started")


def test_what_an_argument_refuses_stands_in_the_published_schema(compile_text: Any) -> None:
    functions = {
        each.local_name: each.schema
        for each in compile_text(SHOWN.format(program="[show]")).functions
    }

    def takes(function: str, value: str | int) -> bool:
        name = "number" if function == "count" else "text"
        return jsonschema_rs.is_valid(functions[function], {name: value})

    assert [takes("one", text) for text in ("a", "", "a-b", "-a", "a\0", "a\nb")] == [
        *(True, True, True, False, False, True)
    ]
    assert [takes("after", text) for text in ("-a", "a\0")] == [True, False]
    assert [takes("count", number) for number in (-1, 0, 7)] == [False, True, True]


async def test_a_program_sees_nothing_of_the_gateways_environment(
    folder: Any, open_command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "t0psecret")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    program = folder.script("env.sh", "exec /usr/bin/env")
    opened = open_command(
        f"""
        adapter: env
        backend: {{kind: command, program: {program}, env: {{STOCK: "${{FILE}}"}}}}
        functions: {{f: {{description: All., stdout: lines}}}}
        """,
        {"FILE": "/data/stock"},
    )

    found = dict(line.split("=", 1) for line in (await opened.invoke("f")).value)

    assert found.pop("PATH")
    found.pop("PWD", None)  # the shell of the script sets these two itself
    found.pop("_", None)
    assert found == {"LANG": "de_DE.UTF-8", "STOCK": "/data/stock"}


CAT = """
    adapter: cat
    backend: {kind: command, program: [/bin/cat]}
    functions:
      members:
        description: As an object.
        stdin: json
        stdout: json
        parameters:
          name: {type: string}
          grade: {type: integer, to: stdin.person.grade, optional: true}
          site: {const: EU}
      whole:
        description: As it is.
        stdin: json
        stdout: json
        parameters: {order: {type: object, to: stdin, properties: {no: {type: integer}}}}
      text:
        description: One text.
        stdin: text
        parameters: {words: {type: string}}
      lines:
        description: Lines.
        stdin: lines
        stdout: lines
        parameters: {names: {type: array, items: {type: string}}}
      record:
        description: A record.
        effect: write
        stdin:
          record:
            - {name: part, width: 6, type: digits, from: part_no}
            - {name: qty, width: 7, type: decimal, scale: 2, sign: leading}
            - {width: 2, const: X}
            - {name: note, width: 5}
          encoding: cp037
          separator: none
        stdout:
          record:
            - {name: part, width: 6, type: digits}
            - {name: qty, width: 7, type: decimal, scale: 2, sign: leading}
            - {name: mark, width: 2}
            - {name: note, width: 5}
          encoding: cp037
          separator: none
        parameters:
          part_no: {type: string}
          qty: {type: number}
          note: {type: string, optional: true}
      records:
        description: Many.
        stdin: {records: [{name: no, width: 3, type: decimal}, {name: name, width: 4}], from: rows}
        stdout: {records: [{name: no, width: 3, type: decimal}, {name: name, width: 4}]}
        parameters:
          rows:
            type: array
            items: {type: object, properties: {no: {type: integer}, name: {type: string}}}
"""


async def test_standard_input_and_output_take_every_form(open_command: Any) -> None:
    cat = open_command(CAT)
    rows = [{"no": 7, "name": "Ann"}, {"no": 12, "name": "Bo"}]

    async def echo(function: str, **arguments: Any) -> Any:
        return (await cat.invoke(function, arguments)).value

    assert await echo("members", name="Ann", grade=3, site="EU") == {
        "name": "Ann",
        "person": {"grade": 3},
        "site": "EU",
    }
    assert await echo("whole", order={"no": 7}) == {"no": 7}
    assert await echo("text", words="two\nlines") == "two\nlines"
    assert await echo("lines", names=["Ann", "Bo b"]) == ["Ann", "Bo b"]
    assert await echo("record", part_no="42", qty=-1.5) == {
        "part": "000042",
        "qty": -1.5,
        "mark": "X",
        "note": "",
    }
    assert await echo("records", rows=rows) == rows


async def test_a_dry_run_shows_arguments_and_input_and_starts_nothing(
    open_command: Any, folder: Any
) -> None:
    cat = open_command(
        CAT.replace("[/bin/cat]", '[./never, "-v"], env: {KEY: "${KEY}"}, cwd: sub'),
        {"KEY": "t0psecret"},
    )
    progress = Progress()

    reply = await cat.invoke(
        "record", {"part_no": "42", "qty": 1}, mode="dry_run", progress=progress
    )

    assert reply.value == {
        "request": {
            "argv": [f"{folder.path}/never", "-v"],
            "cwd": f"{folder.path}/sub",
            "env": {"KEY": "***"},
            "stdin": "000042+000100X      ".encode("cp037").decode(errors="backslashreplace"),
        }
    }
    assert "t0psecret" not in json.dumps(reply.value)
    assert not progress.sent


async def test_a_value_that_does_not_fit_its_field_is_refused_before_the_program_starts(
    open_command: Any,
) -> None:
    cat = open_command(CAT)

    long = await cat.fail("record", {"part_no": "1234567", "qty": 1})
    large = await cat.fail("record", {"part_no": "1", "qty": 10_000})
    fine = await cat.fail("record", {"part_no": "1", "qty": 0.125})
    alien = await cat.fail("record", {"part_no": "1", "qty": 1, "note": "日"})
    second = await cat.fail(
        "records", {"rows": [{"no": 1, "name": "a"}, {"no": 2, "name": "Barnabas"}]}
    )

    assert [error.message for error in (long, large, fine, alien, second)] == [
        "part: is 7 long, and the field has room for 6. Nothing was passed on.",
        "qty: holds 9999.99 at most; 10000 is beyond that. Nothing was passed on.",
        "qty: has 2 decimals; 0.125 has more. Nothing was passed on.",
        "note: '日' does not exist in cp037. Nothing was passed on.",
        "record 2, name: is 8 long, and the field has room for 4. Nothing was passed on.",
    ]
    assert {error.work for error in (long, large, fine, alien, second)} == {"not_started"}


def test_the_limits_of_a_record_stand_in_the_published_schema(compile_text: Any) -> None:
    functions = {each.local_name: each.schema for each in compile_text(CAT).functions}

    assert functions["record"]["properties"] == {
        "part_no": {"type": "string", "pattern": "^[0-9]{1,6}$"},
        "qty": {"type": "number", "minimum": -9999.99, "maximum": 9999.99, "multipleOf": 0.01},
        "note": {"type": "string", "pattern": "^[^\\x00-\\x1f\\x7f]{0,5}$"},
    }
    assert functions["records"]["properties"]["rows"]["items"]["properties"] == {
        "no": {"type": "integer", "minimum": 0, "maximum": 999},
        "name": {"type": "string", "pattern": "^[^\\x00-\\x1f\\x7f]{0,4}$"},
    }
