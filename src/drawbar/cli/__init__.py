"""The command line: one file a verb, and only the one that is used is imported.

A verb's module has `EXAMPLE` (a command that works), `configure(parser)` and `run(args) -> exit
code`; what it does in one line stands here, so that `--help` imports none of them.

Exit codes: 0 fine, 1 problems found, 2 wrong use, 3 settings or adapters invalid, 4 a backend
unreachable, 5 refused or awaiting approval.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Protocol, cast

from drawbar.kernel.errors import AuthorError, OperatorError

VERBS = {
    "demo": "start example legacy systems, the gateway and a chat on this machine",
    "new": "draft an adapter from what describes its backend",
    "lint": "every problem in adapters and settings, with file:line:column; offline",
    "test": "run the tests written in adapter files",
    "show": "functions, schemas in each dialect, settings with their origin",
    "call": "invoke one function and print its outcome",
    "chat": "talk to a running gateway in the terminal",
    "doctor": "which hop to a backend is broken, and what it would refuse",
    "serve": "answer all protocols",
    "mcp": "the same functions over stdio, for MCP clients",
    "keys": "make, list and revoke API keys",
    "model": "fetch a language model that runs on this machine",
    "migrate": "bring the store to the newest schema",
}
_WIDTH = max(map(len, VERBS)) + 2


class Verb(Protocol):
    """What the module of a verb offers."""

    EXAMPLE: str

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; what an operator or author can put right is told without a trace."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(overview())
        return 0 if arguments else 2
    name, *rest = arguments
    if name in {"-V", "--version"}:
        print(f"drawbar {version('drawbar')}")
        return 0
    if name not in VERBS:
        print(_unknown(name), file=sys.stderr)
        return 2
    return _run(name, rest)


def _run(name: str, arguments: Sequence[str]) -> int:
    try:
        verb = find_verb(name)
        return verb.run(_parse(_parser(name, verb), arguments))
    except (AuthorError, OperatorError) as error:
        print(error, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has gone; keep Python from complaining about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser(name: str, verb: Verb) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"drawbar {name}",
        description=f"{VERBS[name][0].upper()}{VERBS[name][1:]}.",
        epilog=f"Example:\n  {verb.EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.configure(parser)
    return parser


def _parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Options may stand before and between names, except where a verb has verbs of its own."""
    try:
        return parser.parse_intermixed_args(arguments)
    except TypeError:
        return parser.parse_args(arguments)


def find_verb(name: str) -> Verb:
    gc.disable()  # modules stay, so looking through them for garbage while they are made is in vain
    try:
        return cast("Verb", importlib.import_module(f"drawbar.cli.{name}"))  # a module is no class
    finally:
        gc.enable()


def overview() -> str:
    lines = [f"  {name:{_WIDTH}}{line}" for name, line in VERBS.items()]
    return "\n".join(
        [
            "Let a language model call the systems you already run.",
            "",
            "drawbar VERB [...]     drawbar VERB --help tells more",
            "",
            *lines,
            "",
            "Start here:  drawbar demo",
            'Then:        drawbar demo --once "Which sailings leave tomorrow?"',
        ]
    )


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, VERBS, 1)
    meant = f" Did you mean `{near[0]}`?" if near else ""
    return f"drawbar: there is no verb `{name}`.{meant} Verbs: {', '.join(VERBS)}."
