"""Tools of a real server: what they answer, and what is noticed when they change."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from drawbar.cli import main
from drawbar.kernel.outcome import Failed, Indeterminate, Refused, Succeeded
from drawbar.testing.kinds import Opened, compiled, opened

PROGRAM = Path(__file__).parents[2] / "mcp_server.py"
TOOLS = Path(__file__).parents[2] / "mcp.tools.json"
FUNCTIONS = """\
functions:
  echo: {effect: read}
  say: {effect: read, tool: echo2, parameters: {words: {to: text}}}
  fail:
    effect: destroy
    errors: [{when: {text: "*fail*"}, code: no_such_ship}]
  get_order: {effect: read}
  picture: {effect: read}
"""


def adapter(folder: Path, functions: str = FUNCTIONS, env: str = "{}") -> str:
    (folder / "work").mkdir(exist_ok=True)
    (folder / "tools.json").write_bytes(TOOLS.read_bytes())
    command = json.dumps([sys.executable, str(PROGRAM), str(folder)])
    return (
        "adapter: peer\nbackend:\n  kind: mcp\n  tools: ./tools.json\n"
        f"  command: {command}\n  env: {env}\n{functions}"
    )


OpenMcp = Callable[..., contextlib.AbstractAsyncContextManager[Opened]]


@pytest.fixture
def open_mcp(tmp_path: Path) -> OpenMcp:
    @contextlib.asynccontextmanager
    async def open_it(env: str = "{}") -> AsyncIterator[Opened]:
        async with opened(adapter(tmp_path, env=env), tmp_path) as gateway:
            yield gateway

    return open_it


async def test_structured_content_text_json_and_pictures(open_mcp: OpenMcp) -> None:
    async with open_mcp() as gateway:
        echo = await gateway.call("echo", {"text": "ahoy"})
        say = await gateway.call("say", {"words": "ahoy"})
        order = await gateway.call("get_order", {"number": "OR17"})
        wrong = await gateway.call("get_order", {"number": "17"})
        picture = await gateway.call("picture", {})

    assert (echo, say) == (Succeeded("ahoy"), Succeeded("ahoy"))
    assert order == Succeeded({"number": "OR17", "depth": "short"})
    assert isinstance(wrong, Refused)
    assert isinstance(picture, Succeeded)
    assert isinstance(picture.value, list)
    words, reference = picture.value
    assert words == "a buoy"
    assert isinstance(reference, dict)
    assert (reference["media_type"], reference["bytes"]) == ("image/png", 120)


async def test_a_tool_that_says_no_has_failed_and_its_log_is_ours_without_secrets(
    open_mcp: OpenMcp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with open_mcp("{TOKEN: t0p-s3cret}") as gateway:
        outcome = await gateway.call("fail", {"why": "sunk"})

    assert isinstance(outcome, Failed)
    assert outcome.code == "no_such_ship"
    assert "peer: failing with ***" in caplog.text
    assert "t0p-s3cret" not in caplog.text


@pytest.mark.parametrize(
    ("drift", "said"),
    [
        ("schema", "The server's input schema of `echo2` is not the one this was made from."),
        ("words", "The server describes `echo2` differently; the model still reads the old words."),
        ("gone", "The server does not list the tool `echo2` any more."),
    ],
)
async def test_a_server_that_changed_is_noticed(
    open_mcp: OpenMcp, drift: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_mcp(f"{{DRIFT: {drift}}}") as gateway:
        health = await gateway.backend.health()
        say = await gateway.call("say", {"words": "ahoy"})
        echo = await gateway.call("echo", {"text": "ahoy"})

    assert (health.ok, health.detail) == (True, said)
    assert said in caplog.text
    assert echo == Succeeded("ahoy")
    if drift == "gone":
        assert isinstance(say, Failed)
    else:
        assert say == Succeeded("ahoy", (said,))
    [function] = [each for each in gateway.compiled.functions if each.local_name == "say"]
    assert function.description == "Say it again."


async def test_a_server_that_ends_in_the_middle_of_a_change(tmp_path: Path) -> None:
    program = tmp_path / "ends.py"
    program.write_text(
        PROGRAM.read_text().replace("    raise ValueError(why)\n", "    os._exit(1)\n")
    )
    text = adapter(tmp_path).replace(str(PROGRAM), str(program))
    async with opened(text, tmp_path) as gateway:
        outcome = await gateway.call("fail", {"why": "sunk"})
        after = await gateway.call("echo", {"text": "ahoy"})

    assert isinstance(outcome, Indeterminate)
    assert after == Succeeded("ahoy")


async def test_a_server_that_takes_long_to_leave_is_waited_for(tmp_path: Path) -> None:
    program, gone = tmp_path / "slow.py", tmp_path / "gone"
    program.write_text(
        PROGRAM.read_text()
        + f"    import time\n    time.sleep(1.2)\n    open({str(gone)!r}, 'w')\n"
    )
    text = adapter(tmp_path).replace(str(PROGRAM), str(program))
    async with opened(text, tmp_path) as gateway:
        assert await gateway.call("echo", {"text": "ahoy"}) == Succeeded("ahoy")

    assert gone.exists()


@pytest.mark.parametrize("command", ["/nowhere/at-all", "false"])
async def test_a_program_that_does_not_start(tmp_path: Path, command: str) -> None:
    text = adapter(tmp_path).replace(json.dumps(sys.executable), json.dumps(command))
    async with opened(text, tmp_path) as gateway:
        outcome = await gateway.call("fail", {"why": "sunk"})
        health = await gateway.backend.health()

    assert isinstance(outcome, Failed)
    assert (outcome.code, health.ok) == ("backend_unavailable", False)


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        (("echo: {effect: read}", "echo: {}"), "DB965", 8),
        (("tool: echo2", "tool: ecko"), "DB963", 9),
        (("{to: text}", "{to: txt, type: string}"), "DB964", 9),
        (("./tools.json", "./tuls.json"), "DB962", 4),
        (("  command: ", "  headers: {a: b}\n  command: "), "DB961", 5),
        (("  env: {}", "  env: {'a b': c}"), "DB966", 6),
    ],
)
def test_what_is_wrong_is_told(
    change: tuple[str, str], code: str, line: int, tmp_path: Path
) -> None:
    text = adapter(tmp_path).replace(*change)
    found = [(each.place.line, each.code) for each in compiled(text, tmp_path).problems]

    assert (line, code) in found


@pytest.mark.parametrize(
    "inputs",
    [
        {"type": "object", "anyOf": [{"required": ["a"]}], "properties": {"a": {}}},
        {"type": "object", "properties": {"a": {"type": "strung"}}},
        {"type": "object", "properties": ["a"]},
    ],
)
def test_a_schema_that_cannot_be_used_breaks_its_function_only(
    inputs: object, tmp_path: Path
) -> None:
    text = adapter(tmp_path, "functions:\n  a: {effect: read}\n  b: {effect: read}\n")
    tools = [
        {"name": "a", "description": "A.", "inputSchema": inputs},
        {"name": "b", "description": "B.", "inputSchema": {"type": "object"}},
    ]
    (tmp_path / "tools.json").write_text(json.dumps({"tools": tools}))
    found = compiled(text, tmp_path)

    assert [each.code for each in found.problems] == ["DB963"]
    assert [each.callable for each in found.functions] == [False, True]


def test_schemas_in_older_words_are_read(tmp_path: Path) -> None:
    text = adapter(tmp_path, "functions:\n  a: {effect: read}\n")
    inputs = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"definitions": {"$ref": "#/definitions/Place"}},
        "definitions": {"Place": {"type": "object", "properties": {"lat": {"type": "number"}}}},
    }
    tools = [{"name": "a", "description": "A.", "inputSchema": inputs}]
    (tmp_path / "tools.json").write_text(json.dumps({"tools": tools}))
    [function] = compiled(text, tmp_path).functions
    [parameter] = function.parameters

    assert (parameter.name, parameter.required) == ("definitions", False)
    assert parameter.schema == {
        "$ref": "#/$defs/Place",
        "$defs": {
            "Place": {
                "type": "object",
                "properties": {"lat": {"type": "number"}},
                "additionalProperties": False,
            }
        },
    }


def test_a_draft_is_an_adapter_that_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work").mkdir()
    (tmp_path / "adapters").mkdir()
    command = f"{sys.executable} {PROGRAM} {tmp_path}"

    assert main(["new", "mcp", command, "--name", "ships", "--only", "[ecf]*"]) == 0
    text = (tmp_path / "adapters" / "ships.yaml").read_text()

    assert "  change:\n    effect: write  # proposed by its server; decide\n" in text
    assert "  fail:\n    effect: destroy  # proposed by its server; decide\n" in text
    assert "  echo2:\n    effect: write  # proposed by its name; decide\n" in text
    assert "rows" not in text
    assert "sha256:" in (tmp_path / "adapters" / "adapters.lock").read_text()
    assert "4 functions" in capsys.readouterr().out


def test_a_draft_of_what_is_no_server_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["new", "mcp", "http://127.0.0.1:9/mcp"]) == 3
    assert "The MCP server cannot be asked" in capsys.readouterr().err
