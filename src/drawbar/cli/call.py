"""`drawbar call`: invoke one function from the shell and print its outcome."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
from pathlib import Path

import orjson

from drawbar.app import Gateway, load
from drawbar.cli.caller import claim, name
from drawbar.kernel.outcome import Failed, Indeterminate, Outcome, Refused, Succeeded
from drawbar.kernel.values import Caller, JsonObject, JsonValue

EXAMPLE = "drawbar call stores_get_part part_no=104200 --dry-run"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function", help="as `drawbar show functions` lists it")
    parser.add_argument(
        "arguments",
        nargs="*",
        help="NAME=VALUE pairs, or one JSON object; a VALUE is JSON where the schema asks for no text",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the exact request that would be sent (SOAP envelope, SQL, HTTP, argv), change nothing",
    )
    parser.add_argument(
        "--save", type=Path, metavar="FOLDER", help="write the files of the answer into FOLDER"
    )
    parser.add_argument("--json", action="store_true", help="print the whole outcome as JSON")
    add_caller_options(parser)
    parser.add_argument("--settings", type=Path, help="default: config/drawbar.yaml")


def add_caller_options(parser: argparse.ArgumentParser) -> None:
    """Who the call is made for."""
    parser.add_argument(
        "--subject", type=name, help="who calls; default: the settings' anonymous caller"
    )
    parser.add_argument(
        "--role", type=name, action="append", default=[], help="a role of the caller; repeatable"
    )
    parser.add_argument(
        "--claim",
        type=claim,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a claim; repeatable",
    )


def caller_of(args: argparse.Namespace) -> Caller | None:
    """None: no caller was named."""
    if args.subject is None and not args.role and not args.claim:
        return None
    claims: dict[str, JsonValue] = dict(args.claim)
    return Caller(args.subject or "local", tuple(args.role), claims)


def run(args: argparse.Namespace) -> int:

    gateway = load(args.settings)
    function = gateway.functions.get(args.function)
    arguments = read_arguments(args.arguments, function.schema if function else {})

    async def call() -> tuple[Outcome, list[str]]:
        async with gateway:
            caller = caller_of(args) or gateway.default_caller()
            outcome = await gateway.call(
                args.function, arguments, caller=caller, dry_run=args.dry_run, surface="cli"
            )
            return outcome, await _files(gateway, outcome, caller, args.save)

    outcome, notes = asyncio.run(call())
    print_outcome(outcome, as_json=args.json)
    for note in notes:
        print(note, file=sys.stderr)
    return exit_code(outcome)


async def _files(
    gateway: Gateway, outcome: Outcome, caller: Caller, folder: Path | None
) -> list[str]:
    """What is said of the files of an answer, which are written into `folder` if there is one."""
    notes = []
    for file in outcome.files if isinstance(outcome, Succeeded) else ():
        file_id, name = str(file["file_id"]), str(file["filename"])
        if folder is None:
            told = f"{file_id} is {name} ({file['media_type']}, {file['bytes']} bytes)"
            notes.append(f"file: {told}; --save FOLDER writes it")
        elif (content := await gateway.store.files.content(file_id, owner=caller.subject)) is None:
            notes.append(f"file: {file_id} is gone")
        else:
            notes.append(f"file: {await asyncio.to_thread(_write, folder, name, content.data)}")
    return notes


def _write(folder: Path, name: str, data: bytes) -> Path:
    """Under its name, or with a number before its ending where there is such a file already."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = Path(name)
    for number in itertools.count(1):
        path = folder / (name if number == 1 else f"{wanted.stem}-{number}{wanted.suffix}")
        try:
            with path.open("xb") as file:
                file.write(data)
        except FileExistsError:
            continue
        break
    return path


def read_arguments(words: list[str], schema: JsonObject) -> str | JsonObject:
    """One JSON object as it stands, or pairs read by what the schema says of each name."""
    if len(words) == 1 and words[0].lstrip().startswith("{"):
        return words[0]
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    arguments: JsonObject = {}
    for word in words:
        argument, equals, text = word.partition("=")
        if not equals or argument in arguments:
            wrong = f"`{argument}` is given twice" if equals else f"{word!r} is no NAME=VALUE pair"
            print(f"drawbar call: {wrong}", file=sys.stderr)
            raise SystemExit(2)
        described = known.get(argument)
        kind = described.get("type") if isinstance(described, dict) else None
        if kind == "string":
            arguments[argument] = text
            continue
        try:
            arguments[argument] = orjson.loads(text)
        except orjson.JSONDecodeError:
            arguments[argument] = text
    return arguments


def print_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """The value on stdout, everything about it on stderr."""
    if as_json:
        print(orjson.dumps(outcome.as_json(), option=orjson.OPT_INDENT_2).decode())
        return
    match outcome:
        case Succeeded(value, notes):
            print_value(value)
            lines = [f"note: {note}" for note in notes]
        case Refused(code, message, problems):
            lines = [f"refused ({code}): {message}"]
            lines += [f"  {problem.argument}: {problem.message}" for problem in problems]
        case Failed(code, message):
            lines = [f"failed ({code}): {message}"]
            if outcome.detail is not None:
                lines.append(orjson.dumps(outcome.detail, option=orjson.OPT_INDENT_2).decode())
            lines += [f"hint: {outcome.hint}"] if outcome.hint else []
        case Indeterminate(message, hint):
            lines = [f"indeterminate: {message}"]
            lines.append("It may or may not have happened; do not repeat it.")
            lines += [f"hint: {hint}"] if hint else []
    for line in lines:
        print(line, file=sys.stderr)


def print_value(value: JsonValue) -> None:
    """A dry run's request as it would be sent, then whatever else there is, as JSON."""
    if isinstance(value, dict) and isinstance(request := value.get("request"), str):
        print(request)
        value = {name: item for name, item in value.items() if name != "request"}
        if not value:
            return
    print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def exit_code(outcome: Outcome) -> int:
    """0 fine, 1 it did not go well, 4 the backend is unreachable, 5 refused."""
    match outcome:
        case Succeeded():
            return 0
        case Refused():
            return 5
        case Failed(code="backend_unavailable"):
            return 4
        case _:
            return 1
