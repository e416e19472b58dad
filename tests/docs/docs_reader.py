"""A reader who types what a page says, from top to bottom, in a folder of their own.

The folder holds `adapters/`, `config/` and README.md as a clone does; the demo company's systems run. The gateway
of a page is started when `drawbar serve` or the first address on port 8321 comes; it answers on a free
port, which is written for 8321 wherever a block names it.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import queue
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mcp.client.stdio  # noqa: F401 -- a default in it is the sys.stderr of its first import, which has to be real
import pytest

from docs.docs_markdown import ROOT, Block
from drawbar.app.deployment import deployed
from drawbar.app.gateway import load
from drawbar.backends import InstalledKinds
from drawbar.cli import main
from drawbar.compiler.toolset import compile_adapter
from drawbar.kernel.errors import Problem
from drawbar.settings import load_settings
from drawbar.spec.load import parse_adapter
from drawbar.surfaces.server import address_of, bind, serve

ADDRESS = "127.0.0.1:8321"
_SHELL = re.compile(r"[|&;<>$`?(){}#~\n]")
_SUBSTITUTED = re.compile(r"\$\((drawbar [^()|]+)\)")
_BACKENDS = {
    "sql": 'backend: {kind: sql, url: "sqlite:///./company.db"}',
    "http": 'backend: {kind: http, url: "http://127.0.0.1:8402"}',
    "command": "backend: {kind: command, program: [cat]}",
    "soap": "backend: {kind: soap, wsdl: ./wsdl/personnel.wsdl, endpoint: http://127.0.0.1:8401/hr}",
}
_ANY_FUNCTION = {
    "sql": "  any: {description: Any., sql: select 1 as one}",
    "http": "  any: {description: Any., request: GET /any}",
    "command": "  any: {description: Any.}",
    "soap": "  any: {description: Any., operation: GetEmployee}",
}


class Reader:
    """Runs the blocks of one page. Raises AssertionError that names the place of what went wrong."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._address: str | None = None
        self._namespace: dict[str, Any] = {"__name__": "__main__"}  # whatever a block assigns
        self._printed = ""
        for name in ("adapters", "config"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "README.md", folder)

    def read(self, block: Block) -> None:
        if name := block.value("file"):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._here(block.body), encoding="utf-8")
        if "picture" in block.words or block.not_run is not None:
            return
        if "output" in block.words:
            check_output(block.place, block.body, self._printed)
        elif block.language == "console":
            self._console(block)
        elif block.language in {"yaml", "yml"}:
            self._yaml(block)
        elif block.language == "python" and not name:
            self._python(block)
        elif not name:
            raise AssertionError(
                f"{block.place}: nobody knows how to run a `{block.language}` block"
            )

    def _here(self, text: str) -> str:
        """The block with the address of the page's gateway, which is started for it."""
        if ADDRESS not in text:
            return text
        if self._address is None:
            self._serve([])
        return text.replace(ADDRESS, str(self._address))

    def _as_written(self, text: str) -> str:
        text = text.replace(str(self.folder), "/home/you/drawbar")
        return text if self._address is None else text.replace(self._address, ADDRESS)

    # console

    def _console(self, block: Block) -> None:
        commands = list(_commands(block))
        for number, (command, expected) in enumerate(commands, 1):
            last = number == len(commands)
            wanted = int(block.value("exit") or 0) if last else 0
            code, printed = self._command(self._here(command))
            printed = self._as_written(printed)
            told = f"{block.place}: `{command}`"
            assert code == wanted, f"{told} ended with {code}, not {wanted}:\n{printed}"
            if expected.strip():
                check_output(told, expected, printed)

    def _command(self, command: str) -> tuple[int, str]:
        """Where nothing but `drawbar` is asked for, no shell is started: it takes a second each time."""
        command = _SUBSTITUTED.sub(lambda found: _stdout_of(found[1]), command)
        variables, arguments = _plain_words(command)
        if arguments[:1] != ["drawbar"]:
            return self._bash(command)
        if arguments[1] == "serve":
            self._serve(arguments[2:])
            return 0, ""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            return drawbar(arguments[1:])

    def _bash(self, command: str) -> tuple[int, str]:
        """Exported variables hold for the rest of the page."""
        left = self.folder / ".environment"
        script = f"{command}\ncode=$?\nenv -0 > {shlex.quote(str(left))}\nexit $code"
        done = subprocess.run(
            ["bash", "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=50,
            check=False,
        )
        for pair in left.read_text(encoding="utf-8").split("\0"):
            name, equals, value = pair.partition("=")
            if equals and name.isupper() and name != "PATH" and not name.startswith("PYTEST"):
                os.environ[name] = value
        left.unlink()
        return done.returncode, done.stdout

    # YAML

    def _yaml(self, block: Block) -> None:
        text = _whole(block)
        if text is None:
            path = self.folder / (block.value("file") or "config/of-the-page.yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
            problems = load_settings(path, _AnyVariable(os.environ)).problems
        else:
            file = block.value("file") or "adapters/of-the-page.yaml"
            kinds = InstalledKinds()
            folder = (self.folder / file).parent
            loaded = parse_adapter(text, file, folder, kinds, _AnyVariable(os.environ))
            problems = compile_adapter(loaded, kinds).problems
        wrong = [str(problem) for problem in problems if _is_wrong(problem, block)]
        assert wrong == [], f"{block.place}: {wrong}"

    # Python

    def _python(self, block: Block) -> None:
        code = compile("\n" * block.line + self._here(block.body), block.page.name, "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, self._namespace)
        self._printed = self._as_written(printed.getvalue())

    # the gateway

    def _serve(self, arguments: list[str]) -> None:
        settings = arguments[arguments.index("--settings") + 1] if arguments else None
        self._address = self._stack.enter_context(_gateway(settings))


class _AnyVariable(dict[str, str]):
    """An environment in which every variable is set."""

    def get(self, key: str, default: object = None) -> str:
        return super().get(key) or f"value-of-{key}"


def _is_wrong(problem: Problem, block: Block) -> bool:
    """Warnings are for authors to weigh. What is in files of `${file:...}`, or allowed by settings, is not known here."""
    unknown = problem.code in {"DB121", "DB971"} or (problem.code == "DB301" and "${" in block.body)
    return problem.severity == "error" and not unknown


def _whole(block: Block) -> str | None:
    """The adapter that a block is, or is a part of; None for settings."""
    if "settings" in block.words:
        return None
    if kind := block.value("function"):
        body = "".join(f"  {line}\n" for line in block.body.splitlines())
        return f"adapter: page\n{_BACKENDS[kind]}\nfunctions:\n{body}"
    if kind := block.value("part"):
        head = "" if re.search(r"^backend:", block.body, re.MULTILINE) else _BACKENDS[kind]
        has_functions = re.search(r"^functions:", block.body, re.MULTILINE)
        tail = "" if has_functions else f"functions:\n{_ANY_FUNCTION[kind]}\n"
        return f"adapter: page\n{head}\n{block.body}{tail}"
    assert re.match(r"(#.*\n)*adapter:", block.body), (
        f"{block.place}: say what it is: begin with `adapter:`, or write settings, function=KIND or part=KIND"
    )
    return block.body


def _commands(block: Block) -> Iterator[tuple[str, str]]:
    """Commands with what they print; a backslash at its end continues a line."""
    command, output = "", ""
    continued = False
    for line in block.body.splitlines():
        if line.startswith("$ ") or continued:
            if not continued:
                if command:
                    yield command, output
                command, output = "", ""
            command += line.removeprefix("$ ") if not continued else f"\n{line}"
            continued = line.endswith("\\")
        else:
            assert command, f"{block.place}: a console block begins with `$ `"
            output += f"{line}\n"
    if command:
        yield command, output


def _plain_words(command: str) -> tuple[dict[str, str], list[str]]:
    """The variables before a command, and its words; no words where a shell is needed."""
    words = shlex.split(command) if not _SHELL.search(command) else []
    variables: dict[str, str] = {}
    while words and re.match(r"[A-Z_]+=", words[0]):
        name, _, variables[name] = words.pop(0).partition("=")
    return variables, words


def drawbar(arguments: Sequence[str]) -> tuple[int, str]:
    """The command as its script runs it, in this process; its exit code and all that it printed."""
    printed = io.StringIO()
    return _run_drawbar(arguments, printed, printed), printed.getvalue()


def _stdout_of(command: str) -> str:
    printed = io.StringIO()
    code = _run_drawbar(shlex.split(command)[1:], printed, io.StringIO())
    assert code == 0, command
    return shlex.quote(printed.getvalue().strip())


def _run_drawbar(arguments: Sequence[str], out: io.StringIO, notes: io.StringIO) -> int:
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(notes):
        try:
            return main(arguments)
        except SystemExit as end:
            return int(end.code or 0)


def check_output(place: str, expected: str, printed: str) -> None:
    """Line by line; `...` stands for any text, and on a line of its own for any lines."""
    wanted = [line.rstrip() for line in expected.strip().splitlines()]
    pattern = ""
    for line in wanted:
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in line.split("...")) + r"\n"
    came = "".join(f"{line.rstrip()}\n" for line in printed.strip().splitlines())
    assert re.fullmatch(pattern, came), f"{place} printed\n{came}\nnot\n{expected}"


@contextlib.contextmanager
def _gateway(settings: str | None) -> Iterator[str]:
    """Host and port of a gateway on a loop in a thread: the clients of the pages block."""
    gateway = load(settings, flags={"listen.port": 0, "listen.drain": "2s"})
    ready: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Event] | BaseException]
    ready = queue.SimpleQueue()
    listening = bind("127.0.0.1", 0)

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with deployed(gateway) as services:
            await serve(services, listening, stop, lambda: ready.put((loop, stop)))

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            ready.put(error)
            raise

    thread = threading.Thread(target=work)
    with listening:
        thread.start()
        came = ready.get(timeout=30)
        if isinstance(came, BaseException):
            raise came
        try:
            yield address_of(listening).removeprefix("http://")
        finally:
            came[0].call_soon_threadsafe(came[1].set)
            thread.join(20)
