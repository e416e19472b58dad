"""The command line: one file a verb, and only the one that is used is imported.

A verb's module has `HELP` (one line), `EXAMPLE` (a command that works), `configure(parser)` and
`run(args) -> exit code`. Exit codes: 0 fine, 1 problems found, 2 wrong use, 3 settings or adapters
invalid, 4 a backend unreachable, 5 refused or awaiting approval.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from drawbar.kernel.errors import AuthorError, OperatorError

VERBS = (
    "demo",
    "lint",
    "test",
    "show",
    "call",
    "chat",
    "serve",
    "mcp",
    "keys",
    "model",
    "migrate",
)
_WIDTH = max(map(len, VERBS)) + 2


class Verb(Protocol):
    """What the module of a verb offers."""

    HELP: str
    EXAMPLE: str

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; what an operator or author can put right is told without a trace."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(overview())
        return 0 if arguments else 2
    name = arguments[0]
    if name in {"-V", "--version"}:
        print(f"drawbar {_version()}")
        return 0
    if name not in VERBS:
        print(_unknown(name), file=sys.stderr)
        return 2
    verb = find_verb(name)
    parser = argparse.ArgumentParser(
        prog=f"drawbar {name}",
        description=verb.HELP,
        epilog=f"Example:\n  {verb.EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.configure(parser)
    try:
        return verb.run(parser.parse_args(arguments[1:]))
    except (AuthorError, OperatorError) as error:
        print(error, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has gone; that is no error of ours
        return 0


def find_verb(name: str) -> Verb:
    return cast("Verb", importlib.import_module(f"drawbar.cli.{name}"))  # a module is no class


def overview() -> str:
    """The help page. It imports every verb, which is why verbs import their needs only when run."""
    lines = [f"  {name:{_WIDTH}}{find_verb(name).HELP}" for name in VERBS]
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
    from difflib import get_close_matches  # noqa: PLC0415 -- only needed for a mistake

    near = get_close_matches(name, VERBS, 1)
    meant = f" Did you mean `{near[0]}`?" if near else ""
    return f"drawbar: there is no verb `{name}`.{meant} Verbs: {', '.join(VERBS)}."


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 -- slow, and rarely asked

    return version("drawbar")
